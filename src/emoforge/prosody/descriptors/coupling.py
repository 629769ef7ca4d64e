"""Figures of several tracks: their courses, which of them move together, and how lively each part is."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from emoforge.prosody.descriptors.catalogue import COUPLED, COURSES, N_MFCC, N_QUARTERS, N_SHAPE
from emoforge.prosody.descriptors.contours import shape, span


def course_figures(tracks: Mapping[str, np.ndarray], active: np.ndarray) -> dict[str, float]:
    """Return the DCT coefficients of every track (n_frames,) that the catalogue lists, first to last active frame."""
    coefficients = shape(np.stack([tracks[name] for name in COURSES], axis=1)[span(active)], N_SHAPE)
    return {
        f"{name}_shape_{k}{suffix}": coefficients[k - 1, column]
        for column, (name, (_, suffix, _)) in enumerate(COURSES.items())
        for k in range(1, N_SHAPE + 1)
    }


def correlation_figures(tracks: Mapping[str, np.ndarray], active: np.ndarray) -> dict[str, float]:
    """Return the correlation of each pair of coupled tracks over active frames, 0 where one of them stands still."""
    values = np.stack([tracks[name] for name in COUPLED], axis=1)[active]
    values = values - values.mean(axis=0)
    scale = np.sqrt(np.mean(values**2, axis=0))
    values = values / np.maximum(scale, 1e-3)
    correlations = values.T @ values / len(values)
    return {
        f"correlation_{COUPLED[i]}_{COUPLED[j]}": correlations[i, j] for i, j in combinations(range(len(COUPLED)), 2)
    }


def quarter_figures(tracks: Mapping[str, np.ndarray], active: np.ndarray) -> dict[str, float]:
    """Return how much cepstrum, level and F0 vary within each quarter of the utterance."""
    names = {f"mfcc_{k}": f"mfcc_{k}_quarter_{{}}_std" for k in range(1, N_MFCC + 1)}
    names |= {"energy": "energy_quarter_{}_std_db", "f0": "f0_quarter_{}_std_st"}
    contours = np.stack([tracks[name] for name in names], axis=1)[span(active)]
    if len(contours) < 2 * N_QUARTERS:
        return {}
    return {
        pattern.format(quarter): std
        for quarter, part in enumerate(np.array_split(contours, N_QUARTERS), start=1)
        for pattern, std in zip(names.values(), part.std(axis=0), strict=True)
    }
