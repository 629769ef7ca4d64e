"""Figures of the voice's source and resonances: jitter, shimmer, harmonicity, harmonics, formants."""

import numpy as np
import scipy.fft

from emoforge.prosody.descriptors.contours import mean_std, without_gaps
from emoforge.prosody.descriptors.voice_quality import formants, harmonicity, jitter_shimmer
from emoforge.prosody.frames import frame

_FORMANTS = ("formant_1", "formant_2", "formant_3")


def source_figures(
    signal: np.ndarray, sampling_rate: int, f0_hz: np.ndarray, hop_s: float
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Perturbation, harmonicity, formants and harmonics, from every other frame: they move slowly and cost most.

    Returns:
        the figures, and the tracks ``hnr`` in dB and ``formant_1`` to ``formant_3`` in octaves re 1 kHz on all frames
        (n_frames,), interpolated where they don't exist; NaN throughout without a voiced frame.
    """
    n_frames = len(f0_hz)
    jitter, shimmer = jitter_shimmer(signal, sampling_rate, f0_hz, hop_s=hop_s)
    f0_hz, step_s = f0_hz[::2], 2.0 * hop_s
    voiced = ~np.isnan(f0_hz)
    if not voiced.any():
        nowhere = np.full(n_frames, np.nan)
        return {"jitter": jitter, "shimmer": shimmer}, dict.fromkeys(("hnr", *_FORMANTS), nowhere)
    hnr_db = harmonicity(signal, sampling_rate, f0_hz, hop_s=step_s)
    hnr_mean, hnr_std = mean_std(hnr_db)
    formant_hz, bandwidth_hz = formants(signal, sampling_rate, hop_s=step_s)
    tracks = {"hnr": without_gaps(hnr_db, n_frames, 2)}
    for name, frequency in zip(_FORMANTS, formant_hz.T, strict=True):
        tracks[name] = without_gaps(np.log2(frequency / 1000.0), n_frames, 2)
    formant_hz, bandwidth_hz = formant_hz[voiced], bandwidth_hz[voiced]
    f0_hz = f0_hz[voiced].astype(np.float64)
    spectrum_db = _long_spectrum_db(signal, sampling_rate, step_s, voiced)
    bin_hz = sampling_rate / 2.0 / (spectrum_db.shape[1] - 1)
    first = _strongest_db(spectrum_db, f0_hz, 0.4 * f0_hz, bin_hz)
    second = _strongest_db(spectrum_db, 2.0 * f0_hz, 0.4 * f0_hz, bin_hz)
    values = {"jitter": jitter, "shimmer": shimmer, "hnr_mean_db": hnr_mean, "hnr_std_db": hnr_std}
    values["h1_h2_mean_db"], values["h1_h2_std_db"] = mean_std(first - second)
    for k in (1, 2, 3):
        frequency, bandwidth = formant_hz[:, k - 1].astype(np.float64), bandwidth_hz[:, k - 1]
        mean, std = mean_std(frequency)
        level = _strongest_db(spectrum_db, np.nan_to_num(frequency), 0.6 * f0_hz, bin_hz) - first
        level[np.isnan(frequency)] = np.nan
        values[f"formant_{k}_mean_hz"] = mean
        values[f"formant_{k}_variation"] = std / mean
        values[f"formant_{k}_bandwidth_hz"] = np.nanmedian(bandwidth) if np.isfinite(bandwidth).any() else np.nan
        values[f"formant_{k}_level_mean_db"], values[f"formant_{k}_level_std_db"] = mean_std(level)
    values["h1_a3_mean_db"] = -values["formant_3_level_mean_db"]
    values["h1_a3_std_db"] = values["formant_3_level_std_db"]
    return values, tracks


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
