"""Voices whose F0, voicing, jitter, shimmer and formants are known exactly, for tests and benchmarks.

A source-filter model: glottal pulses placed at exact times (Rosenberg 1971, "Effect of glottal pulse shape on the
quality of natural vowels"), then second-order resonators in cascade (Klatt 1980, "Software for a cascade/parallel
formant synthesizer").
"""

import numpy as np
import scipy.interpolate
import scipy.signal

#: Frequencies and bandwidths in Hz of the formants of five vowels (the lowest three after Peterson and Barney 1952).
VOWELS = {
    "a": ((730.0, 1090.0, 2440.0, 3400.0, 4500.0), (80.0, 90.0, 120.0, 200.0, 250.0)),
    "e": ((530.0, 1840.0, 2480.0, 3500.0, 4500.0), (60.0, 90.0, 120.0, 200.0, 250.0)),
    "i": ((270.0, 2290.0, 3010.0, 3700.0, 4500.0), (50.0, 90.0, 150.0, 200.0, 250.0)),
    "o": ((570.0, 840.0, 2410.0, 3400.0, 4500.0), (70.0, 80.0, 120.0, 200.0, 250.0)),
    "u": ((300.0, 870.0, 2240.0, 3300.0, 4500.0), (50.0, 80.0, 120.0, 200.0, 250.0)),
}
_OVERSAMPLING = 4
_OPEN_PHASE = 0.4  # share of a period in which the glottis opens
_CLOSING_PHASE = 0.16  # share of a period in which it closes


def glottal_source(
    f0_hz: np.ndarray, sampling_rate: int, *, jitter: float = 0.0, shimmer: float = 0.0, seed: int = 0
) -> np.ndarray:
    """Return the derivative of the glottal flow that follows a given F0.

    Args:
        f0_hz: (n_samples,) instantaneous F0, NaN where the source is silent.
        sampling_rate: in Hz.
        jitter: standard deviation of each pulse's time, as a share of the period.
        shimmer: standard deviation of each pulse's amplitude, as a share of the amplitude.
        seed: of the random perturbations.

    Returns:
        (n_samples,) float64.
    """
    random = np.random.default_rng(seed)
    n_samples = len(f0_hz)
    voiced = ~np.isnan(f0_hz)
    if not voiced.any():
        return np.zeros(n_samples)
    # F0 runs on through the gaps, so that every stretch starts with whole periods of its own F0.
    index = np.arange(n_samples)
    running = np.interp(index, index[voiced], np.asarray(f0_hz)[voiced])
    fine = np.arange(n_samples * _OVERSAMPLING) / _OVERSAMPLING
    cycles = np.concatenate([[0.0], np.cumsum(running)]) / sampling_rate
    pulse_at = np.interp(np.arange(np.floor(cycles[-1]) + 1), cycles, np.arange(n_samples + 1))
    period = np.diff(pulse_at, append=pulse_at[-1] + sampling_rate / running[-1])
    pulse_at = pulse_at + jitter * period * random.standard_normal(len(period))
    period = np.diff(pulse_at, append=pulse_at[-1] + period[-1])
    amplitude = 1.0 + shimmer * random.standard_normal(len(period))
    pulse = np.clip(np.searchsorted(pulse_at, fine, side="right") - 1, 0, len(period) - 1)
    phase = (fine - pulse_at[pulse]) / period[pulse]
    # The glottis closes, which excites the vowel, where a period ends: at the very time of the next pulse.
    since_opening = phase - (1.0 - _OPEN_PHASE - _CLOSING_PHASE)
    since_closing = phase - (1.0 - _CLOSING_PHASE)
    flow = np.where(since_opening >= 0.0, 0.5 - 0.5 * np.cos(np.pi * since_opening / _OPEN_PHASE), 0.0)
    flow = np.where(since_closing >= 0.0, np.cos(0.5 * np.pi * np.minimum(since_closing / _CLOSING_PHASE, 1.0)), flow)
    flow *= amplitude[pulse] * np.repeat(voiced, _OVERSAMPLING)
    # Oversampling keeps the corner of the closing glottis from folding back as inharmonic aliases.
    source = scipy.signal.resample_poly(np.diff(flow, prepend=0.0), 1, _OVERSAMPLING)
    return _OVERSAMPLING * source[:n_samples]


def formant_filter(
    signal: np.ndarray, sampling_rate: int, frequencies_hz: tuple[float, ...], bandwidths_hz: tuple[float, ...]
) -> np.ndarray:
    """Pass *signal* (n_samples,) through a cascade of resonators of unit gain at 0 Hz."""
    for frequency, bandwidth in zip(frequencies_hz, bandwidths_hz, strict=True):
        radius = np.exp(-np.pi * bandwidth / sampling_rate)
        poles = np.array([1.0, -2.0 * radius * np.cos(2.0 * np.pi * frequency / sampling_rate), radius**2])
        signal = scipy.signal.lfilter([poles.sum()], poles, signal)
    return signal


def smooth_contour(
    n_samples: int, sampling_rate: int, *, low_hz: float, high_hz: float, rate_hz: float = 3.0, seed: int = 0
) -> np.ndarray:
    """Return a random F0 contour, (n_samples,), that sweeps from *low_hz* to *high_hz* about *rate_hz* times a second.

    The contour is smooth in log frequency (cubic through random knots).
    """
    random = np.random.default_rng(seed)
    n_knots = max(4, round(n_samples / sampling_rate * rate_hz * 2) + 1)
    knots = random.uniform(np.log(low_hz), np.log(high_hz), n_knots)
    at = np.linspace(0.0, n_samples, n_knots)
    return np.exp(scipy.interpolate.PchipInterpolator(at, knots)(np.arange(n_samples)))


def voice(
    f0_hz: np.ndarray,
    sampling_rate: int,
    *,
    vowel: str = "a",
    jitter: float = 0.0,
    shimmer: float = 0.0,
    level_db: float = -23.0,
    seed: int = 0,
) -> np.ndarray:
    """Return a sung vowel, (n_samples,) float32, that follows *f0_hz* at *level_db* RMS re full scale."""
    source = glottal_source(f0_hz, sampling_rate, jitter=jitter, shimmer=shimmer, seed=seed)
    signal = formant_filter(source, sampling_rate, *VOWELS[vowel])
    rms = np.sqrt(np.mean(signal**2))
    return (signal * (10.0 ** (level_db / 20.0) / max(rms, 1e-12))).astype(np.float32)
