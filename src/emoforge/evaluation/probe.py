"""Whether converted clips can be told from real ones: a linear probe that is tested on speakers it never saw.

Judges ask what a conversion is heard as; the probe asks whether anything at all gives it away. What a linear machine
separates, a recogniser that learns from both separates as well: it then learns artefacts instead of emotions.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import GroupKFold

from emoforge.base.errors import EmoforgeError
from emoforge.evaluation.statistics import Interval, mean_interval

# Scores of the same vector differ in their last bits with its place among the others; equal ones are to be ties.
_DIGITS = 6


def probe_auc(
    vectors: np.ndarray,
    is_converted: np.ndarray,
    speakers: Sequence[str],
    groups: Sequence[object],
    *,
    n_folds: int = 6,
    ridge: float = 0.1,
) -> Interval:
    """Return how well a linear probe tells converted from real clips, with the interval over speakers.

    The area under the ROC curve is the share of pairs of a converted and a real clip in which the probe gives the
    converted one the higher score (ties count half; Hanley and McNeil 1982, "The meaning and use of the area under a
    receiver operating characteristic (ROC) curve"). Pairs are of one speaker and one group only, so that neither voices
    nor emotions can be taken for artefacts. The figure is the mean over groups, then over speakers.

    Args:
        vectors: (n_clips, n_dimensions), such as embeddings less the speaker's neutral mean.
        is_converted: (n_clips,) true for conversions.
        speakers: (n_clips,) names; no speaker is in training and test at once.
        groups: (n_clips,) what pairs have in common, such as the emotion.
        n_folds: of the cross-validation; one per speaker where there are fewer.
        ridge: see :func:`probe_scores`.

    Returns:
        0.5 where nothing tells them apart, 1 where everything does; the interval is held within 0 and 1.

    Raises:
        EmoforgeError: fewer than two speakers have a pair, or columns differ in length.
    """
    scores = probe_scores(vectors, is_converted, speakers, n_folds=n_folds, ridge=ridge)
    is_converted, who = np.asarray(is_converted, dtype=bool), np.asarray(speakers)
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    of_group = np.array([numbers[group] for group in groups])
    areas, names = [], []
    for speaker in np.unique(who):
        own = [
            _area(scores[rows & is_converted], scores[rows & ~is_converted])
            for number in numbers.values()
            for rows in [(who == speaker) & (of_group == number)]
        ]
        measured = [area for area in own if np.isfinite(area)]
        if measured:
            areas.append(float(np.mean(measured)))
            names.append(str(speaker))
    interval = mean_interval(np.array(areas), np.array(names))
    return Interval(interval.value, max(0.0, interval.ci_low), min(1.0, interval.ci_high))


def probe_scores(
    vectors: np.ndarray,
    is_converted: np.ndarray,
    speakers: Sequence[str],
    *,
    n_folds: int = 6,
    ridge: float = 0.1,
) -> np.ndarray:
    """Return (n_clips,) scores, the higher the more a clip looks converted to a probe that never saw its speaker.

    The probe is ridge regression on +1 (converted) and -1 (real) after each dimension was standardised by the clips
    that it learns from, solved for their dual weights: there are more dimensions than clips.

    Args:
        vectors: (n_clips, n_dimensions).
        is_converted: (n_clips,) true for conversions.
        speakers: (n_clips,) names.
        n_folds: groups of speakers that are left out in turn; one per speaker where there are fewer.
        ridge: added to the diagonal of the kernel, in units of its mean diagonal.

    Raises:
        EmoforgeError: fewer than two speakers, columns of different lengths, or clips to learn from of one kind only.
    """
    vectors, who = np.asarray(vectors, dtype=np.float64), np.asarray(speakers)
    answers = np.where(is_converted, 1.0, -1.0)
    if not len(vectors) == len(answers) == len(who):
        raise EmoforgeError(
            f"{len(vectors)} vectors, {len(answers)} answers and {len(who)} speakers: pass one of each per clip"
        )
    n_speakers = len(np.unique(who))
    if n_speakers < 2:
        raise EmoforgeError(f"a probe needs clips of at least 2 speakers, not {n_speakers}: measure more speakers")
    scores = np.zeros(len(vectors))
    for train, test in GroupKFold(min(n_folds, n_speakers)).split(vectors, groups=who):
        if len(np.unique(answers[train])) < 2:
            raise EmoforgeError("a probe needs real and converted clips beside those of any one speaker")
        scores[test] = _fitted_scores(vectors[train], answers[train], vectors[test], ridge)
    return np.round(scores, _DIGITS)


def _fitted_scores(train: np.ndarray, answers: np.ndarray, test: np.ndarray, ridge: float) -> np.ndarray:
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    varies = deviation > 1e-9 * max(float(deviation.max()), 1e-300)
    scale = deviation[varies] * np.sqrt(max(varies.sum(), 1))
    train, test = (train - mean)[:, varies] / scale, (test - mean)[:, varies] / scale
    # The mean diagonal of this kernel is 1.
    kernel = train @ train.T
    kernel[np.diag_indices_from(kernel)] += ridge
    return test @ (train.T @ np.linalg.solve(kernel, answers - answers.mean()))


def _area(converted: np.ndarray, real: np.ndarray) -> float:
    """Share of pairs in which the converted clip scores higher; NaN without a pair."""
    if not len(converted) or not len(real):
        return float("nan")
    difference = converted[:, None] - real[None]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())
