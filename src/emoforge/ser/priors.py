"""Class shares that differ from those of training: estimated without labels, and put right in the answers.

A recogniser's probabilities hold for the shares of the classes that it was trained for. Among the clips that it is
asked about the shares may be others: of a helpline's calls hardly any are happy. :class:`ClassPrior` estimates the
shares from the answers alone and weighs these anew; :class:`ClassOffsets` adds to every class what makes its share the
expected one.

The two assume different things. :class:`ClassPrior` believes the answers: it holds where a class sounds as it did in
training and only its share has changed. :class:`ClassOffsets` believes the shares: it holds where they are known, and
what is wrong is how readily a class is answered, as it is across corpora, or where a class was learnt from converted or
foreign clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import softmax

from emoforge.base.errors import EmoforgeError

#: How far estimated shares lie from those of training where nothing has shifted, times the information, see
#: :meth:`ClassPrior.fit`: of 21 groups of EmoDB, EMOVO and nEMO speakers whom the recogniser had not heard, 20 lay
#: closer.
MISFIT = 1.25
#: How much expected shares count against the answered ones where classes are only supposed to be about equally
#: frequent: see :meth:`ClassOffsets.fit`.
HALF = 0.5

_TINY = 1e-12
_MAX_STEPS = 2000
_TOLERANCE = 1e-7
#: Probabilities in float32 sum to 1 within this.
_ROUNDING = 1e-3


@dataclass(frozen=True)
class ClassPrior:
    """Shares of the classes that probabilities hold for, and those that they should hold for.

    Attributes:
        trained: (n_classes,) shares that the recogniser's probabilities hold for.
        expected: (n_classes,) shares among the clips that it is asked about.
    """

    trained: np.ndarray
    expected: np.ndarray

    @classmethod
    def fit(
        cls, probabilities: np.ndarray, *, trained: np.ndarray | None = None, misfit: float | None = MISFIT
    ) -> Self:
        """Estimate the shares among clips without labels by expectation maximisation.

        Saerens, Latinne and Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori probabilities":
        with ratios ``r_ik = p(k | x_i) / trained_k``,

            ``p_ik = s_k r_ik / sum_j s_j r_ij``,  ``s_k = sum_i p_ik / n``

        repeated until nothing moves finds the most likely shares s. New speakers, though, move the answers where no
        share has changed, and s follows. So it is drawn towards *trained* (James and Stein 1961, "Estimation with
        quadratic loss", the positive part): of the difference ``1 - noise / distance`` is kept, nothing where that is
        below 0, with

            ``distance = sum_k (s_k - trained_k)² / trained_k``,
            ``noise = (misfit + (n_classes - 1) / n) / information``

        where the second term is the sampling error of n clips of known emotion, and ``information``, 0 to 1, says how
        much a clip tells about the shares against one of known emotion.

        Args:
            probabilities: (n_clips, n_classes), every row summing to 1.
            trained: (n_classes,) shares that they hold for; equal ones where None, which is what recognisers that
                weigh all classes alike are trained for.
            misfit: usual distance where no share has changed; None to keep the most likely shares.

        Raises:
            EmoforgeError: there is no clip, or shares and probabilities do not fit each other.
        """
        probabilities = checked_probabilities(probabilities)
        n_clips, n_classes = probabilities.shape
        trained = equal_shares(n_classes) if trained is None else checked_shares(trained, n_classes)
        if (trained <= 0).any():
            raise EmoforgeError("a class without a share in training has no ratio to its share now: leave it out")
        ratios = probabilities / trained
        shares = trained
        for _ in range(_MAX_STEPS):
            moved = _weighted(ratios, shares).mean(axis=0)
            done = np.abs(moved - shares).max() < _TOLERANCE
            shares = moved
            if done:
                break
        if misfit is None or n_classes < 2:
            return cls(trained, shares)
        noise = (misfit + (n_classes - 1) / n_clips) / _information(ratios, trained)
        distance = float(((shares - trained) ** 2 / trained).sum())
        kept = max(0.0, 1.0 - noise / distance) if distance > 0 else 0.0
        return cls(trained, trained + kept * (shares - trained))

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Return (n_clips, n_classes) probabilities at the expected shares: ``p_k expected_k / trained_k``, normalised.

        In logits that adds ``log(expected_k / trained_k)`` (Menon et al. 2021, "Long-tail learning via logit
        adjustment", section 4.1).
        """
        return _weighted(checked_probabilities(probabilities), self.expected / self.trained)


@dataclass(frozen=True)
class ClassOffsets:
    """What is added to the log-probability of every class.

    Attributes:
        offsets: (n_classes,); 0 for a class that is left as it is.
    """

    offsets: np.ndarray

    @classmethod
    def fit(
        cls,
        probabilities: np.ndarray,
        *,
        expected: np.ndarray | None = None,
        free: Sequence[int] | None = None,
        trust: float = 1.0,
    ) -> Self:
        """Find the offsets that make the mean probability of classes over unlabelled clips the expected one.

        They maximise the concave ``sum_k s_k b_k - mean_i log sum_k p_ik exp(b_k)``, whose gradient is the difference
        between expected and answered shares. Steps ``b_k += log(s_k / mean_i q_ik)``, with q the moved probabilities,
        climb it (iterative proportional fitting, Deming and Stephan 1940).

        Args:
            probabilities: (n_clips, n_classes), every row summing to 1.
            expected: (n_classes,) shares that sum to 1; equal ones where None.
            free: classes that get an offset, such as one that was learnt from foreign or converted clips; all where
                None. The others share what is left as they did.
            trust: weight of the expected shares against the answered ones, 0 to 1: 1 where they are known,
                :data:`HALF` where they are a guess, so that a wrong guess does little harm.

        Raises:
            EmoforgeError: there is no clip, or shares and probabilities do not fit each other.
        """
        probabilities = checked_probabilities(probabilities)
        n_classes = probabilities.shape[1]
        expected = equal_shares(n_classes) if expected is None else checked_shares(expected, n_classes)
        if not 0.0 <= trust <= 1.0:
            raise EmoforgeError(f"trust in the expected shares is {trust:g}, allowed: 0 to 1")
        chosen = np.arange(n_classes) if free is None else np.unique(np.asarray(free, dtype=np.int64))
        if len(chosen) and not (chosen[0] >= 0 and chosen[-1] < n_classes):
            raise EmoforgeError(f"classes run from {chosen[0]} to {chosen[-1]}, allowed: 0 to {n_classes - 1}")
        logits = _logarithms(probabilities)
        wanted = (trust * expected + (1.0 - trust) * probabilities.mean(axis=0))[chosen]
        log_wanted = np.log(np.maximum(wanted, _TINY))
        offsets = np.zeros(n_classes)
        for _ in range(_MAX_STEPS):
            answered = softmax(logits + offsets, axis=1)[:, chosen].mean(axis=0)
            step = log_wanted - np.log(np.maximum(answered, _TINY))
            offsets[chosen] += step
            if np.abs(step).max(initial=0.0) < _TOLERANCE:
                break
        # The same number for all classes changes nothing.
        return cls(offsets if len(chosen) < n_classes else offsets - offsets.mean())

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Return (n_clips, n_classes) probabilities with the offsets added to their logarithms."""
        return softmax(_logarithms(checked_probabilities(probabilities)) + self.offsets, axis=1)


def equal_shares(n_classes: int) -> np.ndarray:
    """Return (n_classes,) the same share for each."""
    return np.full(n_classes, 1.0 / n_classes)


def checked_shares(shares: np.ndarray, n_classes: int) -> np.ndarray:
    """Return *shares* as (n_classes,) float64 from 0 to 1 that sum to 1; EmoforgeError where they cannot be that."""
    shares = np.asarray(shares, dtype=np.float64)
    if shares.shape != (n_classes,):
        raise EmoforgeError(f"{n_classes} classes came with shares of shape {shares.shape}: every class needs one")
    if not (shares >= 0).all() or abs(shares.sum() - 1.0) > _ROUNDING:
        raise EmoforgeError(f"shares of classes add up to {shares.sum():.3f}: they must be 0 or more and add up to 1")
    return shares / shares.sum()


def checked_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Return *probabilities* as (n_clips, n_classes) float64; EmoforgeError where a row does not sum to 1."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim != 2 or not probabilities.size:
        raise EmoforgeError(f"probabilities must have one row per clip, not be of shape {probabilities.shape}")
    if not (probabilities >= 0).all() or np.abs(probabilities.sum(axis=1) - 1.0).max() > _ROUNDING:
        raise EmoforgeError("a clip's probabilities must be 0 or more and add up to 1")
    return probabilities


def _weighted(ratios: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Multiply classes by their weights and make every row sum to 1."""
    products = ratios * weights
    # Where no class of a clip is expected at all, its answer stays as it was.
    products = np.where(products.sum(axis=1, keepdims=True) > _TINY, products, ratios)
    return products / products.sum(axis=1, keepdims=True)


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, _TINY))


def _information(ratios: np.ndarray, shares: np.ndarray) -> float:
    """Return how much a clip tells about *shares* against one of known emotion, above 0, at most 1.

    The covariance of estimated shares is the inverse of the information ``sum_i r_i r_iᵀ / (sᵀ r_i)²``; were the
    emotions known, it would be that of a multinomial. The mean of the eigenvalues of one re the other.
    """
    seen = ratios / (ratios @ shares)[:, None]
    # Shares sum to 1: an orthonormal basis of the directions in which they can differ.
    basis = np.linalg.svd(np.ones((1, len(shares))))[2][1:]
    known = (basis / shares) @ basis.T
    told = basis @ (seen.T @ seen / len(seen)) @ basis.T
    return float(np.clip(np.trace(np.linalg.solve(known, told)) / len(basis), 1e-3, 1.0))
