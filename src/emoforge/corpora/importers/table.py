"""Any corpus described by one table: text separated by commas, semicolons or tabs, or Parquet; one row per clip.

Columns are named like the fields of :class:`~emoforge.corpora.recording.Recording`, in any case. ``path`` (relative to
the table's folder, or absolute), ``emotion`` (any alias that :func:`emoforge.dataset.labels.canonical_emotion` knows)
and ``speaker`` are required; these may be absent or empty:

- ``gender``: female, male (or f, m, woman, man), other or unknown;
- ``language``: ISO 639-1 code, ``und`` when it is not given;
- ``text``: the words; ``sentence``: a name that is equal where the same words are spoken;
- ``intensity``: strength of the emotion, 0 to 1;
- ``start_s``, ``end_s``: the stretch of the file that is the clip, in seconds;
- ``stem``: a name for the clip, unique in the table; its path without extension when it is not given;
- ``corpus``: where the table gathers several corpora, the one that the clip is from.

Other columns are ignored. A file that is named with another extension than it has on the disk is found by its stem. The
root is the table itself, or a folder that holds exactly one.
"""

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from emoforge.base.errors import CorpusError, EmoforgeError, unknown_value
from emoforge.corpora.files import AUDIO_SUFFIXES, finish, read_rows, wrong_root
from emoforge.corpora.recording import CorpusInfo, Recording
from emoforge.dataset.labels import EMOTIONS, GENDERS, canonical_emotion

INFO = CorpusInfo(
    name="table",
    title="clips listed in a table",
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
    access="write a table (.csv, .tsv or .txt with commas, semicolons or tabs, or .parquet), one row per clip, with "
    "the columns path, emotion and speaker, and optionally gender, language, text, sentence, intensity (0 to 1), "
    "start_s, end_s, stem and corpus",
    own=True,
)

_REQUIRED = ("path", "emotion", "speaker")
_GENDER_ALIASES = {"f": "female", "m": "male", "woman": "female", "man": "male", "": "unknown"}
_TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
_SUFFIXES = (*_TEXT_SUFFIXES, ".parquet")
_SEPARATORS = (",", ";", "\t")
_EXPECTED = "one .csv, .tsv, .txt or .parquet table with the columns path, emotion and speaker"


def read(root: Path) -> list[Recording]:
    """Return the recordings that the table lists, sorted by stem.

    Raises:
        CorpusError: there is no table or more than one, a column is missing, a row holds a value that is not allowed
            (the line names the row), or no listed file exists.
    """
    table = _find_table(root)
    listed = list(_listed(table))
    recordings = [recording for recording in listed if recording.path.is_file()]
    if not listed:
        raise CorpusError(f"{table} has no rows")
    if not recordings:
        raise CorpusError(
            f"{table} lists {len(listed)} clips but none is where its path says, seen from {table.parent}"
        )
    return finish(recordings, table, INFO, _EXPECTED)


def missing(root: Path) -> list[Path]:
    """Return the audio files that the table lists and that are not there.

    Raises:
        CorpusError: as for :func:`read`.
    """
    return sorted({recording.path for recording in _listed(_find_table(root)) if not recording.path.is_file()})


def _listed(table: Path) -> Iterator[Recording]:
    """Yield every row of the table, whether its file is there or not."""
    siblings: dict[Path, dict[str, Path]] = {}
    # The header is line 1, so that the first row is where an editor shows it.
    for number, row in enumerate(_rows(table), start=2):
        where = f"{table}, row {number}"
        path = _find_audio(table.parent / _required(row, "path", where), siblings)
        yield _to_recording(row, path, table.parent, where)


def _find_table(root: Path) -> Path:
    if root.is_file():
        if root.suffix.lower() not in _SUFFIXES:
            raise CorpusError(f"{root}: {unknown_value('kind of table', root.suffix, _SUFFIXES)}")
        return root
    files = sorted(path for path in root.glob("[!.]*") if path.is_file()) if root.is_dir() else []
    # A folder may hold notes in a .txt file besides.
    tables = [path for path in files if path.suffix.lower() in _SUFFIXES and path.suffix.lower() != ".txt"]
    tables = tables or [path for path in files if path.suffix.lower() == ".txt"]
    if not tables:
        raise wrong_root(root, INFO, _EXPECTED)
    if len(tables) > 1:
        raise CorpusError(f"{root} holds {', '.join(path.name for path in tables)}; name the one to read")
    return tables[0]


def _rows(table: Path) -> list[dict[str, str]]:
    """Return the rows, with the names of the columns in lower case."""
    if table.suffix.lower() == ".parquet":
        return _read_parquet(table)
    return read_rows(table, _REQUIRED, delimiter=_separator(table), any_case=True)


def _separator(table: Path) -> str:
    """Return the separator of the columns: the one with which the header has the most required columns."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{table} cannot be read as a UTF-8 table: {error}") from error

    def fitness(separator: str) -> tuple[int, int]:
        names = [name.strip().lower() for name in next(csv.reader([header], delimiter=separator), [])]
        return len(set(names) & set(_REQUIRED)), len(names)

    return max(_SEPARATORS, key=fitness)


def _read_parquet(table: Path) -> list[dict[str, str]]:
    import pyarrow
    import pyarrow.parquet

    try:
        names = {name.lower(): name for name in pyarrow.parquet.read_schema(table).names}
        absent = [name for name in _REQUIRED if name not in names]
        if absent:
            raise CorpusError(f"{table} has no column {', '.join(absent)}; it has {', '.join(names) or 'none'}")
        wanted = {name: names[name] for name in names if name in Recording.__slots__}
        rows = pyarrow.parquet.read_table(table, columns=list(wanted.values())).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise CorpusError(f"{table} cannot be read as Parquet: {error}") from error
    return [
        {name: "" if row[column] is None else str(row[column]).strip() for name, column in wanted.items()}
        for row in rows
    ]


def _find_audio(path: Path, siblings: dict[Path, dict[str, Path]]) -> Path:
    """Return *path*, or the audio file beside it with the same stem when *path* itself does not exist."""
    if path.is_file():
        return path
    if path.parent not in siblings:
        files = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
        siblings[path.parent] = {file.stem: file for file in files if file.suffix.lower() in AUDIO_SUFFIXES}
    return siblings[path.parent].get(path.stem, path)


def _to_recording(row: Mapping[str, str], path: Path, folder: Path, where: str) -> Recording:
    gender = row.get("gender", "").lower()
    start_s, end_s = _number(row, "start_s", where), _number(row, "end_s", where)
    try:
        emotion = canonical_emotion(_required(row, "emotion", where))
        gender = _GENDER_ALIASES.get(gender, gender)
        if gender not in GENDERS:
            raise CorpusError(unknown_value("gender", gender, GENDERS))
        return Recording(
            path=path,
            corpus=row.get("corpus") or INFO.name,
            speaker=_required(row, "speaker", where),
            emotion=emotion,
            gender=gender,
            language=row.get("language") or "und",
            text=row.get("text") or None,
            sentence=row.get("sentence") or None,
            intensity=_number(row, "intensity", where),
            stem=row.get("stem") or _stem(path, folder, start_s, end_s),
            start_s=start_s,
            end_s=end_s,
        )
    except EmoforgeError as error:
        message = str(error)
        raise CorpusError(message if message.startswith(where) else f"{where}: {message}") from error


def _stem(path: Path, folder: Path, start_s: float | None, end_s: float | None) -> str:
    """Return a name for the clip: its path without extension, and where it lies in the file if it is a part of it."""
    name = path.with_suffix("")
    stem = (name.relative_to(folder) if name.is_relative_to(folder) else name).as_posix().lstrip("/")
    if start_s is None and end_s is None:
        return stem
    return f"{stem}_{start_s or 0:.3f}-{'end' if end_s is None else f'{end_s:.3f}'}"


def _required(row: Mapping[str, str], column: str, where: str) -> str:
    if not row[column]:
        raise CorpusError(f"{where}: {column} is empty")
    return row[column]


def _number(row: Mapping[str, str], column: str, where: str) -> float | None:
    value = row.get(column)
    if not value or value.lower() == "nan":
        return None
    try:
        # Where semicolons separate columns, a comma often stands before the decimals.
        number = float(value.replace(",", ".") if value.count(",") == 1 and "." not in value else value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CorpusError(f"{where}: {column} {value!r} is not a number")
    return number
