"""Who trains and who is tested: speaker-disjoint folds within a corpus, and one corpus recognised by others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from emoforge.base.errors import EmoforgeError


def _no_rows() -> np.ndarray:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Recorded:
    """The recorded clips of all corpora of a study, one row per clip.

    Attributes:
        clip_ids: (n_clips,) unique names.
        corpora: (n_clips,) names.
        speakers: (n_clips,) names, unique over all corpora.
        genders: (n_clips,) of :data:`emoforge.dataset.labels.GENDERS`.
        emotions: (n_clips,) names.
        enrolment: (n_clips,) bool, true for the clips that enrol a speaker.
    """

    clip_ids: np.ndarray
    corpora: np.ndarray
    speakers: np.ndarray
    genders: np.ndarray
    emotions: np.ndarray
    enrolment: np.ndarray

    def emotions_of(self, corpora: Collection[str]) -> set[str]:
        """Return the emotions of the clips of *corpora* that may be scored."""
        return set(self.emotions[np.isin(self.corpora, list(corpora)) & ~self.enrolment].tolist())


@dataclass(frozen=True)
class Task:
    """What one training run learns from and is tested on: rows of :class:`Recorded`, in ascending order.

    Attributes:
        train: name of the corpus that is learnt from, or of several together.
        test: name of the corpus that is recognised.
        labels: emotions, in alphabetical order.
        learnt: (n_learnt,) labelled clips to learn from.
        learnt_enrolment: clips that enrol their speakers.
        tested: (n_tested,) clips to recognise.
        tested_enrolment: clips that enrol their speakers.
        before: labelled clips of other corpora that learning sets out from.
        before_enrolment: clips that enrol their speakers.
    """

    train: str
    test: str
    labels: tuple[str, ...]
    learnt: np.ndarray
    learnt_enrolment: np.ndarray
    tested: np.ndarray
    tested_enrolment: np.ndarray
    before: np.ndarray = field(default_factory=_no_rows)
    before_enrolment: np.ndarray = field(default_factory=_no_rows)


def fold_tasks(
    recorded: Recorded, corpus: str, fold_of: Mapping[str, int], *, before: Sequence[str] = (), name: str = ""
) -> list[Task]:
    """Return one task per fold of *corpus*: its speakers are tested, all others of the corpus are learnt from.

    Args:
        recorded: all clips.
        corpus: name.
        fold_of: speaker → fold.
        before: names of other corpora, which are learnt from first, on the emotions that *corpus* has too.
        name: what to call what is learnt from; *corpus* where it is empty.

    Raises:
        EmoforgeError: *corpus* is among *before*.
    """
    if corpus in before:
        raise EmoforgeError(f"{corpus} cannot be learnt from before its own folds: its speakers would be tested")
    own = recorded.corpora == corpus
    labels = tuple(sorted(recorded.emotions_of([corpus])))
    folds = np.array([fold_of[speaker] if mine else -1 for speaker, mine in zip(recorded.speakers, own, strict=True)])
    first = np.isin(recorded.corpora, list(before))
    return [
        _task(recorded, name or corpus, corpus, labels, own & (folds != fold), folds == fold, first)
        for fold in sorted(set(fold_of.values()))
    ]


def across_task(recorded: Recorded, learnt: Sequence[str], test: str, *, name: str) -> Task:
    """Return the task of recognising all of the corpus *test* after learning from all of the corpora *learnt*.

    Its labels are the emotions of *test* that at least one corpus of *learnt* has too.

    Args:
        recorded: all clips.
        learnt: names of corpora, *test* not among them.
        test: name of a corpus.
        name: what to call the corpora *learnt*.

    Raises:
        EmoforgeError: *test* is among *learnt*, or they share fewer than two emotions.
    """
    if test in learnt:
        raise EmoforgeError(f"{test} cannot be recognised by what it teaches itself: its speakers would be tested")
    labels = tuple(sorted(recorded.emotions_of([test]) & recorded.emotions_of(learnt)))
    if len(labels) < 2:
        raise EmoforgeError(
            f"{test} has only {', '.join(labels) or 'nothing'} in common with {name}; two emotions are needed: leave "
            "one of them out of `corpora`"
        )
    learning, testing = np.isin(recorded.corpora, list(learnt)), recorded.corpora == test
    return _task(recorded, name, test, labels, learning, testing, np.zeros_like(testing))


def _task(
    recorded: Recorded,
    train: str,
    test: str,
    labels: tuple[str, ...],
    learning: np.ndarray,
    testing: np.ndarray,
    first: np.ndarray,
) -> Task:
    asked = np.isin(recorded.emotions, labels) & ~recorded.enrolment
    return Task(
        train=train,
        test=test,
        labels=labels,
        learnt=np.flatnonzero(learning & asked),
        learnt_enrolment=np.flatnonzero(learning & recorded.enrolment),
        tested=np.flatnonzero(testing & asked),
        tested_enrolment=np.flatnonzero(testing & recorded.enrolment),
        before=np.flatnonzero(first & asked),
        before_enrolment=np.flatnonzero(first & recorded.enrolment),
    )
