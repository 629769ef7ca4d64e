from dataclasses import replace

import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.experiments.conversion.figures import (
    Judged,
    confusion,
    gain_figures,
    mean_figures,
    neutral_figures,
    recall_figures,
    spread,
    within_scale,
)
from emoforge.experiments.conversion.rotations import rotation

LABELS = ("anger", "fear", "neutral")


@pytest.mark.parametrize(("n_groups", "n_converter", "n_judges"), [(6, 3, 2), (5, 2, 2), (3, 1, 1)])
def test_nobody_has_two_roles_and_everybody_is_a_source_once(n_groups, n_converter, n_judges):
    groups = [[f"{group}a", f"{group}b"] for group in range(n_groups)]
    roles = [rotation(groups, index) for index in range(n_groups)]
    for role in roles:
        everybody = [*role.sources, *role.converter, *role.judges]
        assert len(everybody) == len(set(everybody)) == 2 * n_groups
        assert (len(role.converter), len(role.judges)) == (2 * n_converter, 2 * n_judges)
    assert sorted(name for role in roles for name in role.sources) == sorted(name for group in groups for name in group)
    assert rotation(groups, 1).converter[0] == "2a"


def test_a_rotation_needs_three_groups_and_a_number_that_exists():
    with pytest.raises(EmoforgeError, match="2 groups"):
        rotation([["a"], ["b"]], 0)
    with pytest.raises(EmoforgeError, match="no rotation 3; allowed: 0 to 2"):
        rotation([["a"], ["b"], ["c"]], 3)


def test_spread_is_the_mean_distance_within_groups_in_units_of_the_scale():
    vectors = np.array([[0.0, 0.0], [3.0, 40.0], [100.0, 0.0], [100.0, 0.0], [9.0, 9.0], [np.nan, 0.0]])
    groups = ["a", "a", "b", "b", "alone", "b"]
    assert spread(vectors, groups, np.array([1.0, 10.0])) == pytest.approx((5 + 0) / 2)
    assert np.isnan(spread(vectors[:1], ["a"], np.ones(2)))


def test_scale_ignores_what_separates_the_groups():
    rng = np.random.default_rng(0)
    groups = ["anger", "sadness"] * 500
    offset = np.array([0.0, 50.0] * 500)[:, None]
    vectors = rng.normal(0, [1.0, 4.0], (1000, 2)) + offset
    assert within_scale(vectors, groups) == pytest.approx([1.0, 4.0], rel=0.1)
    assert within_scale(np.zeros((4, 1)), ["a"] * 4) == pytest.approx([1.0])


def judged(rng, share_right, *, n_speakers=12, targets=(0, 1), n_clips=20):
    """Clips that aim at *targets*, heard right with a chance of *share_right*, else as neutral."""
    truth = np.tile(np.repeat(targets, n_clips), n_speakers)
    speakers = np.repeat([f"s{i:02d}" for i in range(n_speakers)], n_clips * len(targets))
    right = rng.random(len(truth)) < share_right
    return Judged(truth, np.where(right, truth, 2), np.where(right, 0.7, 0.1), speakers)


def test_recall_stands_beside_that_of_real_clips_of_the_same_emotions():
    rng = np.random.default_rng(0)
    real = judged(rng, 0.8, targets=(0, 1, 2))
    figures = recall_figures(judged(rng, 0.6), real, LABELS, n_draws=1000, seed=0)
    assert figures["recall"] == pytest.approx(0.6, abs=0.06)
    # The real neutral clips are all recognised here, and no conversion aims at neutral.
    assert figures["recall_real"] == pytest.approx(0.8, abs=0.06)
    assert figures["recall_share"] == pytest.approx(0.75, abs=0.09)
    assert figures["confidence"] == pytest.approx(0.1 + 0.6 * figures["recall"], abs=1e-3)
    assert figures["confidence"] < figures["confidence_real"] < figures["confidence_real_ci_high"]
    assert set(figures["recall_by_emotion"]) == set(figures["recall_real_by_emotion"]) == {"anger", "fear"}
    assert figures["recall_share_ci_low"] < figures["recall_share"] < figures["recall_share_ci_high"]


def test_a_gain_is_over_the_same_conversions_of_another_system():
    rng = np.random.default_rng(0)
    system, baseline = judged(rng, 0.6), judged(rng, 0.3)
    figures = gain_figures("gain_over_transplant", system, baseline, n_draws=1000, seed=0)
    assert figures["gain_over_transplant"] == pytest.approx(0.3, abs=0.1)
    assert figures["gain_over_transplant_ci_low"] > 0
    assert figures["gain_over_transplant_p"] < 0.05
    for alone in (None, judged(rng, 0.3, n_speakers=1)):
        without = gain_figures("gain", judged(rng, 0.6, n_speakers=1), alone, n_draws=1000, seed=0)
        assert set(without.values()) == {None}


def test_a_clip_that_could_not_be_made_counts_as_missed():
    rng = np.random.default_rng(0)
    real = judged(rng, 0.9)
    made = judged(rng, 1.0)
    lost = np.arange(len(made.truth)) % 4 == 0
    failed = replace(
        made, predicted=np.where(lost, -1, made.predicted), confidence=np.where(lost, np.nan, made.confidence)
    )
    figures = recall_figures(failed, real, LABELS, n_draws=1000, seed=0)
    assert figures["recall"] == pytest.approx(0.75)
    # Nobody is sure or unsure of a clip that is not there.
    assert figures["confidence"] == pytest.approx(0.7)


def test_neutral_is_to_stay_neutral():
    rng = np.random.default_rng(0)
    kept = judged(rng, 1.0, targets=(2,), n_speakers=4)
    angry = replace(kept, predicted=np.where(np.arange(len(kept.truth)) % 4 == 0, 0, kept.predicted))
    real = judged(rng, 1.0, targets=(2,), n_speakers=6)
    figures = neutral_figures(angry, real)
    assert figures["neutral_recall"] == pytest.approx(0.75)
    assert figures["neutral_recall_real"] == figures["neutral_recall_real_ci_low"] == 1
    assert neutral_figures(angry.take(np.zeros(0, dtype=int)), real)["neutral_recall"] is None


def test_confusion_names_what_is_heard_instead():
    made = Judged(np.array([0, 0, 0, 0, 1]), np.array([2, 0, 2, -1, 1]), np.ones(5), np.array(["a"] * 5))
    assert confusion(made, LABELS) == {"anger": {"neutral": 0.5, "none": 0.25, "anger": 0.25}, "fear": {"fear": 1.0}}


def test_speakers_without_conversions_do_not_count():
    """Their real clips, which are all heard wrong here, are no measure of the others' conversions."""
    rng = np.random.default_rng(0)
    made, real = judged(rng, 0.5, n_speakers=4), judged(rng, 0.8, n_speakers=4)
    strangers = replace(
        real, predicted=np.full(len(real.truth), 2), speakers=np.array([f"x{name}" for name in real.speakers])
    )
    more = Judged(
        *(np.concatenate(columns) for columns in zip(vars(real).values(), vars(strangers).values(), strict=True))
    )
    assert recall_figures(made, more, LABELS, n_draws=1000, seed=0) == recall_figures(
        made, real, LABELS, n_draws=1000, seed=0
    )


def test_one_speaker_has_figures_and_no_intervals():
    rng = np.random.default_rng(0)
    figures = recall_figures(
        judged(rng, 0.5, n_speakers=1), judged(rng, 0.9, n_speakers=1), LABELS, n_draws=1000, seed=0
    )
    assert figures["recall"] is not None
    assert figures["recall_share"] is not None
    assert figures["recall_ci_low"] is figures["recall_share_ci_high"] is None


def test_means_are_over_speakers_and_what_is_not_measured_is_null():
    columns = {
        "mcd": np.array([1.0, 1.0, 1.0, 5.0]),
        "f0": np.array([np.nan] * 4),
        "half": np.array([2.0, 2, 2, np.nan]),
    }
    figures = mean_figures(columns, np.array(["a", "a", "a", "b"]))
    assert figures["mcd"] == 3.0
    assert figures["mcd_ci_low"] < 3.0 < figures["mcd_ci_high"]
    assert figures["f0"] is figures["f0_ci_low"] is None
    assert (figures["half"], figures["half_ci_low"]) == (2.0, None)
