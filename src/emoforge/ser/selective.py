"""Answers that a recogniser would rather not give: how accurate the others are, and where to draw the line.

A recogniser that leaves out the clips that it is least sure of is right more often on those that it answers. The share
of clips that it answers is its coverage (El-Yaniv and Wiener 2010, "On the foundations of noise-free selective
classification"); how sure it is, is the probability of its answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from emoforge.base.errors import EmoforgeError
from emoforge.ser.metrics import uar, wa

#: Shares of clips at which accuracy is reported.
REPORTED = tuple(tenths / 10 for tenths in range(10, 0, -1))


@dataclass(frozen=True)
class CoverageCurve:
    """How accurate answers are at every coverage that a threshold can give, from the most sure clip to all clips.

    Clips of the same probability are answered together, since no threshold parts them.

    Attributes:
        thresholds: (n_points,) falling; clips of at least this probability are answered.
        coverage: (n_points,) share of clips that are answered; the last is 1.
        accuracy: (n_points,) share of these that are right.
        counts: (n_points,) clips that are answered.
    """

    thresholds: np.ndarray
    coverage: np.ndarray
    accuracy: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, confidence: np.ndarray, correct: np.ndarray) -> Self:
        """Measure on labelled clips.

        Args:
            confidence: (n_clips,) probability of the answer.
            correct: (n_clips,) whether it is right.

        Raises:
            EmoforgeError: there is no clip, or the arrays differ in length.
        """
        confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=bool)
        if confidence.ndim != 1 or confidence.shape != correct.shape:
            raise EmoforgeError(f"{confidence.shape} probabilities came with {correct.shape} answers: each needs one")
        if not len(confidence):
            raise EmoforgeError("there is no labelled clip to measure coverage on: choose another split")
        order = np.argsort(-confidence, kind="stable")
        falling = confidence[order]
        counts = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1) + 1
        right = np.cumsum(correct[order])[counts - 1]
        return cls(falling[counts - 1], counts / len(falling), right / counts, counts)

    @property
    def aurc(self) -> float:
        """Area under the risk-coverage curve, 0 to 1, less is better: the mean share of wrong answers over coverages.

        Geifman, Uziel and El-Yaniv 2019, "Bias-reduced uncertainty estimation for deep neural classifiers".
        """
        return float(np.average(1.0 - self.accuracy, weights=np.diff(self.counts, prepend=0)))

    def threshold_for_coverage(self, coverage: float) -> float:
        """Return the highest threshold that answers at least *coverage* (0 to 1) of the clips.

        Raises:
            EmoforgeError: *coverage* is out of range.
        """
        if not 0.0 <= coverage <= 1.0:
            raise EmoforgeError(f"coverage is {coverage:g}, allowed: 0 to 1")
        return float(self.thresholds[self._point(coverage)])

    def threshold_for_accuracy(self, accuracy: float) -> float:
        """Return the lowest threshold whose answers are right in at least *accuracy* (0 to 1) of clips.

        One answer too many is counted as right and one as wrong (Laplace's rule of succession), so that a few lucky
        answers at the top promise nothing.

        Raises:
            EmoforgeError: *accuracy* is out of range, or no threshold reaches it.
        """
        if not 0.0 < accuracy < 1.0:
            raise EmoforgeError(f"the wanted accuracy is {accuracy:g}, allowed: between 0 and 1")
        expected = (self.accuracy * self.counts + 1.0) / (self.counts + 2.0)
        reached = np.flatnonzero(expected >= accuracy)
        if not len(reached):
            raise EmoforgeError(
                f"no threshold gives an accuracy of {accuracy:g}: on {self.counts[-1]} clips of other speakers the "
                f"highest that can be promised is {np.floor(100 * expected.max()) / 100:.2f}"
            )
        return float(self.thresholds[reached[-1]])

    def _point(self, coverage: float) -> int:
        return min(int(np.searchsorted(self.coverage, coverage - 1e-9)), len(self.coverage) - 1)


def coverage_points(
    truth: np.ndarray, probabilities: np.ndarray, *, coverages: Sequence[float] = REPORTED
) -> list[tuple[float, float, float]]:
    """Return (coverage, accuracy, UAR) of the clips that are answered at each of *coverages*.

    Args:
        truth: (n_clips,) label indices.
        probabilities: (n_clips, n_classes), every row summing to 1.
        coverages: wanted shares of clips, 0 to 1; the coverage returned is the next one that a threshold can give.

    Raises:
        EmoforgeError: there is no clip, or the arrays differ in length.
    """
    truth, probabilities = np.asarray(truth), np.asarray(probabilities, dtype=np.float64)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    curve = CoverageCurve.of(confidence, truth == predicted)
    points = []
    for coverage in coverages:
        answered = confidence >= curve.threshold_for_coverage(coverage)
        figures = [measure(truth[answered], predicted[answered]) for measure in (wa, uar)]
        points.append((float(answered.mean()), figures[0], figures[1]))
    return points
