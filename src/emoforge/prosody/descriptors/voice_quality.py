"""Jitter, shimmer, harmonicity and formants.

None of them exists without voicing: what cannot be measured is NaN here, and
:mod:`emoforge.prosody.functionals` says which neutral value stands in for it.
"""

import numpy as np
import parselmouth
import scipy.signal
from parselmouth.praat import call

from emoforge.prosody.frames import frame, mono, n_frames

# Praat's own limits on what counts as a pair of neighbouring periods: shortest and longest period in seconds, largest
# ratio of neighbouring periods, largest ratio of neighbouring amplitudes.
_SHORTEST_PERIOD_S = 0.0001
_LONGEST_PERIOD_S = 0.02
_PERIOD_RATIO = 1.3
_AMPLITUDE_RATIO = 1.6
_FORMANT_WINDOW_S = 0.025
_FORMANT_CEILING_HZ = 5500.0
_HARMONICITY_WINDOW_S = 0.05
_HARMONICITY_RANGE_DB = (-20.0, 40.0)


def jitter_shimmer(
    signal: np.ndarray, sampling_rate: int, f0_hz: np.ndarray, *, hop_s: float = 0.01
) -> tuple[float, float]:
    """Return local jitter and local shimmer of an utterance, as Praat defines them.

    The mean absolute difference of neighbouring periods over the mean period, and the same of the periods' amplitudes.
    Periods are found by cross-correlation along the given F0.

    Args:
        signal: (n_samples,) mono.
        sampling_rate: in Hz.
        f0_hz: (n_frames,) F0, NaN where unvoiced.
        hop_s: distance between frames, in seconds.

    Returns:
        (jitter, shimmer), both as shares (0.01 is 1 %), at least 0; NaN with fewer than three periods.

    Raises:
        AudioError: the signal is not mono, is empty or is not finite.
    """
    signal = mono(signal)
    if np.isnan(f0_hz).all():
        return float("nan"), float("nan")
    sound = parselmouth.Sound(signal, sampling_rate)
    end = max(sound.duration, (len(f0_hz) - 0.5) * hop_s)
    grid = ("f0", -0.5 * hop_s, end, len(f0_hz), hop_s, 0.0, 0.0, 1.0, 1, 1.0, 0.5, "0")
    matrix = call("Create Matrix", *grid)
    matrix.values[0, :] = np.nan_to_num(f0_hz, nan=0.0)
    pulses = call([sound, call(matrix, "To Pitch")], "To PointProcess (cc)")
    limits = (0.0, 0.0, _SHORTEST_PERIOD_S, _LONGEST_PERIOD_S, _PERIOD_RATIO)
    jitter = call(pulses, "Get jitter (local)", *limits)
    shimmer = call([sound, pulses], "Get shimmer (local)", *limits, _AMPLITUDE_RATIO)
    return float(jitter), float(shimmer)


def harmonicity(signal: np.ndarray, sampling_rate: int, f0_hz: np.ndarray, *, hop_s: float = 0.01) -> np.ndarray:
    """Return the harmonics-to-noise ratio of each frame.

    The autocorrelation at one period of a Hann-windowed frame of 50 ms, divided by that of the window (Boersma 1993,
    "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound").

    Args:
        signal: (n_samples,) mono.
        sampling_rate: in Hz.
        f0_hz: (n_frames,) F0, NaN where unvoiced.
        hop_s: distance between frames, in seconds.

    Returns:
        (n_frames,) float32 in dB, from -20 to 40, NaN where unvoiced.

    Raises:
        AudioError: the signal is not mono, is empty or is not finite.
    """
    signal = mono(signal)
    ratio_db = np.full(len(f0_hz), np.nan, dtype=np.float32)
    voiced = np.flatnonzero(~np.isnan(f0_hz))
    if len(voiced) == 0:
        return ratio_db
    length = 2 * int(0.5 * _HARMONICITY_WINDOW_S * sampling_rate) + 1
    frames = frame(signal, sampling_rate, hop_s=hop_s, window_length=length)[voiced]
    window = np.hanning(length + 2)[1:-1]
    n_fft = int(2 ** np.ceil(np.log2(1.5 * length)))
    correlation = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * window, n_fft)
    correlation /= np.maximum(correlation[:, :1], 1e-20)
    correlation /= np.maximum(_autocorrelation(window[None, :], n_fft) / (window @ window), 1e-3)
    # The given F0 is precise to a few cents; the peak of the correlation lies within half a sample of its period.
    period = sampling_rate / np.asarray(f0_hz, dtype=np.float64)[voiced]
    near = np.clip(np.rint(period).astype(int), 2, length // 2)
    rows = np.arange(len(voiced))
    around = np.stack([correlation[rows, near + shift] for shift in range(-2, 3)], axis=1)
    best = np.clip(np.argmax(around[:, 1:4], axis=1) + 1, 1, 3)
    before, peak, after = (around[rows, best + shift] for shift in (-1, 0, 1))
    curvature = np.minimum(before - 2.0 * peak + after, -1e-12)
    peak = peak - (after - before) ** 2 / (8.0 * curvature)
    low, high = _HARMONICITY_RANGE_DB
    peak = np.clip(peak, 1e-6, 1.0 - 1e-6)
    ratio_db[voiced] = np.clip(10.0 * np.log10(peak / (1.0 - peak)), low, high)
    return ratio_db


def _autocorrelation(frames: np.ndarray, n_fft: int) -> np.ndarray:
    """(n, length) → (n, n_fft), circular, exact up to lag ``n_fft - length``."""
    return np.fft.irfft(np.abs(np.fft.rfft(frames, n_fft)) ** 2, n_fft)


def formants(
    signal: np.ndarray, sampling_rate: int, *, hop_s: float = 0.01, n_formants: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest formants of each frame, from linear prediction by Burg's method (Praat).

    Five formants are sought below 5.5 kHz (or half the sampling rate), in Gaussian windows of 50 ms whose effective
    length is 25 ms.

    Args:
        signal: (n_samples,) mono.
        sampling_rate: in Hz.
        hop_s: distance between frames, in seconds.
        n_formants: how many to return, at most 5.

    Returns:
        (frequencies_hz, bandwidths_hz), each (n_frames, n_formants) float32, NaN where a frame has no such formant.
        They mean something in voiced frames only.

    Raises:
        AudioError: the signal is not mono, is empty or is not finite.
    """
    signal = mono(signal)
    count = n_frames(len(signal), sampling_rate, hop_s)
    frequencies = np.full((count, n_formants), np.nan, dtype=np.float32)
    bandwidths = frequencies.copy()
    if not signal.any():
        return frequencies, bandwidths
    # Praat would resample too, with a filter that costs more than all the rest; every rate lands on a whole ratio.
    rate = int(min(2 * _FORMANT_CEILING_HZ, sampling_rate))
    if rate != sampling_rate:
        divisor = np.gcd(rate, int(sampling_rate))
        signal = scipy.signal.resample_poly(signal, rate // divisor, int(sampling_rate) // divisor)
    half = int(np.ceil(_FORMANT_WINDOW_S * rate)) + 1
    padded = np.zeros(2 * half + 1 + round((count - 1) * hop_s * rate))
    inside = min(len(signal), len(padded) - half)
    padded[half : half + inside] = signal[:inside]
    # start_time puts the first sample of the signal at 0 s.
    sound = parselmouth.Sound(padded, rate, start_time=-(half + 0.5) / rate)
    found = sound.to_formant_burg(
        time_step=hop_s, max_number_of_formants=5.0, maximum_formant=rate / 2.0, window_length=_FORMANT_WINDOW_S
    )
    for number in range(1, n_formants + 1):
        for i, time in enumerate(found.xs()[:count]):
            frequencies[i, number - 1] = found.get_value_at_time(number, time)
            bandwidths[i, number - 1] = found.get_bandwidth_at_time(number, time)
    return frequencies, bandwidths
