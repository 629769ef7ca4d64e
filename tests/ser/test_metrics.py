import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.ser import metrics


def test_uar_counts_every_class_alike():
    truth = np.array([0, 0, 0, 0, 1, 1])
    predicted = np.array([0, 0, 0, 1, 1, 0])
    assert metrics.uar(truth, predicted) == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert metrics.wa(truth, predicted) == pytest.approx(4 / 6)


def test_a_class_without_clips_is_left_out_of_uar_but_predicting_it_is_wrong():
    truth = np.array([0, 0, 2, 2])
    predicted = np.array([0, 1, 2, 2])
    assert metrics.uar(truth, predicted) == pytest.approx((0.5 + 1.0) / 2)
    assert metrics.macro_f1(truth, predicted) == pytest.approx((2 / 3 + 1.0) / 2)


def test_macro_f1_by_hand():
    truth = np.array([0, 0, 1, 1])
    predicted = np.array([0, 1, 1, 1])
    assert metrics.macro_f1(truth, predicted) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_confusion_matrix_has_truth_in_rows_and_every_class():
    matrix = metrics.confusion_matrix(np.array([0, 0, 2]), np.array([0, 2, 2]), n_classes=3)
    assert matrix.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 1]]


def test_ece_is_the_gap_between_confidence_and_accuracy():
    truth = np.array([0, 0, 0, 1])
    sure = np.tile([1.0, 0.0], (4, 1))
    assert metrics.ece(truth, sure) == pytest.approx(0.25)
    honest = np.tile([0.75, 0.25], (4, 1))
    assert metrics.ece(truth, honest) == pytest.approx(0.0)


def test_ece_adds_gaps_of_separate_bins():
    truth = np.array([0, 1])
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4]])
    assert metrics.ece(truth, probabilities) == pytest.approx(0.1 / 2 + 0.6 / 2)


def test_an_empty_test_split_is_refused():
    with pytest.raises(EmoforgeError, match="no clip to score"):
        metrics.uar(np.array([], dtype=int), np.array([], dtype=int))
    with pytest.raises(EmoforgeError, match="same length"):
        metrics.wa(np.array([0, 1]), np.array([0]))
