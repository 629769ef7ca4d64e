"""A filter whose gain changes along time and frequency: timbre and level change, pitch and timing stay."""

from functools import lru_cache

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter1d

from emoforge.prosody.envelope import band_frequencies_hz


@lru_cache(maxsize=16)
def _band_to_bin(n_bands: int, band_rate: int, sampling_rate: int, n_fft: int) -> np.ndarray:
    """(n_bands, n_fft // 2 + 1) weights that interpolate values of bands linearly to the bins of a spectrum.

    Below the first and above the last band the value of that band holds.
    """
    bands = band_frequencies_hz(n_bands, band_rate)
    bins = np.arange(n_fft // 2 + 1) * (sampling_rate / n_fft)
    return np.stack([np.interp(bins, bands, row) for row in np.eye(n_bands)]).astype(np.float32)


def smooth_gain(
    gain_db: np.ndarray, *, hop_s: float, time_smoothing_s: float, band_smoothing: float, limit_db: float
) -> np.ndarray:
    """Return *gain_db* (n_frames, n_bands) smoothed by Gaussians along time and bands, then limited softly.

    Gains up to three quarters of the limit stay as they are; larger ones are bent towards it, so that the loudest
    frames keep a contour instead of hitting a wall.

    Args:
        gain_db: (n_frames, n_bands) gain in dB.
        hop_s: distance of the frames, in seconds.
        time_smoothing_s: standard deviation of the Gaussian along time, in seconds; 0 for none.
        band_smoothing: standard deviation of the Gaussian along the bands, in bands; 0 for none.
        limit_db: largest gain or loss, in dB.
    """
    gain_db = np.asarray(gain_db, dtype=np.float32)
    if time_smoothing_s > 0:
        gain_db = gaussian_filter1d(gain_db, time_smoothing_s / hop_s, axis=0, mode="nearest")
    if band_smoothing > 0:
        gain_db = gaussian_filter1d(gain_db, band_smoothing, axis=1, mode="nearest")
    knee = limit_db * 0.75
    over = np.abs(gain_db) - knee
    bent = knee + (limit_db - knee) * np.tanh(np.maximum(over, 0) / (limit_db - knee))
    return np.where(over > 0, np.sign(gain_db) * bent, gain_db)


def apply_gain(
    signal: np.ndarray, sampling_rate: int, *, gain_db: np.ndarray, hop_s: float, band_rate: int | None = None
) -> np.ndarray:
    """Return *signal* filtered by a time-varying zero-phase gain.

    Args:
        signal: (n_samples,) float.
        sampling_rate: in Hz.
        gain_db: (n_frames, n_bands) gain in dB; frame ``i`` belongs to ``i * hop_s`` seconds, bands are those of
            :func:`emoforge.prosody.envelope.band_frequencies_hz`.
        hop_s: distance of the frames, in seconds.
        band_rate: sampling rate whose bands *gain_db* has, in Hz; *sampling_rate* if ``None``.

    Returns:
        (n_samples,) float32.
    """
    n_samples = len(signal)
    n_fft = 1 << int(np.round(np.log2(0.032 * sampling_rate)))
    hop_length = n_fft // 4
    n_frames = -(-n_samples // hop_length) + 3
    padded = np.zeros((n_frames + 3) * hop_length, dtype=np.float32)
    padded[n_fft - hop_length : n_fft - hop_length + n_samples] = signal
    # Periodic Hann at analysis and synthesis together (a square root each) adds up to 2 at a hop of a quarter.
    window = np.sin(np.pi * np.arange(n_fft) / n_fft).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length] * window
    centre_s = (np.arange(len(frames)) * hop_length + n_fft // 2 - (n_fft - hop_length)) / sampling_rate
    bins_db = bin_gain_db(
        gain_db, centre_s / hop_s, sampling_rate=sampling_rate, n_fft=n_fft, band_rate=band_rate or sampling_rate
    )
    gain = np.exp(bins_db * np.float32(np.log(10.0) / 20.0))
    frames = scipy.fft.irfft(scipy.fft.rfft(frames, axis=1) * gain, n_fft, axis=1) * (window * np.float32(0.5))
    quarters = frames.reshape(len(frames), 4, hop_length)
    result = np.zeros((len(frames) + 3, hop_length), dtype=np.float32)
    for quarter in range(4):
        result[quarter : quarter + len(frames)] += quarters[:, quarter]
    return result.reshape(-1)[n_fft - hop_length : n_fft - hop_length + n_samples]


def bin_gain_db(
    gain_db: np.ndarray, frame: np.ndarray, *, sampling_rate: int, n_fft: int, band_rate: int
) -> np.ndarray:
    """Return *gain_db* at the bins of a spectrum, for fractional frames.

    Args:
        gain_db: (n_frames, n_bands) gain by mel band in dB.
        frame: (n,) indices into the frames, interpolated linearly and held at both ends.
        sampling_rate: of the spectrum, in Hz.
        n_fft: length of the transform.
        band_rate: sampling rate whose bands *gain_db* has, in Hz.

    Returns:
        (n, n_fft // 2 + 1) gain in dB; above the last band its gain holds.
    """
    return _at_frames(gain_db, frame) @ _band_to_bin(gain_db.shape[1], band_rate, sampling_rate, n_fft)


def _at_frames(values: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Rows of *values* at fractional indices *frame*, interpolated linearly and held at both ends."""
    frame = np.clip(frame, 0, len(values) - 1)
    low = np.floor(frame).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    weight = (frame - low).astype(np.float32)[:, None]
    return values[low] * (1 - weight) + values[high] * weight
