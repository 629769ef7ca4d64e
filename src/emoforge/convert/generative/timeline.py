"""Time lines: which moment of the source belongs to every moment of the result."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from emoforge.convert.alignment import align
from emoforge.convert.generative.voice import VOICING

#: Frames of a token, the step of both networks.
TOKEN = 2

_N_COMPARED = 17
_LIMIT_LOG2 = 2.0


def aligned(values: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return (n_frames,) float32: the frame of *other* that belongs to every frame of *values*, same words.

    Args:
        values: (n_frames, N_VALUES) relative parameters.
        other: (n_other_frames, N_VALUES).
    """
    return align(_compared(values), _compared(other)).astype(np.float32)


def _compared(values: np.ndarray) -> np.ndarray:
    # What tells phones apart: cepstra less their mean, their slopes, and voicing. Higher cepstra tell less.
    cepstra = values[:, :_N_COMPARED] - values[:, :_N_COMPARED].mean(axis=0)
    weight = 3.0 / np.sqrt(1.0 + 0.3 * np.arange(_N_COMPARED))
    slopes = 4.0 * gaussian_filter1d(cepstra, 2.0, axis=0, order=1, mode="nearest")
    return np.concatenate([cepstra * weight, slopes * weight, values[:, VOICING, None]], axis=1).astype(np.float32)


def tokens(values: np.ndarray) -> np.ndarray:
    """Return (n_tokens, TOKEN * n_values): frames side by side; an odd last frame is repeated."""
    n_tokens = -(-len(values) // TOKEN)
    padded = np.concatenate([values, np.repeat(values[-1:], n_tokens * TOKEN - len(values), axis=0)])
    return padded.reshape(n_tokens, -1)


def frames(values: np.ndarray) -> np.ndarray:
    """Undo :func:`tokens`."""
    return values.reshape(len(values) * TOKEN, -1)


def stretch_of(position: np.ndarray, n_frames: int) -> np.ndarray:
    """Return (n_tokens,) float32: binary logarithm of how much longer each token of the source becomes.

    Args:
        position: (n_target_frames,) frame of the source for every frame of the target, ascending.
        n_frames: of the source.
    """
    edges = np.arange(0, n_frames + TOKEN, TOKEN, dtype=float)[: -(-n_frames // TOKEN) + 1]
    # Where the source stands still, the last frame of the target counts.
    rising = np.maximum.accumulate(position) + np.arange(len(position)) * 1e-6
    reached = np.interp(edges, rising, np.arange(len(position)), left=0.0, right=len(position))
    reached[0], reached[-1] = 0.0, len(position)
    stretch = np.log2(np.maximum(np.diff(reached), 0.1) / TOKEN)
    return gaussian_filter1d(np.clip(stretch, -_LIMIT_LOG2, _LIMIT_LOG2), 1.0, mode="nearest").astype(np.float32)


def position_of(stretch_log2: np.ndarray, n_frames: int) -> np.ndarray:
    """Undo :func:`stretch_of`: (n_target_frames,) frame of the source for every frame of the target, at least two."""
    stretch_log2 = np.clip(stretch_log2, -_LIMIT_LOG2, _LIMIT_LOG2)
    reached = np.concatenate([[0.0], np.cumsum(TOKEN * 2.0**stretch_log2)])
    edges = np.minimum(np.arange(len(reached)) * float(TOKEN), n_frames - 1.0)
    return np.interp(np.arange(max(round(reached[-1]), 2)), reached, edges)


def rate_of(position: np.ndarray) -> np.ndarray:
    """Return (n_target_frames, 1) float32: binary logarithm of the local speed, smoothed over 11 frames."""
    speed = np.log2(np.clip(np.gradient(position), 0.25, 4.0))
    return np.convolve(np.pad(speed, 5, mode="edge"), np.ones(11) / 11, "valid").astype(np.float32)[:, None]
