import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.evaluation.statistics import (
    mean_interval,
    paired_gain,
    recall_share,
    signed_rank_tests,
    speaker_uar,
    uar_interval,
)
from emoforge.ser.metrics import uar


def recognised(rng, *, n_speakers, n_clips=40, n_classes=4, spread=0.12, accuracy=0.6):
    """Clips of speakers who are recognised better or worse: truth, prediction, speakers."""
    skill = np.clip(rng.normal(accuracy, spread, n_speakers), 0, 1)
    speakers = np.repeat(np.arange(n_speakers), n_clips)
    truth = np.tile(np.arange(n_clips) % n_classes, n_speakers)
    right = rng.random(len(truth)) < skill[speakers]
    wrong = (truth + rng.integers(1, n_classes, len(truth))) % n_classes
    return truth, np.where(right, truth, wrong), speakers


def test_the_value_is_the_uar_and_lies_in_its_interval():
    truth, predicted, speakers = recognised(np.random.default_rng(0), n_speakers=12)
    interval = uar_interval(truth, predicted, speakers)
    assert interval.value == pytest.approx(uar(truth, predicted))
    assert interval.ci_low < interval.value < interval.ci_high


def test_fewer_speakers_give_a_wider_interval_for_as_many_clips():
    rng = np.random.default_rng(1)
    few = uar_interval(*recognised(rng, n_speakers=6, n_clips=160))
    many = uar_interval(*recognised(rng, n_speakers=48, n_clips=20))
    assert few.ci_high - few.ci_low > 1.5 * (many.ci_high - many.ci_low)


def test_several_trainings_are_averaged():
    rng = np.random.default_rng(3)
    truth, predicted, speakers = recognised(rng, n_speakers=8)
    other = np.where(rng.random(len(truth)) < 0.3, truth, predicted)
    both = uar_interval(truth, np.stack([predicted, other]), speakers)
    assert both.value == pytest.approx((uar(truth, predicted) + uar(truth, other)) / 2)


@pytest.mark.parametrize("n_speakers", [4, 8])
def test_identical_arms_gain_nothing(n_speakers):
    truth, predicted, speakers = recognised(np.random.default_rng(4), n_speakers=n_speakers)
    gain = paired_gain(truth, predicted, predicted, speakers)
    assert (gain.value, gain.ci_low, gain.ci_high) == (0, 0, 0)
    assert gain.p == pytest.approx(1)


def test_a_gain_of_every_speaker_is_significant_though_the_arms_intervals_overlap():
    rng = np.random.default_rng(5)
    truth, predicted, speakers = recognised(rng, n_speakers=20)
    better = np.where(rng.random(len(truth)) < 0.12, truth, predicted)
    gain = paired_gain(truth, better, predicted, speakers)
    assert uar_interval(truth, better, speakers).ci_low < uar_interval(truth, predicted, speakers).ci_high
    assert 0 < gain.ci_low < gain.value < gain.ci_high
    assert gain.p < 0.01
    opposite = paired_gain(truth, predicted, better, speakers)
    assert opposite.value == pytest.approx(-gain.value)
    assert opposite.p == pytest.approx(gain.p, abs=1e-3)


def two_arms(rng, *, n_speakers, gain=0.0, n_clips=40, n_classes=4):
    """Two arms on the same clips, the better by *gain* on average and by more or less for each speaker."""
    skill = rng.normal(0.6, 0.1, n_speakers)
    speakers = np.repeat(np.arange(n_speakers), n_clips)
    truth = np.tile(np.arange(n_clips) % n_classes, n_speakers)
    # Both arms find the same clips hard: their answers are alike beyond what the speaker's skill makes them.
    ease = rng.random(len(truth))
    own_gain = rng.normal(gain, 0.06, n_speakers)
    arms = []
    for share in (skill + own_gain, skill):
        right = np.where(rng.random(len(truth)) < 0.7, ease, rng.random(len(truth))) < share[speakers]
        arms.append(np.where(right, truth, (truth + rng.integers(1, n_classes, len(truth))) % n_classes))
    return truth, *arms, speakers


@pytest.mark.parametrize("n_speakers", [3, 4, 6, 24])
def test_p_and_interval_agree(n_speakers):
    # A gain that is found about half the time, so that both answers occur.
    mean_gain = {3: 0.14, 4: 0.09, 6: 0.06, 24: 0.027}[n_speakers]
    rng = np.random.default_rng(n_speakers)
    found = []
    for seed in range(60):
        gain = paired_gain(*two_arms(rng, n_speakers=n_speakers, gain=mean_gain), n_draws=2000, seed=seed)
        assert (gain.ci_low > 0 or gain.ci_high < 0) == (gain.p < 0.05)
        found.append(gain.p < 0.05)
    assert 10 < sum(found) < 50


def test_intervals_of_few_speakers_stay_in_the_possible_range():
    rng = np.random.default_rng(7)
    for accuracy in (0.03, 0.97):
        interval = uar_interval(*recognised(rng, n_speakers=3, accuracy=accuracy, spread=0.03))
        assert 0 <= interval.ci_low < interval.value < interval.ci_high <= 1


# Bounds of the shares below: three standard errors of a share over the trials, and what the approximation was measured
# to cost at so few speakers, on either side.
N_TRIALS = 1000


@pytest.mark.slow
@pytest.mark.parametrize("n_speakers", [3, 4, 6, 8, 24])
def test_the_interval_covers_the_true_uar(n_speakers):
    rng = np.random.default_rng(n_speakers)
    covered = 0
    for trial in range(N_TRIALS):
        interval = uar_interval(*recognised(rng, n_speakers=n_speakers, spread=0.1), n_draws=1000, seed=trial)
        covered += interval.ci_low <= 0.6 <= interval.ci_high
    assert 0.92 <= covered / N_TRIALS <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("n_speakers", [3, 4, 6, 8, 24])
def test_no_gain_is_found_where_there_is_none(n_speakers):
    rng = np.random.default_rng(n_speakers)
    found = 0
    for trial in range(N_TRIALS):
        found += paired_gain(*two_arms(rng, n_speakers=n_speakers), n_draws=1000, seed=trial).p < 0.05
    assert 0.02 <= found / N_TRIALS <= 0.08


def test_each_speaker_has_a_score():
    truth = np.array([0, 1, 0, 1])
    assert speaker_uar(truth, np.array([0, 0, 0, 1]), np.array(["b", "b", "a", "a"])) == {"a": 1.0, "b": 0.5}


def test_holm_multiplies_the_smallest_p_by_the_number_of_arms():
    rng = np.random.default_rng(6)
    tests = signed_rank_tests(
        {"strong": rng.normal(1, 1, 30), "weak": rng.normal(0.3, 1, 30), "none": np.zeros(30), "same": np.zeros(30)}
    )
    assert tests["strong"].p_holm == pytest.approx(4 * tests["strong"].p)
    assert tests["strong"].p < tests["weak"].p
    assert tests["weak"].p_holm == pytest.approx(min(1, 3 * tests["weak"].p))
    assert tests["none"].p == tests["none"].p_holm == 1
    assert tests["strong"].n == 30


def test_too_little_to_test_is_refused():
    with pytest.raises(EmoforgeError, match="at least 2 speakers, not 1"):
        uar_interval(np.array([0, 1]), np.array([0, 1]), np.array(["a", "a"]))
    with pytest.raises(EmoforgeError, match="same clips"):
        uar_interval(np.array([0, 1]), np.array([0]), np.array(["a", "b"]))
    with pytest.raises(EmoforgeError, match="arm 'x' has no paired score"):
        signed_rank_tests({"x": np.array([])})


@pytest.mark.parametrize("n_speakers", [5, 16])
def test_a_share_of_recall_is_surer_than_the_recalls_when_speakers_differ_alike(n_speakers):
    rng = np.random.default_rng(11)
    truth, real, speakers = recognised(rng, n_speakers=n_speakers, n_clips=400, spread=0.15, accuracy=0.7)
    # Conversions of a speaker are recognised four fifths as often as the real clips, whoever it is.
    missed = (real == truth) & (rng.random(len(truth)) < 0.2)
    converted = np.where(missed, (truth + 1) % 4, real)
    share = recall_share(truth, converted, speakers, truth, real, speakers)
    recall = uar_interval(truth, converted, speakers)
    assert share.value == pytest.approx(0.8, abs=0.02)
    assert share.ci_low < 0.8 < share.ci_high
    assert share.ci_high - share.ci_low < 0.5 * (recall.ci_high - recall.ci_low) / recall.value


def test_a_share_of_recall_compares_the_same_speakers():
    truth, predicted, speakers = recognised(np.random.default_rng(0), n_speakers=4)
    own = speakers < 3
    with pytest.raises(EmoforgeError, match="the same speakers"):
        recall_share(truth, predicted, speakers, truth[own], predicted[own], speakers[own])
    with pytest.raises(EmoforgeError, match="recognises none"):
        recall_share(truth, predicted, speakers, truth, (truth + 1) % 4, speakers)


def test_a_mean_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(12)
    speakers = np.repeat(np.arange(6), 10)
    covered = 0
    for _ in range(400):
        values = rng.normal(0, 1, 6)[speakers] + rng.normal(0, 1, 60)
        interval = mean_interval(values, speakers)
        covered += interval.ci_low < 0 < interval.ci_high
    assert 0.92 < covered / 400 < 0.98


def test_a_mean_interval_leaves_out_what_has_no_value():
    values = np.array([1.0, np.nan, 3.0, np.nan])
    assert mean_interval(values, np.array(["a", "a", "b", "c"])).value == 2.0
    with pytest.raises(EmoforgeError, match="at least 2 speakers, not 1"):
        mean_interval(values[:2], np.array(["a", "b"]))
