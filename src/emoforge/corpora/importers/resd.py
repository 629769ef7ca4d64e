"""RESD: acted dialogues in Russian, in each of which two people keep to one emotion each.

Layout: folders ``train`` and ``test`` with a folder per dialogue and clips like ``32_happiness_enthusiasm_h_120.wav``:
dialogue, the two emotions, first letter of the clip's own emotion, place in the dialogue. Some names have a blank
before the letter, and some folders are named otherwise than their clips: folders are not read.

Who speaks is not published, and both halves of a dialogue are heard in one room, so a dialogue is taken as one speaker:
all of it is in one split. The publisher's train and test sets share dialogues. Enthusiasm, which the publisher keeps
apart from happiness, becomes ``excitement``.
"""

import re
from pathlib import Path

from emoforge.base.errors import CorpusError
from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "anger": "anger",
    "disgust": "disgust",
    "enthusiasm": "excitement",
    "fear": "fear",
    "happiness": "happiness",
    "neutral": "neutral",
    "sadness": "sadness",
}

INFO = CorpusInfo(
    name="resd",
    title="RESD, Russian Emotional Speech Dialogs",
    languages=("ru",),
    n_speakers=50,
    n_clips=1396,
    labels=_EMOTIONS,
    style="acted",
    licence="MIT",
    derivatives=True,
    redistributable=True,
    non_commercial=False,
    url="https://huggingface.co/datasets/Aniemore/resd",
    citation="Amentes, Lubenets and Davidchuk, Aniemore: open library for recognising emotion in Russian speech, 2022, "
    "https://github.com/aniemore/Aniemore",
    access="download train.zip and test.zip from https://huggingface.co/datasets/Aniemore/resd; of a download in "
    "Parquet, write each clip's audio to a file of its own name",
)

_NAME = re.compile(r"(\d+)_([a-z]+)_([a-z]+)[_ ]([a-z])_(\d+)")
_EXPECTED = "folders train and test with clips like 32_happiness_enthusiasm_h_120.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are the dialogues, ``01`` to ``50``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown emotion.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        dialogue, *emotions, letter, _ = match_name(_NAME, stem, path, INFO).groups()
        named = [emotion for emotion in emotions if emotion.startswith(letter)]
        if len(named) != 1:
            raise CorpusError(f"{path}: {letter!r} does not tell which of {' and '.join(emotions)} the clip is")
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=dialogue,
                emotion=decode(_EMOTIONS, named[0], "emotion", path),
                gender="unknown",
                language="ru",
                text=None,
                sentence=None,
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
