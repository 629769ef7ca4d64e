"""Short-time level on the frame grid."""

import numpy as np

from emoforge.prosody.frames import frame, mono

FLOOR_DB = -100.0
_WINDOW_S = 0.025


def energy(signal: np.ndarray, sampling_rate: int, *, hop_s: float = 0.01) -> np.ndarray:
    """Return the level of each frame.

    The frame's mean square under a Hann window of 25 ms, so a sine of amplitude 1 has -3.01 dB. Where the window
    sticks out of the signal only what lies inside counts, so the level does not fall at the edges.

    Args:
        signal: (n_samples,) mono.
        sampling_rate: in Hz.
        hop_s: distance between frames, in seconds.

    Returns:
        (n_frames,) float32, dB re full scale, at least -100.

    Raises:
        AudioError: the signal is not mono, is empty or is not finite.
    """
    signal = mono(signal)
    length = 2 * int(0.5 * _WINDOW_S * sampling_rate) + 1
    window = np.hanning(length + 2)[1:-1]
    power = frame(signal**2, sampling_rate, hop_s=hop_s, window_length=length) @ window
    weight = frame(np.ones(len(signal)), sampling_rate, hop_s=hop_s, window_length=length) @ window
    mean_square = power / np.maximum(weight, window.min())
    return np.maximum(10.0 * np.log10(np.maximum(mean_square, 1e-20)), FLOOR_DB).astype(np.float32)
