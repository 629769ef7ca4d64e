import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoforge.base.errors import EmoforgeError
from emoforge.ser.selective import CoverageCurve, coverage_points

ANSWERS = st.lists(st.tuples(st.sampled_from([0.2, 0.4, 0.5, 0.7, 0.9]), st.booleans()), min_size=1, max_size=40)


def curve_of(answers: list[tuple[float, bool]]) -> CoverageCurve:
    confidence, correct = zip(*answers, strict=True)
    return CoverageCurve.of(np.array(confidence), np.array(correct))


def test_the_curve_of_four_clips():
    curve = CoverageCurve.of(np.array([0.5, 0.9, 0.5, 0.8]), np.array([True, True, False, False]))
    assert curve.thresholds == pytest.approx([0.9, 0.8, 0.5])
    assert curve.coverage == pytest.approx([0.25, 0.5, 1.0])
    assert curve.accuracy == pytest.approx([1.0, 0.5, 0.5])
    assert curve.aurc == pytest.approx((0.0 + 0.5 + 2 * 0.5) / 4)


def test_probabilities_that_tell_right_from_wrong_have_a_small_area():
    confidence = np.linspace(0.3, 0.9, 100)
    sure = CoverageCurve.of(confidence, confidence > 0.5)
    unsure = CoverageCurve.of(confidence, np.random.default_rng(0).permutation(confidence > 0.5))
    assert sure.accuracy[-1] == unsure.accuracy[-1]
    assert sure.aurc < 0.1 < 0.25 < unsure.aurc


def test_the_threshold_for_an_accuracy_holds_on_other_clips():
    rng = np.random.default_rng(0)

    def draw(n_clips: int) -> tuple[np.ndarray, np.ndarray]:
        confidence = rng.uniform(0.3, 1.0, n_clips)
        return confidence, rng.uniform(size=n_clips) < confidence

    threshold = CoverageCurve.of(*draw(4000)).threshold_for_accuracy(0.85)
    confidence, correct = draw(4000)
    assert correct[confidence >= threshold].mean() == pytest.approx(0.85, abs=0.02)
    assert 0.3 < (confidence >= threshold).mean() < 0.5


def test_a_few_lucky_answers_promise_nothing():
    confidence = np.linspace(0.9, 0.1, 30)
    correct = np.arange(30) < 3
    with pytest.raises(EmoforgeError, match=r"no threshold gives an accuracy of 0\.9: .* can be promised is 0\.80"):
        CoverageCurve.of(confidence, correct).threshold_for_accuracy(0.9)


@given(ANSWERS, st.floats(0.0, 1.0))
def test_the_threshold_for_a_coverage_is_the_highest_that_answers_so_many(answers, coverage):
    confidence = np.array([probability for probability, _ in answers])
    threshold = curve_of(answers).threshold_for_coverage(coverage)
    assert (confidence >= threshold).mean() >= coverage - 1e-9
    assert (confidence > threshold).mean() < max(coverage, 1e-9)


@given(ANSWERS)
def test_more_accuracy_never_asks_for_a_lower_threshold(answers):
    thresholds = []
    for accuracy in (0.3, 0.5, 0.7, 0.9):
        try:
            thresholds.append(curve_of(answers).threshold_for_accuracy(accuracy))
        except EmoforgeError:
            thresholds.append(np.inf)
    assert thresholds == sorted(thresholds)


@given(ANSWERS)
def test_at_full_coverage_every_clip_counts(answers):
    curve = curve_of(answers)
    assert curve.coverage[-1] == 1
    assert curve.accuracy[-1] == pytest.approx(np.mean([correct for _, correct in answers]))
    assert 0 <= curve.aurc <= 1


def test_reported_points_start_with_all_clips():
    truth = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]])
    points = coverage_points(truth, probabilities, coverages=(1.0, 0.7, 0.5))
    assert points == [(1.0, 0.75, 0.75), (0.75, 1.0, 1.0), (0.5, 1.0, 1.0)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: CoverageCurve.of(np.zeros(0), np.zeros(0)), "no labelled clip"),
        (lambda: CoverageCurve.of(np.zeros(2), np.zeros(3)), "each needs one"),
        (lambda: curve_of([(0.5, True)]).threshold_for_accuracy(1.0), "allowed: between 0 and 1"),
        (lambda: curve_of([(0.5, True)]).threshold_for_coverage(1.2), "allowed: 0 to 1"),
    ],
)
def test_what_does_not_fit_is_one_line(call, words):
    with pytest.raises(EmoforgeError, match=words):
        call()
