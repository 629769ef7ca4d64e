"""The figures of a study of recognition: one row per training corpus, tested corpus, recogniser and enrolment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.evaluation.statistics import mean_interval, paired_gain, uar_interval
from emoforge.experiments.recognition.protocol import OTHERS, own_and_others
from emoforge.experiments.recognition.runs import Answered
from emoforge.experiments.recognition.tasks import Recorded
from emoforge.ser.metrics import ece, macro_f1, uar

#: What a recogniser of a corpus may have learnt from, as gains are summed up.
OWN, ONE_OTHER, ALL_OTHERS = "its own other speakers", "one other corpus", "all other corpora"
OTHERS_FIRST = "all other corpora, then its own other speakers"
_GENDERS = ("female", "male")
_DIGITS = 4


@dataclass(frozen=True)
class Outcome:
    """All answers for one corpus by recognisers of one name, pooled over its folds.

    Attributes:
        train: corpus that was learnt from, :data:`~.protocol.OTHERS`, the tested one, or that after all others.
        test: corpus that was tested.
        recogniser: name in the study.
        enrolled: whether speakers were known by their enrolment clips.
        labels: emotions.
        truth: (n_clips,) label indices.
        probabilities: (n_clips, n_classes).
        speakers: (n_clips,) names.
        genders: (n_clips,) names.
    """

    train: str
    test: str
    recogniser: str
    enrolled: bool
    labels: tuple[str, ...]
    truth: np.ndarray
    probabilities: np.ndarray
    speakers: np.ndarray
    genders: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1)

    @property
    def trained_on(self) -> str:
        known = {self.test: OWN, OTHERS: ALL_OTHERS, own_and_others(self.test): OTHERS_FIRST}
        return known.get(self.train, ONE_OTHER)


def pooled(answers: Iterable[Answered], recorded: Recorded) -> list[Outcome]:
    """Pool the folds of every corpus; all outcomes of a pair of corpora hold the same clips in the same order."""
    groups: dict[tuple[str, str, str, bool], list[Answered]] = {}
    for item in answers:
        groups.setdefault((item.task.train, item.task.test, item.recogniser, item.enrolled), []).append(item)
    found = []
    for (train, test, recogniser, enrolled), items in groups.items():
        labels = items[0].task.labels
        rows = np.concatenate([item.task.tested for item in items])
        found.append(
            Outcome(
                train,
                test,
                recogniser,
                enrolled,
                labels,
                np.searchsorted(np.array(labels), recorded.emotions[rows]),
                np.concatenate([item.probabilities for item in items]),
                recorded.speakers[rows],
                recorded.genders[rows],
            )
        )
    return found


def result_row(outcome: Outcome, *, n_draws: int, seed: int) -> dict:
    """Return the row of results.json of an outcome."""
    interval = uar_interval(outcome.truth, outcome.predicted, outcome.speakers, n_draws=n_draws, seed=seed)
    return {
        "train": outcome.train,
        "test": outcome.test,
        "recogniser": outcome.recogniser,
        "enrolled": outcome.enrolled,
        "n_classes": len(outcome.labels),
        "uar": _rounded(interval.value),
        "ci_low": _rounded(interval.ci_low),
        "ci_high": _rounded(interval.ci_high),
        "macro_f1": _rounded(macro_f1(outcome.truth, outcome.predicted)),
        "ece": _rounded(ece(outcome.truth, outcome.probabilities)),
        **_by_gender(outcome),
    }


def gain_rows(outcomes: Sequence[Outcome], *, reference: str, n_draws: int, seed: int) -> list[dict]:
    """Return what every recogniser gains over the recogniser *reference*, for every pair of corpora and enrolment."""
    base = {(item.train, item.test, item.enrolled): item for item in outcomes if item.recogniser == reference}
    rows = []
    for item in outcomes:
        other = base.get((item.train, item.test, item.enrolled))
        if other is None and item.trained_on == OTHERS_FIRST:
            # The same clips in the same order, recognised without other corpora.
            other = base.get((item.test, item.test, item.enrolled))
        if item.recogniser == reference or other is None:
            continue
        gain = paired_gain(item.truth, item.predicted, other.predicted, item.speakers, n_draws=n_draws, seed=seed)
        rows.append(
            {
                "train": item.train,
                "test": item.test,
                "recogniser": item.recogniser,
                "enrolled": item.enrolled,
                "trained_on": item.trained_on,
                "gain": _rounded(gain.value),
                "ci_low": _rounded(gain.ci_low),
                "ci_high": _rounded(gain.ci_high),
                "p": _rounded(gain.p),
            }
        )
    return rows


def summed_up(gains: Sequence[dict]) -> list[dict]:
    """Return the mean of the gains of every recogniser, by what was learnt from and by enrolment.

    The interval is Student's t over tested corpora: pairs of corpora that test the same speakers are alike. It is None
    where only one corpus is tested.
    """
    groups: dict[tuple[str, str, bool], list[dict]] = {}
    for row in gains:
        groups.setdefault((row["trained_on"], row["recogniser"], row["enrolled"]), []).append(row)
    found = []
    for (trained_on, recogniser, enrolled), rows in groups.items():
        values, tested = np.array([row["gain"] for row in rows]), np.array([row["test"] for row in rows])
        several = len(set(tested.tolist())) > 1
        interval = mean_interval(values, tested) if several else None
        above = int((values > 0).sum())
        found.append(
            {
                "trained_on": trained_on,
                "recogniser": recogniser,
                "enrolled": enrolled,
                "gain": _rounded(interval.value if interval else values.mean()),
                "ci_low": _rounded(interval.ci_low) if interval else None,
                "ci_high": _rounded(interval.ci_high) if interval else None,
                "pairs": len(rows),
                "above": above,
                "every_pair_above": above == len(rows),
            }
        )
    return found


def _by_gender(outcome: Outcome) -> dict[str, float | None]:
    """UAR of either gender; null for both where a corpus has one gender only, or one that is not known."""
    known = set(outcome.genders.tolist()) == set(_GENDERS)
    return {
        f"uar_{gender}": _rounded(uar(outcome.truth[own], outcome.predicted[own])) if known else None
        for gender in _GENDERS
        for own in [outcome.genders == gender]
    }


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
