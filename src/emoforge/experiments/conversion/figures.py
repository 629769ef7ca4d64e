"""The figures of an evaluation of conversion: recall of judges, means over speakers, spread of performances.

Arrays in, rounded numbers out; None is what could not be measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from emoforge.evaluation.statistics import Gain, Interval, mean_interval, paired_gain, recall_share, uar_interval

_DIGITS = 4


def spread(vectors: np.ndarray, groups: Sequence[object], scale: np.ndarray) -> float:
    """Return the mean distance between two vectors of one group, averaged over the groups that hold two.

    Args:
        vectors: (n, n_parameters); a row that is not finite is left out.
        groups: (n,) what each row belongs to.
        scale: (n_parameters,) one unit of distance in each parameter.

    Returns:
        the mean Euclidean distance, NaN where no group holds two vectors.
    """
    vectors = np.asarray(vectors, dtype=np.float64).reshape(len(groups), -1) / scale
    members: dict[object, list[int]] = {}
    for row, group in enumerate(groups):
        if np.isfinite(vectors[row]).all():
            members.setdefault(group, []).append(row)
    means = []
    for rows in members.values():
        if len(rows) < 2:
            continue
        own = vectors[rows]
        squares = ((own[:, None] - own[None]) ** 2).sum(axis=-1)
        means.append(np.sqrt(squares[np.triu_indices(len(rows), 1)]).mean())
    return float(np.mean(means)) if means else float("nan")


def within_scale(vectors: np.ndarray, groups: Sequence[object]) -> np.ndarray:
    """Return (n_parameters,) standard deviations around the group's mean, over all finite rows; 1 where it is zero."""
    vectors = np.asarray(vectors, dtype=np.float64).reshape(len(groups), -1)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.any():
        return np.ones(vectors.shape[1])
    vectors = vectors[finite]
    _, rows = np.unique(np.array([repr(group) for group in groups])[finite], return_inverse=True)
    counts = np.bincount(rows)
    means = np.stack([np.bincount(rows, column) / counts for column in vectors.T], axis=1)
    deviation = np.sqrt(((vectors - means[rows]) ** 2).sum(axis=0) / max(len(vectors) - len(counts), 1))
    return np.where(deviation > 1e-9, deviation, 1.0)


@dataclass(frozen=True)
class Judged:
    """What one judge heard.

    Attributes:
        truth: (n_clips,) label indices.
        predicted: (n_clips,) label indices; -1 for a clip that could not be made.
        confidence: (n_clips,) probability of what *truth* says; NaN for such a clip.
        speakers: (n_clips,) names.
    """

    truth: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    speakers: np.ndarray

    def take(self, rows: np.ndarray) -> Self:
        """Return the clips at *rows*, indices or a mask."""
        return type(self)(self.truth[rows], self.predicted[rows], self.confidence[rows], self.speakers[rows])


def recall_figures(
    judged: Judged,
    real: Judged,
    labels: Sequence[str],
    *,
    n_draws: int,
    seed: int,
) -> dict[str, object]:
    """Return the recall of the target emotions, beside that of the same speakers' real clips.

    Args:
        judged: conversions; recall is averaged over the emotions that they aim at.
        real: real clips; those of other emotions or speakers are left out.
        labels: emotion names that the indices point into.
        n_draws: bootstrap draws over speakers.
        seed: of the draws.

    Returns:
        recall, recall_real, recall_share, confidence, confidence_real, each with _ci_low and _ci_high;
        recall_by_emotion. None where a figure cannot be measured, intervals with a single speaker included.
    """
    targets = np.unique(judged.truth)
    # A speaker without a neutral clip to convert is no measure of the others' conversions.
    aimed = np.isin(real.truth, targets) & np.isin(real.speakers, judged.speakers)
    real = real.take(aimed)
    several = _several(judged)
    options = {"n_draws": n_draws, "seed": seed}
    by_emotion = {labels[target]: _recall(judged, target) for target in targets}
    real_by_emotion = {labels[target]: _recall(real, target) for target in np.unique(real.truth)}
    recall, real_recall = _mean(by_emotion.values()), _mean(real_by_emotion.values())
    figures: dict[str, object] = {}
    for name, value, judgement in (("recall", recall, judged), ("recall_real", real_recall, real)):
        interval = (
            uar_interval(judgement.truth, judgement.predicted, judgement.speakers, **options) if several else None
        )
        figures |= _figure(name, value, interval)
    share = (
        recall_share(
            judged.truth, judged.predicted, judged.speakers, real.truth, real.predicted, real.speakers, **options
        )
        if several and real_recall > 0
        else None
    )
    figures |= _figure("recall_share", recall / real_recall if real_recall > 0 else float("nan"), share)
    figures |= mean_figures({"confidence": judged.confidence}, judged.speakers)
    figures |= mean_figures({"confidence_real": real.confidence}, real.speakers)
    figures["recall_by_emotion"] = {name: _rounded(value) for name, value in by_emotion.items()}
    figures["recall_real_by_emotion"] = {name: _rounded(value) for name, value in real_by_emotion.items()}
    return figures


def neutral_figures(judged: Judged, real: Judged) -> dict[str, object]:
    """Return how often conversions from neutral to neutral are heard as neutral, beside the speakers' neutral clips.

    Args:
        judged: conversions that aim at neutral.
        real: neutral clips; those of other speakers are left out.

    Returns:
        neutral_recall and neutral_recall_real, means over speakers, with _ci_low and _ci_high.
    """
    real = real.take(np.isin(real.speakers, judged.speakers))
    figures = mean_figures({"neutral_recall": judged.predicted == judged.truth}, judged.speakers)
    return figures | mean_figures({"neutral_recall_real": real.predicted == real.truth}, real.speakers)


def confusion(judged: Judged, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return target → what its clips are heard as → share, the commonest first; ``none`` for clips not made."""
    shares = {}
    for target in np.unique(judged.truth):
        heard, counts = np.unique(judged.predicted[judged.truth == target], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        shares[labels[target]] = {
            labels[heard[i]] if heard[i] >= 0 else "none": round(float(counts[i] / counts.sum()), _DIGITS)
            for i in order
        }
    return shares


def gain_figures(name: str, judged: Judged, baseline: Judged | None, *, n_draws: int, seed: int) -> dict[str, object]:
    """Return what recall gains over *baseline*: *name* with _ci_low, _ci_high and _p, None where there is no gain.

    Args:
        name: of the figure.
        judged: conversions.
        baseline: the same conversions by another system, clip by clip; None where there is none.
        n_draws: bootstrap draws over speakers.
        seed: of the draws.
    """
    gain = None
    if baseline is not None and _several(judged):
        gain = paired_gain(
            judged.truth, judged.predicted, baseline.predicted, judged.speakers, n_draws=n_draws, seed=seed
        )
    figures = _figure(name, gain.value if gain else float("nan"), gain)
    return figures | {f"{name}_p": _rounded(gain.p) if gain else None}


def interval_figures(name: str, interval: Interval | None) -> dict[str, object]:
    """Return *name* with _ci_low and _ci_high, all None where there is no interval."""
    return _figure(name, interval.value if interval else float("nan"), interval)


def _several(judged: Judged) -> bool:
    return len(np.unique(judged.speakers)) > 1


def mean_figures(columns: Mapping[str, np.ndarray], speakers: np.ndarray) -> dict[str, object]:
    """Return the mean of the speakers' means of every column, with _ci_low and _ci_high; None where there is none."""
    figures: dict[str, object] = {}
    for name, values in columns.items():
        values = np.asarray(values, dtype=np.float64)
        measured = np.isfinite(values)
        names = np.unique(np.asarray(speakers)[measured])
        interval = mean_interval(values, speakers) if len(names) > 1 else None
        value = interval.value if interval else (float(values[measured].mean()) if len(names) else float("nan"))
        figures |= _figure(name, value, interval)
    return figures


def _recall(judged: Judged, target: int) -> float:
    return float((judged.predicted[judged.truth == target] == target).mean())


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return float(np.mean(values)) if values else float("nan")


def _figure(name: str, value: float, interval: Interval | Gain | None) -> dict[str, object]:
    return {
        name: _rounded(value),
        f"{name}_ci_low": _rounded(interval.ci_low) if interval else None,
        f"{name}_ci_high": _rounded(interval.ci_high) if interval else None,
    }


def _rounded(value: float) -> float | None:
    """JSON has no NaN: what could not be measured is null."""
    return round(float(value), _DIGITS) if np.isfinite(value) else None
