import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from emoforge.base.errors import EmoforgeError
from emoforge.ser.priors import HALF, ClassOffsets, ClassPrior, equal_shares

N_CLASSES = 4
SKEWED = np.array([0.7, 0.1, 0.1, 0.1])
PROBABILITIES = arrays(
    np.float64, st.tuples(st.integers(1, 30), st.just(N_CLASSES)), elements=st.floats(-4.0, 4.0)
).map(lambda scores: softmax(scores, axis=1))
SHARES = arrays(np.float64, N_CLASSES, elements=st.floats(-2.0, 2.0)).map(softmax)


def clips(shares: np.ndarray, n_clips: int, *, gain: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw classes, and answers that are calibrated for equal shares of classes.

    A clip is a point at ``gain`` on its class's axis plus standard normal noise, so that its log-likelihoods differ by
    ``gain`` times its coordinates.
    """
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(shares), n_clips, p=shares)
    points = gain * np.eye(len(shares))[truth] + rng.standard_normal((n_clips, len(shares)))
    return truth, softmax(gain * points, axis=1)


def accuracy(truth: np.ndarray, probabilities: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == truth).mean())


def test_shares_are_found_without_labels():
    truth, probabilities = clips(SKEWED, 4000)
    found = ClassPrior.fit(probabilities, misfit=None)
    assert found.expected == pytest.approx(np.bincount(truth) / len(truth), abs=0.03)
    assert accuracy(truth, found.apply(probabilities)) > accuracy(truth, probabilities) + 0.03


def test_a_recogniser_that_was_trained_for_skewed_shares_is_put_right_for_equal_ones():
    truth, equal = clips(equal_shares(N_CLASSES), 4000)
    skewed = ClassPrior(equal_shares(N_CLASSES), SKEWED).apply(equal)
    found = ClassPrior.fit(skewed, trained=SKEWED, misfit=None)
    assert found.expected == pytest.approx(equal_shares(N_CLASSES), abs=0.03)
    assert accuracy(truth, found.apply(skewed)) > accuracy(truth, skewed) + 0.03


@pytest.mark.parametrize("n_clips", [5, 50, 500])
def test_where_no_share_has_changed_nothing_does(n_clips):
    _, probabilities = clips(equal_shares(N_CLASSES), n_clips, seed=n_clips)
    found = ClassPrior.fit(probabilities)
    assert found.expected == pytest.approx(equal_shares(N_CLASSES), abs=1e-12)
    assert found.apply(probabilities) == pytest.approx(probabilities, abs=1e-12)


def test_few_clips_and_unsure_answers_move_the_shares_less():
    def moved(n_clips: int, gain: float) -> float:
        _, probabilities = clips(np.array([0.97, 0.01, 0.01, 0.01]), n_clips, gain=gain)
        return float(ClassPrior.fit(probabilities).expected[0] - 1 / N_CLASSES)

    assert 0.0 < moved(5, 2.5) < moved(500, 2.5)
    assert 0.0 < moved(500, 2.0) < moved(500, 3.0)


def test_offsets_give_the_expected_shares():
    _, probabilities = clips(equal_shares(N_CLASSES), 500)
    offsets = ClassOffsets.fit(probabilities, expected=SKEWED)
    assert offsets.apply(probabilities).mean(axis=0) == pytest.approx(SKEWED, abs=1e-5)


def test_a_class_that_is_hardly_ever_answered_is_heard_with_its_offset():
    truth, probabilities = clips(equal_shares(N_CLASSES), 2000)
    biased = ClassOffsets(np.array([-8.0, 0.0, 0.0, 0.0])).apply(probabilities)
    missed = truth == 0
    assert (biased[missed].argmax(axis=1) == 0).mean() < 0.05
    known = ClassOffsets.fit(biased, free=[0])
    assert known.offsets[1:] == pytest.approx(0.0)
    assert known.apply(biased).mean(axis=0)[0] == pytest.approx(1 / N_CLASSES, abs=1e-5)
    assert accuracy(truth, known.apply(biased)) == pytest.approx(accuracy(truth, probabilities), abs=0.02)
    guessed = ClassOffsets.fit(biased, free=[0], trust=HALF)
    assert (
        0.05
        < (guessed.apply(biased)[missed].argmax(axis=1) == 0).mean()
        < (known.apply(biased)[missed].argmax(axis=1) == 0).mean()
    )


@settings(deadline=None, max_examples=40)
@given(PROBABILITIES, SHARES)
def test_corrected_probabilities_sum_to_one(probabilities, shares):
    for correction in (
        ClassPrior.fit(probabilities, trained=shares),
        ClassPrior.fit(probabilities, trained=shares, misfit=None),
        ClassOffsets.fit(probabilities, expected=shares),
        ClassOffsets.fit(probabilities, free=[1], trust=HALF),
    ):
        corrected = correction.apply(probabilities)
        assert (corrected >= 0).all()
        assert corrected.sum(axis=1) == pytest.approx(1.0)


@settings(deadline=None, max_examples=40)
@given(PROBABILITIES, SHARES)
def test_a_larger_expected_share_never_makes_a_class_less_probable(probabilities, shares):
    larger = shares + np.array([0.5, 0.0, 0.0, 0.0])
    trained = equal_shares(N_CLASSES)
    lower = ClassPrior(trained, shares).apply(probabilities)
    assert (ClassPrior(trained, larger / larger.sum()).apply(probabilities)[:, 0] >= lower[:, 0] - 1e-12).all()


@settings(deadline=None, max_examples=40)
@given(PROBABILITIES)
def test_the_answered_shares_need_no_correction(probabilities):
    answered = probabilities.mean(axis=0)
    assert ClassOffsets.fit(probabilities, expected=answered).apply(probabilities) == pytest.approx(
        probabilities, abs=1e-6
    )
    assert ClassOffsets.fit(probabilities, trust=0.0).offsets == pytest.approx(0.0, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(PROBABILITIES, st.integers(0, 2**31))
def test_the_order_of_clips_does_not_matter(probabilities, seed):
    order = np.random.default_rng(seed).permutation(len(probabilities))
    for fit in (ClassPrior.fit, ClassOffsets.fit):
        first, second = fit(probabilities), fit(probabilities[order])
        assert first.apply(probabilities) == pytest.approx(second.apply(probabilities), abs=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: ClassPrior.fit(p[:0]), "one row per clip"),
        (lambda p: ClassPrior.fit(2 * p), "add up to 1"),
        (lambda p: ClassPrior.fit(p, trained=np.array([0.5, 0.5])), "every class needs one"),
        (lambda p: ClassPrior.fit(p, trained=np.array([0.0, 0.4, 0.3, 0.3])), "without a share in training"),
        (lambda p: ClassOffsets.fit(p, expected=np.full(N_CLASSES, 0.5)), "add up to 2.000"),
        (lambda p: ClassOffsets.fit(p, free=[4]), "allowed: 0 to 3"),
        (lambda p: ClassOffsets.fit(p, trust=1.5), "allowed: 0 to 1"),
    ],
)
def test_what_does_not_fit_is_one_line(call, words):
    _, probabilities = clips(equal_shares(N_CLASSES), 10)
    with pytest.raises(EmoforgeError, match=words):
        call(probabilities)
