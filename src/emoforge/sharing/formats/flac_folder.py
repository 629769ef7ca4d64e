"""Plain FLAC files and one CSV table."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from emoforge.sharing.formats.shards import Audio, by_split, stream, write_flac_files


def write_flac_folder(table: pa.Table, audio: Audio, folder: str | os.PathLike) -> Path:
    """Write the clips of *table* as ``audio/<split>/<clip_id>.flac``, and their rows as ``metadata.csv``.

    The table begins with ``file_name``, the path relative to *folder*. An empty cell is null, an empty text is
    ``""``; a map is a JSON object; numbers are written with all their digits.

    Args:
        table: a manifest with ``clip_id`` and ``split``.
        audio: returns the FLAC bytes of a clip_id.
        folder: of the dataset.

    Returns:
        the CSV table.
    """
    folder = Path(folder)
    rows = []
    for name, part in by_split(table):
        clips = stream(part, audio, description=f"{name}, FLAC")
        for fields, path in write_flac_files(clips, folder, f"audio/{name}"):
            rows.append({"file_name": path} | {key: _cell(value) for key, value in fields.items()})
    schema = pa.schema([("file_name", pa.string()), *((field.name, _kind(field.type)) for field in table.schema)])
    pyarrow.csv.write_csv(
        pa.Table.from_pylist(rows, schema=schema),
        folder / "metadata.csv",
        # Quoted wherever it is a text, so that an empty text is no null.
        pyarrow.csv.WriteOptions(quoting_style="needed"),
    )
    return folder / "metadata.csv"


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False, allow_nan=False) if isinstance(value, dict) else value


def _kind(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_map(kind):
        return pa.string()
    # The shortest digits of a 32-bit number are another number to readers with 64 bits, which is nearly all of them.
    return pa.float64() if pa.types.is_floating(kind) else kind
