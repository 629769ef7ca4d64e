"""The one reader of a published set: its rows as a manifest, its FLAC bytes by clip_id, how it was made."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from emoforge.base.errors import ManifestError
from emoforge.base.outputs import read_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import ShardReader
from emoforge.sharing.formats.shards import Audio

_SHARD = re.compile(r"(?P<name>.+)-(?P<index>\d{5})-of-(?P<total>\d{5})\.parquet")

PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class PublishedSet:
    """A published set.

    Attributes:
        table: its rows, a manifest sorted by clip_id.
        audio: returns the FLAC bytes of a clip_id.
        provenance: what :func:`emoforge.sharing.provenance.describe` said when it was made.
    """

    table: pa.Table
    audio: Audio
    provenance: dict


def read_published(folder: str | os.PathLike) -> PublishedSet:
    """Open the set that :func:`emoforge.sharing.writer.write_set` wrote to *folder* as Parquet.

    Raises:
        ManifestError: there is no such set, a shard is missing or unreadable, or a column is.
    """
    folder = Path(folder)
    shards = sorted((folder / "data").glob("*.parquet"))
    if not shards:
        raise ManifestError(
            f"{folder}: no published set here (no data/*.parquet); run `dvc repro publish`, fetch it with `dvc pull`, "
            "or name another folder with --dataset"
        )
    _require_whole_series(shards)
    try:
        table = pa.concat_tables([_read_fields(shard) for shard in shards])
    except (pa.ArrowInvalid, OSError) as error:
        raise ManifestError(f"{folder}: a shard cannot be read ({_first_line(error)}); fetch the set again") from None
    table = manifest.conform(_with_maps(table), name=str(folder)).sort_by("clip_id")
    reader = ShardReader(shards, content="published clips", columns=["audio"])
    return PublishedSet(
        table, lambda clip_id: reader[clip_id]["audio"]["bytes"].as_py(), read_json(folder / PROVENANCE)
    )


def _require_whole_series(shards: Sequence[Path]) -> None:
    present = {shard.name for shard in shards}
    for shard in shards:
        match = _SHARD.fullmatch(shard.name)
        if match is None:
            raise ManifestError(f"{shard}: not the name of a published shard, <split>-00000-of-00001.parquet")
        for index in range(int(match["total"])):
            name = f"{match['name']}-{index:05d}-of-{match['total']}.parquet"
            if name not in present:
                raise ManifestError(f"{shard.with_name(name)}: missing, the set is not whole; fetch it again")


def _read_fields(shard: Path) -> pa.Table:
    names = [name for name in pq.read_schema(shard).names if name != "audio"]
    return pq.read_table(shard, columns=names)


def _with_maps(table: pa.Table) -> pa.Table:
    """Return *table* with the manifest's map columns as maps again, which the shards hold as structs or not at all."""
    for field in manifest.SCHEMA:
        if not pa.types.is_map(field.type):
            continue
        if field.name not in table.schema.names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
            continue
        entries = [
            None if entry is None else [(key, value) for key, value in entry.items() if value is not None]
            for entry in table.column(field.name).to_pylist()
        ]
        table = table.set_column(table.schema.get_field_index(field.name), field, pa.array(entries, field.type))
    return table


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
