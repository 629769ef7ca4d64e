"""Which setting to take, by validation on training speakers alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupKFold

from emoforge.evaluation.statistics import Gain, paired_gain
from emoforge.experiments.helpfulness.rows import mean_uar
from emoforge.experiments.helpfulness.settings import Setting

#: Two-sided confidence of the interval that has to lie above zero, that of every interval here. At .8, in one of thirty
#: draws of four labelled speakers the advice did harm, once by .8 points over a fold.
CONFIDENCE = 0.95
#: Least number of validation speakers; with fewer nothing is advised, whatever their interval: four nEMO speakers did
#: not foresee that the fifth would lose some points.
LEAST_SPEAKERS = 8
#: Groups of validation speakers: each measures the setting that the others pick.
_GROUPS = 6


@dataclass(frozen=True)
class Validation:
    """Answers to the validation clips of one situation.

    Attributes:
        truth: (n_clips,) label indices.
        speakers: (n_clips,) names.
        predicted: setting → (n_seeds, n_clips) label indices.
    """

    truth: np.ndarray
    speakers: np.ndarray
    predicted: Mapping[Setting, np.ndarray]


@dataclass(frozen=True)
class Advice:
    """What validation advises.

    Attributes:
        setting: to use; None advises against any added clip.
        best: the best candidate, advised or not; None without a candidate.
        gain: of picking this way, over the reference, measured on speakers who had no part in the pick.
    """

    setting: Setting | None
    best: Setting | None
    gain: Gain | None


def validation_uar(validation: Validation, setting: Setting) -> float:
    """Return the unweighted average recall of *setting*, averaged over seeds."""
    return mean_uar(validation.truth, validation.predicted[setting])


def best_setting(validation: Validation, candidates: Sequence[Setting]) -> Setting:
    """Return the candidate with the highest validation UAR, the first of equals."""
    return max(candidates, key=lambda setting: validation_uar(validation, setting))


def advise(
    validation: Validation, candidates: Sequence[Setting], reference: Setting, *, n_draws: int, seed: int
) -> Advice:
    """Advise the best candidate if its gain is beyond doubt, and otherwise none.

    The gain of the best of many is overestimated, because it was picked. The gain is therefore that of picking: groups
    of validation speakers are left out in turn, the others pick, and the answers of their pick to those left out are
    put together. The lower end of its interval over speakers, two-sided at :data:`CONFIDENCE`, must lie above zero, and
    there must be at least :data:`LEAST_SPEAKERS`.
    """
    if not candidates:
        return Advice(None, None, None)
    best = best_setting(validation, candidates)
    n_groups = min(_GROUPS, len(np.unique(validation.speakers)))
    if n_groups < 2:
        return Advice(None, best, None)
    picked = np.array(validation.predicted[reference])
    for known, left_out in GroupKFold(n_groups).split(validation.truth, groups=validation.speakers):
        pick = best_setting(_part(validation, known), candidates)
        picked[:, left_out] = validation.predicted[pick][:, left_out]
    gain = paired_gain(
        validation.truth,
        picked,
        validation.predicted[reference],
        validation.speakers,
        n_draws=n_draws,
        confidence=CONFIDENCE,
        seed=seed,
    )
    sure = gain.ci_low > 0 and len(np.unique(validation.speakers)) >= LEAST_SPEAKERS
    return Advice(best if sure else None, best, gain)


def _part(validation: Validation, rows: np.ndarray) -> Validation:
    predicted = {setting: answers[:, rows] for setting, answers in validation.predicted.items()}
    return Validation(validation.truth[rows], validation.speakers[rows], predicted)
