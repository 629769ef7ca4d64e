"""Figures of F0, loudness, level and rhythm."""

import numpy as np
import scipy.signal

from emoforge.prosody.descriptors.catalogue import F0_REFERENCE_HZ, N_SHAPE
from emoforge.prosody.descriptors.contours import line_slope, mean_std, runs, shape, span, stretch_slopes

#: How far below the loud frames a frame may lie and still be speech.
ACTIVE_RANGE_DB = 35.0


def pitch_figures(f0_hz: np.ndarray, voiced: np.ndarray, hop_s: float) -> dict[str, float]:
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
        **stretch_slopes(smooth, hop_s, "f0", "_st_per_s"),
        "f0_delta_mean_abs_st_per_s": mean_std(np.abs(np.diff(smooth)) / hop_s)[0],
        "f0_declination_st_per_s": time @ inside / (time @ time) if len(at) >= 5 else np.nan,
        "f0_final_slope_st_per_s": line_slope(contour[last], hop_s),
        "f0_final_re_mean_st": contour[last].mean() - inside.mean(),
    }
    return values | {f"f0_shape_{k}_st": value for k, value in enumerate(shape(continuous, N_SHAPE), start=1)}


def loudness_figures(loudness: np.ndarray, active: np.ndarray, hop_s: float) -> dict[str, float]:
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
        **stretch_slopes(relative, hop_s, "loudness", "_per_s"),
        "loudness_peaks_per_s": active[peaks].sum() / ((last + 1 - first) * hop_s),
    }


def audible(energy_db: np.ndarray, active: np.ndarray) -> np.ndarray:
    """The level (n_frames,) with pauses at the edge of the active range: how deep digital silence is says nothing."""
    return np.maximum(energy_db, energy_db[active].max() - 1.5 * ACTIVE_RANGE_DB)


def level_figures(signal: np.ndarray, energy_db: np.ndarray, active: np.ndarray, hop_s: float) -> dict[str, float]:
    inside = energy_db[active]
    mean, std = inside.mean(), inside.std()
    p5, p95 = np.percentile(inside, (5, 95))
    contour = audible(energy_db, active)[span(active)]
    return {
        "level_equivalent_db": max(10.0 * np.log10(np.mean(signal**2) + 1e-20), -100.0),
        "energy_std_db": std,
        "energy_skewness": np.mean((inside - mean) ** 3) / max(std, 1e-3) ** 3,
        "energy_range_db": p95 - p5,
        "energy_delta_std_db_per_s": np.diff(contour).std() / hop_s if len(contour) > 2 else np.nan,
        "energy_final_slope_db_per_s": line_slope(contour[-round(0.3 / hop_s) :], hop_s),
        **{f"energy_shape_{k}_db": value for k, value in enumerate(shape(contour, N_SHAPE), start=1)},
    }


def rhythm_figures(voiced: np.ndarray, active: np.ndarray, hop_s: float) -> dict[str, float]:
    at = np.flatnonzero(active)
    count = at[-1] + 1 - at[0]
    first, last = runs(voiced)
    voiced_mean, voiced_std = mean_std((last - first) * hop_s)
    gap_mean, gap_std = mean_std((first[1:] - last[:-1]) * hop_s)
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
