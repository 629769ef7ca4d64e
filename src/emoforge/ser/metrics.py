"""How often a recogniser is right: unweighted average recall first, then what else the field reports.

Labels are indices into the recogniser's ``labels``; probabilities have one column per label.
"""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, recall_score
from sklearn.metrics import confusion_matrix as _sklearn_confusion_matrix

from emoforge.base.errors import EmoforgeError


def uar(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Unweighted average recall: the mean over classes of the share of a class's clips that were recognised.

    A class without a clip in *truth* has no recall and is left out of the mean; predicting such a class is still
    wrong, and lowers the recall of the class that was meant.

    Args:
        truth: (n_clips,) label indices.
        predicted: (n_clips,) label indices.

    Returns:
        a value from 0 to 1.

    Raises:
        EmoforgeError: there is no clip, or the arrays differ in length.
    """
    truth, predicted = _checked(truth, predicted)
    return float(recall_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0))


def wa(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Weighted accuracy: the share of all clips that were recognised, 0 to 1. Arguments and errors as :func:`uar`."""
    truth, predicted = _checked(truth, predicted)
    return float(accuracy_score(truth, predicted))


def macro_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean over classes of F1, 0 to 1; classes without a clip in *truth* are left out, as in :func:`uar`."""
    truth, predicted = _checked(truth, predicted)
    return float(f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0))


def ece(truth: np.ndarray, probabilities: np.ndarray, *, n_bins: int = 15) -> float:
    """Expected calibration error of the top class's probability, 0 (calibrated) to 1.

    Clips are put into *n_bins* equally wide bins by the probability of their most probable class; the gap between
    mean probability and accuracy of a bin counts as much as the bin holds clips (Guo et al. 2017, "On calibration
    of modern neural networks", equation 3).

    Args:
        truth: (n_clips,) label indices.
        probabilities: (n_clips, n_classes), every row summing to 1.
        n_bins: number of bins.

    Raises:
        EmoforgeError: there is no clip, or the arrays differ in length.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    truth, predicted = _checked(truth, probabilities.argmax(axis=1))
    confidence = probabilities.max(axis=1)
    # Bins are open on the left, so that a confidence of exactly 1 lies in the last.
    bins = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
    confidence_sum = np.bincount(bins, weights=confidence, minlength=n_bins)
    correct_sum = np.bincount(bins, weights=truth == predicted, minlength=n_bins)
    return float(np.abs(confidence_sum - correct_sum).sum() / len(truth))


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, *, n_classes: int) -> np.ndarray:
    """Count clips by truth (row) and prediction (column).

    Returns:
        (n_classes, n_classes) int64.

    Raises:
        EmoforgeError: there is no clip, or the arrays differ in length.
    """
    truth, predicted = _checked(truth, predicted)
    return _sklearn_confusion_matrix(truth, predicted, labels=np.arange(n_classes)).astype(np.int64)


def _checked(truth: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise EmoforgeError(
            f"truth and prediction must be two lists of the same length, not of shapes "
            f"{truth.shape} and {predicted.shape}"
        )
    if not len(truth):
        raise EmoforgeError("there is no clip to score: the test split is empty; choose another fold")
    return truth, predicted
