"""SUBESCO: twenty speakers of Bangla, ten sentences in seven emotions, five takes each.

Layout: clips like ``F_01_OISHI_S_3_ANGRY_5.wav``: gender, speaker, first name, sentence, emotion, take. Women and men
are numbered separately: a speaker is named by gender and number. The words of the sentences come with the paper, not
with the recordings. Clips are at 44.1 or 48 kHz, for some speakers depending on the emotion: whoever reads them outside
emoforge must bring them to one rate first.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Download, Recording

_EMOTIONS = {
    "ANGRY": "anger",
    "DISGUST": "disgust",
    "FEAR": "fear",
    "HAPPY": "happiness",
    "NEUTRAL": "neutral",
    "SAD": "sadness",
    "SURPRISE": "surprise",
}
_GENDERS = {"F": "female", "M": "male"}

INFO = CorpusInfo(
    name="subesco",
    title="SUBESCO, SUST Bangla Emotional Speech Corpus",
    languages=("bn",),
    n_speakers=20,
    n_clips=7000,
    labels=_EMOTIONS,
    style="acted",
    licence="CC-BY-4.0",
    derivatives=True,
    redistributable=True,
    non_commercial=False,
    url="https://zenodo.org/records/4526477",
    citation="Sultana et al., SUST Bangla Emotional Speech Corpus (SUBESCO): An audio-only emotional speech corpus for "
    "Bangla, PLoS ONE 16(4), 2021, doi:10.1371/journal.pone.0250173",
    downloads=(Download("https://zenodo.org/records/4526477/files/SUBESCO.zip?download=1", "SUBESCO.zip"),),
    # EmoBox (Ma et al., Interspeech 2024): five folds of four speakers.
    folds=(
        ("F03", "M03", "M08", "M09"),
        ("F01", "F04", "F10", "M07"),
        ("F06", "F08", "M05", "M06"),
        ("F05", "F07", "F09", "M04"),
        ("F02", "M01", "M02", "M10"),
    ),
)

_NAME = re.compile(r"([A-Z])_(\d+)_([A-Z]+)_S_(\d+)_([A-Z]+)_(\d+)", re.IGNORECASE)
_EXPECTED = "clips like F_01_OISHI_S_3_ANGRY_5.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``F01`` to ``F10`` and ``M01`` to ``M10``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        gender, number, _, sentence, emotion, _ = match_name(_NAME, stem.upper(), path, INFO).groups()
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=f"{gender}{number}",
                emotion=decode(_EMOTIONS, emotion, "emotion", path),
                gender=decode(_GENDERS, gender, "gender letter", path),
                language="bn",
                text=None,
                sentence=sentence,
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
