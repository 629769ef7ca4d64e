"""RAVDESS: the speech part, audio only (modality 03, channel 01).

Layout: ``Actor_01`` to ``Actor_24``, at the root or in ``Audio_Speech_Actors_01-24``. File name: modality, channel,
emotion, intensity, statement, repetition, actor, two digits each. Songs and videos in the same folders are left out.
The published set holds one clip twice (actor 07, ``03-01-03-01-02-01-07`` and ``...-02-02-07``): both are returned.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, index_audio, locate, match_name, subfolders, wrong_root
from emoforge.corpora.recording import CorpusInfo, Download, Recording

_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
# "Normal" and "strong" are all that is published; neutral is normal only.
_INTENSITIES = {"01": "0.5", "02": "1.0"}
_STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}

INFO = CorpusInfo(
    name="ravdess",
    title="Ryerson Audio-Visual Database of Emotional Speech and Song, speech",
    languages=("en",),
    n_speakers=24,
    n_clips=1440,
    labels=_EMOTIONS,
    style="acted",
    licence="CC-BY-NC-SA-4.0",
    derivatives=True,
    redistributable=True,
    non_commercial=True,
    url="https://zenodo.org/records/1188976",
    citation="Livingstone and Russo, The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), "
    "PLoS ONE 13(5), 2018, doi:10.1371/journal.pone.0196391",
    downloads=(
        Download(
            "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
            "Audio_Speech_Actors_01-24.zip",
            208_468_073,
            "md5:bc696df654c87fed845eb13823edef8a",
        ),
    ),
    # EmoBox (Ma et al., Interspeech 2024): six folds of four actors.
    folds=(
        ("01", "11", "20", "21"),
        ("04", "10", "12", "14"),
        ("08", "09", "19", "23"),
        ("03", "05", "07", "24"),
        ("02", "15", "16", "18"),
        ("06", "13", "17", "22"),
    ),
)

_ACTOR = re.compile(r"Actor_\d\d")
_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_EXPECTED = "folders Actor_01 to Actor_24 with clips like 03-01-03-01-02-01-07.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``01`` to ``24``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    bases = locate(root, lambda folder: any(_ACTOR.fullmatch(child.name) for child in subfolders(folder)))
    if not bases:
        raise wrong_root(root, INFO, _EXPECTED)
    actors = [child for base in bases for child in subfolders(base) if _ACTOR.fullmatch(child.name)]
    recordings = []
    for actor_folder in actors:
        for stem, path in index_audio(actor_folder).items():
            modality, channel, emotion, intensity, statement, _, actor = match_name(_NAME, stem, path, INFO).groups()
            if (modality, channel) != ("03", "01"):
                continue
            recordings.append(
                Recording(
                    path=path,
                    corpus=INFO.name,
                    speaker=actor,
                    emotion=decode(_EMOTIONS, emotion, "emotion code", path),
                    gender="male" if int(actor) % 2 else "female",
                    language="en",
                    text=decode(_STATEMENTS, statement, "statement code", path),
                    sentence=statement,
                    intensity=float(decode(_INTENSITIES, intensity, "intensity code", path)),
                    stem=f"{actor_folder.name}/{stem}",
                )
            )
    return finish(recordings, root, INFO, _EXPECTED)
