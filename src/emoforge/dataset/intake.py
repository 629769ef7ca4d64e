"""How a recording becomes a clip: decoded, mixed down, resampled, trimmed, measured, the same for everyone who asks.

Level is the last step and needs more than one clip: see :func:`emoforge.dataset.levels.level_gain`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from emoforge.base.audio import cancels, decode, pcm_sha256, resample, resample_blocks
from emoforge.base.errors import AudioError
from emoforge.dataset.fingerprint import fingerprint
from emoforge.dataset.levels import active_level_db, trim_silence
from emoforge.dataset.manifest import make_clip_id

#: Level below which a clip counts as silent, in dB re full scale.
SILENT_DB = -80.0


class Recorded(Protocol):
    """A recording of any length, read in parts: :class:`emoforge.base.audio.AudioFile` is one.

    Attributes:
        sampling_rate: in Hz.
        n_channels: number of channels.
    """

    sampling_rate: int
    n_channels: int

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield all of it, part by part, (n_samples, n_channels) float32."""
        ...


@dataclass(frozen=True)
class Heard:
    """All of a recording as mono.

    Attributes:
        signal: (n,) float32 at the rate that was asked for, at the recording's own level.
        n_samples: length of the recording at its own rate.
        peak: largest absolute sample of the recording.
    """

    signal: np.ndarray
    n_samples: int
    peak: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a recording before its gain is decided.

    Attributes:
        reason: why it cannot be used; empty for a usable one, and only then the rest is set.
        sha256: checksum of its trimmed samples.
        level_db: active level, in dB re full scale.
        peak: largest absolute sample.
        words: its fingerprint (:func:`emoforge.dataset.fingerprint.fingerprint`), where it was asked for.
    """

    reason: str = ""
    sha256: str = ""
    level_db: float = 0.0
    peak: float = 0.0
    words: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint32), compare=False, repr=False)


def take_in(
    path: str | os.PathLike,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    sampling_rate: int,
    trim_db: float,
) -> np.ndarray:
    """Return a recording, or a part of it, as mono (n_samples,) float32 at *sampling_rate* Hz without outer silence.

    Args:
        path: anything that libsndfile reads.
        start_s: where to begin, in seconds; the beginning when omitted.
        end_s: where to stop, in seconds; the end when omitted.
        sampling_rate: of the result, in Hz.
        trim_db: outer silence is what lies this far below the loud frames.

    Raises:
        AudioError: the file is missing, corrupt or empty.
    """
    signal, own_rate = decode(path, start_s=start_s, end_s=end_s)
    return trim_silence(resample(signal, own_rate, sampling_rate), sampling_rate, threshold_db=trim_db)


def listen(recording: Recorded, sampling_rate: int) -> Heard:
    """Return all of *recording* as mono at *sampling_rate* Hz, read block by block: once to measure, once to mix.

    It is mixed and resampled as :func:`take_in` does, and not trimmed.

    Raises:
        AudioError: it is empty, or cannot be decoded.
    """
    n_samples, peak, mix_energy = 0, 0.0, 0.0
    energy = np.zeros(recording.n_channels)
    for block in recording.blocks():
        n_samples += len(block)
        peak = max(peak, float(np.abs(block).max()))
        energy += np.sum(np.square(block, dtype=np.float64), axis=0)
        mix_energy += float(np.sum(np.square(block.mean(axis=1, dtype=np.float64))))
    if not n_samples:
        raise AudioError("empty: no samples to read")
    channel = int(energy.argmax()) if cancels(mix_energy, energy) else None
    mono = (
        block.mean(axis=1, dtype=np.float32) if channel is None else block[:, channel].copy()
        for block in recording.blocks()
    )
    signal = np.concatenate(list(resample_blocks(mono, recording.sampling_rate, sampling_rate)))
    return Heard(signal, n_samples, peak)


def audible_level_db(signal: np.ndarray, sampling_rate: int) -> float:
    """Return the active level of *signal* (n_samples,) float32 in dB re full scale.

    Raises:
        AudioError: it is silent.
    """
    level_db = active_level_db(signal, sampling_rate)
    if level_db < SILENT_DB:
        raise AudioError(f"silent: nothing above {SILENT_DB:g} dBFS")
    return level_db


def measure(
    path: str | os.PathLike,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    sampling_rate: int,
    trim_db: float,
    min_duration_s: float,
    max_duration_s: float,
    fingerprinted: bool = False,
) -> Measured:
    """Return what :func:`take_in` gives, measured, or why it gives nothing usable; nothing is raised.

    Args:
        path: this and all arguments up to *trim_db* are those of :func:`take_in`.
        start_s: where to begin.
        end_s: where to stop.
        sampling_rate: of the clip, in Hz.
        trim_db: what counts as outer silence.
        min_duration_s: shorter clips are not usable.
        max_duration_s: longer clips are not usable.
        fingerprinted: whether to take a fingerprint, which tells whether two clips are one recording.
    """
    try:
        signal = take_in(path, start_s=start_s, end_s=end_s, sampling_rate=sampling_rate, trim_db=trim_db)
        level_db = audible_level_db(signal, sampling_rate)
    except AudioError as error:
        return Measured(str(error))
    duration_s = len(signal) / sampling_rate
    if duration_s < min_duration_s:
        return Measured(f"too short: less than {min_duration_s:g} s without outer silence")
    if duration_s > max_duration_s:
        return Measured(f"too long: more than {max_duration_s:g} s without outer silence")
    measured = Measured("", pcm_sha256(signal, sampling_rate), level_db, float(np.abs(signal).max()))
    return replace(measured, words=fingerprint(signal, sampling_rate)) if fingerprinted else measured


def recorded_clip_id(corpus: str, speaker: str, stem: str, sha256: str) -> str:
    """Return the clip_id of a recording: the same on every machine for the same samples of the same corpus.

    Args:
        corpus: registry name.
        speaker: as the corpus names them.
        stem: of the recording's file.
        sha256: of the trimmed samples.
    """
    return make_clip_id(corpus, speaker, stem, sha256)
