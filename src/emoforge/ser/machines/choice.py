"""Which layers of an encoder a machine reads, what is taken out, and how much it is held back: by leaving speakers out.

Emotion lies in the middle of an encoder, and where exactly depends on the corpus. Every run of neighbouring layers
answers for each training speaker without that speaker, in closed form. The more likely the right emotions are to a run,
the more its layers weigh: to take the best run alone is to believe in chance (mean UAR of EmoDB, EMOVO and RAVDESS with
and without enrolment .731 with the best run, .735 weighed). With these layers, ridges are compared, and whether
directions in which speakers differ are taken out: groups of speakers are left out for that, from the start.
Likelihood tells more than counting what is recognised (RAVDESS without enrolment: UAR .749, by the count .725).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import spotrf, spotri, spotrs
from scipy.special import log_softmax, softmax

from emoforge.ser.machines.least_squares import targets_of
from emoforge.ser.machines.nuisance import averages, folds_of

#: Clips that choices are compared on; of more, a sample. The machine that is chosen learns from all of them.
N_COMPARED = 2400
USUAL_RIDGE = 0.5
RIDGES = (0.1, 0.25, 0.5, 1.0, 2.0)
#: Directions that are taken out, or none.
DIRECTIONS = (0, 4, 8)
# A run that is less likely than the best by this much, in nats a clip, weighs 1 / e of it.
_SOFTNESS = 0.03
# Layers that weigh less are not read.
_LEAST_WEIGHT = 0.04
# Between machines that are sure and machines that are not.
_TEMPERATURES = (0.1, 0.15, 0.2, 0.3, 0.45)
#: Most runs of layers that are compared.
_MOST_RUNS = 45


@dataclass(frozen=True)
class Choice:
    """What a machine reads, and how much it is held back.

    Attributes:
        layers: numbers of the layers, the front end being 0.
        weights: of these layers, which add up to 1.
        ridge: see :meth:`emoforge.ser.machines.least_squares.LeastSquaresSvm.fit`.
        n_directions: in which speakers differ, that are taken out, see :mod:`emoforge.ser.machines.nuisance`.
    """

    layers: tuple[int, ...]
    weights: tuple[float, ...]
    ridge: float
    n_directions: int = 0


def runs_of_layers(n_layers: int) -> list[tuple[int, ...]]:
    """Return the runs of neighbouring layers that are compared.

    The front end is in none, where there is another layer. Of many layers, runs begin and end at every second, third …
    only.
    """
    runs: list[tuple[int, ...]] = [(0,)]
    for step in range(1, n_layers):
        ends = [*range(1, n_layers, step), n_layers]
        runs = [tuple(range(first, end)) for at, first in enumerate(ends) for end in ends[at + 1 :]]
        if len(runs) <= _MOST_RUNS:
            break
    return runs


def usual_layers(n_layers: int) -> tuple[int, ...]:
    """Return the layers that are read where nobody can be left out: those in the middle."""
    margin = n_layers // 4
    return tuple(range(min(n_layers - 1, max(1, margin)), n_layers - margin))


def n_varying(features: np.ndarray) -> int:
    """Return how many columns of (n_clips, n_values) differ from clip to clip, at least 1.

    The layers of a narrow encoder beside a wide one are filled up with zeros, which are no features.
    """
    return max(1, int((np.ptp(features, axis=0) > 0).sum()))


def choose(
    layer: Callable[[int], np.ndarray],
    truth: np.ndarray,
    weights: np.ndarray,
    speakers: np.ndarray,
    *,
    n_layers: int,
    n_classes: int,
    layers: Sequence[int] | None = None,
    ridge: float | None = None,
    seed: int,
) -> Choice:
    """Choose by how likely answers without a clip's speaker make what it is.

    Args:
        layer: number of a layer → (n_clips, n_values) of the training clips, of a variance of about 1.
        truth: (n_clips,) indices 0 … n_classes - 1.
        weights: (n_clips,) of the squared errors, above 0.
        speakers: (n_clips,) names.
        n_layers: that *layer* knows.
        n_classes: number of classes.
        layers: chosen already; None to choose.
        ridge: chosen already; None to choose.
        seed: draws the clips that are compared where there are more than :data:`N_COMPARED`.

    Returns:
        the choice; the usual one where there is one speaker only.
    """
    ridges = RIDGES if ridge is None else (ridge,)
    n_speakers = len(np.unique(speakers))
    # One fewer than there are speakers is all there are.
    counts = tuple(count for count in DIRECTIONS if count <= max(4, n_speakers - 1))
    if n_speakers < 2:
        layers = tuple(usual_layers(n_layers) if layers is None else layers)
        return Choice(layers, _even(layers), USUAL_RIDGE if ridge is None else ridge)
    runs = runs_of_layers(n_layers) if layers is None else [tuple(layers)]
    rows = np.arange(len(truth))
    if len(rows) > N_COMPARED:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:N_COMPARED])
    truth, weights, speakers = truth[rows], weights[rows], speakers[rows]
    numbers = sorted({number for run in runs for number in run})
    products = {number: _products(layer(number)[rows]) for number in numbers}
    wanted = targets_of(n_classes)[truth].astype(np.float32)

    def score_of_run(run: tuple[int, ...]) -> float:
        answers = _left_out(_kernel(_mean(products, run, _even(run))), wanted, weights, speakers, USUAL_RIDGE)
        return likelihood(answers, truth, weights)

    chosen, of_layers = runs[0], _even(runs[0])
    if len(runs) > 1:
        chosen, of_layers = _weighed(runs, [score_of_run(run) for run in runs])
    mean = _mean(products, chosen, of_layers)
    answers = {(count, ridge): np.zeros_like(wanted) for count in counts for ridge in ridges}
    for rest, group in folds_of(speakers):
        for count in counts:
            apart = _without_directions(mean, rest, truth, speakers, weights, count)
            kernel = _kernel(apart, rest)
            for ridge in ridges:
                solution = _solution(kernel[rest], wanted[rest], weights[rest], ridge)
                answers[count, ridge][group] = kernel[group] @ solution
    count, ridge = max(answers, key=lambda choice: likelihood(answers[choice], truth, weights))
    return Choice(chosen, of_layers, ridge, count)


def likelihood(answers: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean log-likelihood of *truth* at the best of some temperatures; *weights* of (n_clips,) are even."""
    rows = np.arange(len(truth))
    found = [log_softmax(answers / temperature, axis=1)[rows, truth] for temperature in _TEMPERATURES]
    return max(float(np.average(of_clips, weights=weights)) for of_clips in found)


def _products(features: np.ndarray) -> np.ndarray:
    """Return inner products of clips over the number of features: (n_clips, n_clips) float32."""
    features = features.astype(np.float32)
    return features @ features.T / np.float32(n_varying(features))


def _even(run: Sequence[int]) -> tuple[float, ...]:
    return (1 / len(run),) * len(run)


def _weighed(runs: Sequence[tuple[int, ...]], scores: Sequence[float]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the layers that are worth reading and what they weigh, by how the runs that hold them score."""
    of_layers = np.zeros(max(map(max, runs)) + 1)
    for run, share in zip(runs, softmax(np.asarray(scores) / _SOFTNESS), strict=True):
        of_layers[list(run)] += share / len(run)
    # Of many layers none may weigh as much; the heaviest stays.
    of_layers[of_layers < min(_LEAST_WEIGHT, of_layers.max())] = 0.0
    (chosen,) = np.nonzero(of_layers)
    # Rounded: what is kept in JSON is what was used, and the last bits of another machine's arithmetic are left out.
    weights = np.round(of_layers[chosen] / of_layers.sum(), 3)
    return tuple(chosen.tolist()), tuple((weights / weights.sum()).tolist())


def _mean(products: dict[int, np.ndarray], layers: Sequence[int], weights: Sequence[float]) -> np.ndarray:
    """Return the weighted mean of the inner products of *layers*."""
    mean = np.zeros_like(products[layers[0]])
    for number, weight in zip(layers, weights, strict=True):
        mean += np.float32(weight) * products[number]
    return mean


def _kernel(products: np.ndarray, columns: np.ndarray | None = None) -> np.ndarray:
    """Return the kernel of :class:`LeastSquaresSvm` of clips with those at *columns*."""
    squares = np.diag(products)
    if columns is None:
        columns = np.arange(len(products))
    products = products[:, columns]
    return np.exp(-np.maximum(squares[:, None] + squares[columns] - 2 * products, 0)) + products


def _without_directions(
    products: np.ndarray,
    rest: np.ndarray,
    truth: np.ndarray,
    speakers: np.ndarray,
    weights: np.ndarray,
    n_directions: int,
) -> np.ndarray:
    """Return inner products without the directions that :mod:`emoforge.ser.machines.nuisance` learns from *rest*."""
    means = averages(truth[rest], speakers[rest], weights[rest]).astype(np.float32)
    count = min(n_directions, len(means) - 1)
    if count < 1:
        return products
    to_means = products[:, rest] @ means.T
    powers, turns = np.linalg.eigh(means @ to_means[rest])
    # Coordinates of clips along the directions: nothing but inner products is needed.
    along = to_means @ turns[:, -count:] / np.sqrt(np.maximum(powers[-count:], np.finfo(np.float32).tiny))
    return products - along @ along.T


def _left_out(
    kernel: np.ndarray, wanted: np.ndarray, weights: np.ndarray, groups: np.ndarray, ridge: float
) -> np.ndarray:
    """Return what machines without a clip's group answer, as :class:`LeastSquaresSvm` does, in single precision."""
    factor = _factor(kernel, weights, ridge)
    inverse, _ = spotri(factor, lower=True, overwrite_c=True)
    inverse = np.tril(inverse)
    inverse += np.tril(inverse, -1).T
    multipliers = inverse @ wanted
    answers = np.empty_like(wanted)
    for name in np.unique(groups):
        own = np.flatnonzero(groups == name)
        answers[own] = wanted[own] - np.linalg.solve(inverse[np.ix_(own, own)], multipliers[own])
    return answers


def _solution(kernel: np.ndarray, wanted: np.ndarray, weights: np.ndarray, ridge: float) -> np.ndarray:
    return spotrs(_factor(kernel, weights, ridge), wanted, lower=True)[0]


def _factor(kernel: np.ndarray, weights: np.ndarray, ridge: float) -> np.ndarray:
    system = kernel.copy()
    system[np.diag_indices_from(system)] += (ridge / weights).astype(np.float32)
    # Symmetric: transposed, LAPACK takes it without a copy.
    return spotrf(system.T, lower=True, overwrite_a=True)[0]
