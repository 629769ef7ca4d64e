"""Least-squares support vector machines: one kernel ridge regression per class, in closed form.

Suykens and Vandewalle 1999, "Least squares support vector machine classifiers": the errors of all clips count, squared,
instead of those beyond a margin. On some hundred clips of many functionals it recognises better than the machine with a
margin, trains in one solve, and says in closed form what it would have answered without any speaker.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.blas import dsyrk

#: Clips and pairs that a solution is exact for.
MAX_EXACT = 2500
#: With more it is made of a sample of as many (Williams and Seeger 2001, "Using the Nyström method to speed up kernel
#: machines"), and training takes time in proportion to their number. On 2,000 nEMO clips such a sample recognises new
#: speakers as well as all clips do.
N_SAMPLED = 1500

_JITTER = 1e-9


@dataclass(frozen=True)
class VectorPairs:
    """Pairs of vectors of which only the difference is to be learnt.

    Attributes:
        clips: (n_pairs, n_features).
        sources: (n_pairs, n_features).
        labels: (n_pairs,) label indices of the clips.
        source_labels: (n_pairs,) of the sources.
        weights: (n_pairs,) of the squared errors, above 0.
        groups: (n_pairs,) names of what is left out together.
    """

    clips: np.ndarray
    sources: np.ndarray
    labels: np.ndarray
    source_labels: np.ndarray
    weights: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class LeastSquaresSvm:
    """One machine per class on the kernel ``exp(-gamma |x - v|²) + linear x·v``.

    The exponential learns what clips near a training clip are, the linear term what holds far from all of them.

    Attributes:
        vectors: (n_vectors, n_features) training clips that the solution is made of.
        coefficients: (n_vectors, n_classes).
        gamma: of the exponential.
        linear: weight of the linear term.
    """

    vectors: np.ndarray
    coefficients: np.ndarray
    gamma: float
    linear: float

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        labels: np.ndarray,
        weights: np.ndarray,
        groups: np.ndarray,
        *,
        n_classes: int,
        gamma: float,
        linear: float,
        ridge: float,
        pairs: VectorPairs | None = None,
        prior: Self | None = None,
        max_exact: int = MAX_EXACT,
        n_sampled: int = N_SAMPLED,
        leave_out: bool = True,
        seed: int,
    ) -> tuple[Self, np.ndarray]:
        """Train on (n_clips, n_features).

        Args:
            features: (n_clips, n_features), of a variance of about 1.
            labels: (n_clips,) indices 0 … n_classes - 1.
            weights: (n_clips,) of the squared errors, above 0.
            groups: (n_clips,) names of what is left out together.
            n_classes: number of machines, at least 2.
            gamma: of the kernel.
            linear: of the kernel.
            ridge: how much the solution is held back, re a clip of weight 1.
            pairs: whose answers should differ as their targets do: where voice and words of a pair are the same, they
                can be no reason for an answer. A squared error of a difference is one more row of the same equations.
            prior: a machine of the same kernel that the solution is held back towards, instead of towards 0
                (Evgeniou and Pontil 2004, "Regularized multi-task learning", with one task after the other).
            max_exact: clips and pairs that the solution is exact for, at most.
            n_sampled: clips that it is made of where there are more.
            leave_out: whether to say what machines without a group answer.
            seed: draws the clips that it is made of, where there are more.

        Returns:
            the machine, and (n_clips, n_classes) what machines trained without a clip's group answer for it: 0
            where there is one group only, or none is left out. A *prior* is kept as it is there.
        """
        targets = targets_of(n_classes)
        candidates, wanted = features, targets[labels]
        if pairs is not None:
            candidates = np.concatenate([features, pairs.clips, pairs.sources])
            wanted = np.concatenate([wanted, targets[pairs.labels] - targets[pairs.source_labels]])
            weights, groups = np.concatenate([weights, pairs.weights]), np.concatenate([groups, pairs.groups])
        if prior is not None:
            wanted = wanted - _rows(prior.scores(candidates), len(features))
        solve = _exact if len(wanted) <= max_exact else _sampled
        chosen = np.arange(len(candidates))
        if solve is _sampled:
            chosen = np.sort(np.random.default_rng(seed).permutation(len(candidates))[:n_sampled])
        vectors = candidates[chosen]
        kernel = cls(vectors, np.zeros((len(vectors), 0)), gamma, linear)._kernel(candidates).astype(np.float64)
        out = groups if leave_out and len(np.unique(groups)) > 1 else None
        coefficients, answers = solve(kernel, chosen, len(features), wanted, weights, ridge, out)
        left_out = np.zeros((len(features), n_classes))
        if answers is not None:
            left_out = answers[: len(features)] + (0.0 if prior is None else prior.scores(features))
        machine = cls(vectors, coefficients, gamma, linear)
        return machine if prior is None else prior._plus(machine), left_out

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Answer of each machine, (n_clips, n_classes): about 1 for the own class, below 0 for others."""
        return self._kernel(features) @ self.coefficients

    def scaled(self, share: float) -> Self:
        """Return the machine that answers *share* of what this one does."""
        return type(self)(self.vectors, share * self.coefficients, self.gamma, self.linear)

    def _plus(self, other: Self) -> Self:
        return type(self)(
            np.concatenate([self.vectors, other.vectors]),
            np.concatenate([self.coefficients, other.coefficients]),
            self.gamma,
            self.linear,
        )

    def _kernel(self, features: np.ndarray) -> np.ndarray:
        products = features @ self.vectors.T
        squares = (features**2).sum(axis=1)[:, None] + (self.vectors**2).sum(axis=1)
        return np.exp(-self.gamma * np.maximum(squares - 2.0 * products, 0.0)) + self.linear * products


def targets_of(n_classes: int) -> np.ndarray:
    """Return what the machines should answer to a clip of each class: (n_classes, n_classes), rows add up to 0."""
    return np.where(np.eye(n_classes, dtype=bool), 1.0, -1.0 / (n_classes - 1))


def _rows(of_clips: np.ndarray, n_clips: int) -> np.ndarray:
    """Take the sources of pairs from their clips: (n_clips + 2 n_pairs, n) → (n_clips + n_pairs, n)."""
    if len(of_clips) == n_clips:
        return of_clips
    clips, sources = np.split(of_clips[n_clips:], 2)
    return np.concatenate([of_clips[:n_clips], clips - sources])


def _exact(
    kernel: np.ndarray,
    chosen: np.ndarray,
    n_clips: int,
    wanted: np.ndarray,
    weights: np.ndarray,
    ridge: float,
    groups: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Solve with all clips: arguments and results as of :func:`_sampled`."""
    system = _rows(_rows(kernel, n_clips).T, n_clips)  # (n_rows, n_rows)
    system[np.diag_indices_from(system)] += ridge / weights
    solved = cho_factor(system, lower=True, overwrite_a=True)
    multipliers = cho_solve(solved, wanted)
    of_pairs = multipliers[n_clips:]
    coefficients = np.concatenate([multipliers[:n_clips], of_pairs, -of_pairs])
    if groups is None:
        return coefficients, None
    inverse = cho_solve(solved, np.eye(len(wanted)), overwrite_b=True)
    answers = np.empty_like(wanted)
    for name in np.unique(groups):
        own = np.flatnonzero(groups == name)
        # Leave-one-out in closed form (Cawley and Talbot 2004, "Fast exact leave-one-out cross-validation of sparse
        # least-squares support vector machines"), for a block of rows.
        answers[own] = wanted[own] - np.linalg.solve(inverse[np.ix_(own, own)], multipliers[own])
    return coefficients, answers


def _sampled(
    kernel: np.ndarray,
    chosen: np.ndarray,
    n_clips: int,
    wanted: np.ndarray,
    weights: np.ndarray,
    ridge: float,
    groups: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Solve with a sample of the clips.

    Args:
        kernel: (n_candidates, n_vectors): clips, then clips of pairs, then their sources, against the sample.
        chosen: (n_vectors,) candidates that are the sample.
        n_clips: of no pair.
        wanted: (n_rows, n_classes): one row per clip, then one per pair.
        weights: (n_rows,).
        ridge: how much the solution is held back.
        groups: (n_rows,) names of what is left out together, None to leave nothing out.

    Returns:
        (n_vectors, n_classes) coefficients, and (n_rows, n_classes) what machines without a row's group answer.
    """
    rows = _rows(kernel, n_clips)
    # The lower triangle of rows.T @ weights @ rows, in half the time.
    system = dsyrk(1.0, rows * np.sqrt(weights)[:, None], trans=1, lower=1) + ridge * kernel[chosen]
    system[np.diag_indices_from(system)] += _JITTER * np.trace(system) / len(system)
    solved = cho_factor(system, lower=True, overwrite_a=True)
    weighted = rows * weights[:, None]
    coefficients = cho_solve(solved, weighted.T @ wanted)
    if groups is None:
        return coefficients, None
    errors = wanted - rows @ coefficients
    answers = np.empty_like(wanted)
    for name in np.unique(groups):
        own = np.flatnonzero(groups == name)
        # The block form of leave-one-out residuals (Cook and Weisberg 1982, chapter 3): I less the hat matrix.
        rest = np.eye(len(own)) - rows[own] @ cho_solve(solved, weighted[own].T)
        answers[own] = wanted[own] - np.linalg.solve(rest, errors[own])
    return coefficients, answers
