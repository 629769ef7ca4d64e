"""The rows of a study's results: every setting's recall, gain and share of the gap, with intervals over speakers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.base.errors import EmoforgeError
from emoforge.evaluation.statistics import gap_share, paired_gain, signed_rank_tests, speaker_uar, uar_interval
from emoforge.ser.metrics import uar

_DIGITS = 4

#: How a row's setting was chosen: the same in every fold; picked by validation in each fold; likewise, but only where
#: the gain was beyond doubt (no added clips elsewhere); or the best of all by the test speakers, in hindsight.
FIXED, VALIDATION, ADVICE, HINDSIGHT = "fixed", "validation", "advice", "hindsight"


@dataclass(frozen=True)
class Outcome:
    """One row before it is measured.

    Attributes:
        description: arm, converter, ratio, weight, ... as they are to stand in the row.
        choice: "fixed", "validation", "advice" or "hindsight".
        predicted: (n_seeds, n_clips) label indices.
        reference: (n_seeds, n_clips) of the arm that the gain is over.
        selected: whether this is the study's main result.
    """

    description: Mapping[str, object]
    choice: str
    predicted: np.ndarray
    reference: np.ndarray
    selected: bool = False


def measured_rows(
    outcomes: Sequence[Outcome],
    *,
    truth: np.ndarray,
    speakers: np.ndarray,
    folds: np.ndarray,
    upper: np.ndarray | None,
    n_draws: int,
    seed: int,
) -> list[dict[str, object]]:
    """Return one row of results.json for every outcome.

    Args:
        outcomes: with predictions of the same clips.
        truth: (n_clips,) label indices.
        speakers: (n_clips,) names.
        folds: (n_clips,) which fold tested a clip.
        upper: (n_seeds, n_clips) answers of the upper bound; None where the scenario withholds nothing.
        n_draws: bootstrap draws over speakers.
        seed: of the draws.

    Returns:
        rows with uar, ci_low, ci_high, gain, gain_ci_low, gain_ci_high and p (paired bootstrap over speakers), p_holm
        (Wilcoxon over speakers, Holm's correction for all rows), uar_by_fold, and with *upper* gap_closed with its
        interval; null where a figure cannot be measured.
    """
    options = {"n_draws": n_draws, "seed": seed}
    names = np.unique(speakers)
    several = len(names) > 1
    by_speaker = [
        _speaker_gains(truth, outcome.predicted, outcome.reference, speakers) if several else np.zeros(1)
        for outcome in outcomes
    ]
    tests = signed_rank_tests({str(index): gains for index, gains in enumerate(by_speaker) if several and gains.any()})
    rows = []
    for index, outcome in enumerate(outcomes):
        row: dict[str, object] = dict(outcome.description) | {"choice": outcome.choice}
        row |= {"folds": len(np.unique(folds)), "seeds": len(outcome.predicted)}
        row |= _uar_figures(truth, outcome.predicted, speakers, several, options)
        gain = paired_gain(truth, outcome.predicted, outcome.reference, speakers, **options) if several else None
        row |= {
            "gain": _rounded(gain.value) if gain else None,
            "gain_ci_low": _rounded(gain.ci_low) if gain else None,
            "gain_ci_high": _rounded(gain.ci_high) if gain else None,
            "p": _rounded(gain.p) if gain else None,
            "p_holm": _rounded(tests[str(index)].p_holm) if str(index) in tests else None,
        }
        if upper is not None and several:
            row |= _gap_figures(truth, outcome, upper, speakers, options)
        by_fold = [folds == fold for fold in np.unique(folds)]
        row["uar_by_fold"] = [_rounded(mean_uar(truth[own], outcome.predicted[:, own])) for own in by_fold]
        row["selected"] = outcome.selected
        rows.append(row)
    return rows


def mean_uar(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the unweighted average recall over all clips, averaged over seeds (first axis of *predicted*)."""
    return float(np.mean([uar(truth, row) for row in predicted]))


def _speaker_gains(truth: np.ndarray, predicted: np.ndarray, reference: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    arm, other = speaker_uar(truth, predicted, speakers), speaker_uar(truth, reference, speakers)
    gains = np.array([arm[name] - other[name] for name in arm])
    # A difference that is rounding error alone must not get a rank.
    return np.where(np.abs(gains) < 1e-12, 0.0, gains)


def _uar_figures(
    truth: np.ndarray, predicted: np.ndarray, speakers: np.ndarray, several: bool, options: dict
) -> dict[str, float | None]:
    if not several:
        return {"uar": _rounded(mean_uar(truth, predicted)), "ci_low": None, "ci_high": None}
    interval = uar_interval(truth, predicted, speakers, **options)
    return {
        "uar": _rounded(interval.value),
        "ci_low": _rounded(interval.ci_low),
        "ci_high": _rounded(interval.ci_high),
    }


def _gap_figures(
    truth: np.ndarray, outcome: Outcome, upper: np.ndarray, speakers: np.ndarray, options: dict
) -> dict[str, float | None]:
    try:
        share = gap_share(truth, outcome.predicted, outcome.reference, upper, speakers, **options)
    except EmoforgeError:
        # Without a gap there is no share of it; the rest of the row stands.
        return {"gap_closed": None, "gap_closed_ci_low": None, "gap_closed_ci_high": None}
    return {
        "gap_closed": _rounded(share.value),
        "gap_closed_ci_low": _rounded(share.ci_low),
        "gap_closed_ci_high": _rounded(share.ci_high),
    }


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
