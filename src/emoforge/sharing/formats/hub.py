"""Parquet shards that ``datasets`` and the Hub's viewer read as an audio dataset, without emoforge."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from emoforge.base.errors import EmoforgeError
from emoforge.dataset.clips import AUDIO_TYPE
from emoforge.sharing.formats.shards import Audio, Clip, by_split, in_shards, map_keys, stream, write_series

_HUB_DTYPES = {
    pa.bool_(): "bool",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.float32(): "float32",
    pa.float64(): "float64",
    pa.string(): "string",
}

# The Hub's viewer refuses to read more than 300 MB for a page of rows, and readers hold a row group in memory.
_ROW_GROUP_CLIPS = 100
_ROW_GROUP_BYTES = 32_000_000


def write_parquet(
    table: pa.Table,
    audio: Audio,
    folder: str | os.PathLike,
    *,
    shard_bytes: int = 500_000_000,
    row_group_clips: int = _ROW_GROUP_CLIPS,
    row_group_bytes: int = _ROW_GROUP_BYTES,
) -> list[Path]:
    """Write the clips of *table* below ``folder/data``, a series of shards a split.

    ``datasets.load_dataset(folder)`` then gives the splits ``train``, ``validation`` and ``test`` with an ``audio``
    column of type Audio beside the table's own columns. A map column becomes a struct with one field per key, null
    where a clip's map has no such key; one that no clip fills is left out.

    Args:
        table: a manifest with ``clip_id`` and ``split``.
        audio: returns the FLAC bytes of a clip_id.
        folder: of the dataset.
        shard_bytes: audio in a shard at most (one clip at least).
        row_group_clips: clips in a row group at most.
        row_group_bytes: audio in a row group at most (one clip at least).

    Returns:
        the shards, in order.

    Raises:
        EmoforgeError: a column has a type the Hub does not know.
    """
    schema = _hub_schema(table)

    def write(path: Path, clips: Iterator[Clip]) -> None:
        # FLAC is compressed already; another pass costs time and saves nothing. The page index lets a viewer read
        # single rows of a group.
        with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False, write_page_index=True) as parquet:
            for group in _row_groups(clips, row_group_clips, row_group_bytes):
                parquet.write_table(pa.Table.from_pylist(list(map(_row, group)), schema=schema))

    shards: list[Path] = []
    for name, rows in by_split(table):
        clips = stream(rows, audio, description=f"{name}, Parquet")
        groups = in_shards(clips, lambda clip: len(clip.flac), shard_bytes)
        shards += write_series(Path(folder) / "data", name, ".parquet", groups, write)
    return shards


def _row(clip: Clip) -> dict:
    return {"audio": {"bytes": clip.flac, "path": f"{clip.clip_id}.flac"}, **clip.fields}


def _row_groups(clips: Iterable[Clip], most_clips: int, most_bytes: int) -> Iterator[list[Clip]]:
    group: list[Clip] = []
    n_bytes = 0
    for clip in clips:
        if group and (len(group) == most_clips or n_bytes + len(clip.flac) > most_bytes):
            yield group
            group, n_bytes = [], 0
        group.append(clip)
        n_bytes += len(clip.flac)
    if group:
        yield group


def _hub_schema(table: pa.Table) -> pa.Schema:
    """Return the schema of the shards, with the metadata by which ``datasets`` knows the types."""
    fields = [flat for field in table.schema if (flat := _without_map(field, table)) is not None]
    features = {"audio": {"_type": "Audio"}} | {field.name: _feature(field) for field in fields}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([pa.field("audio", AUDIO_TYPE), *fields], metadata=metadata)


def _without_map(field: pa.Field, table: pa.Table) -> pa.Field | None:
    """Return *field* as ``datasets`` can hold it: a struct in place of a map; None for a map without any key."""
    if not pa.types.is_map(field.type):
        return field
    keys = map_keys(table, field.name)
    return field.with_type(pa.struct([(key, field.type.item_type) for key in keys])) if keys else None


def _feature(field: pa.Field) -> dict:
    if pa.types.is_struct(field.type):
        return {child.name: _feature(child) for child in field.type}
    if field.type not in _HUB_DTYPES:
        raise EmoforgeError(
            f"column {field.name!r} holds {field.type}, which cannot be published; "
            f"allowed: {', '.join(_HUB_DTYPES.values())}, or a struct or map of these"
        )
    return {"dtype": _HUB_DTYPES[field.type], "_type": "Value"}
