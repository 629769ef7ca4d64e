"""Any corpus described by one table: CSV, TSV or Parquet, one row a clip.

Columns are named like the fields of :class:`~emoforge.corpora.recording.Recording`. ``path`` (relative to the table's
folder, or absolute), ``emotion`` (any alias that :func:`emoforge.dataset.labels.canonical_emotion` knows) and
``speaker`` are required; ``corpus``, ``gender``, ``language``, ``text``, ``sentence``, ``intensity``, ``stem``,
``start_s`` and ``end_s`` may be absent or empty; other columns are ignored. A file that is named with another
extension than it has on the disk is found by its stem. The root is the table itself, or a folder that holds exactly
one.
"""

import math
from collections.abc import Mapping
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
    emotions=EMOTIONS,
    style="acted",
    licence="yours to state",
    derivatives=True,
    redistributable=False,
    non_commercial=True,
    url="",
    citation="",
    access="write a CSV or Parquet table with the columns path, emotion and speaker",
)

_REQUIRED = ("path", "emotion", "speaker")
_GENDER_ALIASES = {"f": "female", "m": "male", "woman": "female", "man": "male", "": "unknown"}
_SUFFIXES = (".csv", ".tsv", ".parquet")
_EXPECTED = "one .csv, .tsv or .parquet table with the columns path, emotion and speaker"


def read(root: Path) -> list[Recording]:
    """Return the recordings that the table lists, sorted by stem.

    Raises:
        CorpusError: there is no table or more than one, a column is missing, a row holds a value that is not allowed
            (the line names the row), or no listed file exists.
    """
    table = _find_table(root)
    rows = _read_parquet(table) if table.suffix.lower() == ".parquet" else _read_delimited(table)
    siblings: dict[Path, dict[str, Path]] = {}
    recordings = []
    # The header is line 1, so that the first row is where an editor shows it.
    for number, row in enumerate(rows, start=2):
        where = f"{table}, row {number}"
        path = _find_audio(table.parent / _required(row, "path", where), siblings)
        recording = _to_recording(row, path, table.parent, where)
        if path.is_file():
            recordings.append(recording)
    if not rows:
        raise CorpusError(f"{table} has no rows")
    if not recordings:
        raise CorpusError(f"{table} lists {len(rows)} clips but none is where its path says, seen from {table.parent}")
    return finish(recordings, table, INFO, _EXPECTED)


def _find_table(root: Path) -> Path:
    if root.is_file():
        if root.suffix.lower() not in _SUFFIXES:
            raise CorpusError(f"{root}: {unknown_value('kind of table', root.suffix, _SUFFIXES)}")
        return root
    tables = sorted(path for path in root.glob("[!.]*") if path.suffix.lower() in _SUFFIXES) if root.is_dir() else []
    if not tables:
        raise wrong_root(root, INFO, _EXPECTED)
    if len(tables) > 1:
        raise CorpusError(f"{root} holds {', '.join(path.name for path in tables)}; name the one to read")
    return tables[0]


def _read_delimited(table: Path) -> list[dict[str, str]]:
    return read_rows(table, _REQUIRED, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")


def _read_parquet(table: Path) -> list[dict[str, str]]:
    import pyarrow
    import pyarrow.parquet

    try:
        columns = pyarrow.parquet.read_schema(table).names
        missing = [name for name in _REQUIRED if name not in columns]
        if missing:
            raise CorpusError(f"{table} has no column {', '.join(missing)}; it has {', '.join(columns) or 'none'}")
        wanted = [name for name in columns if name in Recording.__slots__]
        rows = pyarrow.parquet.read_table(table, columns=wanted).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise CorpusError(f"{table} cannot be read as Parquet: {error}") from error
    return [{key: "" if value is None else str(value).strip() for key, value in row.items()} for row in rows]


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
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CorpusError(f"{where}: {column} {value!r} is not a number")
    return number
