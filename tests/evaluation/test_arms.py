import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.evaluation.arms import ADDED, ARMS, CLASSICAL, IN_PIPELINE, IN_STUDIES, REAL, SYNTHETIC, UNION, build_arms


def pools(n_real=40, n_classical=30, n_synthetic=24, n_classes=4):
    kinds = np.array([REAL] * n_real + [CLASSICAL] * n_classical + [SYNTHETIC] * n_synthetic)
    labels = np.concatenate([np.arange(n) % n_classes for n in (n_real, n_classical, n_synthetic)])
    return kinds, labels


def test_every_arm_adds_the_same_number_to_the_same_real_clips():
    kinds, labels = pools()
    arms = build_arms(kinds, labels, added_weight=0.3, seed=0)
    assert tuple(arms) == ARMS
    for name, arm in arms.items():
        assert len(set(arm.rows.tolist())) == len(arm.rows) == len(arm.weights)
        assert (kinds[arm.rows] == REAL).sum() == 40
        assert arm.n_added == (0 if name == REAL else 24)
        assert set(arm.weights[kinds[arm.rows] == REAL]) == {1.0}
        assert set(arm.weights[kinds[arm.rows] != REAL]) <= {0.3}
    assert set(kinds[arms[SYNTHETIC].rows]) == {REAL, SYNTHETIC}
    union = kinds[arms[UNION].rows]
    assert (union == CLASSICAL).sum() == (union == SYNTHETIC).sum() == 12


def added(arm, kinds):
    return arm.rows[kinds[arm.rows] != REAL]


def lopsided():
    """Pools as they come: no neutral (0) converted speech, few converted clips of 3, no classical clip of 4."""
    kinds = np.repeat([REAL, CLASSICAL, SYNTHETIC], [50, 40, 30])
    classical = np.repeat([0, 1, 2, 3], 10)
    synthetic = np.repeat([1, 2, 3, 4], [12, 10, 3, 5])
    return kinds, np.concatenate([np.arange(50) % 5, classical, synthetic])


@pytest.mark.parametrize(("ratio", "expected"), [(1.0, [0, 10, 10, 3, 0]), (0.3, [0, 6, 6, 3, 0])])
def test_every_arm_adds_the_same_classes(ratio, expected):
    kinds, labels = lopsided()
    arms = build_arms(kinds, labels, ratio=ratio, seed=0)
    for name in (CLASSICAL, SYNTHETIC, UNION):
        assert np.bincount(labels[added(arms[name], kinds)], minlength=5).tolist() == expected
    of_kind = [labels[arms[UNION].rows[kinds[arms[UNION].rows] == kind]] for kind in (CLASSICAL, SYNTHETIC)]
    halves = [np.bincount(own, minlength=5) for own in of_kind]
    assert np.abs(halves[0] - halves[1]).max() <= 1


def test_the_odd_ones_of_the_union_alternate():
    kinds = np.repeat([REAL, CLASSICAL, SYNTHETIC], [12, 12, 12])
    labels = np.tile(np.arange(4), 9)
    union = build_arms(kinds, labels, seed=0)[UNION]
    assert union.n_added == 12
    assert (kinds[union.rows] == CLASSICAL).sum() == 6


def test_an_arm_tells_how_many_clips_were_asked_for():
    kinds, labels = lopsided()
    arms = build_arms(kinds, labels, ratio=0.9, seed=0)
    assert {(arm.n_added, arm.n_asked) for name, arm in arms.items() if name != REAL} == {(23, 45)}
    assert (arms[REAL].n_added, arms[REAL].n_asked) == (0, 0)


def test_arms_that_are_left_out_do_not_limit_the_others():
    kinds, labels = lopsided()
    arm = build_arms(kinds, labels, ratio=0.8, arms=(REAL, CLASSICAL), seed=0)[CLASSICAL]
    assert np.bincount(labels[added(arm, kinds)]).tolist() == [10, 10, 10, 10]


def test_the_ratio_limits_what_is_added():
    arms = build_arms(*pools(), ratio=0.25, seed=0)
    assert {arm.n_added for name, arm in arms.items() if name != REAL} == {10}
    assert {arm.n_added for arm in build_arms(*pools(), ratio=0, seed=0).values()} == {0}


def test_classes_of_added_clips_are_even():
    kinds, labels = pools()
    arm = build_arms(kinds, labels, ratio=0.3, seed=4)[CLASSICAL]
    assert np.bincount(labels[arm.rows[kinds[arm.rows] != REAL]]).tolist() == [3, 3, 3, 3]


def test_a_larger_budget_holds_the_smaller_one():
    kinds, labels = pools()
    for name in (SYNTHETIC, UNION):
        small, large = (set(build_arms(kinds, labels, ratio=r, seed=1)[name].rows.tolist()) for r in (0.2, 0.5))
        assert small < large


def test_the_seed_decides_the_draw():
    kinds, labels = pools()
    first, again, other = (
        build_arms(kinds, labels, ratio=0.25, seed=seed)[SYNTHETIC].rows.tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_an_arm_without_clips_is_refused_unless_it_is_left_out():
    kinds, labels = pools(n_synthetic=0)
    with pytest.raises(EmoforgeError, match="no synthetic training clip"):
        build_arms(kinds, labels, seed=0)
    assert build_arms(kinds, labels, arms=(REAL, CLASSICAL), seed=0)[CLASSICAL].n_added == 30
    with pytest.raises(EmoforgeError, match="unknown arm 'classic'"):
        build_arms(kinds, labels, arms=("classic",), seed=0)
    with pytest.raises(EmoforgeError, match="no class with both a classical and a synthetic training clip"):
        build_arms(np.array([REAL, CLASSICAL, SYNTHETIC]), np.array([0, 0, 1]), seed=0)
    with pytest.raises(EmoforgeError, match="a ratio of 0.001 to 40 real clips asks for no clip"):
        build_arms(*pools(), ratio=0.001, seed=0)
    with pytest.raises(EmoforgeError, match="no real"):
        build_arms(np.array([SYNTHETIC]), np.array([0]), seed=0)


def test_studies_and_pipeline_name_the_same_arms():
    assert set(IN_STUDIES) == set(ARMS)
    for arm, studied in IN_STUDIES.items():
        assert IN_PIPELINE[studied] == arm
        # What a study's name lists is what the arm trains on.
        assert studied.split("+") == [REAL, *ADDED[arm]]
