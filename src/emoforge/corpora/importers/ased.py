"""ASED: 65 speakers of Amharic, 27 sentences in five emotions.

Layout: folders ``01Neutral``, ``02Fearful``, ``03Happy``, ``04Sad`` and ``05Angry`` (not read) with clips like
``a5-02-01-02-38.wav``: emotion (letter and folder), sentence, repetition, gender (01 female, 02 male), speaker. The
letter of ``S4-04-02-01-29`` is a capital in the published set. Sentences 01 and 02 are said in every emotion; the
numbers 03 to 07 mean other words in each. The words are not published.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "n": "neutral",
    "f": "fear",
    "h": "happiness",
    "s": "sadness",
    "a": "anger",
}
_GENDERS = {"01": "female", "02": "male"}
_OF_ALL_EMOTIONS = {"01", "02"}

INFO = CorpusInfo(
    name="ased",
    title="ASED, Amharic Speech Emotion Dataset",
    languages=("am",),
    n_speakers=65,
    n_clips=2474,
    labels=_EMOTIONS,
    style="acted",
    licence="no licence stated",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="https://github.com/Ethio2021/ASED_V1",
    citation="Retta et al., A New Amharic Speech Emotion Dataset and Classification Benchmark, ACM Transactions on "
    "Asian and Low-Resource Language Information Processing 22(1), 2023, doi:10.1145/3529759",
    access="clone https://github.com/Ethio2021/ASED_V1, with Git LFS installed",
)

_NAME = re.compile(r"([a-z])\d-(\d\d)-(\d\d)-(\d\d)-(\d\d)", re.IGNORECASE)
_EXPECTED = "folders 01Neutral to 05Angry with clips like a5-02-01-02-38.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``01`` to ``65``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        letter, sentence, _, gender, speaker = match_name(_NAME, stem.lower(), path, INFO).groups()
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=decode(_EMOTIONS, letter, "emotion letter", path),
                gender=decode(_GENDERS, gender, "gender code", path),
                language="am",
                text=None,
                sentence=sentence if sentence in _OF_ALL_EMOTIONS else f"{letter}{sentence}",
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
