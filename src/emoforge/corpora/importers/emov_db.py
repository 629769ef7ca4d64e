"""EmoV-DB: four English speakers reading CMU Arctic sentences in five styles.

Layout: a folder ``<speaker>_<Style>`` (one for each published archive, whose files lie flat in it) or
``<speaker>/<Style>``. File names begin with a style too, but spell it in many ways: the folder decides. The number at
the end of the name is the Arctic sentence; words come from ``cmuarctic.data`` when that file lies at the root.
"""

import re
from pathlib import Path

from emoforge.base.errors import CorpusError
from emoforge.corpora.files import decode, finish, index_audio, wrong_root
from emoforge.corpora.recording import CorpusInfo, Download, Recording

_EMOTIONS = {
    "neutral": "neutral",
    "amused": "amusement",
    "angry": "anger",
    "anger": "anger",
    "disgusted": "disgust",
    "disgust": "disgust",
    "sleepy": "sleepiness",
    "sleepiness": "sleepiness",
}
_GENDERS = {"bea": "female", "jenie": "female", "josh": "male", "sam": "male"}
_ARCHIVES = tuple(
    f"{speaker}_{style}"
    for speaker in _GENDERS
    for style in ("Amused", "Angry", "Disgusted", "Neutral", "Sleepy")
    if (speaker, style) not in {("josh", "Angry"), ("josh", "Disgusted")}
)

INFO = CorpusInfo(
    name="emov-db",
    title="EmoV-DB, Emotional Voices Database",
    languages=("en",),
    n_speakers=4,
    n_clips=7000,
    labels=_EMOTIONS,
    style="acted",
    licence="non-commercial purposes only",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="https://www.openslr.org/115",
    citation="Adigwe et al., The Emotional Voices Database: Towards Controlling the Emotion Dimension in Voice "
    "Generation Systems, 2018, arXiv:1806.09514",
    downloads=tuple(
        Download(f"https://www.openslr.org/resources/115/{name}.tar.gz", f"{name}.tar.gz") for name in _ARCHIVES
    ),
)

_FOLDER = re.compile(r"(?:^|/)(bea|jenie|josh|sam)[_/]([A-Za-z]+)/")
_NUMBER = re.compile(r"_(\d{4})$")
_ARCTIC = re.compile(r'\(\s*arctic_a(\d{4})\s+"(.*)"\s*\)')
_EXPECTED = "folders like bea_Amused or bea/Amused with clips like amused_1-15_0001.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``bea``, ``jenie``, ``josh`` and ``sam``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a folder names an unknown style.
    """
    if not root.is_dir():
        raise wrong_root(root, INFO, _EXPECTED)
    texts = _read_arctic(root / "cmuarctic.data")
    recordings = []
    for stem, path in index_audio(root).items():
        folder = _FOLDER.search(stem)
        if folder is None:
            continue
        speaker, style = folder.groups()
        number = _NUMBER.search(stem)
        sentence = number.group(1) if number else None
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=decode(_EMOTIONS, style.lower(), "style folder", path),
                gender=_GENDERS[speaker],
                language="en",
                text=texts.get(sentence) if sentence else None,
                sentence=sentence,
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)


def _read_arctic(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        return dict(_ARCTIC.findall(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8 text: {error}") from error
