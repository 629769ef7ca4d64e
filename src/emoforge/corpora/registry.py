"""The corpora that emoforge knows by name."""

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

from emoforge.base.errors import CorpusError, unknown_value
from emoforge.corpora.recording import CorpusInfo, Recording
from emoforge.dataset.labels import EMOTIONS

# Each name's importer is called the same, with underscores.
_NAMES = (
    "demo",
    "ravdess",
    "nemo",
    "urdu",
    "crema-d",
    "esd",
    "emodb",
    "emov-db",
    "tess",
    "savee",
    "jl-corpus",
    "meld",
    "iemocap",
    "msp-podcast",
    "emovo",
    "aesdd",
    "cafe",
    "mesd",
    "subesco",
    "banglaser",
    "ased",
    "shemo",
    "emns",
    "resd",
    "librispeech",
    "vctk",
    "table",
    "folders",
    "audformat-db",
)

# Marks by which docstrings name code, such as :func:`emoforge.dataset.labels.canonical_emotion`.
_ROLE = re.compile(r":\w+:`~?(?:\w+\.)*(\w+)`")


def names() -> tuple[str, ...]:
    """Return the registered names: the demo first, then published corpora, then importers of any layout."""
    return _NAMES


def info(name: str) -> CorpusInfo:
    """Return what is known of the corpus *name* (underscores and capitals do not matter).

    Raises:
        CorpusError: no corpus has that name.
    """
    return importer(name).INFO


def read(name: str, root: str | Path) -> list[Recording]:
    """Return the recordings of the corpus *name* that lie below *root*, sorted by stem.

    Raises:
        CorpusError: no corpus has that name, or *root* does not look like it.
    """
    return importer(name).read(Path(root).expanduser())


def missing(name: str, root: str | Path) -> list[Path]:
    """Return the audio files that the corpus *name* lists and that are not there, where its importer can tell.

    Raises:
        CorpusError: as for :func:`read`.
    """
    find = getattr(importer(name), "missing", None)
    return find(Path(root).expanduser()) if find else []


def corpora_table() -> list[dict[str, str]]:
    """Return one row per corpus for printing, of strings that are empty where they depend on the user's files."""
    rows = []
    for name in names():
        known = info(name)
        rows.append(
            {
                "name": known.name,
                "language": " ".join(known.languages),
                "speakers": "" if known.n_speakers is None else str(known.n_speakers),
                "clips": "" if known.n_clips is None else str(known.n_clips),
                "emotions": "any" if known.emotions == EMOTIONS else " ".join(known.emotions),
                "licence": known.licence,
                "redistributable": "yes" if known.redistributable else "no",
                "style": known.style,
            }
        )
    return rows


def labels_line(known: CorpusInfo) -> str:
    """Return which emotion each published label of a corpus becomes, on one line.

    >>> labels_line(info("urdu"))
    'A → anger, H → happiness, N → neutral, S → sadness'
    """
    return ", ".join(f"{label} → {emotion or 'left out'}" for label, emotion in known.labels.items())


def notes(name: str) -> str:
    """Return what its importer says of the corpus *name*: layout, oddities of the published files, decisions.

    Raises:
        CorpusError: no corpus has that name.
    """
    return _ROLE.sub(r"`\1`", (importer(name).__doc__ or "").strip()).replace("``", "`")


def importer(name: str) -> ModuleType:
    """Return the module that reads the corpus *name*.

    Raises:
        CorpusError: no corpus has that name.
    """
    key = name.strip().lower().replace("_", "-")
    if key not in _NAMES:
        raise CorpusError(unknown_value("corpus", name, _NAMES))
    return import_module(f"emoforge.corpora.importers.{key.replace('-', '_')}")
