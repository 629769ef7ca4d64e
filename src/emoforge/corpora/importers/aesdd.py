"""AESDD: Greek actors, 20 utterances in five emotions, none of them neutral.

Layout: folders ``anger``, ``disgust``, ``fear``, ``happiness`` and ``sadness`` with clips like ``a03 (4).wav``: the
emotion's first letter, utterance, speaker. A letter at the end (``f18 (5)b``) marks a second take, and some names pad
the speaker (``f10 (01)``). Utterance 20 is improvised, so that it has no sentence in common with others. The words and
who of the actors is a woman are not published. A sixth actor was added after the first version.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "s": "sadness",
}
_IMPROVISED = "20"

INFO = CorpusInfo(
    name="aesdd",
    title="AESDD, Acted Emotional Speech Dynamic Database",
    languages=("el",),
    n_speakers=6,
    n_clips=604,
    labels=_EMOTIONS,
    style="acted",
    licence="no licence stated",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
    citation="Vryzas et al., Speech Emotion Recognition for Performance Interaction, Journal of the Audio Engineering "
    "Society 66(6), 2018",
    access="download it from http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
)

_NAME = re.compile(r"([a-z])(\d\d) ?\(0*(\d+)\)[a-z]?")
_EXPECTED = "folders anger to sadness with clips like a03 (4).wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``1`` to ``6``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        emotion, utterance, speaker = match_name(_NAME, stem, path, INFO).groups()
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=decode(_EMOTIONS, emotion, "emotion letter", path),
                gender="unknown",
                language="el",
                text=None,
                sentence=None if utterance == _IMPROVISED else utterance,
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
