from functools import partial

import numpy as np
import pytest
from tests.experiments.helpfulness.studied import LABELS, pool, task_of

from emoforge.base.errors import EmoforgeError
from emoforge.evaluation.arms import CLASSICAL, SYNTHETIC
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.clips.pool import TO_NEUTRAL
from emoforge.experiments.helpfulness.runs import scores as scoring
from emoforge.experiments.helpfulness.runs.training import choose, predict
from emoforge.experiments.helpfulness.settings import Setting, expand
from emoforge.ser.machines.svm import SvmRecogniser

TASK = task_of(["s0", "s1"], ["s2", "s3"], ["s4"])
UNITS = (0, 1)


def fit(train, enrolment, **learning):
    return SvmRecogniser.fit(train, labels=LABELS, enrolment=enrolment, **learning)


def chosen(setting, scores=None, seed=0, fitted=UNITS):
    return choose(pool()[0], TASK, setting, fitted=fitted, scores=scores or {}, seed=seed)


def answers(setting, clips=None, task=TASK, fitted=UNITS, **options):
    clips, values = clips or pool()
    return predict(
        clips, lambda rows: values[rows], task, setting, fitted=fitted, scores={}, fit=options.get("fit", fit), seed=0
    )


def synthetic(**changes):
    return Setting(settings.SYNTHETIC, "c", **({"ratio": 1.0} | changes))


def test_every_arm_adds_the_kind_that_it_is_named_after():
    clips, _ = pool()
    budget = len(TASK.labelled)
    arms = {
        settings.REAL: (set(), 0),
        settings.REAL_NEUTRAL: (set(), 0),
        settings.CALIBRATED: (set(), 0),
        settings.CLASSICAL: ({CLASSICAL}, budget),
        settings.SYNTHETIC: ({SYNTHETIC}, budget),
        settings.UNION: ({CLASSICAL, SYNTHETIC}, budget),
        settings.ONLY: ({SYNTHETIC}, budget),
        settings.TO_NEUTRAL: ({TO_NEUTRAL}, budget),
    }
    for arm, (kinds, n_added) in arms.items():
        found = chosen(Setting(arm, "c", ratio=0.5, weight=0.3))
        assert set(clips.kinds[found.added]) == kinds
        assert len(found.added) == round(n_added * 0.5)
        if arm in (settings.REAL, settings.CALIBRATED):
            np.testing.assert_array_equal(found.real, TASK.labelled)
        elif arm == settings.ONLY:
            assert set(clips.emotions[found.real]) == {clips.neutral}
        else:
            np.testing.assert_array_equal(found.real, np.union1d(TASK.labelled, TASK.neutral))


def test_nothing_is_made_from_or_like_a_speaker_who_is_tested():
    clips, _ = pool()
    for arm in settings.ARMS:
        found = chosen(Setting(arm, "c", ratio=4.0))
        assert "s4" not in set(clips.speakers[np.concatenate([found.real, found.added])])
        assert set(clips.fitted[found.added]) <= {-1, *UNITS}
    enrols = clips.training_enrolment(TASK)
    assert set(clips.speakers[enrols]) == {"s0", "s1", "s2", "s3"}
    assert set(clips.speakers[clips.tested_enrolment(TASK)]) == {"s4"}
    assert clips.enrolment[clips.tested_enrolment(TASK)].all()


def test_a_larger_budget_keeps_what_a_smaller_one_drew_and_seeds_differ():
    few, many = chosen(synthetic(ratio=0.5)), chosen(synthetic(ratio=1.0))
    assert set(few.added) < set(many.added)
    assert set(few.added) != set(chosen(synthetic(ratio=0.5), seed=1).added)


def test_a_band_of_confidence_and_a_ranking_decide_who_is_added():
    clips, _ = pool()
    confidence = np.linspace(0, 1, len(clips.clip_ids))
    found = chosen(synthetic(min_confidence=0.4, max_confidence=0.6), {"confidence": confidence})
    assert len(found.added)
    assert ((confidence[found.added] >= 0.4) & (confidence[found.added] <= 0.6)).all()
    best = chosen(synthetic(ratio=0.2, prefer="usefulness"), {"usefulness": confidence}).added
    others = np.setdiff1d(chosen(synthetic(ratio=100.0)).added, best)
    for emotion in np.unique(clips.emotions[best]):
        own = clips.emotions[best] == emotion
        rest = others[clips.emotions[others] == emotion]
        assert confidence[best[own]].min() >= confidence[rest].max()
    assert not len(chosen(synthetic(min_confidence=0.99), {"confidence": confidence * 0.5}).added)


@pytest.mark.parametrize("use", ["own_normaliser", "residual"])
def test_what_the_renderer_adds_to_every_conversion_is_taken_off(use):
    spoilt, clean = pool(shift=2.5), pool()
    task = task_of(["s0", "s1"], ["s2", "s3"], ["s4", "s5"])
    truth = clean[0].emotions[task.tested]
    setting = Setting(settings.ONLY, "c", ratio=2.0)
    plain = (answers(setting, spoilt, task) == truth).mean()
    adapted = (answers(Setting(settings.ONLY, "c", ratio=2.0, use=use), spoilt, task) == truth).mean()
    assert adapted > plain + 0.1
    assert adapted > (answers(setting, clean, task) == truth).mean() - 0.15


def test_the_difference_to_the_source_is_what_is_left():
    clips, values = pool()
    seen = []

    def watched(train, enrolment):
        seen.append(train)
        return fit(train, enrolment)

    answers(synthetic(use="difference"), (clips, values), fit=watched)
    found = chosen(synthetic())
    moved = seen[0].inputs[len(found.real) :]
    known = clips.source_rows(TASK)
    for row, after in zip(found.added[:5], moved[:5], strict=True):
        voice = values[known[clips.speakers[known] == clips.speakers[row]]].mean(axis=0)
        np.testing.assert_allclose(after, values[row] - values[clips.sources[row]] + voice)


def test_an_ensemble_of_weight_zero_is_the_real_recogniser():
    scarce = task_of(["s0"], ["s1", "s2"], ["s4", "s5"])
    real = answers(Setting(settings.REAL_NEUTRAL), task=scarce)
    none = answers(synthetic(use="ensemble", weight=0.0), task=scarce, fitted=(0,))
    np.testing.assert_array_equal(none, real)
    assert (answers(synthetic(use="ensemble", weight=5.0), task=scarce, fitted=(0,)) != real).any()


def test_neutral_clips_may_calibrate_without_being_learnt_from():
    clips, values = pool()
    seen = {}

    def watched(train, enrolment, arm):
        seen[arm] = train, enrolment
        return fit(train, enrolment)

    for arm in (settings.REAL, settings.CALIBRATED):
        answers(Setting(arm), (clips, values), fit=partial(watched, arm=arm))
    (alone, few), (same, many) = seen[settings.REAL], seen[settings.CALIBRATED]
    np.testing.assert_array_equal(alone.inputs, same.inputs)
    assert len(many) == len(few) + len(TASK.neutral)


@pytest.mark.parametrize("use", ["pretrain", "pairs"])
def test_what_is_kept_of_conversions_goes_from_nothing_to_much(use):
    scarce = task_of(["s0"], ["s1", "s2"], ["s4", "s5"])
    real = answers(Setting(settings.REAL_NEUTRAL), task=scarce)
    none = answers(synthetic(use=use, weight=1e-9), task=scarce, fitted=(0,))
    np.testing.assert_array_equal(none, real)
    # What aims at the wrong emotion is believed in the end.
    wrong = answers(synthetic(use=use, weight=1.0, ratio=4.0), task=scarce, fitted=(5,))
    right = answers(synthetic(use=use, weight=1.0, ratio=4.0), task=scarce, fitted=(0,))
    truth = pool()[0].emotions[scarce.tested]
    assert (right == truth).mean() > (wrong == truth).mean() + 0.02


def test_real_clips_alone_are_calibrated_by_and_pairs_are_with_their_sources():
    clips, values = pool()
    seen = []

    def watched(train, enrolment, **learning):
        seen.append((train, learning))
        return fit(train, enrolment, **learning)

    answers(synthetic(use="pretrain", weight=0.4), (clips, values), fit=watched)
    answers(synthetic(use="pairs", weight=0.4), (clips, values), fit=watched)
    found = chosen(synthetic())
    for train, _ in seen:
        np.testing.assert_array_equal(train.inputs, values[found.real])
    first, pairs = seen[0][1], seen[1][1]["pairs"]
    assert first["kept"] == 0.4
    assert len(first["before"]) == len(found.added) + (clips.emotions[found.real] == clips.neutral).sum()
    np.testing.assert_array_equal(pairs.clips.inputs, values[found.added])
    np.testing.assert_array_equal(pairs.sources.inputs, values[clips.sources[found.added]])
    np.testing.assert_array_equal(pairs.clips.speakers, pairs.sources.speakers)
    assert set(pairs.clips.weights) == {0.4}
    assert set(pairs.sources.labels) == {clips.neutral}


def test_uses_that_need_conversions_to_neutral_or_functionals_say_so():
    clips, values = pool()
    without = np.where(clips.kinds == TO_NEUTRAL, SYNTHETIC, clips.kinds)
    other = type(clips)(**{**clips.__dict__, "kinds": without})
    for use in settings.NEEDING_TO_NEUTRAL:
        with pytest.raises(EmoforgeError, match=f"use {use} needs conversions to neutral"):
            answers(synthetic(use=use), (other, values))
    with pytest.raises(EmoforgeError, match="moves functionals"):
        predict(
            clips,
            lambda rows: [values[row] for row in rows],
            TASK,
            synthetic(use="difference"),
            fitted=UNITS,
            scores={},
            fit=fit,
            seed=0,
        )


@pytest.fixture(scope="module")
def scored():
    clips, values = pool()
    task = task_of(["s0", "s1", "s2", "s5"], ["s3"], ["s4"])
    rows = clips.converted_rows(task, SYNTHETIC, [0, 1, 2, 5])
    ask = partial(_ask, clips, values, task, rows)
    return clips, rows, ask


def _ask(clips, values, task, rows, score, **options):
    return score(clips, lambda asked: values[asked], task, rows, **options)


@pytest.mark.parametrize(
    ("score", "options"), [(scoring.confidence, {}), (scoring.usefulness, {}), (scoring.surprise, {"fit": fit})]
)
def test_conversions_to_the_wrong_emotion_are_found_out(scored, score, options):
    clips, rows, ask = scored
    values = ask(score, **options)
    wrong = clips.fitted[rows] == 5
    gap = np.median(values[~wrong]) - np.median(values[wrong])
    assert gap < 0 if score is scoring.surprise else gap > 0


def test_usefulness_needs_somebody_to_leave_out():
    clips, values = pool()
    task = task_of(["s0"], ["s3"], ["s4"])
    with pytest.raises(EmoforgeError, match="at least 2"):
        scoring.usefulness(clips, lambda rows: values[rows], task, clips.converted_rows(task, SYNTHETIC, [0]))


def test_grids_give_each_combination_once_and_nothing_that_an_arm_does_not_use():
    found = expand(
        [
            {"arm": [settings.REAL], "ratio": [1.0, 2.0], "converter": ["a", "b"]},
            {"arm": [settings.SYNTHETIC], "converter": ["a"], "ratio": [1.0, 2.0], "weight": [0.5]},
            {"arm": [settings.SYNTHETIC], "converter": ["a"], "ratio": [2.0], "weight": [0.5, 1.0]},
            {"arm": [settings.CLASSICAL], "ratio": [1.0], "use": ["residual"], "min_confidence": [0.0, 0.5]},
        ]
    )
    assert [setting.arm for setting in found] == [settings.REAL, *[settings.SYNTHETIC] * 3, settings.CLASSICAL]
    with pytest.raises(EmoforgeError, match="did you mean 'residual'"):
        expand([{"arm": [settings.SYNTHETIC], "use": ["residuals"]}])
