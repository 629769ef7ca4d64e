"""MESD: single words in Mexican Spanish, spoken by women, men and children in six emotions.

Layout: clips like ``Anger_C_A_por_favor.wav``: emotion, voice (``F``, ``M``, ``C`` for a child), word list (``A`` is
said in every emotion, ``B`` differs between them), word without its accents. The publishers recorded 3 women, 2 men and
6 children, but the names tell the three kinds of voice apart only: each is taken as one speaker, so that nobody can be
in two splits. The gender of the children is not given.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "Anger": "anger",
    "Disgust": "disgust",
    "Fear": "fear",
    "Happiness": "happiness",
    "Neutral": "neutral",
    "Sadness": "sadness",
}
_GENDERS = {"F": "female", "M": "male", "C": "unknown"}

INFO = CorpusInfo(
    name="mesd",
    title="MESD, Mexican Emotional Speech Database",
    languages=("es",),
    n_speakers=3,
    n_clips=864,
    labels=_EMOTIONS,
    style="acted",
    licence="CC-BY-4.0",
    derivatives=True,
    redistributable=True,
    non_commercial=False,
    url="https://doi.org/10.17632/cy34mh68j9.5",
    citation="Duville, Alonso-Valerdi and Ibarra-Zarate, The Mexican Emotional Speech Database (MESD): elaboration and "
    "assessment based on machine learning, EMBC 2021, doi:10.17632/cy34mh68j9.5",
    access="download it from https://data.mendeley.com/datasets/cy34mh68j9/5",
)

_NAME = re.compile(r"([A-Z][a-z]+)_([A-Z])_([AB])_(.+)")
_EXPECTED = "clips like Anger_C_A_abajo.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``F``, ``M`` and ``C``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        emotion, voice, _, word = match_name(_NAME, stem, path, INFO).groups()
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=voice,
                emotion=decode(_EMOTIONS, emotion, "emotion", path),
                gender=decode(_GENDERS, voice, "voice letter", path),
                language="es",
                text=word.replace("_", " "),
                sentence=word.lower(),
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
