"""Files and folders of recordings, and tables of what came of them."""

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoforge.base.audio import output_encoding
from emoforge.base.errors import AudioError, EmoforgeError, ManifestError
from emoforge.base.outputs import written_aside

#: What is taken for a recording in a folder: extensions that libsndfile reads.
EXTENSIONS = (".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".w64", ".wav")
TABLES = (".csv", ".parquet", ".jsonl")


@dataclass(frozen=True)
class Found:
    """A recording on disk.

    Attributes:
        path: of the file, as the user named it or the folder that it is in.
        place: the same below that folder; of a file that was named, its name.
    """

    path: Path
    place: Path


def recordings(paths: Iterable[Path], *, outside: Path | None = None) -> list[Found]:
    """Return the recordings that *paths*, files and folders, hold; each once, those of a folder in order of name.

    Args:
        paths: files, and folders whose recordings are found at any depth; what begins with a dot is passed over.
        outside: a folder whose recordings are passed over.

    Raises:
        AudioError: a file or folder is missing, or a folder holds no recording.
    """
    found: dict[Path, Found] = {}
    for path in paths:
        if not path.exists():
            raise AudioError(f"{path}: missing: no such file")
        inside = _inside(path, outside) if path.is_dir() else [Found(path, Path(path.name))]
        if not inside:
            raise AudioError(f"{path}: no recording in this folder; files end in {', '.join(EXTENSIONS)}")
        for recording in inside:
            found.setdefault(recording.path.resolve(), recording)
    return list(found.values())


def _inside(folder: Path, outside: Path | None) -> list[Found]:
    passed = outside.resolve() if outside is not None else None
    found = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        left_out = any(part.startswith(".") for part in place.parts) or passed in path.resolve().parents
        if path.suffix.lower() in EXTENSIONS and path.is_file() and not left_out:
            found.append(Found(path, place))
    return found


def check_paths(recording: Path, output: Path) -> None:
    """Raise EmoforgeError unless *recording* is there and *output* is another file, of a kind that can be written."""
    output_encoding(output, "PCM_16")
    if not recording.exists():
        raise AudioError(f"{recording}: missing: no such file")
    if output.exists() and output.samefile(recording):
        raise EmoforgeError(f"{output}: is what is read, and would be overwritten; choose another output")


def check_table(path: Path) -> None:
    """Raise EmoforgeError unless *path* has an extension of :data:`TABLES`."""
    if path.suffix.lower() not in TABLES:
        allowed = f"{', '.join(TABLES[:-1])} or {TABLES[-1]}"
        raise EmoforgeError(f"{path}: the extension {path.suffix or '(none)'} names no table; use {allowed}")


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write *rows* as CSV, Parquet or JSON lines, as the extension says; every row has every column.

    Raises:
        EmoforgeError: the extension is another one, or the file cannot be written.
    """
    check_table(path)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    full = [{name: row.get(name) for name in columns} for row in rows]
    try:
        with written_aside(path) as aside:
            _WRITERS[path.suffix.lower()](aside, columns, full)
    except OSError as error:
        raise EmoforgeError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error


def read_table(path: Path) -> list[dict[str, object]]:
    """Return the rows that :func:`write_table` wrote; of CSV, every value is text.

    Raises:
        ManifestError: the file is not such a table.
    """
    try:
        return _READERS[path.suffix.lower()](path)
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path}: cannot be read ({str(error).splitlines()[0]}); remove it") from None


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[dict]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _write_parquet(path: Path, columns: Sequence[str], rows: Sequence[dict]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({name: [row[name] for row in rows] for name in columns}), path, compression="zstd")


def _write_lines(path: Path, columns: Sequence[str], rows: Sequence[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def _read_csv(path: Path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _read_parquet(path: Path) -> list[dict]:
    import pyarrow.parquet as pq

    return pq.read_table(path).to_pylist()


def _read_lines(path: Path) -> list[dict]:
    # A line that was cut short, when its writer was killed, says nothing.
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.endswith("}")]


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet, ".jsonl": _write_lines}
_READERS = {".csv": _read_csv, ".parquet": _read_parquet, ".jsonl": _read_lines}


def append_line(path: Path, row: Mapping[str, object]) -> None:
    """Add *row* to a table of JSON lines, in one write, so that several processes may share it."""
    line = (json.dumps(row, ensure_ascii=False) + "\n").encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
