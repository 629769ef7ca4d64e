"""ShEMO: utterances of 87 Persian speakers, cut from radio plays.

Layout: folders ``female`` and ``male`` with clips like ``F01A01.wav``: gender, speaker, emotion letter, running number.
The publisher's transcripts are not read: hundreds of them lie beside another clip than the one they belong to. Others
have since corrected transcripts and some labels (``modified_shemo.json``); here the file name decides, as published.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "A": "anger",
    "F": "fear",
    "H": "happiness",
    "N": "neutral",
    "S": "sadness",
    "W": "surprise",
}
_GENDERS = {"F": "female", "M": "male"}

INFO = CorpusInfo(
    name="shemo",
    title="ShEMO, Sharif Emotional Speech Database",
    languages=("fa",),
    n_speakers=87,
    n_clips=3000,
    labels=_EMOTIONS,
    style="acted",
    licence="research use only",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="https://github.com/mansourehk/ShEMO",
    citation="Nezami, Lou and Karami, ShEMO: a large-scale validated database for Persian speech emotion detection, "
    "Language Resources and Evaluation 53, 2019, arXiv:1906.01155",
    access="follow the links on https://github.com/mansourehk/ShEMO, and unpack female.zip and male.zip side by side",
)

_NAME = re.compile(r"(([A-Z])\d\d)([A-Z])(\d+)")
_EXPECTED = "folders female and male with clips like F01A01.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``F01``, ``M01`` and so on.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        speaker, gender, emotion, _ = match_name(_NAME, stem, path, INFO).groups()
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=decode(_EMOTIONS, emotion, "emotion letter", path),
                gender=decode(_GENDERS, gender, "gender letter", path),
                language="fa",
                text=None,
                sentence=None,
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
