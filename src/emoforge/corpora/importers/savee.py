"""SAVEE: four male British speakers, TIMIT sentences in seven emotions.

Layout: ``AudioData/DC/a01.wav``, or flat ``DC_a01.wav``. The code (emotion and number) names the same sentence for
every speaker. Three sentences are common to all emotions, but the names do not say which: ``sentence`` is equal
across speakers only. Other files are passed over.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, index_audio, wrong_root
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}

INFO = CorpusInfo(
    name="savee",
    title="SAVEE, Surrey Audio-Visual Expressed Emotion",
    languages=("en",),
    n_speakers=4,
    n_clips=480,
    labels=_EMOTIONS,
    style="acted",
    licence="research use only",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="http://kahlan.eps.surrey.ac.uk/savee/",
    citation="Haq and Jackson, Multimodal Emotion Recognition, in: Machine Audition, IGI Global, 2010",
    access="register at http://kahlan.eps.surrey.ac.uk/savee/",
)

_NAME = re.compile(r"(?:.*/)?(DC|JE|JK|KL)[_/]([a-z]{1,2})(\d\d)")
_EXPECTED = "folders DC, JE, JK and KL with clips like DC/a01.wav, or clips like DC_a01.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``DC``, ``JE``, ``JK`` and ``KL``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    if not root.is_dir():
        raise wrong_root(root, INFO, _EXPECTED)
    recordings = []
    for stem, path in index_audio(root).items():
        match = _NAME.fullmatch(stem)
        if match is None:
            continue
        speaker, emotion, number = match.groups()
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=decode(_EMOTIONS, emotion, "emotion code", path),
                gender="male",
                language="en",
                text=None,
                sentence=f"{emotion}{number}",
                intensity=None,
                stem=f"{speaker}_{emotion}{number}",
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
