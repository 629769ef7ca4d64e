"""Directions in which speakers differ whatever they act, to be taken out of what a recogniser sees.

Solomonoff, Campbell and Boardman 2005, "Advances in channel compensation for SVM speaker recognition" (nuisance
attribute projection), with speakers as the nuisance and emotions held apart.
"""

from collections.abc import Iterator

import numpy as np
from sklearn.model_selection import GroupKFold

#: Groups that speakers are left out in. Directions have seen whom they were learnt from, so that answers without a
#: speaker have to be found without them from the start; one speaker at a time would take long.
N_FOLDS = 5


def averages(truth: np.ndarray, speakers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the matrix that turns clips into each speaker's mean distance from the means of the classes.

    Args:
        truth: (n_clips,) class indices.
        speakers: (n_clips,) names.
        weights: (n_clips,) above 0.

    Returns:
        (n_speakers, n_clips).
    """
    names, own = np.unique(speakers, return_inverse=True)
    of_speaker = _means(own, weights, len(names))
    of_class = _means(truth, weights, int(truth.max()) + 1)
    return of_speaker - (of_speaker @ np.eye(len(of_class))[truth]) @ of_class


def directions(
    vectors: np.ndarray, truth: np.ndarray, speakers: np.ndarray, weights: np.ndarray, n_directions: int
) -> np.ndarray:
    """Return the directions in which speakers differ most: (n, n_features) orthonormal rows.

    Args:
        vectors: (n_clips, n_features).
        truth: (n_clips,) class indices.
        speakers: (n_clips,) names.
        weights: (n_clips,) above 0.
        n_directions: how many; n is less where there are too few speakers for as many.
    """
    means = averages(truth, speakers, weights) @ vectors
    count = min(n_directions, len(means) - 1)
    return np.linalg.svd(means, full_matrices=False)[2][:count]


def without(vectors: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Take the directions *away*, (n, n_features), out of (n_clips, n_features)."""
    return vectors - (vectors @ away.T) @ away if len(away) else vectors


def folds_of(speakers: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield indices of clips to learn from and of clips left out, by groups of speakers; nothing for one speaker."""
    n_speakers = len(np.unique(speakers))
    if n_speakers > 1:
        yield from GroupKFold(min(N_FOLDS, n_speakers)).split(speakers, groups=speakers)


def _means(own: np.ndarray, weights: np.ndarray, n_groups: int) -> np.ndarray:
    """Return (n_groups, n_clips): rows that give the weighted mean of each group."""
    shares = np.eye(n_groups)[:, own] * weights
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
