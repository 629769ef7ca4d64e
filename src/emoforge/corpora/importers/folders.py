"""Any corpus laid out in folders that are named after emotions.

Three layouts are understood, the emotion being any alias that :func:`emoforge.dataset.labels.canonical_emotion` knows:

- ``<speaker>/<emotion>/…/clip.wav``: a folder per speaker above the emotions;
- ``<emotion>/<speaker>/…/clip.wav``: a folder per speaker below the emotions;
- ``<emotion>/<speaker>_….wav``: no folder per speaker; the speaker is the file name's part before the first
  underscore, so every file name needs one.

Folders at the root decide which: if none of them is named after an emotion, they are speakers.
"""

from pathlib import Path

from emoforge.base.errors import CorpusError, EmoforgeError
from emoforge.corpora.files import finish, index_audio, subfolders, wrong_root
from emoforge.corpora.recording import CorpusInfo, Recording
from emoforge.dataset.labels import EMOTIONS, canonical_emotion

INFO = CorpusInfo(
    name="folders",
    title="clips in folders named after emotions",
    languages=(),
    n_speakers=None,
    n_clips=None,
    emotions=EMOTIONS,
    style="acted",
    licence="yours to state",
    derivatives=True,
    redistributable=False,
    non_commercial=True,
    url="",
    citation="",
    access="put clips into <emotion>/<speaker>/ or <speaker>/<emotion>/",
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
    emotion_first = any(_is_emotion(folder.name) for folder in top)
    if not emotion_first and not any(_is_emotion(child.name) for folder in top for child in subfolders(folder)):
        raise wrong_root(root, INFO, _EXPECTED)
    recordings = []
    for stem, path in index_audio(root).items():
        folders = stem.split("/")[:-1]
        emotion_folder, speaker = _split(folders, path, emotion_first=emotion_first)
        try:
            emotion = canonical_emotion(emotion_folder)
        except EmoforgeError as error:
            raise CorpusError(f"{path}: {error}") from error
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


def _is_emotion(name: str) -> bool:
    try:
        canonical_emotion(name)
    except EmoforgeError:
        return False
    return True
