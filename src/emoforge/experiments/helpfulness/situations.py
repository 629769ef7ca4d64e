"""What is known and what is asked in every fold of a study, as rows of the table of recorded clips.

A task trains once: clips with a known emotion, further neutral clips, and clips to predict. A situation is what a user
would be in: one task whose tested clips nobody has seen, and inner tasks, made of its training clips alone, by which
every choice is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from emoforge.base.errors import EmoforgeError
from emoforge.dataset.splits import drawn_by_gender, speaker_folds
from emoforge.experiments.helpfulness.clips.pool import Task

#: Groups of foreign speakers that take the part of the target in turn, where only one foreign corpus is there.
_PSEUDO_TARGETS = 3


@dataclass(frozen=True)
class Situation:
    """One fold (and draw of labelled speakers) of a study.

    Attributes:
        fold: number of the fold.
        seed: of the draws.
        task: what is reported.
        inner: (task, rows of its tested clips that validate), made of the training clips of *task* alone.
        upper: the task with the labels that the scenario withholds, None where it withholds none.
    """

    fold: int
    seed: int
    task: Task
    inner: tuple[tuple[Task, np.ndarray], ...]
    upper: Task | None = None


@dataclass(frozen=True)
class Recorded:
    """Columns of the recorded clips, one row per clip.

    Attributes:
        speakers: (n_clips,) names, unique over corpora.
        corpora: (n_clips,) names.
        neutral: (n_clips,) bool.
        enrolment: (n_clips,) bool: calibrates its speaker; in no task.
        folds: (n_clips,) fold that tests a clip; -1 for clips that are never tested.
        genders: speaker → gender.
    """

    speakers: np.ndarray
    corpora: np.ndarray
    neutral: np.ndarray
    enrolment: np.ndarray
    folds: np.ndarray
    genders: Mapping[str, str] = field(default_factory=dict)

    def rows(self, mask: np.ndarray) -> np.ndarray:
        return np.flatnonzero(mask & ~self.enrolment)

    def of(self, names: Sequence[str]) -> np.ndarray:
        return np.isin(self.speakers, list(names))

    def names(self, mask: np.ndarray) -> list[str]:
        return np.unique(self.speakers[mask]).tolist()


def full_situations(recorded: Recorded, *, folds: Sequence[int], seeds: Sequence[int]) -> list[Situation]:
    """All training clips are labelled; every other fold validates in turn.

    Which of two folds tests and which validates makes no difference to what is learnt without both. Such a task is
    therefore one for both, tests the clips of both, and each situation reads those of its validating fold only.

    Raises:
        EmoforgeError: fewer than three folds, or one that is not there.
    """
    numbers = _known_folds(recorded, folds, least=3)
    situations = []
    for fold in folds:
        task = _without(recorded, {fold})
        inner = []
        for other in numbers:
            if other != fold:
                both = _without(recorded, {fold, other})
                inner.append((both, recorded.rows(recorded.folds == other)))
        situations += [Situation(fold, seed, task, tuple(inner)) for seed in seeds]
    return situations


def scarce_situations(
    recorded: Recorded, *, folds: Sequence[int], seeds: Sequence[int], n_labelled: int
) -> list[Situation]:
    """A few training speakers, drawn anew for every seed, are labelled; of the others only neutral clips are known.

    Each labelled speaker validates in turn what the others teach.

    Raises:
        EmoforgeError: there is no such fold, or there are fewer than two labelled or too few training speakers.
    """
    _known_folds(recorded, folds, least=2)
    situations = []
    for fold in folds:
        known = (recorded.folds != fold) & ~recorded.of(recorded.names(recorded.folds == fold))
        names = recorded.names(known)
        if not 2 <= n_labelled < len(names):
            raise EmoforgeError(
                f"labelled = {n_labelled}: fold {fold} has {len(names)} training speakers; choose 2 to {len(names) - 1}"
            )
        tested = recorded.rows(recorded.folds == fold)
        nothing = np.zeros(0, dtype=int)
        upper = Task(recorded.rows(known), nothing, tested)
        for seed in seeds:
            labelled = sorted(drawn_by_gender(names, n_labelled, recorded.genders, seed * len(names) + fold))
            neutral = recorded.rows(known & recorded.neutral & ~recorded.of(labelled))
            task = Task(recorded.rows(known & recorded.of(labelled)), neutral, tested)
            inner = []
            for name in labelled:
                own = recorded.rows(recorded.of([name]))
                rest = recorded.rows(known & recorded.of([other for other in labelled if other != name]))
                inner.append((Task(rest, neutral, own), own))
            situations.append(Situation(fold, seed, task, tuple(inner), upper))
    return situations


def zero_situations(
    recorded: Recorded, *, folds: Sequence[int], seeds: Sequence[int], target: str, draw: int = 0
) -> list[Situation]:
    """All labelled clips are of foreign corpora; of the target's training speakers only neutral clips are known.

    What is validated is the same one corpus earlier: a foreign corpus takes the part of the target (with a single
    foreign corpus a third of its speakers), half of its speakers known by their neutral clips, the other half tested.

    Raises:
        EmoforgeError: there is no such fold, no foreign clip, or no two speakers to take the part of the target.
    """
    _known_folds(recorded, folds, least=2)
    foreign = recorded.corpora != target
    if not foreign.any():
        raise EmoforgeError("the scenario zero learns from foreign corpora; name at least one under `foreign`")
    inner = tuple(_pseudo_targets(recorded, foreign, draw))
    situations = []
    for fold in folds:
        tested = recorded.rows(recorded.folds == fold)
        known = ~foreign & ~recorded.of(recorded.names(recorded.folds == fold))
        task = Task(recorded.rows(foreign), recorded.rows(known & recorded.neutral), tested)
        upper = Task(recorded.rows(known), np.zeros(0, dtype=int), tested)
        situations += [Situation(fold, seed, task, inner, upper) for seed in seeds]
    return situations


def _pseudo_targets(recorded: Recorded, foreign: np.ndarray, draw: int) -> list[tuple[Task, np.ndarray]]:
    names = np.unique(recorded.corpora[foreign]).tolist()
    if len(names) > 1:
        targets = [recorded.names(recorded.corpora == name) for name in names]
    else:
        speakers = recorded.speakers[foreign]
        n_groups = min(_PSEUDO_TARGETS, len(np.unique(speakers)) // 2)
        if n_groups < 2:
            raise EmoforgeError("the foreign corpus needs at least 4 speakers, of whom some validate every choice")
        fold_of = speaker_folds(speakers, n_folds=n_groups, genders=recorded.genders, seed=draw)
        targets = [[name for name, fold in fold_of.items() if fold == group] for group in range(n_groups)]
    inner = []
    for members in targets:
        if len(members) < 2:
            raise EmoforgeError("a corpus of one speaker cannot take the part of the target; leave it out of `foreign`")
        tested = drawn_by_gender(members, (len(members) + 1) // 2, recorded.genders, draw)
        known = [name for name in members if name not in tested]
        rows = recorded.rows(recorded.of(tested))
        task = Task(
            recorded.rows(foreign & ~recorded.of(members)), recorded.rows(recorded.of(known) & recorded.neutral), rows
        )
        inner.append((task, rows))
    return inner


def _without(recorded: Recorded, left_out: set[int]) -> Task:
    tested = np.isin(recorded.folds, list(left_out))
    return Task(recorded.rows(~tested), np.zeros(0, dtype=int), recorded.rows(tested))


def _known_folds(recorded: Recorded, folds: Sequence[int], *, least: int) -> list[int]:
    numbers = sorted(set(recorded.folds[recorded.folds >= 0].tolist()))
    for fold in folds:
        if fold not in numbers:
            raise EmoforgeError(f"there is no fold {fold}; allowed: {', '.join(map(str, numbers))}")
    if len(numbers) < least:
        raise EmoforgeError(f"{len(numbers)} folds are too few to test and validate on others; make at least {least}")
    return numbers
