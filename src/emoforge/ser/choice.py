"""Which layers of an encoder a machine reads, and how much it is held back: chosen by leaving speakers out.

Emotion lies in the middle of an encoder, and where exactly depends on the corpus. Every run of neighbouring layers
answers for each training speaker without that speaker, in closed form, and so does every ridge with the layers found.
What makes the right emotions most likely is chosen: among a few hundred clips that tells more than counting which are
recognised (RAVDESS without enrolment: UAR .749 where the best count chooses .725).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import spotrf, spotri
from scipy.special import log_softmax

from emoforge.ser.least_squares import targets_of

#: Clips that choices are compared on; of more, a sample. The machine that is chosen learns from all of them.
N_COMPARED = 2400
USUAL_RIDGE = 0.5
RIDGES = (0.1, 0.25, 0.5, 1.0, 2.0)
# Between machines that are sure and machines that are not.
_TEMPERATURES = (0.1, 0.15, 0.2, 0.3, 0.45)
#: Most runs of layers that are compared.
_MOST_RUNS = 45


@dataclass(frozen=True)
class Choice:
    """What a machine reads, and how much it is held back.

    Attributes:
        layers: numbers of the layers, the front end being 0.
        ridge: see :meth:`emoforge.ser.least_squares.LeastSquaresSvm.fit`.
    """

    layers: tuple[int, ...]
    ridge: float


def runs_of_layers(n_layers: int) -> list[tuple[int, ...]]:
    """Return the runs of neighbouring layers that are compared, without the front end where there is another layer.

    Of many layers, runs begin and end at every second, third … only.
    """
    if n_layers == 1:
        return [(0,)]
    for step in range(1, n_layers):
        ends = [*range(1, n_layers, step), n_layers]
        runs = [tuple(range(first, end)) for at, first in enumerate(ends) for end in ends[at + 1 :]]
        if len(runs) <= _MOST_RUNS:
            break
    return runs


def usual_layers(n_layers: int) -> tuple[int, ...]:
    """Return the layers that are read where nobody can be left out: those in the middle."""
    if n_layers == 1:
        return (0,)
    margin = n_layers // 4
    return tuple(range(max(1, margin), n_layers - margin))


def choose(
    layer: Callable[[int], np.ndarray],
    truth: np.ndarray,
    weights: np.ndarray,
    groups: np.ndarray,
    *,
    n_layers: int,
    n_classes: int,
    layers: Sequence[int] | None = None,
    ridge: float | None = None,
    seed: int,
) -> Choice:
    """Choose layers and ridge by how likely answers without a clip's group make what it is.

    Args:
        layer: number of a layer → (n_clips, n_values) of the training clips, of a variance of about 1.
        truth: (n_clips,) indices 0 … n_classes - 1.
        weights: (n_clips,) of the squared errors, above 0.
        groups: (n_clips,) names of what is left out together: speakers.
        n_layers: that *layer* knows.
        n_classes: number of classes.
        layers: chosen already; None to choose.
        ridge: chosen already; None to choose.
        seed: draws the clips that are compared where there are more than :data:`N_COMPARED`.

    Returns:
        the choice; the usual one where there is one group only.
    """
    runs = runs_of_layers(n_layers) if layers is None else [tuple(layers)]
    ridges = RIDGES if ridge is None else (ridge,)
    if len(np.unique(groups)) < 2:
        return Choice(usual_layers(n_layers) if layers is None else runs[0], USUAL_RIDGE if ridge is None else ridge)
    if len(runs) == len(ridges) == 1:
        return Choice(runs[0], ridges[0])
    rows = np.arange(len(truth))
    if len(rows) > N_COMPARED:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:N_COMPARED])
    truth, weights, groups = truth[rows], weights[rows], groups[rows]
    products = {number: _products(layer(number)[rows]) for number in sorted({at for run in runs for at in run})}
    wanted = targets_of(n_classes)[truth].astype(np.float32)

    def score(kernel: np.ndarray, ridge: float) -> float:
        return likelihood(_left_out(kernel, wanted, weights, groups, ridge), truth, weights)

    usual = USUAL_RIDGE if ridge is None else ridge
    run = runs[0]
    if len(runs) > 1:
        run = max(runs, key=lambda run: score(_kernel(products, run), usual))
    if len(ridges) == 1:
        return Choice(run, ridges[0])
    kernel = _kernel(products, run)
    return Choice(run, max(ridges, key=lambda ridge: score(kernel, ridge)))


def likelihood(answers: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean log-likelihood of *truth* at the best of some temperatures; *weights* of (n_clips,) are even."""
    rows = np.arange(len(truth))
    found = [log_softmax(answers / temperature, axis=1)[rows, truth] for temperature in _TEMPERATURES]
    return max(float(np.average(of_clips, weights=weights)) for of_clips in found)


def _products(features: np.ndarray) -> np.ndarray:
    """Return inner products of clips over the number of values: (n_clips, n_clips) float32."""
    features = features.astype(np.float32)
    return features @ features.T / np.float32(features.shape[1])


def _kernel(products: dict[int, np.ndarray], run: Sequence[int]) -> np.ndarray:
    """Return the kernel of :class:`~emoforge.ser.least_squares.LeastSquaresSvm` on the layers of *run* side by side."""
    mean = sum((products[number] for number in run[1:]), start=products[run[0]].copy())
    mean /= np.float32(len(run))
    squares = np.diag(mean)
    return np.exp(-np.maximum(squares[:, None] + squares - 2 * mean, 0)) + mean


def _left_out(
    kernel: np.ndarray, wanted: np.ndarray, weights: np.ndarray, groups: np.ndarray, ridge: float
) -> np.ndarray:
    """Return what machines without a clip's group answer, as :class:`LeastSquaresSvm` does, in single precision."""
    system = kernel.copy()
    system[np.diag_indices_from(system)] += (ridge / weights).astype(np.float32)
    # Transposed, so that LAPACK takes the rows as columns without a copy.
    factor, _ = spotrf(system.T, lower=True, overwrite_a=True)
    inverse, _ = spotri(factor, lower=True, overwrite_c=True)
    inverse = np.tril(inverse)
    inverse += np.tril(inverse, -1).T
    multipliers = inverse @ wanted
    answers = np.empty_like(wanted)
    for name in np.unique(groups):
        own = np.flatnonzero(groups == name)
        answers[own] = wanted[own] - np.linalg.solve(inverse[np.ix_(own, own)], multipliers[own])
    return answers
