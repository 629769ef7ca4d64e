"""How certain a gain is: clips of one speaker are alike, so speakers are drawn, not clips.

Every draw is a weighted sum of per-speaker confusion counts, so ten thousand cost a matrix product.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from emoforge.base.errors import EmoforgeError

#: From so many speakers on the bootstrap's percentiles are used; with fewer, draws of only the worst or only the best
#: speaker are so likely that the percentiles, moved outward, would be the worst and the best draw.
_ENOUGH_SPEAKERS = 8

#: What rounding makes of a difference of zero is smaller.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """A figure with its confidence interval: of an unweighted average recall, all three lie from 0 to 1."""

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
        p: two-sided p value of no gain; below one minus confidence exactly where the interval leaves out zero.
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
    the bootstrap", section 5.3, the expanded percentile interval). Fewer than 8 speakers have too few different draws
    for that: there the interval is ``value ± t(n - 1) · se · sqrt(n / (n - 1))``, *se* being the standard deviation of
    the draws and the root undoing that it is taken around the sample's own mean (same paper, section 5.1), held within
    0 and 1.

    Args:
        truth: (n_clips,) label indices.
        predicted: (n_clips,) label indices, or (n_seeds, n_clips) for several trainings that are averaged.
        speakers: (n_clips,) names.
        n_draws: number of bootstrap draws, a thousand or more.
        confidence: between 0 and 1.
        seed: of the draws.

    Returns:
        the UAR over all clips with its interval; a class without clips is left out, in every draw separately.

    Raises:
        EmoforgeError: fewer than two speakers, or arrays of different lengths.
    """
    hits, support = _speaker_counts(truth, predicted, speakers)
    drawn = _draw_speakers(len(hits), n_draws, seed)
    values = _uar(drawn @ hits, drawn @ support)
    value = float(_uar(hits.sum(axis=0), support.sum(axis=0)))
    low, high = _ends(value, values, len(hits), confidence)
    return Interval(value, max(0.0, low), min(1.0, high))


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

    The p value is the smallest one minus confidence whose interval (see :func:`uar_interval`; here it is held within
    -1 and 1) leaves out zero (Efron and Tibshirani 1993, "An introduction to the bootstrap", section 15.4), so that the
    two never disagree. With fewer than 8 speakers that is the p value of the same t statistic.

    Args:
        truth: (n_clips,) label indices.
        predicted: (n_clips,) or (n_seeds, n_clips) label indices of the arm.
        reference: (n_clips,) or (n_seeds, n_clips) label indices of the arm that it is compared with.
        speakers: (n_clips,) names.
        n_draws: number of bootstrap draws, a thousand or more.
        confidence: between 0 and 1.
        seed: of the draws.

    Raises:
        EmoforgeError: fewer than two speakers, or arrays of different lengths.
    """
    hits, support = _speaker_counts(truth, predicted, speakers)
    reference_hits, reference_support = _speaker_counts(truth, reference, speakers)
    drawn = _draw_speakers(len(hits), n_draws, seed)
    gains = _gain(drawn @ hits, drawn @ support, drawn @ reference_hits, drawn @ reference_support)
    gains[np.abs(gains) < _ROUNDING] = 0.0
    totals = (counts.sum(axis=0) for counts in (hits, support, reference_hits, reference_support))
    value = float(_gain(*totals))
    if abs(value) < _ROUNDING:
        value = 0.0
    n_speakers = len(hits)
    low, high = _ends(value, gains, n_speakers, confidence)
    if n_speakers < _ENOUGH_SPEAKERS:
        # A gain that is the same for every speaker has no spread at all.
        n_deviations = abs(value) / max(float(gains.std()), 1e-300)
    else:
        # A draw without any gain counts against a gain and against a loss.
        beyond = min((gains <= 0).sum(), (gains >= 0).sum()) + 1
        n_deviations = -stats.norm.ppf(min(beyond / (n_draws + 1), 0.5))
    return Gain(value, max(-1.0, low), min(1.0, high), _two_sided_p(n_deviations, n_speakers))


def recall_share(
    truth: np.ndarray,
    predicted: np.ndarray,
    speakers: np.ndarray,
    real_truth: np.ndarray,
    real_predicted: np.ndarray,
    real_speakers: np.ndarray,
    *,
    n_draws: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Unweighted average recall of some clips over that of the same speakers' real clips, with its interval.

    A draw of speakers brings the clips of both kinds, so that a speaker whom the judge knows badly counts against
    neither; intervals as in :func:`uar_interval`, but not held within 0 and 1.

    Args:
        truth: (n_clips,) label indices.
        predicted: (n_clips,) label indices.
        speakers: (n_clips,) names.
        real_truth: (n_real,) label indices of the real clips.
        real_predicted: (n_real,) label indices.
        real_speakers: (n_real,) names, the same ones.
        n_draws: number of bootstrap draws, a thousand or more.
        confidence: between 0 and 1.
        seed: of the draws.

    Raises:
        EmoforgeError: fewer than two speakers, arrays of different lengths, other speakers, or no real clip recognised.
    """
    hits, support = _speaker_counts(truth, predicted, speakers)
    real_hits, real_support = _speaker_counts(real_truth, real_predicted, real_speakers)
    if not np.array_equal(np.unique(speakers), np.unique(real_speakers)):
        raise EmoforgeError("a share of recall compares the same speakers: give real clips of those converted")
    real_value = float(_uar(real_hits.sum(axis=0), real_support.sum(axis=0)))
    if real_value <= 0:
        raise EmoforgeError("the judge recognises none of the real clips: nothing can be measured with it")
    drawn = _draw_speakers(len(hits), n_draws, seed)
    real_values = _uar(drawn @ real_hits, drawn @ real_support)
    # A draw of only speakers whom the judge never recognises has no share; the judge is no better than that draw says.
    shares = _uar(drawn @ hits, drawn @ support) / np.maximum(real_values, _ROUNDING)
    value = float(_uar(hits.sum(axis=0), support.sum(axis=0))) / real_value
    return Interval(value, *_ends(value, shares, len(hits), confidence))


def gap_share(
    truth: np.ndarray,
    predicted: np.ndarray,
    reference: np.ndarray,
    upper: np.ndarray,
    speakers: np.ndarray,
    *,
    n_draws: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the share of the gap between a reference and an upper bound that an arm closes, with its interval.

    It is a ratio of two gains in unweighted average recall, 1 where the arm is as good as the upper bound. A draw of
    speakers brings their clips in all three; intervals as in :func:`uar_interval`, but not held within 0 and 1.

    Args:
        truth: (n_clips,) label indices.
        predicted: (n_clips,) or (n_seeds, n_clips) label indices of the arm.
        reference: likewise, of the arm that it is compared with.
        upper: likewise, of the upper bound.
        speakers: (n_clips,) names.
        n_draws: number of bootstrap draws, a thousand or more.
        confidence: between 0 and 1.
        seed: of the draws.

    Raises:
        EmoforgeError: fewer than two speakers, arrays of different lengths, or no gap to close.
    """
    counts = [_speaker_counts(truth, answers, speakers) for answers in (predicted, reference, upper)]
    arm, low, high = (float(_uar(hits.sum(axis=0), support.sum(axis=0))) for hits, support in counts)
    if high - low <= _ROUNDING:
        raise EmoforgeError(f"the upper bound ({high:.3f}) is not above the reference ({low:.3f}): no gap to close")
    drawn = _draw_speakers(len(counts[0][0]), n_draws, seed)
    arms, lows, highs = (_uar(drawn @ hits, drawn @ support) for hits, support in counts)
    gaps = highs - lows
    # Draws without a gap tell nothing of its share.
    shares = (arms - lows)[gaps > _ROUNDING] / gaps[gaps > _ROUNDING]
    value = (arm - low) / (high - low)
    return Interval(value, *_ends(value, shares, len(drawn[0]), confidence))


def mean_interval(values: np.ndarray, speakers: np.ndarray, *, confidence: float = 0.95) -> Interval:
    """Mean of the speakers' means, with Student's t interval over speakers.

    Args:
        values: (n_clips,) of any scale; NaN where a clip has none, which leaves it out.
        speakers: (n_clips,) names.
        confidence: between 0 and 1.

    Raises:
        EmoforgeError: fewer than two speakers with a value.
    """
    values, speakers = np.asarray(values, dtype=np.float64), np.asarray(speakers)
    measured = np.isfinite(values)
    names, rows = np.unique(speakers[measured], return_inverse=True)
    if len(names) < 2:
        raise EmoforgeError(f"an interval needs values of at least 2 speakers, not {len(names)}: measure more speakers")
    means = np.bincount(rows, values[measured]) / np.bincount(rows)
    margin = stats.t.ppf((1 + confidence) / 2, len(names) - 1) * means.std(ddof=1) / np.sqrt(len(names))
    return Interval(float(means.mean()), float(means.mean() - margin), float(means.mean() + margin))


def speaker_uar(truth: np.ndarray, predicted: np.ndarray, speakers: np.ndarray) -> dict[str, float]:
    """Unweighted average recall of each speaker, the unit of a paired rank test. Arguments as :func:`uar_interval`."""
    hits, support = _speaker_counts(truth, predicted, speakers, least=1)
    return dict(zip(np.unique(speakers).tolist(), _uar(hits, support).tolist(), strict=True))


def signed_rank_tests(gains: Mapping[str, np.ndarray]) -> dict[str, SignedRank]:
    """Wilcoxon signed-rank tests of several arms' paired gains, with Holm's correction for their number.

    Wilcoxon 1945, "Individual comparisons by ranking methods"; Holm 1979, "A simple sequentially rejective multiple
    test procedure".

    Args:
        gains: name of the arm → (n_pairs,) its score less the reference's, one pair per speaker (or per fold and seed).

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


def _gain(
    hits: np.ndarray, support: np.ndarray, reference_hits: np.ndarray, reference_support: np.ndarray
) -> np.ndarray:
    return _uar(hits, support) - _uar(reference_hits, reference_support)


def _quantile(confidence: float, n_speakers: int) -> float:
    """How many standard deviations of the draws an interval reaches on either side."""
    return float(stats.t.ppf((1 + confidence) / 2, n_speakers - 1) * np.sqrt(n_speakers / (n_speakers - 1)))


def _ends(value: float, draws: np.ndarray, n_speakers: int, confidence: float) -> tuple[float, float]:
    """The interval around *value*, by the draws' percentiles or, of few speakers, by their standard deviation."""
    if n_speakers >= _ENOUGH_SPEAKERS:
        return _percentiles(draws, n_speakers, confidence)
    margin = _quantile(confidence, n_speakers) * float(draws.std())
    return value - margin, value + margin


def _two_sided_p(n_deviations: float, n_speakers: int) -> float:
    """One minus the confidence whose :func:`_quantile` is *n_deviations*."""
    return float(2 * stats.t.sf(n_deviations * np.sqrt((n_speakers - 1) / n_speakers), n_speakers - 1))


def _percentiles(values: np.ndarray, n_speakers: int, confidence: float) -> tuple[float, float]:
    """The expanded percentile interval; its ends are draws, not values between two of them."""
    tail = stats.norm.sf(_quantile(confidence, n_speakers))
    # As many draws beyond an end as the p value of :func:`paired_gain` allows, or the two would disagree now and then.
    beyond = max(0, int(np.ceil(tail * (len(values) + 1))) - 2)
    ordered = np.sort(values)
    return float(ordered[beyond]), float(ordered[-1 - beyond])
