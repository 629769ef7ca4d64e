import numpy as np
import pytest

from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.choice import Validation, advise, best_setting, validation_uar
from emoforge.experiments.helpfulness.rows import FIXED, HINDSIGHT, Outcome, measured_rows
from emoforge.experiments.helpfulness.settings import Setting

REAL = Setting(settings.REAL)
CANDIDATES = [Setting(settings.SYNTHETIC, "c", ratio=ratio) for ratio in (0.5, 1.0, 1.5, 2.0)]
TRUTH = np.tile(np.arange(4), 60)
SPEAKERS = np.repeat([f"s{i:02d}" for i in range(12)], 20)


def answers(rng, share_right, n_seeds=2):
    right = rng.random((n_seeds, len(TRUTH))) < share_right
    return np.where(right, TRUTH, (TRUTH + rng.integers(1, 4, (n_seeds, len(TRUTH)))) % 4)


def validation(*shares, seed=0):
    rng = np.random.default_rng(seed)
    settings_ = [REAL, *CANDIDATES]
    return Validation(TRUTH, SPEAKERS, {s: answers(rng, share) for s, share in zip(settings_, shares, strict=True)})


def test_the_setting_that_validates_best_is_taken():
    found = validation(0.5, 0.52, 0.55, 0.7, 0.5)
    assert best_setting(found, CANDIDATES) == CANDIDATES[2]
    assert validation_uar(found, CANDIDATES[2]) == pytest.approx(0.7, abs=0.05)


def test_a_gain_beyond_doubt_is_advised_and_not_overestimated():
    advice = advise(validation(0.5, 0.5, 0.5, 0.7, 0.5), CANDIDATES, REAL, n_draws=1000, seed=0)
    assert advice.setting == advice.best == CANDIDATES[2]
    assert 0.1 < advice.gain.value < 0.3


def test_the_best_of_equals_is_not_advised():
    """Four settings that are worth as much as real clips alone: the luckiest gains a little, by luck."""
    advised, flattered = 0, []
    for seed in range(20):
        found = validation(0.5, 0.5, 0.5, 0.5, 0.5, seed=seed)
        advice = advise(found, CANDIDATES, REAL, n_draws=1000, seed=0)
        advised += advice.setting is not None
        flattered.append(validation_uar(found, advice.best) - validation_uar(found, REAL) - advice.gain.value)
    assert advised <= 5
    assert np.mean(flattered) > 0.005


def test_without_candidates_or_with_one_speaker_nothing_is_advised():
    found = validation(0.5, 0.9, 0.9, 0.9, 0.9)
    assert advise(found, [], REAL, n_draws=1000, seed=0).best is None
    alone = Validation(TRUTH, np.full(len(TRUTH), "s"), found.predicted)
    advice = advise(alone, CANDIDATES, REAL, n_draws=1000, seed=0)
    assert advice.setting is None
    assert advice.best is not None


def test_few_speakers_never_advise():
    found = validation(0.5, 0.9, 0.9, 0.9, 0.9)
    few = Validation(TRUTH, np.repeat([f"s{i}" for i in range(6)], 40), found.predicted)
    advice = advise(few, CANDIDATES, REAL, n_draws=1000, seed=0)
    assert advice.gain.ci_low > 0.2
    assert advice.setting is None


def rows_of(*outcomes, speakers=SPEAKERS, upper=None):
    folds = np.repeat([0, 1], len(TRUTH) // 2)
    return measured_rows(outcomes, truth=TRUTH, speakers=speakers, folds=folds, upper=upper, n_draws=1000, seed=0)


def test_rows_tell_gain_and_share_of_the_gap():
    rng = np.random.default_rng(1)
    real, better, upper = (answers(rng, share) for share in (0.4, 0.6, 0.8))
    none, gained, bound = rows_of(
        Outcome({"arm": "real"}, FIXED, real, real),
        Outcome({"arm": "best"}, HINDSIGHT, better, real, selected=True),
        Outcome({"arm": "upper bound"}, FIXED, upper, real),
        upper=upper,
    )
    assert (none["gain"], none["p"], none["p_holm"], none["gap_closed"]) == (0, 1, None, 0)
    assert gained["gain_ci_low"] < gained["gain"] < gained["gain_ci_high"]
    assert gained["p"] < 0.05
    assert gained["p_holm"] < 0.05
    assert gained["gap_closed"] == pytest.approx(gained["gain"] / bound["gain"], abs=1e-3)
    assert gained["gap_closed_ci_low"] < gained["gap_closed"] < gained["gap_closed_ci_high"]
    assert bound["gap_closed"] == 1
    assert np.mean(gained["uar_by_fold"]) == pytest.approx(gained["uar"], abs=0.01)
    assert gained["selected"]


def test_without_a_gap_or_with_one_speaker_figures_are_null():
    rng = np.random.default_rng(1)
    real, better = answers(rng, 0.4), answers(rng, 0.6)
    (row,) = rows_of(Outcome({"arm": "a"}, FIXED, better, real), upper=real)
    assert row["gap_closed"] is None
    assert row["gain"] > 0
    (row,) = rows_of(Outcome({"arm": "a"}, FIXED, better, real), speakers=np.full(len(TRUTH), "s"))
    assert row["gain"] is row["ci_low"] is row["p"] is None
    assert row["uar"] > 0.5
