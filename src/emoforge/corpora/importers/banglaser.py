"""BanglaSER: 34 speakers of Bangla, three sentences in five emotions, recorded with their own phones and laptops.

Layout: a folder per actor (not read) with clips like ``03-01-03-01-02-01-07.wav``: mode, kind of statement, emotion,
intensity, statement, repetition, actor, two digits each. The names look like those of RAVDESS but number the emotions
otherwise. Actors with odd numbers are men. Neutral speech was added in a later version, and not by every actor.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Download, Recording

_EMOTIONS = {
    "01": "happiness",
    "02": "sadness",
    "03": "anger",
    "04": "surprise",
    "05": "neutral",
}
# "Normal" and "strong".
_INTENSITIES = {"01": "0.5", "02": "1.0"}

INFO = CorpusInfo(
    name="banglaser",
    title="BanglaSER, speech emotion recognition in Bangla",
    languages=("bn",),
    n_speakers=34,
    n_clips=1467,
    labels=_EMOTIONS,
    style="acted",
    licence="CC-BY-4.0",
    derivatives=True,
    redistributable=True,
    non_commercial=False,
    url="https://data.mendeley.com/datasets/t9h6p943xy/5",
    citation="Das et al., BanglaSER: A speech emotion recognition dataset for the Bangla language, Data in Brief 42, "
    "2022, doi:10.1016/j.dib.2022.108091",
    downloads=(
        Download(
            "https://prod-dcd-datasets-cache-zipfiles.s3.eu-west-1.amazonaws.com/t9h6p943xy-5.zip", "BanglaSER.zip"
        ),
    ),
)

_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_EXPECTED = "clips like 03-01-03-01-02-01-07.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``01`` to ``34``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        _, _, emotion, intensity, statement, _, actor = match_name(_NAME, stem, path, INFO).groups()
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=actor,
                emotion=decode(_EMOTIONS, emotion, "emotion code", path),
                gender="male" if int(actor) % 2 else "female",
                language="bn",
                text=None,
                sentence=statement,
                intensity=float(decode(_INTENSITIES, intensity, "intensity code", path)),
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
