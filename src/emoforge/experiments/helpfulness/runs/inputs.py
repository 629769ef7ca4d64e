"""All clips of a study as the processes read them that train on them: pool, functionals, audio."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from emoforge.dataset.clips import ClipStore
from emoforge.experiments.cache import Cache, Entry
from emoforge.experiments.helpfulness.clips.pool import Pool
from emoforge.project.examples import clip_inputs


@dataclass(frozen=True)
class Audio:
    """Where the audio of all clips lies.

    Attributes:
        recorded: folders of the shards of recorded and augmented clips.
        converted: likewise, of the conversions of every fitted converter by its number in the pool: two that differ
            in nothing but options name their clips alike.
        checksum: of what is in them.
    """

    recorded: tuple[Path, ...]
    converted: tuple[tuple[Path, ...], ...]
    checksum: str

    def folders(self, fitted: int) -> tuple[Path, ...]:
        """Return where the clips of a fitted converter lie; for -1, of those that no converter made."""
        return self.converted[fitted] if fitted >= 0 else self.recorded


@dataclass(frozen=True)
class ClipInputs:
    """What a recogniser of *kind* sees of the clips at rows of the pool, see :class:`emoforge.ser.recogniser.Examples`.

    Attributes:
        kind: of the recogniser.
        pool: all clips.
        functionals: (n_clips, n_features) of the pool.
        audio: of the clips, for the kinds that read it.
        encoder: source of the encoder, of the kinds that read one.
    """

    kind: str
    pool: Pool
    functionals: np.ndarray
    audio: Audio
    encoder: str = ""

    def __call__(self, rows: np.ndarray) -> np.ndarray | list:
        return clip_inputs(
            self.kind,
            cast("Sequence[int]", np.asarray(rows)),
            functionals=lambda asked: self.functionals[asked],
            read=lambda row: _store(self._folders(row), self.audio.checksum).read(str(self.pool.clip_ids[row])),
            frames=lambda row: _frames(*self._place(row)),
            embeddings=self._embeddings,
        )

    def _embeddings(self, rows: Sequence[int]) -> np.ndarray:
        if not len(rows):
            from emoforge.project.encoders import load_encoder

            encoder = load_encoder(self.encoder)
            return np.zeros((0, encoder.n_layers, 2 * encoder.width), dtype=np.float32)
        return np.stack([_embedding(self.encoder, *self._place(row)) for row in rows])

    def _place(self, row: int) -> tuple[tuple[Path, ...], str, str]:
        return self._folders(row), self.audio.checksum, str(self.pool.clip_ids[row])

    def _folders(self, row: int) -> tuple[Path, ...]:
        return self.audio.folders(int(self.pool.fitted[row]))


@lru_cache(maxsize=64)
def _store(folders: tuple[Path, ...], checksum: str) -> ClipStore:
    return ClipStore(*folders)


@lru_cache(maxsize=8192)
def _frames(folders: tuple[Path, ...], checksum: str, clip_id: str) -> np.ndarray:
    from emoforge.ser.logmel import logmel

    return logmel(*_store(folders, checksum).read(clip_id))


@lru_cache(maxsize=16384)
def _embedding(encoder: str, folders: tuple[Path, ...], checksum: str, clip_id: str) -> np.ndarray:
    from emoforge.project.encoders import load_encoder

    signal, sampling_rate = _store(folders, checksum).read(clip_id)
    return load_encoder(encoder).embed([signal], sampling_rate)[0]


def keep_pool(pool: Pool, functionals: np.ndarray, cache: Cache) -> Entry:
    """Keep pool and functionals for the processes that train on them, under their content."""
    columns = {field.name: np.asarray(getattr(pool, field.name)) for field in fields(Pool)} | {"inputs": functionals}
    checksum = hashlib.sha256()
    for name, values in columns.items():
        checksum.update(f"{name} {values.dtype} {values.shape}".encode() + np.ascontiguousarray(values).tobytes())
    entry = cache.entry("pools", key={"content": checksum.hexdigest()})
    if not entry.holds_arrays:
        entry.write_arrays(**columns)
    return entry


@lru_cache(maxsize=1)
def open_pool(entry: Entry) -> tuple[Pool, np.ndarray]:
    """Return what :func:`keep_pool` kept: pool and functionals (n_clips, n_features)."""
    columns: dict[str, Any] = dict(entry.arrays())
    functionals = columns.pop("inputs")
    columns["labels"], columns["neutral"] = tuple(columns["labels"].tolist()), int(columns["neutral"])
    return Pool(**columns), functionals
