"""The clip store: FLAC bytes in Parquet shards, with random access by clip_id.

A few large files travel through DVC about a hundred times faster than one file per clip. The audio column has the
layout of Hugging Face's Audio feature (bytes and path), so a shard is readable there as it is.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emoforge.base.audio import decode, encode_flac
from emoforge.base.errors import ManifestError
from emoforge.base.outputs import written_aside

AUDIO_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SHARD_SCHEMA = pa.schema([pa.field("clip_id", pa.string(), nullable=False), pa.field("audio", AUDIO_TYPE)])

#: Clips read together: small enough for cheap random access, large enough for sequential speed.
_ROW_GROUP_CLIPS = 16


def shard_path(folder: str | os.PathLike, index: int) -> Path:
    """Return where shard number *index* of the store in *folder* lies."""
    return Path(folder) / f"clips-{index:05d}.parquet"


def write_shard(path: str | os.PathLike, clips: Iterable[tuple[str, np.ndarray]], *, sampling_rate: int) -> None:
    """Write *clips*, pairs of clip_id and signal (n_samples,), as one shard; the file appears when it is whole."""
    rows = [
        {"clip_id": clip_id, "audio": {"bytes": encode_flac(signal, sampling_rate), "path": f"{clip_id}.flac"}}
        for clip_id, signal in clips
    ]
    with written_aside(path) as aside:
        # FLAC is compressed already; another pass costs time and saves nothing.
        pq.write_table(
            pa.Table.from_pylist(rows, schema=SHARD_SCHEMA), aside, compression="none", row_group_size=_ROW_GROUP_CLIPS
        )


class ShardReader:
    """Rows of Parquet shards by their column ``clip_id``; row groups that were read last stay in memory.

    Args:
        shards: files to read; a clip that is in two of them is read from the first.
        content: what the shards hold, for error lines.
        columns: what to read of them; None for all.

    Raises:
        ManifestError: a shard cannot be read.
    """

    def __init__(self, shards: Iterable[Path], *, content: str, columns: Sequence[str] | None = None) -> None:
        self._where: dict[str, tuple[Path, int, int]] = {}
        self._row_group = lru_cache(maxsize=8)(partial(_read_row_group, columns=columns))
        for shard in shards:
            try:
                self._index(shard)
            except (pa.ArrowInvalid, KeyError, OSError) as error:
                raise ManifestError(
                    f"{shard}: not a shard of {content} ({error}); run the stage that writes it again"
                ) from None

    def _index(self, shard: Path) -> None:
        with pq.ParquetFile(shard) as file:
            for group in range(file.num_row_groups):
                ids = file.read_row_group(group, columns=["clip_id"]).column("clip_id").to_pylist()
                for row, clip_id in enumerate(ids):
                    self._where.setdefault(clip_id, (shard, group, row))

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._where

    def __getitem__(self, clip_id: str) -> dict[str, pa.Scalar]:
        """Return the columns of a clip; KeyError where the shards have no such clip."""
        shard, group, row = self._where[clip_id]
        table = self._row_group(shard, group)
        return {name: table.column(name)[row] for name in table.column_names}

    def in_order(self, clip_ids: Iterable[str]) -> list[str]:
        """Return *clip_ids* in the order of the shards, missing ones first."""
        return sorted(clip_ids, key=lambda clip_id: self._where.get(clip_id, (Path(), -1, -1)))


def _read_row_group(shard: Path, group: int, *, columns: Sequence[str] | None) -> pa.Table:
    with pq.ParquetFile(shard) as file:
        return file.read_row_group(group, columns=columns)


class ClipStore:
    """Read access to the shards of one or several folders.

    Args:
        folders: folders that hold ``clips-*.parquet``; a clip that is in two of them is read from the first.

    Raises:
        ManifestError: a folder holds no shards, or one that cannot be read.
    """

    def __init__(self, *folders: str | os.PathLike) -> None:
        self._rows = ShardReader(_shards(folders), content="clips", columns=["audio"])

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._rows

    def flac(self, clip_id: str) -> bytes:
        """Return the FLAC bytes of a clip.

        Raises:
            ManifestError: the store has no such clip.
        """
        if clip_id not in self._rows:
            raise ManifestError(f"clip {clip_id} is not in the store; the manifest and the clips are from two runs")
        return self._rows[clip_id]["audio"]["bytes"].as_py()

    def read(self, clip_id: str) -> tuple[np.ndarray, int]:
        """Return a clip's signal (n_samples,) float32 and its sampling rate in Hz."""
        return decode(self.flac(clip_id))

    def in_order(self, clip_ids: Iterable[str]) -> list[str]:
        """Return *clip_ids* in the order in which the shards hold them, missing ones first."""
        return self._rows.in_order(clip_ids)

    def stream(self, clip_ids: Sequence[str]) -> Iterator[tuple[str, np.ndarray, int]]:
        """Yield clip_id, signal and sampling rate for every id, in the order in which the shards hold them."""
        for clip_id in self.in_order(clip_ids):
            yield clip_id, *self.read(clip_id)


def open_clips(folder: str | os.PathLike) -> ClipStore:
    """Return the store in *folder*; one that this process opened before is reused while its files are the same.

    Chunks of work ask for their store here, so that a worker indexes it once and not with every chunk.

    Raises:
        ManifestError: as :class:`ClipStore`.
    """
    folder = Path(folder).absolute()
    stats = [(shard, shard.stat()) for shard in _shards([folder])]
    # A shard is written aside and renamed: a new one is another file, however quickly it follows the old one.
    files = tuple((shard.name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for shard, stat in stats)
    return _open_clips(folder, files)


@lru_cache(maxsize=4)
def _open_clips(folder: Path, files: tuple[tuple[str, int, int, int], ...]) -> ClipStore:
    return ClipStore(folder)


def _shards(folders: Iterable[str | os.PathLike]) -> list[Path]:
    shards: list[Path] = []
    for folder in folders:
        found = sorted(Path(folder).glob("clips-*.parquet"))
        if not found:
            raise ManifestError(f"{folder}: no clips here; run the stage that writes them (`dvc repro`)")
        shards += found
    return shards
