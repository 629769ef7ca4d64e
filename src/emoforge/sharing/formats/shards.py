"""What every format is written from: the clips of a set, split by split, with all their fields and their FLAC bytes."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.dataset.labels import SPLITS

#: What files and folders of published sets call the splits, as the Hub does.
SPLIT_NAMES = dict(zip(SPLITS, ("train", "validation", "test"), strict=True))

#: Returns the FLAC bytes of a clip_id.
Audio = Callable[[str], bytes]

_ROWS_AT_ONCE = 1000


class Clip(NamedTuple):
    """One clip.

    Attributes:
        fields: of its manifest row; a map is a dict, and what has no value is None.
        flac: its FLAC file.
    """

    fields: dict
    flac: bytes

    @property
    def clip_id(self) -> str:
        return self.fields["clip_id"]


def publishable(table: pa.Table) -> pa.Table:
    """Return the kept clips of *table*; a number that does not exist is null, which every format can say, never NaN.

    Raises:
        EmoforgeError: no clip was kept, or a split is unknown.
    """
    for split in pc.unique(table.column("split")).to_pylist():
        if split not in SPLIT_NAMES:
            raise EmoforgeError(unknown_value("split", split, SPLIT_NAMES))
    kept = table.filter(pc.equal(table.column("keep"), True))
    if not len(kept):
        raise EmoforgeError("no clip was kept, so there is nothing to publish; loosen the thresholds of `select`")
    for index, field in enumerate(kept.schema):
        if pa.types.is_floating(field.type):
            column = kept.column(index)
            numbers = pc.if_else(pc.is_nan(column), pa.scalar(None, field.type), column)
            kept = kept.set_column(index, field, numbers)
    return kept.sort_by("clip_id")


def by_split(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield the published name of each split that has clips, and its clips sorted by clip_id."""
    for split, name in SPLIT_NAMES.items():
        rows = table.filter(pc.equal(table.column("split"), split))
        if len(rows):
            yield name, rows.sort_by("clip_id")


def stream(rows: pa.Table, audio: Audio, *, description: str) -> Iterator[Clip]:
    """Yield the clips of *rows* in order, with a progress bar."""
    from tqdm import tqdm

    with tqdm(total=len(rows), desc=description, unit="clip", disable=None) as bar:
        for batch in rows.to_batches(max_chunksize=_ROWS_AT_ONCE):
            for fields in batch.to_pylist(maps_as_pydicts="strict"):
                yield Clip({name: _sorted(value) for name, value in fields.items()}, audio(fields["clip_id"]))
                bar.update()


def _sorted(value: object) -> object:
    # Equal maps may list their keys in another order.
    return dict(sorted(value.items())) if isinstance(value, dict) else value


def in_shards(clips: Iterable[Clip], size: Callable[[Clip], int], limit: int) -> Iterator[Iterator[Clip]]:
    """Yield the clips of one shard after the other, each as large as *limit* allows, one clip at least.

    A shard has to be consumed before the next one is asked for.

    Args:
        clips: of one split.
        size: bytes that a clip takes in a shard.
        limit: bytes in a shard at most.
    """

    def numbered() -> Iterator[tuple[int, Clip]]:
        index = filled = 0
        for clip in clips:
            n_bytes = size(clip)
            if filled and filled + n_bytes > limit:
                index, filled = index + 1, 0
            filled += n_bytes
            yield index, clip

    for _, group in itertools.groupby(numbered(), key=itemgetter(0)):
        yield (clip for _, clip in group)


def write_series(
    folder: Path,
    name: str,
    suffix: str,
    shards: Iterable[Iterator[Clip]],
    write: Callable[[Path, Iterator[Clip]], None],
) -> list[Path]:
    """Write *shards* as ``<name>-00000-of-00002<suffix>`` and so on, and return the files in order."""
    folder.mkdir(parents=True, exist_ok=True)
    unnamed: list[Path] = []
    for index, shard in enumerate(shards):
        unnamed.append(folder / f".{name}-{index:05d}.partial")
        write(unnamed[-1], shard)
    files = [folder / f"{name}-{index:05d}-of-{len(unnamed):05d}{suffix}" for index in range(len(unnamed))]
    for path, file in zip(unnamed, files, strict=True):
        path.replace(file)
    return files


def write_flac_files(clips: Iterable[Clip], folder: Path, place: str) -> Iterator[tuple[dict, str]]:
    """Write every clip as a FLAC file below ``folder/place``; yield its fields and its path relative to *folder*."""
    (folder / place).mkdir(parents=True, exist_ok=True)
    for clip in clips:
        path = f"{place}/{clip.clip_id}.flac"
        (folder / path).write_bytes(clip.flac)
        yield clip.fields, path


def map_keys(table: pa.Table, column: str) -> Sequence[str]:
    """Return the keys that the map *column* of *table* holds, sorted."""
    entries = (entry for entry in table.column(column).to_pylist() if entry)
    return sorted({key for entry in entries for key, _ in entry})
