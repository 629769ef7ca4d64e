"""The corpora that emoforge knows by name."""

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
    "table",
    "folders",
    "audformat-db",
)


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


def importer(name: str) -> ModuleType:
    """Return the module that reads the corpus *name*.

    Raises:
        CorpusError: no corpus has that name.
    """
    key = name.strip().lower().replace("_", "-")
    if key not in _NAMES:
        raise CorpusError(unknown_value("corpus", name, _NAMES))
    return import_module(f"emoforge.corpora.importers.{key.replace('-', '_')}")
