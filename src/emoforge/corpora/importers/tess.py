"""TESS: two actresses, 200 words in a carrier phrase, seven emotions.

Layout: clips like ``OAF_back_angry.wav``, flat or in a folder per actress and emotion (whose names vary and are not
read). ``OA_bite_neutral`` lacks a letter in the published set; a copy that holds the corpus twice, once inside itself,
is read once.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Download, Recording

_EMOTIONS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",
    "sad": "sadness",
}
_SPEAKERS = {"OAF": "OAF", "OA": "OAF", "YAF": "YAF"}

INFO = CorpusInfo(
    name="tess",
    title="TESS, Toronto emotional speech set",
    languages=("en",),
    n_speakers=2,
    n_clips=2800,
    labels=_EMOTIONS,
    style="acted",
    licence="CC-BY-NC-ND-4.0",
    derivatives=False,
    redistributable=True,
    non_commercial=True,
    url="https://doi.org/10.5683/SP2/E8H2MF",
    citation="Pichora-Fuller and Dupuis, Toronto emotional speech set (TESS), 2020, doi:10.5683/SP2/E8H2MF",
    downloads=(
        Download(
            "https://bj.bcebos.com/paddleaudio/datasets/TESS_Toronto_emotional_speech_set.zip",
            "TESS_Toronto_emotional_speech_set.zip",
            None,
            "md5:1465311b24d1de704c4c63e4ccc470c7",
        ),
    ),
)

_NAME = re.compile(r"([A-Z]+)_(.+)_([A-Za-z]+)")
_EXPECTED = "clips like OAF_back_angry.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``OAF`` and ``YAF``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, re.compile(r"[OY]AF?_").match, _EXPECTED).items():
        speaker, word, emotion = match_name(_NAME, stem, path, INFO).groups()
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=decode(_SPEAKERS, speaker, "speaker", path),
                emotion=decode(_EMOTIONS, emotion.lower(), "emotion", path),
                gender="female",
                language="en",
                text=f"Say the word {word.lower()}.",
                sentence=word.lower(),
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
