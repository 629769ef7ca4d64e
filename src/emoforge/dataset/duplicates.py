"""Decode every clip of a set once, on several cores: is it what its manifest says, and what does it sound like?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emoforge.base.audio import decode, pcm_sha256, resample
from emoforge.base.batch import chunked, map_chunks
from emoforge.base.errors import AudioError, ManifestError
from emoforge.dataset.clips import ShardReader
from emoforge.dataset.fingerprint import candidate_pairs, fingerprint, waveform_similarity

_CHUNK_CLIPS = 256
_CHUNK_PAIRS = 64


@dataclass(frozen=True, slots=True)
class Scanned:
    """What is in a store under one clip_id.

    Attributes:
        clip_id: its id.
        sha256: checksum of its samples; empty where they cannot be read.
        problem: why they cannot be read; empty where they can.
        words: its fingerprint, (n_frames,) uint32.
    """

    clip_id: str
    sha256: str
    problem: str
    words: np.ndarray


def scan(shards: Sequence[Path], *, workers: int | None = None) -> list[Scanned]:
    """Return every clip that *shards* hold, in their order.

    Raises:
        ManifestError: a shard cannot be read.
    """
    chunks = [chunk for shard in shards for chunk in _row_groups(shard)]
    results = map_chunks(
        _scan_chunk,
        [(shard, groups) for shard, groups, _ in chunks],
        workers=workers,
        description="audit: listen",
        unit="clip",
        sizes=[n_clips for _, _, n_clips in chunks],
    )
    return [scanned for chunk in results for scanned in chunk]


def near_duplicates(
    scanned: Sequence[Scanned], shards: Sequence[Path], *, threshold: float, workers: int | None = None
) -> list[tuple[str, str, float]]:
    """Return the pairs of clips that are one recording, with how alike they are, sorted.

    Args:
        scanned: what :func:`scan` found, each audio once.
        shards: that hold the clips.
        threshold: lowest similarity (:func:`~emoforge.dataset.fingerprint.waveform_similarity`) of a pair.
        workers: number of processes; 0 or None means one for every core.
    """
    pairs = [
        (scanned[first].clip_id, scanned[second].clip_id)
        for first, second in candidate_pairs([clip.words for clip in scanned])
    ]
    chunks = chunked(pairs, _CHUNK_PAIRS)
    files = tuple((shard, shard.stat().st_ino, shard.stat().st_mtime_ns) for shard in shards)
    results = map_chunks(
        _compare_chunk,
        [(files, chunk) for chunk in chunks],
        workers=workers,
        description="audit: compare",
        unit="pair",
        sizes=[len(chunk) for chunk in chunks],
    )
    similarities = [similarity for chunk in results for similarity in chunk]
    return sorted(
        (min(pair), max(pair), similarity)
        for pair, similarity in zip(pairs, similarities, strict=True)
        if similarity >= threshold
    )


def connected(pairs: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the groups whose members *pairs* connect, directly or through other members, each sorted."""
    group_of: dict[str, set[str]] = {}
    for first, second in pairs:
        merged = group_of.get(first, {first}) | group_of.get(second, {second})
        for name in merged:
            group_of[name] = merged
    return sorted({tuple(sorted(group)) for group in group_of.values()})


def _row_groups(shard: Path) -> list[tuple[Path, list[int], int]]:
    """Return *shard* cut into runs of row groups, each with its number of clips."""
    try:
        metadata = pq.read_metadata(shard)
    except (pa.ArrowInvalid, OSError) as error:
        raise ManifestError(f"{shard}: not a shard of clips ({str(error).splitlines()[0]}); pull it again") from None
    runs: list[tuple[Path, list[int], int]] = []
    groups: list[int] = []
    n_clips = 0
    for group in range(metadata.num_row_groups):
        groups.append(group)
        n_clips += metadata.row_group(group).num_rows
        if n_clips >= _CHUNK_CLIPS or group == metadata.num_row_groups - 1:
            runs.append((shard, groups, n_clips))
            groups, n_clips = [], 0
    return runs


def _scan_chunk(work: tuple[Path, Sequence[int]]) -> list[Scanned]:
    shard, groups = work
    try:
        with pq.ParquetFile(shard) as file:
            table = file.read_row_groups(groups, columns=["clip_id", "audio"])
            return [_scan_clip(row["clip_id"], row["audio"]["bytes"]) for row in table.to_pylist()]
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        raise ManifestError(f"{shard}: not a shard of clips ({str(error).splitlines()[0]}); pull it again") from None


def _scan_clip(clip_id: str, flac: bytes | None) -> Scanned:
    try:
        signal, sampling_rate = decode(flac or b"")
    except AudioError as error:
        return Scanned(clip_id, "", str(error), np.empty(0, np.uint32))
    return Scanned(clip_id, pcm_sha256(signal, sampling_rate), "", fingerprint(signal, sampling_rate))


@lru_cache(maxsize=1)
def _reader(files: tuple[tuple[Path, int, int], ...]) -> ShardReader:
    """Return a reader of *files* (path, inode, time of change); a worker indexes them once."""
    return ShardReader([path for path, *_ in files], content="clips", columns=["audio"])


def _compare_chunk(work: tuple[tuple[tuple[Path, int, int], ...], Sequence[tuple[str, str]]]) -> list[float]:
    files, pairs = work
    return [_similarity(_reader(files), first, second) for first, second in pairs]


def _similarity(reader: ShardReader, first: str, second: str) -> float:
    (left, left_rate), (right, right_rate) = (
        decode(reader[name]["audio"]["bytes"].as_py()) for name in (first, second)
    )
    rate = min(left_rate, right_rate)
    return waveform_similarity(resample(left, left_rate, rate), resample(right, right_rate, rate))
