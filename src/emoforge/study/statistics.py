"""How sure a gain is: clips of one speaker are alike, so it is speakers that are drawn, not clips.

Every draw is a weighted sum of per-speaker confusion counts, so ten thousand cost a matrix product.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from emoforge.errors import EmoforgeError


@dataclass(frozen=True)
class Interval:
    """An unweighted average recall with its confidence interval, all from 0 to 1."""

    value: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class Gain:
    """What an arm gains over another, in unweighted average recall (-1 to 1), and the chance of so much by accident.

    Attributes:
        value: gain over all clips.
        ci_low: lower end of the confidence interval.
        ci_high: upper end of the confidence interval.
        p: two-sided bootstrap p value of no gain.
    """

    value: float
    ci_low: float
    ci_high: float
    p: float


@dataclass(frozen=True)
class SignedRank:
    """A Wilcoxon signed-rank test among several: *p* by itself, *p_holm* corrected for all of them."""

    median: float
    n: int
    p: float
    p_holm: float


def uar_interval(
    truth: np.ndarray,
    predicted: np.ndarray,
    speakers: np.ndarray,
    *,
    n_draws: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Speaker-clustered bootstrap interval of unweighted average recall.

    Speakers are drawn with replacement and bring all their clips (Davison and Hinkley 1997, "Bootstrap methods and
    their application", section 3.8). The percentile interval is too narrow for few speakers; its percentiles are
    therefore moved outward as Student's t is wider than the normal (Hesterberg 2015, "What teachers should know about
    the bootstrap", section 5.3, the expanded percentile interval).

    Args:
        truth: (n_clips,) label indices.
        predicted: (n_clips,) label indices, or (n_seeds, n_clips) for several trainings that are averaged.
        speakers: (n_clips,) names.
        n_draws: number of bootstrap draws.
        confidence: between 0 and 1.
        seed: of the draws.

    Returns:
        the UAR over all clips with its interval; a class without clips is left out, in every draw anew.

    Raises:
        EmoforgeError: fewer than two speakers, or arrays of different lengths.
    """
    hits, support = _speaker_counts(truth, predicted, speakers)
    drawn = _draw_speakers(len(hits), n_draws, seed)
    values = _uar(drawn @ hits, drawn @ support)
    low, high = _percentiles(values, len(hits), confidence)
    return Interval(float(_uar(hits.sum(axis=0), support.sum(axis=0))), low, high)


def paired_gain(
    truth: np.ndarray,
    predicted: np.ndarray,
    reference: np.ndarray,
    speakers: np.ndarray,
    *,
    n_draws: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Gain:
    """Bootstrap the gain of one arm over another with the same draws of speakers in both.

    The p value is the smallest one minus confidence whose interval (see :func:`uar_interval`) leaves out zero
    (Efron and Tibshirani 1993, "An introduction to the bootstrap", section 15.4), so that the two never disagree.

    Args:
        truth: (n_clips,) label indices.
        predicted: (n_clips,) or (n_seeds, n_clips) label indices of the arm.
        reference: (n_clips,) or (n_seeds, n_clips) label indices of the arm that it is compared with.
        speakers: (n_clips,) names.
        n_draws: number of bootstrap draws.
        confidence: between 0 and 1.
        seed: of the draws.

    Raises:
        EmoforgeError: fewer than two speakers, or arrays of different lengths.
    """
    hits, support = _speaker_counts(truth, predicted, speakers)
    reference_hits, reference_support = _speaker_counts(truth, reference, speakers)
    drawn = _draw_speakers(len(hits), n_draws, seed)
    gains = _uar(drawn @ hits, drawn @ support) - _uar(drawn @ reference_hits, drawn @ reference_support)
    value = _uar(hits.sum(axis=0), support.sum(axis=0)) - _uar(
        reference_hits.sum(axis=0), reference_support.sum(axis=0)
    )
    low, high = _percentiles(gains, len(hits), confidence)
    # Equal arms give differences of a rounding error: they count on both sides.
    tail = min((gains <= 1e-12).sum(), (gains >= -1e-12).sum())
    return Gain(float(value), low, high, _p_of_tail((tail + 1) / (n_draws + 1), len(hits)))


def speaker_uar(truth: np.ndarray, predicted: np.ndarray, speakers: np.ndarray) -> dict[str, float]:
    """Unweighted average recall of each speaker, the unit of a paired rank test. Arguments as :func:`uar_interval`."""
    hits, support = _speaker_counts(truth, predicted, speakers, least=1)
    return dict(zip(np.unique(speakers).tolist(), _uar(hits, support).tolist(), strict=True))


def signed_rank_tests(gains: Mapping[str, np.ndarray]) -> dict[str, SignedRank]:
    """Wilcoxon signed-rank tests of several arms' paired gains, with Holm's correction for their number.

    Wilcoxon 1945, "Individual comparisons by ranking methods"; Holm 1979, "A simple sequentially rejective multiple
    test procedure".

    Args:
        gains: name of the arm → (n_pairs,) its score less the reference's, a pair a speaker (or fold and seed).

    Returns:
        name of the arm → test; gains that are all zero have p = 1.

    Raises:
        EmoforgeError: an arm has no pair.
    """
    results = {}
    for name, differences in gains.items():
        differences = np.asarray(differences, dtype=np.float64)
        if not len(differences):
            raise EmoforgeError(f"arm {name!r} has no paired score to test: run it on the reference's folds")
        p = float(stats.wilcoxon(differences).pvalue) if np.any(differences) else 1.0
        results[name] = (float(np.median(differences)), len(differences), p)
    corrected = _holm({name: p for name, (_, _, p) in results.items()})
    return {name: SignedRank(median, n, p, corrected[name]) for name, (median, n, p) in results.items()}


def _holm(p_values: Mapping[str, float]) -> dict[str, float]:
    corrected: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        corrected[name] = largest
    return corrected


def _speaker_counts(
    truth: np.ndarray, predicted: np.ndarray, speakers: np.ndarray, *, least: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Recognised clips and all clips of each speaker and class: two (n_speakers, n_classes) arrays."""
    truth, predicted, speakers = np.asarray(truth), np.atleast_2d(predicted), np.asarray(speakers)
    if truth.ndim != 1 or predicted.shape[1] != len(truth) or len(speakers) != len(truth):
        raise EmoforgeError(
            f"truth ({truth.shape}), prediction ({predicted.shape}) and speakers ({speakers.shape}) must name the "
            "same clips in the same order"
        )
    names, rows = np.unique(speakers, return_inverse=True)
    if len(names) < least:
        raise EmoforgeError(f"an interval needs clips of at least {least} speakers, not {len(names)}: test more folds")
    n_classes = int(truth.max()) + 1
    cells = rows * n_classes + truth
    shape = (len(names), n_classes)
    support = np.bincount(cells, minlength=np.prod(shape)).reshape(shape).astype(np.float64)
    right = (predicted == truth).mean(axis=0)
    hits = np.bincount(cells, weights=right, minlength=np.prod(shape)).reshape(shape)
    return hits, support


def _draw_speakers(n_speakers: int, n_draws: int, seed: int) -> np.ndarray:
    """How often each draw holds each speaker: (n_draws, n_speakers)."""
    share = np.full(n_speakers, 1.0 / n_speakers)
    return np.random.default_rng(seed).multinomial(n_speakers, share, size=n_draws).astype(np.float64)


def _uar(hits: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Mean recall over the classes (last axis) that have clips."""
    present = support > 0
    recalls = np.divide(hits, support, out=np.zeros_like(hits), where=present)
    return recalls.sum(axis=-1) / present.sum(axis=-1)


def _percentiles(values: np.ndarray, n_speakers: int, confidence: float) -> tuple[float, float]:
    quantile = stats.t.ppf((1 - confidence) / 2, n_speakers - 1) * np.sqrt(n_speakers / (n_speakers - 1))
    tail = float(stats.norm.cdf(quantile))
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _p_of_tail(tail: float, n_speakers: int) -> float:
    """The inverse of the widening in :func:`_percentiles`: two-sided p of a share *tail* of draws beyond zero."""
    quantile = stats.norm.ppf(min(tail, 0.5)) * np.sqrt((n_speakers - 1) / n_speakers)
    return float(2 * stats.t.cdf(quantile, n_speakers - 1))
