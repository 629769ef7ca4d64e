"""Figures of a contour: slopes, stretches, shape. NaN is what cannot be measured."""

import numpy as np
import scipy.fft


def line_slope(values: np.ndarray, step_s: float) -> float:
    """Slope of the least-squares line through equally spaced *values*; NaN with fewer than three."""
    if len(values) < 3:
        return float("nan")
    time = (np.arange(len(values)) - 0.5 * (len(values) - 1)) * step_s
    return float(time @ values / (time @ time))


def runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and one-past-last index of each stretch where *mask* is true."""
    edges = np.diff(mask.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def mean_std(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return float("nan"), float("nan")
    return float(values.mean()), float(values.std())


def stretch_slopes(contour: np.ndarray, hop_s: float, name: str, unit: str) -> dict[str, float]:
    """Mean and spread of the slopes of monotonic stretches; *contour* is NaN where it breaks off."""
    step = np.diff(contour)
    values = {}
    for way, mask in (("rising", step > 0), ("falling", step < 0)):
        first, last = runs(mask)
        total = np.concatenate([[0.0], np.cumsum(np.where(mask, step, 0.0))])
        slopes = (total[last] - total[first]) / np.maximum((last - first) * hop_s, 1e-9)
        mean, std = mean_std(slopes[last - first >= 2])
        values[f"{name}_{way}_slope_mean{unit}"] = mean
        values[f"{name}_{way}_slope_std{unit}"] = std
    return values


def shape(contour: np.ndarray, n: int) -> np.ndarray:
    """DCT coefficients 1 to *n* along the first axis of contours without gaps, independent of their length."""
    if len(contour) <= n:
        return np.full((n, *contour.shape[1:]), np.nan)
    return scipy.fft.dct(contour, axis=0, norm="forward")[1 : n + 1]


def numbered(pattern: str, values: np.ndarray) -> dict[str, float]:
    return {pattern.format(k): value for k, value in enumerate(values, start=1)}


def span(active: np.ndarray) -> slice:
    """The frames from the first to the last active one; there must be one."""
    at = np.flatnonzero(active)
    return slice(int(at[0]), int(at[-1]) + 1)


def without_gaps(track: np.ndarray, n_frames: int, step: int = 1) -> np.ndarray:
    """Interpolate a track of every *step*-th frame to (n_frames,); NaN throughout where it has no value at all."""
    known = np.isfinite(track)
    if not known.any():
        return np.full(n_frames, np.nan)
    return np.interp(np.arange(n_frames), np.flatnonzero(known) * step, track[known].astype(np.float64))
