"""CaFE: twelve actors of Canadian French, six sentences in seven emotions.

Layout: a folder per emotion (``Colère``, ``Dégoût``, ``Joie``, ``Neutre``, ``Peur``, ``Surprise``, ``Tristesse``) with
``Faible`` and ``Fort`` inside, except for neutral. Accents in the names of folders are often broken by unpacking, so
folders are not read. File name: actor, emotion, intensity, sentence (``08-J-2-3``). Women have even numbers. The
archives at 192 kHz hold the same clips as AIFF: keep one of the two sets.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Download, Recording

_EMOTIONS = {
    "C": "anger",
    "D": "disgust",
    "J": "happiness",
    "N": "neutral",
    "P": "fear",
    "S": "surprise",
    "T": "sadness",
}
# "Weak" and "strong"; neutral was asked for in one way only.
_INTENSITIES = {"1": 0.5, "2": 1.0}
_SENTENCES = {
    "1": "Un cheval fou dans mon jardin",
    "2": "Deux ânes aigris au pelage brun",
    "3": "Trois cygnes aveugles au bord du lac",
    "4": "Quatre vieilles truies éléphantesques",
    "5": "Cinq pumas fiers et passionnés",
    "6": "Six ours aimants domestiqués",
}

INFO = CorpusInfo(
    name="cafe",
    title="CaFE, Canadian French Emotional speech",
    languages=("fr",),
    n_speakers=12,
    n_clips=936,
    labels=_EMOTIONS,
    style="acted",
    licence="CC-BY-NC-SA-4.0",
    derivatives=True,
    redistributable=True,
    non_commercial=True,
    url="https://zenodo.org/records/1478765",
    citation="Gournay, Lahaie and Lefebvre, A Canadian French Emotional Speech Dataset, ACM Multimedia Systems 2018, "
    "doi:10.1145/3204949.3208121",
    downloads=(Download("https://zenodo.org/records/1478765/files/CaFE_48k.zip?download=1", "CaFE_48k.zip"),),
    # EmoBox (Ma et al., Interspeech 2024): three folds of four actors.
    folds=(
        ("01", "07", "08", "10"),
        ("02", "04", "09", "12"),
        ("03", "05", "06", "11"),
    ),
)

_NAME = re.compile(r"(\d\d)-([A-Z])-(\d)-(\d)")
_EXPECTED = "folders Joie, Neutre and so on with clips like 08-J-2-3.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``01`` to ``12``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        speaker, letter, intensity, sentence = match_name(_NAME, stem, path, INFO).groups()
        emotion = decode(_EMOTIONS, letter, "emotion letter", path)
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=emotion,
                gender="male" if int(speaker) % 2 else "female",
                language="fr",
                text=decode(_SENTENCES, sentence, "sentence number", path),
                sentence=sentence,
                intensity=None if emotion == "neutral" else _INTENSITIES.get(intensity),
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
