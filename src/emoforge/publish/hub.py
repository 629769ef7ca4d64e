"""Parquet shards that ``datasets`` and the Hub's viewer read as an audio dataset, without emoforge."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emoforge.errors import EmoforgeError, unknown_value

#: What the Hub calls the splits.
HUB_SPLITS = {"train": "train", "val": "validation", "test": "test"}

AUDIO_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

# Every published clip was kept, and its split is its file's name.
_LEFT_OUT = ("keep", "reject_reason", "split")

_HUB_DTYPES = {
    pa.bool_(): "bool",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.float32(): "float32",
    pa.float64(): "float64",
    pa.string(): "string",
}


def write_dataset(
    table: pa.Table,
    audio: Callable[[str], bytes],
    folder: str | os.PathLike,
    *,
    shard_bytes: int = 500_000_000,
    row_group_size: int = 100,
) -> list[Path]:
    """Write the kept clips of *table* below ``folder/data``, a series of shards a split.

    ``datasets.load_dataset(folder)`` then gives the splits ``train``, ``validation`` and ``test`` with an ``audio``
    column of type Audio beside the table's own columns. A map column becomes a struct with a field a key.

    Args:
        table: a manifest with ``clip_id``, ``split`` and ``keep``.
        audio: returns the FLAC bytes of a clip_id.
        folder: of the dataset.
        shard_bytes: audio in a shard at most (one clip at least).
        row_group_size: clips in a row group at most; the Hub's viewer reads whole row groups.

    Returns:
        the shards, in order.

    Raises:
        EmoforgeError: no clip was kept, a split is unknown, or a column has a type the Hub does not know.
    """
    for split in pc.unique(table.column("split")).to_pylist():
        if split not in HUB_SPLITS:
            raise EmoforgeError(unknown_value("split", split, HUB_SPLITS))
    kept = table.filter(pc.equal(table.column("keep"), True))
    if not len(kept):
        raise EmoforgeError("no clip was kept, so there is nothing to publish; loosen the thresholds of `select`")
    shards: list[Path] = []
    for split, name in HUB_SPLITS.items():
        rows = kept.filter(pc.equal(kept.column("split"), split)).sort_by("clip_id")
        if len(rows):
            rows = _flatten_maps(rows.drop_columns([column for column in _LEFT_OUT if column in rows.column_names]))
            shards += _write_split(rows, audio, Path(folder) / "data", name, shard_bytes, row_group_size)
    return shards


def _write_split(
    rows: pa.Table, audio: Callable[[str], bytes], folder: Path, name: str, shard_bytes: int, row_group_size: int
) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    schema = _hub_schema(rows.schema)
    unnamed: list[Path] = []
    writer: pq.ParquetWriter | None = None
    group: list[dict] = []
    group_start = n_bytes = 0

    def flush() -> None:
        nonlocal group_start
        if writer is not None and group:
            fields = rows.slice(group_start, len(group)).combine_chunks()
            writer.write_table(pa.table([pa.array(group, AUDIO_TYPE), *fields.columns], schema=schema))
            group_start += len(group)
            group.clear()

    try:
        for clip_id in rows.column("clip_id").to_pylist():
            flac = audio(clip_id)
            if writer is None or n_bytes + len(flac) > shard_bytes:
                flush()
                if writer is not None:
                    writer.close()
                unnamed.append(folder / f".{name}-{len(unnamed):05d}.partial")
                # FLAC is compressed already; another pass costs time and saves nothing.
                writer = pq.ParquetWriter(unnamed[-1], schema, compression="none", use_dictionary=False)
                n_bytes = 0
            elif len(group) == row_group_size:
                flush()
            group.append({"bytes": flac, "path": f"{clip_id}.flac"})
            n_bytes += len(flac)
        flush()
    finally:
        if writer is not None:
            writer.close()
    shards = [folder / f"{name}-{index:05d}-of-{len(unnamed):05d}.parquet" for index in range(len(unnamed))]
    for path, shard in zip(unnamed, shards, strict=True):
        path.replace(shard)
    return shards


def _flatten_maps(table: pa.Table) -> pa.Table:
    """Turn map columns into structs with a field a key (sorted), which ``datasets`` can hold."""
    for index, field in enumerate(table.schema):
        if pa.types.is_map(field.type):
            values = [None if entry is None else dict(entry) for entry in table.column(index).to_pylist()]
            keys = sorted({key for entry in values if entry for key in entry})
            kind = pa.struct([(key, field.type.item_type) for key in keys])
            # A struct without fields cannot be stored: a column that was never filled goes.
            table = (
                table.set_column(index, field.with_type(kind), pa.array(values, kind))
                if keys
                else table.drop_columns([field.name])
            )
            return _flatten_maps(table)
    return table


def _hub_schema(schema: pa.Schema) -> pa.Schema:
    """Return *schema* behind an audio column, with the metadata by which ``datasets`` knows the types."""
    features = {"audio": {"_type": "Audio"}} | {field.name: _feature(field) for field in schema}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([pa.field("audio", AUDIO_TYPE), *schema], metadata=metadata)


def _feature(field: pa.Field) -> dict:
    if pa.types.is_struct(field.type):
        return {child.name: _feature(child) for child in field.type}
    if field.type not in _HUB_DTYPES:
        raise EmoforgeError(
            f"column {field.name!r} holds {field.type}, which cannot be published; "
            f"allowed: {', '.join(_HUB_DTYPES.values())}, or a struct or map of these"
        )
    return {"dtype": _HUB_DTYPES[field.type], "_type": "Value"}
