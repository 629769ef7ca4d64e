"""Any corpus laid out in folders that are named after emotions.

Three layouts are understood, the emotion being any alias that :func:`emoforge.dataset.labels.canonical_emotion` knows:

- ``<speaker>/<emotion>/…/clip.wav``: a folder per speaker above the emotions;
- ``<emotion>/<speaker>/…/clip.wav``: a folder per speaker below the emotions;
- ``<emotion>/<speaker>_….wav``: no folder per speaker; the speaker is the file name's part before the first
  underscore, so every file name needs one.

Numbers and other words around an emotion are passed over: ``01Neutral``, ``02_Angry`` and ``Sad clips`` are understood,
``happy_or_sad`` is not. Folders at the root decide on the layout: if none of them is named after an emotion, they are
speakers.
"""

import re
from collections.abc import Callable
from pathlib import Path

from emoforge.base.errors import CorpusError, EmoforgeError
from emoforge.corpora.files import finish, index_audio, subfolders, wrong_root
from emoforge.corpora.recording import CorpusInfo, Recording
from emoforge.dataset.labels import EMOTIONS, canonical_emotion, closest_emotion

INFO = CorpusInfo(
    name="folders",
    title="clips in folders named after emotions",
    languages=(),
    n_speakers=None,
    n_clips=None,
    labels=dict(zip(EMOTIONS, EMOTIONS, strict=True)),
    style="acted",
    licence="yours to state",
    derivatives=True,
    redistributable=False,
    non_commercial=True,
    url="",
    citation="",
    access="put clips into <emotion>/<speaker>/ or <speaker>/<emotion>/, or name them <emotion>/<speaker>_….wav; "
    "numbers around an emotion (01Neutral, 02_Angry) are passed over",
    own=True,
)

_EXPECTED = "folders <emotion>/<speaker>, <speaker>/<emotion>, or <emotion> with files <speaker>_….wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem.

    Raises:
        CorpusError: no folder is named after an emotion, one that should be is not, or a clip's speaker is unclear.
    """
    if not root.is_dir():
        raise wrong_root(root, INFO, _EXPECTED)
    top = [folder for folder in subfolders(root) if index_audio(folder)]
    # Plain names decide before those with something around them: a speaker may be called Joy Smith.
    emotion_first = _decide(top, _plain)
    if emotion_first is None:
        emotion_first = _decide(top, _understood)
    if emotion_first is None:
        raise wrong_root(root, INFO, _EXPECTED)
    recordings = []
    for stem, path in index_audio(root).items():
        folders = stem.split("/")[:-1]
        emotion_folder, speaker = _split(folders, path, emotion_first=emotion_first)
        emotion = _understood(emotion_folder)
        if emotion is None:
            raise CorpusError(f"{path}: {_not_understood(emotion_folder)}")
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=emotion,
                gender="unknown",
                language="und",
                text=None,
                sentence=None,
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)


def _split(folders: list[str], path: Path, *, emotion_first: bool) -> tuple[str, str]:
    """Return the emotion's folder name and the speaker of the clip at *path*."""
    if len(folders) >= 2:
        first, second = folders[:2]
        return (first, second) if emotion_first else (second, first)
    if len(folders) == 1 and emotion_first:
        speaker, underscore, _ = path.stem.partition("_")
        if speaker and underscore:
            return folders[0], speaker
        raise CorpusError(f"{path} tells no speaker; name it <speaker>_{path.name} or put it into a speaker's folder")
    raise CorpusError(f"{path} is in no emotion's folder; expected {_EXPECTED}")


def _decide(top: list[Path], emotion_of: Callable[[str], str | None]) -> bool | None:
    """Say whether folders at the root are emotions (True) or speakers (False); None where neither has an emotion."""
    if any(emotion_of(folder.name) for folder in top):
        return True
    return False if any(emotion_of(child.name) for folder in top for child in subfolders(folder)) else None


def _plain(name: str) -> str | None:
    try:
        return canonical_emotion(name)
    except EmoforgeError:
        return None


def _understood(name: str) -> str | None:
    """Return the emotion that a folder is named after, whatever numbers and other words stand around it.

    >>> [_understood(name) for name in ("01Neutral", "02_Angry", "Pleasant-Surprise_3", "happy_or_sad", "misc")]
    ['neutral', 'anger', 'surprise', None, None]
    """
    words = re.findall(r"[^\W\d_]+", name)
    found = _plain(name) or _plain(" ".join(words))
    if found:
        return found
    emotions = {emotion for word in words if (emotion := _plain(word))}
    return emotions.pop() if len(emotions) == 1 else None


def _not_understood(name: str) -> str:
    closest = closest_emotion(" ".join(re.findall(r"[^\W\d_]+", name)))
    hint = f" (did you mean {closest!r}?)" if closest else ""
    return (
        f"unknown emotion {name!r}{hint}; rename the folder to {closest or 'the closest emotion'}, or list the clips "
        f"in a table (`emoforge corpora import table`). Allowed: {', '.join(EMOTIONS)}"
    )
