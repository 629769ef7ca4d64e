"""Mel bands (O'Shaughnessy 1987): 2595 log10(1 + f / 700)."""

from functools import lru_cache

import numpy as np


def hz_to_mel(frequency_hz: np.ndarray | float) -> np.ndarray:
    return 2595.0 * np.log10(1.0 + np.asarray(frequency_hz, dtype=np.float64) / 700.0)


def mel_to_hz(mel: np.ndarray | float) -> np.ndarray:
    return 700.0 * (10.0 ** (np.asarray(mel, dtype=np.float64) / 2595.0) - 1.0)


def band_edges_hz(n_bands: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Return (n_bands + 2,) edges in Hz, equally spaced in mel; band ``k`` peaks at edge ``k + 1``."""
    return mel_to_hz(np.linspace(hz_to_mel(low_hz), hz_to_mel(high_hz), n_bands + 2))


@lru_cache(maxsize=16)
def band_weights(n_bands: int, n_bins: int, sampling_rate: float, low_hz: float, high_hz: float) -> np.ndarray:
    """Return (n_bins, n_bands) triangular weights over the bins of an rfft, each band's weights summing to 1."""
    edges = band_edges_hz(n_bands, low_hz, high_hz)
    bins = np.linspace(0.0, sampling_rate / 2.0, n_bins)
    centre = edges[1:-1]
    # A band narrower than a bin would be empty: no triangle rises or falls in less than one bin.
    rise = np.maximum(centre - edges[:-2], bins[1])
    fall = np.maximum(edges[2:] - centre, bins[1])
    distance = bins[:, None] - centre
    weights = np.maximum(0.0, 1.0 - np.where(distance < 0, -distance / rise, distance / fall))
    weights /= weights.sum(axis=0)
    weights.setflags(write=False)
    return weights
