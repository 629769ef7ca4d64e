"""All clips of a study in one table: recorded, classically augmented, converted, and converted to neutral."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.evaluation.arms import CLASSICAL, REAL
from emoforge.ser.recogniser import Examples

#: Kind of the neutral clips that were converted to neutral, beside the kinds of :mod:`emoforge.evaluation.arms`.
TO_NEUTRAL = "to neutral"

#: (n,) rows → what a recogniser sees of these clips: (n, n_features) functionals, or a list of n inputs.
Inputs = Callable[[np.ndarray], "np.ndarray | list"]


@dataclass(frozen=True)
class Task:
    """Rows of recorded clips, each in ascending order and without those that enrol a speaker.

    Attributes:
        labelled: (n_labelled,) clips whose emotion may be learnt.
        neutral: (n_neutral,) neutral clips of other speakers: to convert, and to learn as neutral.
        tested: (n_tested,) clips to predict.
    """

    labelled: np.ndarray
    neutral: np.ndarray
    tested: np.ndarray


@dataclass(frozen=True)
class Pool:
    """Columns, one row per clip; recorded clips come first, with the rows that tasks name.

    Attributes:
        clip_ids: (n_clips,) unique names.
        kinds: (n_clips,) "real", "classical", "synthetic" or "to neutral" (a neutral clip converted to neutral).
        speakers: (n_clips,) whose voice it is.
        voices: (n_clips,) what is calibrated as one voice: the speaker, or a corpus whose speakers are too short.
        emotions: (n_clips,) label indices; of converted clips what they should be heard as.
        sources: (n_clips,) row of the recorded clip that a clip was made from; a recorded clip's own row.
        styles: (n_clips,) row of the recorded clip whose style was used; -1 where there is none.
        fitted: (n_clips,) number of the fitted converter that made it, -1 for others.
        enrolment: (n_clips,) bool.
        labels: emotion names.
        neutral: index of neutral.
    """

    clip_ids: np.ndarray
    kinds: np.ndarray
    speakers: np.ndarray
    voices: np.ndarray
    emotions: np.ndarray
    sources: np.ndarray
    styles: np.ndarray
    fitted: np.ndarray
    enrolment: np.ndarray
    labels: tuple[str, ...]
    neutral: int

    def examples(self, inputs: Inputs, rows: np.ndarray, weights: np.ndarray | None = None) -> Examples:
        """Return the clips at *rows* as a recogniser takes them, labelled with their emotions."""
        return Examples(inputs(rows), self.voices[rows], self.emotions[rows], weights)

    def classical_rows(self, task: Task) -> np.ndarray:
        """Return the augmented clips made of labelled clips of *task*."""
        return np.flatnonzero((self.kinds == CLASSICAL) & np.isin(self.sources, task.labelled))

    def converted_rows(self, task: Task, kind: str, fitted: Sequence[int]) -> np.ndarray:
        """Return the clips of *kind* that the converters *fitted* for *task* made of its neutral clips."""
        known = np.isin(self.sources, self.source_rows(task))
        return np.flatnonzero((self.kinds == kind) & np.isin(self.fitted, list(fitted)) & known)

    def source_rows(self, task: Task) -> np.ndarray:
        """Return the recorded neutral clips that may be converted in *task*.

        They are all of the training speakers', those that enrol them included; where the same speakers train and
        test, the tested ones are not among them.
        """
        recorded = np.flatnonzero(self.kinds == REAL)
        known = np.union1d(task.labelled, task.neutral)
        own = np.isin(self.speakers[recorded], np.unique(self.speakers[known]))
        own &= self.emotions[recorded] == self.neutral
        return recorded[own & (self.enrolment[recorded] | np.isin(recorded, known))]

    def training_enrolment(self, task: Task) -> np.ndarray:
        """Return the recorded clips that calibrate the training voices of *task*.

        A voice that is a speaker is calibrated by the clips that enrol them; one that is a corpus by all neutral clips
        that are known of it.
        """
        rows = self.source_rows(task)
        return rows[self.enrolment[rows] | (self.voices[rows] != self.speakers[rows])]

    def tested_enrolment(self, task: Task) -> np.ndarray:
        """Return the recorded clips that calibrate the tested voices of *task*; nothing is learnt from them."""
        recorded = np.flatnonzero(self.kinds == REAL)
        own = np.isin(self.speakers[recorded], np.unique(self.speakers[task.tested]))
        alone = self.voices[recorded] == self.speakers[recorded]
        calibrating = recorded[own & alone & self.enrolment[recorded]]
        shared = self.training_enrolment(task)
        return np.union1d(calibrating, shared[self.voices[shared] != self.speakers[shared]])
