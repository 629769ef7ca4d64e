"""URDU: spontaneous speech cut from television talk shows.

Layout: folders ``Angry``, ``Happy``, ``Neutral``, ``Sad``, flat or with a folder per speaker inside. File name
``SGX_FXX_EYY``: S, gender and speaker number; file; emotion letter and running number. Nothing is transcribed, and no
sentence is said twice on purpose, so text and sentence are None. The publishers count 38 speakers; the file names
tell 29 apart, and those are what is returned.
"""

import re
from pathlib import Path

from emoforge.corpora.files import by_name, decode, finish, index_audio, locate, match_name, wrong_root
from emoforge.corpora.recording import CorpusInfo, Download, Recording

_EMOTIONS = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}
_FOLDERS = {"Angry", "Happy", "Neutral", "Sad"}
_GENDERS = {"F": "female", "M": "male"}

INFO = CorpusInfo(
    name="urdu",
    title="URDU, spontaneous emotional speech in Urdu",
    languages=("ur",),
    n_speakers=29,
    n_clips=400,
    labels=_EMOTIONS,
    style="spontaneous",
    licence="research use only",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="https://github.com/siddiquelatif/URDU-Dataset",
    citation="Latif et al., Cross Lingual Speech Emotion Recognition: Urdu vs. Western Languages, FIT 2018, "
    "arXiv:1812.10411",
    downloads=(
        Download("https://github.com/siddiquelatif/URDU-Dataset/archive/refs/heads/master.zip", "URDU-Dataset.zip"),
    ),
)

_NAME = re.compile(r"(S([A-Z])\d+)_F\d+_([A-Z])\d+")
_EXPECTED = "folders Angry, Happy, Neutral and Sad with clips like SM1_F10_A010.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``SM1``, ``SF10`` and so on.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    bases = locate(root, lambda folder: any((folder / name).is_dir() for name in _FOLDERS))
    recordings = []
    for base in bases:
        for folder in sorted(_FOLDERS):
            for stem, path in by_name(index_audio(base / folder)).items():
                speaker, gender, emotion = match_name(_NAME, stem, path, INFO).groups()
                recordings.append(
                    Recording(
                        path=path,
                        corpus=INFO.name,
                        speaker=speaker,
                        emotion=decode(_EMOTIONS, emotion, "emotion letter", path),
                        gender=decode(_GENDERS, gender, "gender letter", path),
                        language="ur",
                        text=None,
                        sentence=None,
                        intensity=None,
                        stem=stem,
                    )
                )
    if not bases:
        raise wrong_root(root, INFO, _EXPECTED)
    return finish(recordings, root, INFO, _EXPECTED)
