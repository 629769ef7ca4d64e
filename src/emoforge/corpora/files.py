"""What every importer does with a folder: find its audio by stem, recognise its layout, say clearly what is wrong."""

import csv
import itertools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

from emoforge.base.errors import CorpusError, unknown_value
from emoforge.corpora.recording import CorpusInfo, Recording

#: What libsndfile decodes. Containers with video or AAC (mp4, m4a, avi) are not among them.
AUDIO_SUFFIXES = (
    ".wav",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".snd",
    ".sph",
    ".nist",
    ".caf",
    ".w64",
    ".rf64",
)

_GIT_LFS_POINTER = b"version https://git-lfs"


def index_audio(root: Path) -> dict[str, Path]:
    """Return every audio file below *root*: its path relative to *root*, ``/``-separated and without extension.

    Files are found whatever their extension's case; hidden files and folders, and the ``__MACOSX`` folders that some
    archives hold, are passed over. Links to folders are followed, each folder being visited once.

    Raises:
        CorpusError: two files of one folder differ in their extension only.
    """
    index: dict[str, Path] = {}
    visited: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith(".") or path.suffix.lower() not in AUDIO_SUFFIXES:
                continue
            stem = path.relative_to(root).with_suffix("").as_posix()
            if stem in index:
                raise CorpusError(f"{folder} holds both {index[stem].name} and {name}; keep one of the two")
            index[stem] = path
    return index


def by_name(index: Mapping[str, Path]) -> dict[str, Path]:
    """Return *index* keyed by file name alone (no folder, no extension), for corpora whose file names are unique.

    Some copies hold a corpus twice, once inside itself: the file nearest to the root is taken.

    Raises:
        CorpusError: two files of one name are equally near.
    """
    named: dict[str, Path] = {}
    for path in sorted(index.values(), key=lambda path: (len(path.parts), path)):
        known = named.setdefault(path.stem, path)
        if known is not path and len(known.parts) == len(path.parts):
            raise CorpusError(f"{known} and {path} have the same name; keep one of the two")
    return named


def named_clips(root: Path, info: CorpusInfo, belongs: Callable[[str], object], expected: str) -> dict[str, Path]:
    """Return the audio below *root* by file name alone, where at least one name *belongs* to the corpus.

    Raises:
        CorpusError: *root* is not a folder, or none of its clips has such a name; the line says what was *expected*.
    """
    clips = by_name(index_audio(root)) if root.is_dir() else {}
    if not any(map(belongs, clips)):
        raise wrong_root(root, info, expected)
    return clips


def locate(root: Path, looks_right: Callable[[Path], bool]) -> list[Path]:
    """Return the folders that *looks_right* accepts: *root* itself, else its children, else its grandchildren.

    Archives are often unpacked into a folder of their own, so the layout may begin one or two levels down.
    """
    level = [root] if root.is_dir() else []
    for _ in range(3):
        found = [folder for folder in level if looks_right(folder)]
        if found:
            return found
        level = [child for folder in level for child in subfolders(folder)]
    return []


def subfolders(folder: Path) -> list[Path]:
    """Return the folders directly in *folder* that are not hidden, sorted."""
    return sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))


def wrong_root(root: Path, info: CorpusInfo, expected: str) -> CorpusError:
    """Return the error for a *root* that does not look like the corpus: what was *expected*, what was found."""
    if not root.exists():
        return CorpusError(f"{root} does not exist; {info.name} needs {expected} ({_how_to_get(info)})")
    if not root.is_dir():
        return CorpusError(f"{root} is a file, not a folder; {info.name} needs {expected}")
    names = sorted(child.name + "/" * child.is_dir() for child in root.iterdir())
    found = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return CorpusError(f"{root} does not look like {info.title}: expected {expected}, found {found or 'nothing'}")


def _how_to_get(info: CorpusInfo) -> str:
    return f"`emoforge corpora fetch {info.name}` gets it" if info.downloads else info.access


def match_name(pattern: re.Pattern[str], stem: str, path: Path, info: CorpusInfo) -> re.Match[str]:
    """Return the match of *stem* with *pattern*.

    Raises:
        CorpusError: the file is not named the corpus's way.
    """
    match = pattern.fullmatch(stem)
    if match is None:
        raise CorpusError(f"{path} is not named the way {info.title} names its clips; move it out of the corpus")
    return match


def decode(codes: Mapping[str, str], code: str, what: str, where: object) -> str:
    """Return what *code* stands for.

    Raises:
        CorpusError: *code* is not among *codes*; the line names *where* it stands.
    """
    if code not in codes:
        raise CorpusError(f"{where}: {unknown_value(what, code, codes)}")
    return codes[code]


def read_rows(
    path: Path, columns: Iterable[str], *, delimiter: str = ",", any_case: bool = False
) -> list[dict[str, str]]:
    """Return the rows of a delimited UTF-8 table, each with at least *columns*; values are stripped of blanks.

    With *any_case* the names of the columns may be written in any case; those of the rows are in lower case. Such
    tables are written by hand, so that two columns of one name and rows longer than the header are refused.

    Raises:
        CorpusError: the file cannot be read as text, a column is missing, or it is a table by hand with such a slip.
    """
    # In tab-separated tables a quotation mark is a character like any other.
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, quoting=quoting)
            header = [name.strip().lower() if any_case else name.strip() for name in reader.fieldnames or ()]
            missing = [column for column in columns if column not in header]
            if missing:
                raise CorpusError(f"{path} has no column {', '.join(missing)}; it has {', '.join(header) or 'none'}")
            reader.fieldnames = header
            rows = list(reader)
            if any_case:
                _check_handwritten(path, header, rows)
            return [{key: (row[key] or "").strip() for key in header} for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path} cannot be read as a UTF-8 table: {error}") from error


def _check_handwritten(path: Path, header: list[str], rows: list[dict]) -> None:
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise CorpusError(f"{path} has two columns {', '.join(twice)}; rename or remove one")
    for number, row in enumerate(rows, start=2):
        if any(cell.strip() for cell in row.get(None, ())):
            raise CorpusError(
                f"{path}, row {number}: more values than the header has columns; put quotation marks around a value "
                "that holds the separator"
            )


def sentence_of(text: str) -> str | None:
    """Return a name that is equal where the same words are written, whatever their case and punctuation; None for none.

    >>> sentence_of("Carl leaps into a jeep.")
    'carl leaps into a jeep'
    """
    return " ".join(re.findall(r"[\w']+", text.casefold())) or None


def finish(recordings: Iterable[Recording], root: Path, info: CorpusInfo, expected: str) -> list[Recording]:
    """Return *recordings* sorted by stem.

    Raises:
        CorpusError: there are none, a stem occurs twice, or the audio is still a Git LFS pointer.
    """
    ordered = sorted(recordings, key=lambda recording: recording.stem)
    if not ordered:
        raise wrong_root(root, info, expected)
    for one, other in itertools.pairwise(ordered):
        if one.stem == other.stem:
            raise CorpusError(f"{one.path} and {other.path} are both clip {one.stem} of {info.name}; keep one of them")
    if is_lfs_pointer(ordered[0].path):
        raise CorpusError(f"{ordered[0].path} is a Git LFS pointer, not audio; run `git lfs pull` in {root}")
    return ordered


def is_lfs_pointer(path: Path) -> bool:
    """Say whether *path* holds the few lines that Git LFS puts in a large file's place."""
    with path.open("rb") as file:
        return file.read(len(_GIT_LFS_POINTER)) == _GIT_LFS_POINTER
