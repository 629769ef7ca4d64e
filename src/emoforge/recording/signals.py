"""What is accepted as a recording, an array or a file: one set of limits, one line for whatever lies outside them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from numbers import Real

import numpy as np

from emoforge.base.audio import AudioFile
from emoforge.base.errors import AudioError

#: Rate, in Hz, at which recordings are analysed, whatever their own.
ANALYSIS_RATE = 16000
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8000, 384000
SHORTEST_S, LONGEST_S = 0.02, 600.0
MOST_CHANNELS = 16
#: A float recording may exceed full scale, but not by 40 dB: then its samples are integers that were only cast.
LARGEST_SAMPLE = 100.0

_BLOCK = 1 << 18


class ArrayRecording:
    """A signal in memory, read as :class:`emoforge.base.audio.AudioFile` reads a file.

    Args:
        signal: (n_samples,) or (n_samples, n_channels), real floating point, in [-1, 1].
        sampling_rate: a whole number of Hz, 8000 to 384000.

    Attributes:
        sampling_rate: in Hz.
        n_samples: length of each channel.
        n_channels: number of channels.
        n_dimensions: of the signal, 1 or 2.

    Raises:
        AudioError: the signal is empty, no array of floating point numbers, shorter than 20 ms or longer than ten
            minutes, has its axes swapped, more than 16 channels or samples that are not finite or far outside [-1, 1];
            or the sampling rate is not a whole number of Hz in its range.
    """

    def __init__(self, signal: np.ndarray, sampling_rate: int) -> None:
        array = np.asarray(signal)
        self.sampling_rate = _rate(sampling_rate)
        self.n_dimensions = array.ndim
        _check_type(array)
        if not array.size:
            raise AudioError("empty: no samples to read")
        if array.ndim == 2 and array.shape[0] < array.shape[1]:
            raise AudioError(
                f"a signal of shape {array.shape} has more channels than samples; "
                "pass (n_samples, n_channels), which is signal.T"
            )
        self._samples = array.reshape(len(array), -1).astype(np.float32, copy=False)
        self.n_samples, self.n_channels = self._samples.shape
        check_size(self.n_samples, self.n_channels, self.sampling_rate)
        if not np.isfinite(self._samples).all():
            raise AudioError("holds samples that are not finite (NaN or infinite); replace them first")
        check_peak(float(np.abs(self._samples).max()))

    def blocks(self, n_samples: int = _BLOCK) -> Iterator[np.ndarray]:
        """Yield the whole signal in blocks of *n_samples*, (n_samples, n_channels) float32, the last one shorter."""
        for start in range(0, self.n_samples, n_samples):
            yield self._samples[start : start + n_samples]

    def spans(self, bounds: Iterable[tuple[int, int]]) -> Iterator[np.ndarray]:
        """Yield (n_samples, n_channels) float32 for every first and last sample (exclusive) of *bounds*."""
        for start, stop in bounds:
            yield self._samples[start:stop]


def open_file(path: str | os.PathLike) -> AudioFile:
    """Open a recording within the limits of :class:`ArrayRecording`.

    Raises:
        AudioError: the file is missing, nothing that libsndfile reads, or outside the limits.
    """
    file = AudioFile(path)
    _rate(file.sampling_rate)
    check_size(file.n_samples, file.n_channels, file.sampling_rate)
    return file


@contextmanager
def opened(path: str | os.PathLike) -> Iterator[AudioFile]:
    """Open a recording as :func:`open_file` does; what is wrong with it, in the block too, is said with its name.

    Raises:
        AudioError: as for :func:`open_file`.
    """
    try:
        yield open_file(path)
    except AudioError as error:
        raise AudioError(f"{os.fspath(path)}: {error}") from error


def check_size(n_samples: int, n_channels: int, sampling_rate: int) -> None:
    """Raise AudioError where a recording has more channels, or is longer or shorter, than is allowed."""
    if n_channels > MOST_CHANNELS:
        raise AudioError(f"{n_channels} channels, at most {MOST_CHANNELS} are read; choose some of them")
    if 0 < n_samples < SHORTEST_S * sampling_rate:
        raise AudioError(
            f"{1000 * n_samples / sampling_rate:.1f} ms long, at least {1000 * SHORTEST_S:g} ms are needed"
        )
    if n_samples > LONGEST_S * sampling_rate:
        raise AudioError(
            f"{n_samples / sampling_rate:.1f} s long, at most {LONGEST_S:g} s (ten minutes) are taken at once; "
            "cut it into parts"
        )


def check_peak(peak: float) -> None:
    """Raise AudioError where samples lie far outside [-1, 1]."""
    if peak > LARGEST_SAMPLE:
        raise AudioError(
            f"samples reach {peak:g}, where floating point audio lies in [-1, 1]; divide 16-bit samples by 32768"
        )


def _check_type(array: np.ndarray) -> None:
    if array.ndim not in (1, 2):
        raise AudioError(f"a signal of shape {array.shape}; pass (n_samples,) or (n_samples, n_channels)")
    if np.issubdtype(array.dtype, np.integer):
        bits = 32 if array.dtype == np.int32 else 16
        raise AudioError(
            f"samples are integers ({array.dtype}), allowed: floating point in [-1, 1]; "
            f"pass signal / {2 ** (bits - 1)} for {bits}-bit samples"
        )
    if not np.issubdtype(array.dtype, np.floating):
        raise AudioError(f"samples are of type {array.dtype}, allowed: floating point in [-1, 1]")


def _rate(sampling_rate: object) -> int:
    allowed = f"allowed: a whole number of Hz from {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ}"
    if isinstance(sampling_rate, bool | np.bool_) or not isinstance(sampling_rate, Real):
        raise AudioError(f"sampling rate {sampling_rate!r} is a {type(sampling_rate).__name__}; {allowed}")
    rate_hz = float(sampling_rate)
    if not rate_hz.is_integer() or not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise AudioError(f"sampling rate {sampling_rate!r} is out of range; {allowed}")
    return int(rate_hz)
