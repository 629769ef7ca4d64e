"""WebDataset tar shards: a ``.flac`` and a ``.json`` per clip."""

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from emoforge.sharing.formats.shards import Audio, Clip, by_split, in_shards, stream, write_series

_BLOCK = tarfile.BLOCKSIZE


def write_tar_shards(
    table: pa.Table, audio: Audio, folder: str | os.PathLike, *, shard_bytes: int = 500_000_000
) -> list[Path]:
    """Write the clips of *table* below ``folder/data``, one series of tar shards per split.

    A sample's key is its clip_id, its ``json`` holds all fields of its row. Equal clips give equal bytes.

    Args:
        table: a manifest with ``clip_id`` and ``split``.
        audio: returns the FLAC bytes of a clip_id.
        folder: of the dataset.
        shard_bytes: size of a shard at most (one clip at least).

    Returns:
        the shards, in order.
    """

    def write(path: Path, clips: Iterator[Clip]) -> None:
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for clip in clips:
                for name, content in _members(clip).items():
                    entry = tarfile.TarInfo(name)
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))

    shards: list[Path] = []
    # The end of an archive is filled with zeros up to a whole record.
    limit = max(shard_bytes - tarfile.RECORDSIZE, 1)
    for name, rows in by_split(table):
        clips = stream(rows, audio, description=f"{name}, WebDataset")
        shards += write_series(Path(folder) / "data", name, ".tar", in_shards(clips, _size, limit), write)
    return shards


def _members(clip: Clip) -> dict[str, bytes]:
    fields = json.dumps(clip.fields, ensure_ascii=False, allow_nan=False).encode()
    return {f"{clip.clip_id}.flac": clip.flac, f"{clip.clip_id}.json": fields}


def _size(clip: Clip) -> int:
    """Return the bytes of a clip's entries: a block of header each, and contents filled up to whole blocks."""
    return sum(_BLOCK + -(-len(content) // _BLOCK) * _BLOCK for content in _members(clip).values())
