"""Functionals, embeddings and frame tracks on disk: Parquet tables keyed by clip_id."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emoforge.base.errors import ManifestError
from emoforge.base.outputs import written_aside
from emoforge.dataset.clips import ShardReader
from emoforge.dataset.manifest import read_schema, read_table
from emoforge.project.layout import Layout
from emoforge.prosody.tracks import Tracks

_TRACKS_SCHEMA = pa.schema(
    [
        pa.field("clip_id", pa.string(), nullable=False),
        pa.field("hop_s", pa.float64()),
        pa.field("sampling_rate", pa.int32()),
        pa.field("f0_hz", pa.list_(pa.float32())),
        pa.field("energy_db", pa.list_(pa.float32())),
        pa.field("envelope_db", pa.list_(pa.float32())),
        pa.field("aperiodicity_db", pa.list_(pa.float32())),
    ]
)
_ROW_GROUP_CLIPS = 16


def write_functionals(
    path: str | os.PathLike, clip_ids: Sequence[str], features: np.ndarray, names: Sequence[str]
) -> None:
    """Write *features* (n_clips, n_functionals) float32, sorted by clip_id, with their *names* in the metadata."""
    order = np.argsort(np.asarray(clip_ids, dtype=str))
    flat = pa.array(np.ascontiguousarray(features[order], dtype=np.float32).reshape(-1))
    table = pa.table(
        {
            "clip_id": pa.array([clip_ids[index] for index in order], pa.string()),
            "functionals": pa.FixedSizeListArray.from_arrays(flat, len(names)),
        }
    ).replace_schema_metadata({"names": json.dumps(list(names))})
    with written_aside(path) as aside:
        pq.write_table(table, aside, compression="zstd")


class Functionals:
    """Functionals of many clips, looked up by clip_id.

    Args:
        paths: tables written by :func:`write_functionals`, with the same functionals in the same order.

    Raises:
        ManifestError: a table is missing, or two tables hold different functionals.
    """

    def __init__(self, *paths: str | os.PathLike) -> None:
        self.names: tuple[str, ...] = ()
        rows: list[np.ndarray] = []
        self._index: dict[str, int] = {}
        for path in paths:
            table = read_table(path)
            names = tuple(json.loads(table.schema.metadata[b"names"]))
            if self.names and names != self.names:
                raise ManifestError(f"{path}: other functionals than in {paths[0]}; run `dvc repro` again")
            self.names = names
            for clip_id in table.column("clip_id").to_pylist():
                self._index[clip_id] = len(self._index)
            values = table.column("functionals").combine_chunks().values
            rows.append(values.to_numpy(zero_copy_only=False).reshape(-1, len(names)))
        self._values = np.concatenate(rows)

    def __call__(self, clip_ids: Sequence[str]) -> np.ndarray:
        """Return (n_clips, n_functionals) float32 for *clip_ids*, in their order.

        Raises:
            ManifestError: a clip has no functionals.
        """
        try:
            return self._values[[self._index[clip_id] for clip_id in clip_ids]]
        except KeyError as error:
            raise ManifestError(f"clip {error.args[0]} has no functionals; run `dvc repro` again") from None


def write_embeddings(
    path: str | os.PathLike, clip_ids: Sequence[str], embeddings: np.ndarray, *, encoder: str, sha256: str
) -> None:
    """Write *embeddings* (n_clips, n_layers, n_values) float32, sorted by clip_id.

    Args:
        path: of the table.
        clip_ids: (n_clips,).
        embeddings: in their order.
        encoder: name of the encoder that made them.
        sha256: of its weights.
    """
    order = np.argsort(np.asarray(clip_ids, dtype=str))
    shape = embeddings.shape[1:]
    flat = pa.array(np.ascontiguousarray(embeddings[order], dtype=np.float32).reshape(-1))
    table = pa.table(
        {
            "clip_id": pa.array([clip_ids[index] for index in order], pa.string()),
            "embedding": pa.FixedSizeListArray.from_arrays(flat, int(np.prod(shape))),
        }
    ).replace_schema_metadata({"encoder": encoder, "sha256": sha256, "shape": json.dumps(list(shape))})
    with written_aside(path) as aside:
        pq.write_table(table, aside, compression="zstd")


def write_no_embeddings(path: str | os.PathLike) -> None:
    """Write a table that says that there is no encoder."""
    write_embeddings(path, [], np.zeros((0, 1, 1)), encoder="", sha256="")


def encoder_of(path: str | os.PathLike) -> tuple[str, str] | None:
    """Return name and SHA-256 of the encoder that made the embeddings at *path*; None where it says there is none.

    Raises:
        ManifestError: the table is missing or holds no embeddings.
    """
    name, sha256, _ = _made_by(path, read_schema(path))
    return (name, sha256) if name else None


def encoder_of_run(source: str, layout: Layout) -> tuple[str, str] | None:
    """Return the encoder that the run's stage `embed` worked with, as :func:`encoder_of` does.

    Args:
        source: of params.yaml; where it is empty the run needs no such stage.
        layout: of the run.

    Raises:
        ManifestError: the stage has not run.
    """
    return encoder_of(layout.embeddings("embed")) if source else None


class Embeddings:
    """Embeddings of many clips by one encoder, looked up by clip_id.

    Attributes:
        encoder: name of the encoder; empty where there was none, and then there is no clip either.
        sha256: of its weights.

    Args:
        paths: tables written by :func:`write_embeddings`, at least one.

    Raises:
        ManifestError: a table is missing or holds no embeddings, or two tables are of different encoders.
    """

    def __init__(self, *paths: str | os.PathLike) -> None:
        self._index: dict[str, int] = {}
        made_by = []
        rows: list[np.ndarray] = []
        for path in paths:
            table = read_table(path)
            made_by.append(_made_by(path, table.schema))
            if made_by[-1] != made_by[0]:
                raise ManifestError(
                    f"{path}: embeddings by {_encoder(*made_by[-1])}, those in {paths[0]} by {_encoder(*made_by[0])}; "
                    "run `dvc repro` again"
                )
            for clip_id in table.column("clip_id").to_pylist():
                self._index[clip_id] = len(self._index)
            values = table.column("embedding").combine_chunks().values
            rows.append(values.to_numpy(zero_copy_only=False).reshape(-1, *json.loads(made_by[0][2])))
        self.encoder, self.sha256, _ = made_by[0]
        self._values = np.concatenate(rows)

    def __call__(self, clip_ids: Sequence[str]) -> np.ndarray:
        """Return (n_clips, n_layers, n_values) float32 for *clip_ids*, in their order.

        Raises:
            ManifestError: a clip has no embedding.
        """
        try:
            return self._values[[self._index[clip_id] for clip_id in clip_ids]]
        except KeyError as error:
            raise ManifestError(f"clip {error.args[0]} has no embedding; run `dvc repro` again") from None


def _made_by(path: str | os.PathLike, schema: pa.Schema) -> tuple[str, str, str]:
    """Return name and SHA-256 of the encoder, and the shape of an embedding."""
    metadata = schema.metadata or {}
    if b"encoder" not in metadata:
        raise ManifestError(f"{path}: not a table of embeddings; run `dvc repro` again")
    return metadata[b"encoder"].decode(), metadata[b"sha256"].decode(), metadata[b"shape"].decode()


def _encoder(name: str, sha256: str, shape: str) -> str:
    return f"{name} ({sha256[:12]}, layers and values {shape})" if name else "no encoder"


def write_tracks(path: str | os.PathLike, tracks: Iterable[tuple[str, Tracks]]) -> None:
    """Write pairs of clip_id and tracks as one shard."""
    rows = [
        {
            "clip_id": clip_id,
            "hop_s": track.hop_s,
            "sampling_rate": track.sampling_rate,
            "f0_hz": track.f0_hz,
            "energy_db": track.energy_db,
            "envelope_db": track.envelope_db.ravel(),
            "aperiodicity_db": track.aperiodicity_db.ravel(),
        }
        for clip_id, track in tracks
    ]
    with written_aside(path) as aside:
        pq.write_table(
            pa.Table.from_pylist(rows, schema=_TRACKS_SCHEMA),
            aside,
            compression="zstd",
            row_group_size=_ROW_GROUP_CLIPS,
        )


class TrackStore:
    """Read access to the tracks shards of a folder, by clip_id."""

    def __init__(self, folder: str | os.PathLike) -> None:
        self._rows = ShardReader(sorted(Path(folder).glob("tracks-*.parquet")), content="tracks")

    def __getitem__(self, clip_id: str) -> Tracks:
        if clip_id not in self._rows:
            raise ManifestError(f"clip {clip_id} has no tracks; run `dvc repro` again")
        row = self._rows[clip_id]

        def values(name: str) -> np.ndarray:
            return row[name].values.to_numpy(zero_copy_only=False).astype(np.float32)

        f0_hz = values("f0_hz")
        return Tracks(
            hop_s=row["hop_s"].as_py(),
            sampling_rate=row["sampling_rate"].as_py(),
            f0_hz=f0_hz,
            energy_db=values("energy_db"),
            envelope_db=values("envelope_db").reshape(len(f0_hz), -1),
            aperiodicity_db=values("aperiodicity_db").reshape(len(f0_hz), -1),
        )
