"""Listen to every recording of a corpus once, on several cores: is it usable, and is it the same as another?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emoforge.base.batch import chunked, map_chunks
from emoforge.corpora.recording import Recording
from emoforge.dataset.fingerprint import SAME_RECORDING, candidate_pairs, waveform_similarity
from emoforge.dataset.intake import Measured, measure, take_in

_CHUNK = 128
_CHUNK_PAIRS = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """How recordings are taken in, and which are usable.

    Attributes:
        sampling_rate: of the clips, in Hz.
        trim_db: outer silence is what lies this far below the loud frames.
        min_duration_s: shorter clips are not usable.
        max_duration_s: longer clips are not usable.
    """

    sampling_rate: int
    trim_db: float
    min_duration_s: float
    max_duration_s: float


@dataclass(frozen=True, slots=True)
class MeasuredRecording:
    """A recording and what was found out about it."""

    recording: Recording
    found: Measured


@dataclass(frozen=True, slots=True)
class SameRecording:
    """Two recordings of a corpus that hold the same sound, at another level or cut or encoded differently perhaps."""

    first: Recording
    second: Recording


@dataclass(frozen=True, slots=True)
class _MeasureChunk:
    recordings: Sequence[Recording]
    limits: Limits


@dataclass(frozen=True, slots=True)
class _CompareChunk:
    pairs: Sequence[SameRecording]
    limits: Limits


def measure_all(
    recordings: Sequence[Recording], limits: Limits, *, workers: int | None = None, description: str
) -> list[MeasuredRecording]:
    """Return what each of *recordings* holds, fingerprint included, in their order.

    Args:
        recordings: of one corpus.
        limits: how they are taken in.
        workers: number of processes; 0 or None means one for every core.
        description: what stands before the progress bar.
    """
    chunks = [_MeasureChunk(chunk, limits) for chunk in chunked(recordings, _CHUNK)]
    results = map_chunks(
        _measure_chunk,
        chunks,
        workers=workers,
        description=description,
        unit="clip",
        sizes=[len(chunk.recordings) for chunk in chunks],
    )
    return [measured for chunk in results for measured in chunk]


def equal_audio(measured: Sequence[MeasuredRecording]) -> list[list[MeasuredRecording]]:
    """Return the usable ones of *measured* in groups of equal samples, in their order; most groups hold one."""
    groups: dict[str, list[MeasuredRecording]] = {}
    for item in measured:
        if not item.found.reason:
            groups.setdefault(item.found.sha256, []).append(item)
    return list(groups.values())


def same_recordings(
    measured: Sequence[MeasuredRecording],
    limits: Limits,
    *,
    across_speakers: bool = False,
    workers: int | None = None,
    description: str,
) -> list[SameRecording]:
    """Return the pairs of *measured* that are one recording (:data:`emoforge.dataset.fingerprint.SAME_RECORDING`).

    Args:
        measured: usable recordings, no two of them with equal samples.
        limits: with which they were measured.
        across_speakers: look for pairs of two speakers only.
        workers: number of processes; 0 or None means one for every core.
        description: what stands before the progress bar.
    """
    recordings = [item.recording for item in measured]
    pairs = [
        SameRecording(recordings[first], recordings[second])
        for first, second in candidate_pairs([item.found.words for item in measured])
        if not across_speakers or recordings[first].speaker != recordings[second].speaker
    ]
    if not pairs:
        return []
    chunks = [_CompareChunk(chunk, limits) for chunk in chunked(pairs, _CHUNK_PAIRS)]
    results = map_chunks(
        _compare_chunk,
        chunks,
        workers=workers,
        description=description,
        unit="pair",
        sizes=[len(chunk.pairs) for chunk in chunks],
    )
    return [pair for chunk in results for pair in chunk]


def measure_recording(recording: Recording, limits: Limits, *, fingerprinted: bool = False) -> Measured:
    """Return what *recording* holds, see :func:`emoforge.dataset.intake.measure`."""
    return measure(
        recording.path,
        **_source(recording, limits),
        min_duration_s=limits.min_duration_s,
        max_duration_s=limits.max_duration_s,
        fingerprinted=fingerprinted,
    )


def signal_of(recording: Recording, limits: Limits) -> np.ndarray:
    """Return the samples that *recording* was measured by, see :func:`emoforge.dataset.intake.take_in`."""
    return take_in(recording.path, **_source(recording, limits))


def _source(recording: Recording, limits: Limits) -> dict[str, Any]:
    """Return which part of the file is meant and how it is taken in: every pass over it sees the same samples."""
    return {
        "start_s": recording.start_s,
        "end_s": recording.end_s,
        "sampling_rate": limits.sampling_rate,
        "trim_db": limits.trim_db,
    }


def _measure_chunk(job: _MeasureChunk) -> list[MeasuredRecording]:
    return [
        MeasuredRecording(recording, measure_recording(recording, job.limits, fingerprinted=True))
        for recording in job.recordings
    ]


def _compare_chunk(job: _CompareChunk) -> list[SameRecording]:
    return [pair for pair in job.pairs if _similarity(pair, job.limits) >= SAME_RECORDING]


def _similarity(pair: SameRecording, limits: Limits) -> float:
    return waveform_similarity(signal_of(pair.first, limits), signal_of(pair.second, limits))
