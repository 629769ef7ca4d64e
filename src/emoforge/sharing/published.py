"""The one reader of a published set: its rows as a manifest, its FLAC bytes by clip_id, how it was made."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emoforge.base.audio import decode
from emoforge.base.errors import EmoforgeError, ManifestError, unknown_value
from emoforge.base.outputs import read_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import AUDIO_TYPE, ShardReader
from emoforge.sharing.formats.shards import SPLIT_NAMES, Audio

_SHARD = re.compile(r"(?P<name>.+)-(?P<index>\d{5})-of-(?P<total>\d{5})\.parquet")

PROVENANCE = "provenance.json"

#: Splits by the names that published files have.
_SPLITS = {published: split for split, published in SPLIT_NAMES.items()}


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


class ClipSet:
    """Clips with everything that is known about them; :func:`open_set` returns one.

    Its length is the number of clips. It is iterated, and indexed by number, clip by clip: each a dict of its fields
    (the columns of :attr:`table`), of ``signal``, (n_samples,) float32 in [-1, 1], and ``sampling_rate`` in Hz. Audio
    is read and decoded when a clip is asked for, so a set may be larger than memory.

    Attributes:
        table: one row per clip as Arrow, sorted by clip_id, without audio; the columns are those of
            :data:`emoforge.dataset.manifest.SCHEMA`.
        provenance: how the set was made: corpora, licences, parameters.
    """

    def __init__(self, published: PublishedSet) -> None:
        self._published = published
        self.table = published.table
        self.provenance = published.provenance

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int) -> dict:
        if not -len(self) <= index < len(self):
            raise IndexError(f"clip {index} of a set of {len(self)}")
        (fields,) = self.table.slice(index % len(self), 1).to_pylist(maps_as_pydicts="strict")
        signal, sampling_rate = self.read(fields["clip_id"])
        return fields | {"signal": signal, "sampling_rate": sampling_rate}

    def __iter__(self) -> Iterator[dict]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"<{len(self)} clips of {len(pc.unique(self.table.column('speaker')))} speakers>"

    def read(self, clip_id: str) -> tuple[np.ndarray, int]:
        """Return a clip's signal, (n_samples,) float32 in [-1, 1], and its sampling rate in Hz.

        Raises:
            EmoforgeError: the set has no such clip.
        """
        try:
            return decode(self._published.audio(clip_id))
        except KeyError:
            raise EmoforgeError(f"unknown clip_id {clip_id!r}; the column clip_id of the table holds them") from None

    def filter(self, **wanted: object) -> "ClipSet":
        """Return the clips whose columns have the *wanted* values.

        Args:
            wanted: column → value, or a list of them: ``filter(split="train", emotion=["anger", "fear"])``. The split
                ``"validation"`` is the same as ``"val"``.

        Raises:
            EmoforgeError: there is no such column.
        """
        table = self.table
        for name, value in wanted.items():
            if name not in table.schema.names:
                raise EmoforgeError(unknown_value("column", name, table.schema.names))
            values: list[Any] = list(value) if isinstance(value, list | tuple | set) else [value]
            if name == "split":
                values = [_SPLITS.get(str(split), split) for split in values]
            try:
                allowed = pa.array(values, table.schema.field(name).type)
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise EmoforgeError(f"column {name!r}: {_first_line(error)}") from None
            table = table.filter(pc.is_in(table.column(name), value_set=allowed))
        return ClipSet(PublishedSet(table, self._published.audio, self.provenance))

    def with_audio(self) -> pa.Table:
        """Return :attr:`table` with a column ``audio`` of FLAC files, (bytes, path), all of them in memory."""
        clip_ids = self.table.column("clip_id").to_pylist()
        files = [{"bytes": self._published.audio(clip_id), "path": f"{clip_id}.flac"} for clip_id in clip_ids]
        return self.table.append_column("audio", pa.array(files, AUDIO_TYPE))


def open_set(folder: str | os.PathLike) -> ClipSet:
    """Return the clips of a published set.

    Args:
        folder: what `emoforge publish` wrote, such as ``"data/publish"``.

    Raises:
        ManifestError: there is no published set in the folder, or it is not whole.

    Examples:
        A set of one clip, written as `emoforge publish` writes it:

        >>> import tempfile
        >>> import numpy as np
        >>> from emoforge.base.audio import encode_flac
        >>> from emoforge.base.outputs import write_json
        >>> from emoforge.dataset import manifest
        >>> from emoforge.sharing.formats.hub import write_parquet
        >>> folder = tempfile.mkdtemp()
        >>> row = {"clip_id": "a", "corpus": "mine", "speaker": "mine-anna", "gender": "female", "emotion": "anger"}
        >>> row |= {"origin": "converted", "split": "train", "enrolment": False, "licence": "CC0-1.0", "keep": True}
        >>> row |= {"duration_s": 0.5, "sampling_rate": 16000, "audio_sha256": "0"}
        >>> flac = encode_flac(np.zeros(8000, dtype=np.float32), 16000)
        >>> written = write_parquet(manifest.from_rows([row]), lambda clip_id: flac, folder, shard_bytes=10**6)
        >>> write_json(f"{folder}/provenance.json", {})

        Read as you read your own:

        >>> import emoforge
        >>> clips = emoforge.open_set(folder)
        >>> for clip in clips.filter(split="train", emotion="anger"):
        ...     print(clip["speaker"], clip["signal"].shape, clip["sampling_rate"])
        mine-anna (8000,) 16000
        >>> clips.table.num_rows
        1
    """
    return ClipSet(read_published(folder))


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
