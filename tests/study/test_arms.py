import numpy as np
import pytest

from emoforge.errors import EmoforgeError
from emoforge.study.arms import ARMS, CLASSICAL, REAL, SYNTHETIC, UNION, build_arms


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
    small, large = (set(build_arms(kinds, labels, ratio=r, seed=1)[SYNTHETIC].rows.tolist()) for r in (0.2, 0.5))
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
    with pytest.raises(EmoforgeError, match="no real"):
        build_arms(np.array([SYNTHETIC]), np.array([0]), seed=0)
