"""CREMA-D: 91 actors, 12 sentences, six emotions.

Layout of the publisher's repository: ``AudioWAV/`` (used) beside ``AudioMP3/`` (used when the first is absent); a
folder of the clips alone is accepted too. File name: actor, sentence, emotion, level (``LO``, ``MD``, ``HI``; ``XX``
where no level was asked for; one published file has a single ``X``). The emotion is the one the actor was asked for,
not the raters' vote. Audio in the repository is held by Git LFS: the archive that GitHub offers holds pointers only,
so the clips are fetched one by one. All published clips are returned, faulty ones too: ``1076_MTI_NEU_XX`` and
``1076_MTI_SAD_XX`` are all but empty, ``1064_TIE_SAD_XX`` is cut off, ``1064_IEO_DIS_MD`` holds a minute of several
emotions, and three pairs hold the same sound under two emotions (``1006_TIE`` HAP and NEU, ``1013_WSI`` DIS and SAD,
``1017_IWW`` ANG and FEA).
"""

import re
from pathlib import Path

from emoforge.corpora.files import by_name, decode, finish, index_audio, locate, match_name
from emoforge.corpora.recording import CorpusInfo, Listing, Recording

_EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
_SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
# The publisher puts the levels at 20, 50 and 80 of 100 (column dispLevel of the responses).
_INTENSITIES = {"LO": 0.2, "MD": 0.5, "HI": 0.8}
_LEVELS = {"LO": "LO", "MD": "MD", "HI": "HI", "XX": "XX", "X": "XX"}
# VideoDemographics.csv: 43 women; the other 48 of the actors 1001 to 1091 are men.
_WOMEN = (
    "1002 1003 1004 1006 1007 1008 1009 1010 1012 1013 1018 1020 1021 1024 1025 1028 1029 1030 1037 1043 1046 1047 "
    "1049 1052 1053 1054 1055 1056 1058 1060 1061 1063 1072 1073 1074 1075 1076 1078 1079 1082 1084 1089 1091"
)
_FEMALE = frozenset(_WOMEN.split())

INFO = CorpusInfo(
    name="crema-d",
    title="CREMA-D, Crowd-sourced Emotional Multimodal Actors Dataset",
    languages=("en",),
    n_speakers=91,
    n_clips=7442,
    labels=_EMOTIONS,
    style="acted",
    licence="ODbL-1.0",
    derivatives=True,
    redistributable=True,
    non_commercial=False,
    url="https://github.com/CheyneyComputerScience/CREMA-D",
    citation="Cao et al., CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset, IEEE Transactions on Affective "
    "Computing 5(4), 2014, doi:10.1109/TAFFC.2014.2336244",
    downloads=(
        Listing(
            "https://raw.githubusercontent.com/CheyneyComputerScience/CREMA-D/master/SentenceFilenames.csv",
            "SentenceFilenames.csv",
            column="Filename",
            # The publisher's mirror first: the repository's monthly allowance for audio is often used up.
            addresses=(
                "https://gitlab.com/cs-cooper-lab/crema-d-mirror/-/raw/HEAD/AudioWAV/{name}.wav",
                "https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master/AudioWAV/{name}.wav",
            ),
            folder="AudioWAV",
        ),
    ),
)

_NAME = re.compile(r"(1\d{3})_([A-Z]{3})_([A-Z]{3})_([A-Z]{1,2})")
_EXPECTED = "a folder AudioWAV with clips like 1001_DFA_ANG_XX.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``1001`` to ``1091``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    bases = locate(root, lambda folder: (folder / "AudioWAV").is_dir())
    bases = [base / "AudioWAV" for base in bases]
    if not bases:
        bases = [base / "AudioMP3" for base in locate(root, lambda folder: (folder / "AudioMP3").is_dir())]
    if not bases:
        bases = locate(root, lambda folder: any(_NAME.fullmatch(path.stem) for path in folder.iterdir()))
    recordings = []
    for base in bases:
        for stem, path in by_name(index_audio(base)).items():
            speaker, sentence, emotion, level = match_name(_NAME, stem, path, INFO).groups()
            recordings.append(
                Recording(
                    path=path,
                    corpus=INFO.name,
                    speaker=speaker,
                    emotion=decode(_EMOTIONS, emotion, "emotion code", path),
                    gender="female" if speaker in _FEMALE else "male",
                    language="en",
                    text=decode(_SENTENCES, sentence, "sentence code", path),
                    sentence=sentence,
                    intensity=_INTENSITIES.get(decode(_LEVELS, level, "level code", path)),
                    stem=stem,
                )
            )
    return finish(recordings, root, INFO, _EXPECTED)
