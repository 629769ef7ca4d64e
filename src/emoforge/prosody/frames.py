"""The one rule for frames: frame ``i`` is centred on ``i * hop_s`` seconds, at both edges padded with silence."""

import numpy as np

from emoforge.base.errors import AudioError


def n_frames(n_samples: int, sampling_rate: float, hop_s: float) -> int:
    """Return how many frames a signal of *n_samples* has: ``1 + floor(n_samples / (hop_s * sampling_rate))``."""
    # 1e-9 keeps an exact multiple of the hop on its own side of floor() when hop_s is not a binary fraction.
    return 1 + int(np.floor(n_samples / (hop_s * sampling_rate) + 1e-9))


def frame(signal: np.ndarray, sampling_rate: float, *, hop_s: float, window_length: int) -> np.ndarray:
    """Cut *signal* into overlapping frames.

    Args:
        signal: (n_samples,) mono.
        sampling_rate: in Hz.
        hop_s: distance between frames, in seconds.
        window_length: samples in a frame; its middle sample is ``window_length // 2``.

    Returns:
        (n_frames, window_length), a copy; samples outside the signal are 0.
    """
    count = n_frames(len(signal), sampling_rate, hop_s)
    centres = np.rint(np.arange(count) * hop_s * sampling_rate).astype(np.int64)
    half = window_length // 2
    padded = np.zeros(max(len(signal), int(centres[-1])) + 2 * window_length, dtype=signal.dtype)
    padded[half : half + len(signal)] = signal
    return np.lib.stride_tricks.sliding_window_view(padded, window_length)[centres]


def mono(signal: np.ndarray) -> np.ndarray:
    """Return *signal* as a contiguous float64 vector.

    Raises:
        AudioError: the signal is not one-dimensional, is empty, or holds NaN or infinite samples.
    """
    signal = np.ascontiguousarray(signal, dtype=np.float64)
    if signal.ndim != 1:
        raise AudioError(f"the signal has shape {signal.shape}; prosody takes mono, shape (n_samples,): mix it down")
    if len(signal) == 0:
        raise AudioError("the signal is empty; prosody needs at least one sample: drop the clip")
    if not np.isfinite(signal).all():
        raise AudioError("the signal holds NaN or infinite samples; prosody needs finite ones: decode the clip again")
    return signal
