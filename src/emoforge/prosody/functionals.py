"""One vector of named figures for an utterance: what a recogniser on small corpora learns from.

The core follows the extended Geneva minimalistic acoustic parameter set (Eyben et al. 2016, "The Geneva Minimalistic
Acoustic Parameter Set (GeMAPS) for voice research and affective computing"): F0, loudness, spectral flux, cepstrum,
perturbation, formants, spectral balance, rhythm. Beyond it go the shape of the F0 and energy contours, the movement
of the cepstrum, and the modulation spectrum of energy.

Every figure is listed in :data:`FUNCTIONALS` with its unit, its meaning, and the neutral value that stands in where
it cannot be measured (no voicing, no unvoiced part, too short): close to the median of ordinary speech, so that an
undefined figure says nothing either way.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.signal

from emoforge.errors import EmoforgeError
from emoforge.prosody.energy import energy
from emoforge.prosody.f0 import f0
from emoforge.prosody.frames import frame, mono
from emoforge.prosody.mel import band_edges_hz, band_weights
from emoforge.prosody.voice_quality import formants, harmonicity, jitter_shimmer


@dataclass(frozen=True)
class Functional:
    """One figure of the vector.

    Attributes:
        name: in snake case, the unit last.
        unit: of the value.
        description: what is measured.
        neutral: the value where it cannot be measured.
        follows_level: whether turning the signal up or down changes the value.
    """

    name: str
    unit: str
    description: str
    neutral: float
    follows_level: bool = False


F0_REFERENCE_HZ = 27.5
_LOWEST_RATE_HZ = 8000
_N_MFCC = 13
_N_MEL = 26
_N_SHAPE = 4
_ACTIVE_RANGE_DB = 35.0
_MODULATION_HZ = ((0.5, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0))
_MODULATION_GROUPS = {"low": (0, 7), "mid": (7, 15), "high": (15, 26)}


def _modulation_name(group: str, low_hz: float, high_hz: float) -> str:
    return f"modulation_{group}_{low_hz:g}_{high_hz:g}_hz_db".replace(".", "")


def _definitions() -> tuple[Functional, ...]:
    made: list[Functional] = []

    def add(name: str, unit: str, description: str, neutral: float, follows_level: bool = False) -> None:
        made.append(Functional(name, unit, description, neutral, follows_level))

    st = "semitones re 27.5 Hz"
    add("f0_mean_st", st, "mean F0 of voiced frames", 33.0)
    add("f0_variation", "1", "standard deviation of F0 in semitones over its mean", 0.1)
    for percent, neutral in ((5, 28.0), (20, 30.0), (50, 33.0), (80, 36.0), (95, 38.0)):
        add(f"f0_p{percent}_st", st, f"percentile {percent} of F0", neutral)
    add("f0_range_st", "semitones", "F0 between percentiles 20 and 80", 6.0)
    for way in ("rising", "falling"):
        add(f"f0_{way}_slope_mean_st_per_s", "semitones/s", f"mean slope of {way} stretches of F0", 0.0)
        add(f"f0_{way}_slope_std_st_per_s", "semitones/s", f"spread of the slopes of {way} stretches of F0", 0.0)
    add("f0_delta_mean_abs_st_per_s", "semitones/s", "mean absolute movement of F0 within voiced stretches", 30.0)
    add("f0_declination_st_per_s", "semitones/s", "slope of the line through the F0 of the utterance", 0.0)
    add("f0_final_slope_st_per_s", "semitones/s", "slope of the line through F0 in the last 0.3 s of voicing", 0.0)
    add("f0_final_re_mean_st", "semitones", "F0 in the last 0.3 s of voicing less its mean", 0.0)
    for k in range(1, _N_SHAPE + 1):
        add(f"f0_shape_{k}_st", "semitones", f"DCT coefficient {k} of the interpolated F0 contour", 0.0)
    add("loudness_mean", "sone-like", "mean loudness of active frames", 0.0, True)
    add("loudness_variation", "1", "standard deviation of loudness over its mean", 0.5)
    for percent in (20, 50, 80):
        add(f"loudness_p{percent}", "sone-like", f"percentile {percent} of loudness", 0.0, True)
    add("loudness_range", "sone-like", "loudness between percentiles 20 and 80", 0.0, True)
    for way in ("rising", "falling"):
        add(f"loudness_{way}_slope_mean_per_s", "1/s", f"mean slope of {way} stretches of loudness over its mean", 0.0)
        add(f"loudness_{way}_slope_std_per_s", "1/s", f"spread of the slopes of {way} stretches of loudness", 0.0)
    add("loudness_peaks_per_s", "1/s", "loudness peaks per second, about the rate of syllables", 4.0)
    add("level_equivalent_db", "dB re full scale", "equivalent continuous level of the whole signal", -100.0, True)
    add("energy_std_db", "dB", "standard deviation of the level of active frames", 8.0)
    add("energy_skewness", "1", "skewness of the level of active frames", 0.0)
    add("energy_range_db", "dB", "level between percentiles 5 and 95 of active frames", 25.0)
    add("energy_delta_std_db_per_s", "dB/s", "spread of the movement of the level", 150.0)
    add("energy_final_slope_db_per_s", "dB/s", "slope of the line through the level of the last 0.3 s", 0.0)
    for k in range(1, _N_SHAPE + 1):
        add(f"energy_shape_{k}_db", "dB", f"DCT coefficient {k} of the level contour", 0.0)
    for part in ("", "voiced_", "unvoiced_"):
        where = {"": "active", "voiced_": "voiced", "unvoiced_": "unvoiced active"}[part]
        add(f"flux_{part}mean", "1", f"mean change of the auditory spectrum's shape in {where} frames", 0.1)
        add(f"flux_{part}variation", "1", f"standard deviation of the flux over its mean in {where} frames", 0.8)
    for k in range(1, _N_MFCC + 1):
        add(f"mfcc_{k}_mean", "dB", f"mean of cepstral coefficient {k} in active frames", 0.0)
        add(f"mfcc_{k}_std", "dB", f"standard deviation of cepstral coefficient {k} in active frames", 10.0)
        add(f"mfcc_{k}_delta_std_per_s", "dB/s", f"spread of the movement of cepstral coefficient {k}", 100.0)
        add(f"mfcc_{k}_voiced_mean", "dB", f"mean of cepstral coefficient {k} in voiced frames", 0.0)
        add(f"mfcc_{k}_voiced_std", "dB", f"standard deviation of cepstral coefficient {k} in voiced frames", 10.0)
    for name, unit, what, neutral in _SPECTRAL:
        for part in ("voiced", "unvoiced"):
            where = "voiced" if part == "voiced" else "unvoiced active"
            add(f"{name}_{part}_mean{unit[1]}", unit[0], f"mean {what} in {where} frames", neutral)
        add(f"{name}_voiced_std{unit[1]}", unit[0], f"standard deviation of {what} in voiced frames", unit[2])
    add("ltas_tilt_db_per_octave", "dB/octave", "tilt of the average spectrum of active frames, 100 Hz to 5 kHz", -8.0)
    add("jitter", "1", "mean absolute difference of neighbouring periods over the mean period", 0.02)
    add("shimmer", "1", "mean absolute difference of neighbouring amplitudes over the mean amplitude", 0.1)
    add("hnr_mean_db", "dB", "mean harmonics-to-noise ratio of voiced frames", 10.0)
    add("hnr_std_db", "dB", "standard deviation of the harmonics-to-noise ratio", 5.0)
    add("h1_h2_mean_db", "dB", "mean level of the first harmonic re the second", 0.0)
    add("h1_h2_std_db", "dB", "standard deviation of the level of the first harmonic re the second", 5.0)
    add("h1_a3_mean_db", "dB", "mean level of the first harmonic re the strongest one near formant 3", 20.0)
    add("h1_a3_std_db", "dB", "standard deviation of the level of the first harmonic re formant 3", 8.0)
    for k, frequency, bandwidth in ((1, 520.0, 150.0), (2, 1600.0, 250.0), (3, 2600.0, 350.0)):
        add(f"formant_{k}_mean_hz", "Hz", f"mean frequency of formant {k} in voiced frames", frequency)
        add(f"formant_{k}_variation", "1", f"standard deviation of formant {k} over its mean", 0.2)
        add(f"formant_{k}_bandwidth_hz", "Hz", f"median bandwidth of formant {k} in voiced frames", bandwidth)
        add(f"formant_{k}_level_mean_db", "dB", f"mean level of the strongest harmonic near formant {k} re H1", -10.0)
        add(f"formant_{k}_level_std_db", "dB", f"standard deviation of the level of formant {k} re H1", 8.0)
    for name in _MODULATION_GROUPS:
        for low, high in _MODULATION_HZ:
            what = f"share of modulation between {low:g} and {high:g} Hz in the {name} mel bands"
            add(_modulation_name(name, low, high), "dB", what, -8.0)
    add("voiced_segments_per_s", "1/s", "voiced stretches per second", 2.5)
    add("voiced_length_mean_s", "s", "mean length of voiced stretches", 0.2)
    add("voiced_length_std_s", "s", "standard deviation of the length of voiced stretches", 0.1)
    add("unvoiced_length_mean_s", "s", "mean length of unvoiced stretches between voiced ones", 0.12)
    add("unvoiced_length_std_s", "s", "standard deviation of the length of unvoiced stretches", 0.08)
    add("voiced_share", "1", "share of voiced frames between the first and the last active frame", 0.5)
    add("pause_share", "1", "share of inactive frames between the first and the last active frame", 0.1)
    add("active_duration_s", "s", "time from the first to the last active frame", 0.0)
    return tuple(made)


#: name, (unit, suffix, neutral spread), description, neutral mean
_SPECTRAL = (
    ("alpha_ratio", ("dB", "_db", 6.0), "level of 50 Hz-1 kHz re 1-5 kHz", 10.0),
    ("hammarberg", ("dB", "_db", 7.0), "peak of 0-2 kHz re peak of 2-5 kHz", 20.0),
    ("slope_0_500", ("dB/kHz", "_db_per_khz", 20.0), "spectral slope up to 500 Hz", 0.0),
    ("slope_500_1500", ("dB/kHz", "_db_per_khz", 12.0), "spectral slope from 500 Hz to 1.5 kHz", -15.0),
    ("centroid", ("octaves re 1 kHz", "_oct", 0.5), "centroid of the spectrum", 0.0),
    ("entropy", ("1", "", 0.1), "entropy of the mel spectrum, 1 when flat", 0.6),
)

FUNCTIONALS = _definitions()
FUNCTIONAL_NAMES: tuple[str, ...] = tuple(functional.name for functional in FUNCTIONALS)
_NEUTRAL = np.array([functional.neutral for functional in FUNCTIONALS])


def functionals(
    signal: np.ndarray, sampling_rate: int, *, f0_hz: np.ndarray | None = None, hop_s: float = 0.01
) -> np.ndarray:
    """Return the figures of :data:`FUNCTIONALS` for one utterance.

    Loudness, its percentiles and the equivalent level follow the level of the signal: bring recordings to one level
    first where that level means nothing. Everything else does not change with it.

    Args:
        signal: (n_samples,) mono, float32 in [-1, 1]; any length from one sample.
        sampling_rate: in Hz, at least 8000.
        f0_hz: (n_frames,) what :func:`emoforge.prosody.f0.f0` returned for the same signal, where it is known.
        hop_s: distance between frames, in seconds.

    Returns:
        (n_functionals,) float32 in the order of :data:`FUNCTIONAL_NAMES`, always finite.

    Raises:
        AudioError: the signal is not mono, is empty or is not finite.
        EmoforgeError: the sampling rate is below 8000 Hz, or *f0_hz* has not one value a frame.
    """
    signal = mono(signal)
    if sampling_rate < _LOWEST_RATE_HZ:
        raise EmoforgeError(
            f"sampling_rate {sampling_rate} is below {_LOWEST_RATE_HZ} Hz, which the bands above 2 kHz need: "
            "resample the recording, or leave it out"
        )
    if f0_hz is None:
        f0_hz = f0(signal, sampling_rate, hop_s=hop_s)
    energy_db = energy(signal, sampling_rate, hop_s=hop_s).astype(np.float64)
    if len(f0_hz) != len(energy_db):
        raise EmoforgeError(
            f"f0_hz has {len(f0_hz)} values, the signal has {len(energy_db)} frames every {hop_s:g} s: estimate F0 on "
            "the same signal with the same hop_s"
        )
    voiced = ~np.isnan(f0_hz)
    active = voiced | (energy_db > max(np.percentile(energy_db, 95.0) - _ACTIVE_RANGE_DB, -99.0))
    if not active.any():
        values: dict[str, float] = {}
    else:
        spectra = _Spectra(signal, sampling_rate, hop_s, energy_db)
        values = {
            **_pitch(f0_hz, voiced, hop_s),
            **_loudness(spectra.loudness, active, hop_s),
            **_level(signal, energy_db, active, hop_s),
            **_flux(spectra.flux, active, voiced),
            **_cepstrum(spectra.mfcc, active, voiced, hop_s),
            **_balance(spectra, active, voiced),
            **_source(signal, sampling_rate, f0_hz, hop_s),
            **_modulation(spectra.mel_db, active, hop_s),
            **_rhythm(voiced, active, hop_s),
        }
    measured = np.array([values.get(name, np.nan) for name in FUNCTIONAL_NAMES])
    return np.where(np.isfinite(measured), measured, _NEUTRAL).astype(np.float32)


class _Spectra:
    """Short-time spectra that several groups of figures share; every array has n_frames rows."""

    def __init__(self, signal: np.ndarray, sampling_rate: int, hop_s: float, energy_db: np.ndarray) -> None:
        length = 2 * int(0.0125 * sampling_rate) + 1
        n_fft = int(2 ** np.ceil(np.log2(length)))
        window = np.hanning(length + 2)[1:-1]
        frames = frame(signal, sampling_rate, hop_s=hop_s, window_length=length)
        # Scaled so that a sine of amplitude 1 has power 1 in its bin.
        spectrum = scipy.fft.rfft(frames * (2.0 / window.sum() * window), n_fft)
        self.power = spectrum.real**2 + spectrum.imag**2
        self.frequency_hz = np.linspace(0.0, sampling_rate / 2.0, n_fft // 2 + 1)
        high_hz = min(8000.0, sampling_rate / 2.0)
        mel = self.power @ band_weights(_N_MEL, n_fft // 2 + 1, sampling_rate, 20.0, high_hz)
        # The floor follows the loudest frame, so that turning the signal down does not cut its tail off.
        floor = 10.0 ** (np.max(energy_db) / 10.0) * 1e-9
        self.floor = floor
        self.mel_db = 10.0 * np.log10(mel + floor)
        self.mfcc = scipy.fft.dct(self.mel_db, axis=1, norm="ortho")[:, 1 : _N_MFCC + 1]
        centre_hz = band_edges_hz(_N_MEL, 20.0, high_hz)[1:-1]
        auditory = (mel * _equal_loudness(centre_hz)) ** (1.0 / 3.0)
        self.loudness = auditory.sum(axis=1)
        shape = auditory / np.maximum(self.loudness, floor ** (1.0 / 3.0))[:, None]
        self.flux = np.sqrt(np.sum(np.diff(shape, axis=0, prepend=shape[:1]) ** 2, axis=1))
        share = mel / np.maximum(mel.sum(axis=1, keepdims=True), 1e-30)
        self.entropy = -np.sum(share * np.log(np.maximum(share, 1e-12)), axis=1) / np.log(_N_MEL)


def _equal_loudness(frequency_hz: np.ndarray) -> np.ndarray:
    """Weights of the ear at moderate levels (Hermansky 1990, "Perceptual linear predictive analysis of speech")."""
    square = (2.0 * np.pi * frequency_hz) ** 2
    return (square + 56.8e6) * square**2 / ((square + 6.3e6) ** 2 * (square + 0.38e9))


def _line_slope(values: np.ndarray, step_s: float) -> float:
    """Slope of the least-squares line through equally spaced *values*; NaN with fewer than three."""
    if len(values) < 3:
        return float("nan")
    time = (np.arange(len(values)) - 0.5 * (len(values) - 1)) * step_s
    return float(time @ values / (time @ time))


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and one-past-last index of each stretch where *mask* is true."""
    edges = np.diff(mask.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _mean_std(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return float("nan"), float("nan")
    return float(values.mean()), float(values.std())


def _stretch_slopes(contour: np.ndarray, hop_s: float, name: str, unit: str) -> dict[str, float]:
    """Mean and spread of the slopes of monotonic stretches; *contour* is NaN where it breaks off."""
    step = np.diff(contour)
    values = {}
    for way, mask in (("rising", step > 0), ("falling", step < 0)):
        first, last = _runs(mask)
        total = np.concatenate([[0.0], np.cumsum(np.where(mask, step, 0.0))])
        slopes = (total[last] - total[first]) / np.maximum((last - first) * hop_s, 1e-9)
        mean, std = _mean_std(slopes[last - first >= 2])
        values[f"{name}_{way}_slope_mean{unit}"] = mean
        values[f"{name}_{way}_slope_std{unit}"] = std
    return values


def _shape(contour: np.ndarray) -> np.ndarray:
    """DCT coefficients 1 to _N_SHAPE of a contour without gaps, independent of its length."""
    if len(contour) <= _N_SHAPE:
        return np.full(_N_SHAPE, np.nan)
    return scipy.fft.dct(contour, norm="forward")[1 : _N_SHAPE + 1]


def _pitch(f0_hz: np.ndarray, voiced: np.ndarray, hop_s: float) -> dict[str, float]:
    if not voiced.any():
        return {}
    contour = 12.0 * np.log2(f0_hz.astype(np.float64) / F0_REFERENCE_HZ)
    inside = contour[voiced]
    percentiles = dict(zip((5, 20, 50, 80, 95), np.percentile(inside, (5, 20, 50, 80, 95)), strict=True))
    at = np.flatnonzero(voiced)
    time = (at - at.mean()) * hop_s
    last = at[at > at[-1] - round(0.3 / hop_s)]
    continuous = np.interp(np.arange(at[0], at[-1] + 1), at, inside)
    # Smoothed over three frames within a stretch, so that measurement noise makes no stretches of its own.
    smooth = contour.copy()
    average = (contour[:-2] + contour[1:-1] + contour[2:]) / 3.0
    smooth[1:-1] = np.where(np.isnan(average), contour[1:-1], average)
    values = {
        "f0_mean_st": inside.mean(),
        "f0_variation": inside.std() / max(inside.mean(), 1.0),
        **{f"f0_p{percent}_st": value for percent, value in percentiles.items()},
        "f0_range_st": percentiles[80] - percentiles[20],
        **_stretch_slopes(smooth, hop_s, "f0", "_st_per_s"),
        "f0_delta_mean_abs_st_per_s": _mean_std(np.abs(np.diff(smooth)) / hop_s)[0],
        "f0_declination_st_per_s": time @ inside / (time @ time) if len(at) >= 5 else np.nan,
        "f0_final_slope_st_per_s": _line_slope(contour[last], hop_s),
        "f0_final_re_mean_st": contour[last].mean() - inside.mean(),
    }
    return values | {f"f0_shape_{k}_st": value for k, value in enumerate(_shape(continuous), start=1)}


def _loudness(loudness: np.ndarray, active: np.ndarray, hop_s: float) -> dict[str, float]:
    inside = loudness[active]
    mean = inside.mean()
    p20, p50, p80 = np.percentile(inside, (20, 50, 80))
    relative = np.where(active, loudness, np.nan) / mean
    # 50 ms of smoothing leaves one peak for a syllable.
    half = max(1, round(0.025 / hop_s))
    kernel = np.hanning(2 * half + 3)[1:-1]
    smooth = np.convolve(loudness, kernel / kernel.sum())[half : half + len(loudness)]
    peaks, _ = scipy.signal.find_peaks(smooth, height=0.3 * mean, prominence=0.1 * mean)
    first, last = np.flatnonzero(active)[[0, -1]]
    return {
        "loudness_mean": mean,
        "loudness_variation": inside.std() / mean,
        "loudness_p20": p20,
        "loudness_p50": p50,
        "loudness_p80": p80,
        "loudness_range": p80 - p20,
        **_stretch_slopes(relative, hop_s, "loudness", "_per_s"),
        "loudness_peaks_per_s": active[peaks].sum() / ((last + 1 - first) * hop_s),
    }


def _level(signal: np.ndarray, energy_db: np.ndarray, active: np.ndarray, hop_s: float) -> dict[str, float]:
    inside = energy_db[active]
    mean, std = inside.mean(), inside.std()
    p5, p95 = np.percentile(inside, (5, 95))
    at = np.flatnonzero(active)
    # Pauses count as the edge of the active range, so that the depth of digital silence does not matter.
    contour = np.maximum(energy_db[at[0] : at[-1] + 1], inside.max() - 1.5 * _ACTIVE_RANGE_DB)
    return {
        "level_equivalent_db": max(10.0 * np.log10(np.mean(signal**2) + 1e-20), -100.0),
        "energy_std_db": std,
        "energy_skewness": np.mean((inside - mean) ** 3) / max(std, 1e-3) ** 3,
        "energy_range_db": p95 - p5,
        "energy_delta_std_db_per_s": np.diff(contour).std() / hop_s if len(contour) > 2 else np.nan,
        "energy_final_slope_db_per_s": _line_slope(contour[-round(0.3 / hop_s) :], hop_s),
        **{f"energy_shape_{k}_db": value for k, value in enumerate(_shape(contour), start=1)},
    }


def _flux(flux: np.ndarray, active: np.ndarray, voiced: np.ndarray) -> dict[str, float]:
    values = {}
    for part, mask in (("", active), ("voiced_", voiced), ("unvoiced_", active & ~voiced)):
        mean, std = _mean_std(flux[mask])
        values |= {f"flux_{part}mean": mean, f"flux_{part}variation": std / max(mean, 1e-6)}
    return values


def _cepstrum(mfcc: np.ndarray, active: np.ndarray, voiced: np.ndarray, hop_s: float) -> dict[str, float]:
    inside = mfcc[active]
    values = _numbered("mfcc_{}_mean", inside.mean(axis=0)) | _numbered("mfcc_{}_std", inside.std(axis=0))
    both = active[1:] & active[:-1]
    if both.any():
        values |= _numbered("mfcc_{}_delta_std_per_s", np.diff(mfcc, axis=0)[both].std(axis=0) / hop_s)
    if voiced.any():
        values |= _numbered("mfcc_{}_voiced_mean", mfcc[voiced].mean(axis=0))
        values |= _numbered("mfcc_{}_voiced_std", mfcc[voiced].std(axis=0))
    return values


def _numbered(pattern: str, values: np.ndarray) -> dict[str, float]:
    return {pattern.format(k): value for k, value in enumerate(values, start=1)}


def _balance(spectra: _Spectra, active: np.ndarray, voiced: np.ndarray) -> dict[str, float]:
    frequency = spectra.frequency_hz
    power = spectra.power[active] + spectra.floor * 1e-2
    voiced = voiced[active]
    power_db = 10.0 * np.log10(power)

    def band(low: float, high: float) -> np.ndarray:
        return (frequency >= low) & (frequency < high)

    def slope(low: float, high: float) -> np.ndarray:
        inside = band(low, high)
        khz = frequency[inside] / 1000.0
        return power_db[:, inside] @ (khz - khz.mean()) / np.sum((khz - khz.mean()) ** 2)

    def level(low: float, high: float) -> np.ndarray:
        return 10.0 * np.log10(power[:, band(low, high)].sum(axis=1))

    tracks = {
        "alpha_ratio": level(50, 1000) - level(1000, 5000),
        "hammarberg": power_db[:, band(0, 2000)].max(axis=1) - power_db[:, band(2000, 5000)].max(axis=1),
        "slope_0_500": slope(0, 500),
        "slope_500_1500": slope(500, 1500),
        "centroid": np.log2(np.maximum(power @ frequency / power.sum(axis=1), 50.0) / 1000.0),
        "entropy": spectra.entropy[active],
    }
    values = {}
    for name, (_, suffix, _), _, _ in _SPECTRAL:
        mean, std = _mean_std(tracks[name][voiced])
        values[f"{name}_voiced_mean{suffix}"] = mean
        values[f"{name}_voiced_std{suffix}"] = std
        values[f"{name}_unvoiced_mean{suffix}"] = _mean_std(tracks[name][~voiced])[0]
    inside = band(100, 5000)
    octave = np.log2(frequency[inside])
    octave -= octave.mean()
    average_db = 10.0 * np.log10(power.mean(axis=0))[inside]
    values["ltas_tilt_db_per_octave"] = octave @ average_db / (octave @ octave)
    return values


def _source(signal: np.ndarray, sampling_rate: int, f0_hz: np.ndarray, hop_s: float) -> dict[str, float]:
    """Perturbation, harmonicity, formants and harmonics, from every other frame: they move slowly and cost most."""
    jitter, shimmer = jitter_shimmer(signal, sampling_rate, f0_hz, hop_s=hop_s)
    f0_hz, step_s = f0_hz[::2], 2.0 * hop_s
    voiced = ~np.isnan(f0_hz)
    if not voiced.any():
        return {"jitter": jitter, "shimmer": shimmer}
    hnr_mean, hnr_std = _mean_std(harmonicity(signal, sampling_rate, f0_hz, hop_s=step_s))
    formant_hz, bandwidth_hz = (track[voiced] for track in formants(signal, sampling_rate, hop_s=step_s))
    f0_hz = f0_hz[voiced].astype(np.float64)
    spectrum_db = _long_spectrum_db(signal, sampling_rate, step_s, voiced)
    bin_hz = sampling_rate / 2.0 / (spectrum_db.shape[1] - 1)
    first = _strongest_db(spectrum_db, f0_hz, 0.4 * f0_hz, bin_hz)
    second = _strongest_db(spectrum_db, 2.0 * f0_hz, 0.4 * f0_hz, bin_hz)
    values = {"jitter": jitter, "shimmer": shimmer, "hnr_mean_db": hnr_mean, "hnr_std_db": hnr_std}
    values["h1_h2_mean_db"], values["h1_h2_std_db"] = _mean_std(first - second)
    for k in (1, 2, 3):
        frequency, bandwidth = formant_hz[:, k - 1].astype(np.float64), bandwidth_hz[:, k - 1]
        mean, std = _mean_std(frequency)
        level = _strongest_db(spectrum_db, np.nan_to_num(frequency), 0.6 * f0_hz, bin_hz) - first
        level[np.isnan(frequency)] = np.nan
        values[f"formant_{k}_mean_hz"] = mean
        values[f"formant_{k}_variation"] = std / mean
        values[f"formant_{k}_bandwidth_hz"] = np.nanmedian(bandwidth) if np.isfinite(bandwidth).any() else np.nan
        values[f"formant_{k}_level_mean_db"], values[f"formant_{k}_level_std_db"] = _mean_std(level)
    values["h1_a3_mean_db"] = -values["formant_3_level_mean_db"]
    values["h1_a3_std_db"] = values["formant_3_level_std_db"]
    return values


def _long_spectrum_db(signal: np.ndarray, sampling_rate: int, step_s: float, voiced: np.ndarray) -> np.ndarray:
    """Spectra of 50 ms, long enough to separate the harmonics of a low voice; (n_voiced, n_bins) in dB."""
    length = 2 * int(0.025 * sampling_rate) + 1
    n_fft = int(2 ** np.ceil(np.log2(length)))
    frames = frame(signal, sampling_rate, hop_s=step_s, window_length=length)[voiced]
    spectrum = scipy.fft.rfft(frames * np.hanning(length + 2)[1:-1], n_fft)
    power = spectrum.real**2 + spectrum.imag**2
    return 10.0 * np.log10(power + 1e-9 * power.max() + 1e-30)


def _strongest_db(spectrum_db: np.ndarray, centre_hz: np.ndarray, reach_hz: np.ndarray, bin_hz: float) -> np.ndarray:
    """Highest value of each row within *reach_hz* of *centre_hz*."""
    n_bins = spectrum_db.shape[1]
    low = np.rint((centre_hz - reach_hz) / bin_hz).astype(int)
    width = int(np.max(2.0 * reach_hz) / bin_hz) + 1
    at = low[:, None] + np.arange(width)
    inside = at * bin_hz <= (centre_hz + reach_hz)[:, None]
    inside[:, 0] = True
    values = np.take_along_axis(spectrum_db, np.clip(at, 0, n_bins - 1), axis=1)
    return np.where(inside, values, -np.inf).max(axis=1)


def _modulation(mel_db: np.ndarray, active: np.ndarray, hop_s: float) -> dict[str, float]:
    """How fast the energy of three groups of bands goes up and down: the share of each octave of modulation."""
    at = np.flatnonzero(active)
    contour = mel_db[at[0] : at[-1] + 1]
    if len(contour) * hop_s < 0.25:
        return {}
    contour = np.stack([contour[:, low:high].mean(axis=1) for low, high in _MODULATION_GROUPS.values()], axis=1)
    contour = contour - contour.mean(axis=0)
    n_fft = max(256, int(2 ** np.ceil(np.log2(len(contour)))))
    power = np.abs(scipy.fft.rfft(contour * np.hanning(len(contour) + 2)[1:-1, None], n_fft, axis=0)) ** 2
    frequency = np.arange(len(power)) / (n_fft * hop_s)
    bands = np.stack([power[(frequency >= low) & (frequency < high)].sum(axis=0) for low, high in _MODULATION_HZ])
    share_db = 10.0 * np.log10((bands + 1e-9) / (bands.sum(axis=0) + 1e-9))
    return {
        _modulation_name(name, low, high): share_db[k, g]
        for g, name in enumerate(_MODULATION_GROUPS)
        for k, (low, high) in enumerate(_MODULATION_HZ)
    }


def _rhythm(voiced: np.ndarray, active: np.ndarray, hop_s: float) -> dict[str, float]:
    at = np.flatnonzero(active)
    count = at[-1] + 1 - at[0]
    first, last = _runs(voiced)
    voiced_mean, voiced_std = _mean_std((last - first) * hop_s)
    gap_mean, gap_std = _mean_std((first[1:] - last[:-1]) * hop_s)
    return {
        "voiced_segments_per_s": len(first) / (count * hop_s),
        "voiced_length_mean_s": voiced_mean,
        "voiced_length_std_s": voiced_std,
        "unvoiced_length_mean_s": gap_mean,
        "unvoiced_length_std_s": gap_std,
        "voiced_share": voiced.sum() / count,
        "pause_share": 1.0 - active.sum() / count,
        "active_duration_s": count * hop_s,
    }
