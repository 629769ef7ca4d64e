"""Who trains and who is tested: nobody in both, enrolment clips never scored, shared classes only."""

from dataclasses import fields

import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.experiments.recognition.protocol import RecognitionStudy
from emoforge.experiments.recognition.study import tasks_of
from emoforge.experiments.recognition.tasks import Recorded, across_task, fold_tasks

EMOTIONS = {
    "a": ("neutral", "anger", "calm"),
    "b": ("neutral", "anger", "sadness"),
    "c": ("neutral", "sadness", "calm"),
    "d": ("surprise", "neutral"),
}


@pytest.fixture
def recorded() -> Recorded:
    """Four corpora of three speakers, each with two takes of every emotion; the first neutral take enrols."""
    rows = [
        (
            f"{corpus}{speaker}-{emotion}-{take}",
            corpus,
            f"{corpus}-{speaker}",
            emotion,
            emotion == "neutral" and not take,
        )
        for corpus, emotions in EMOTIONS.items()
        for speaker in range(3)
        for emotion in emotions
        for take in range(2)
    ]
    ids, corpora, speakers, emotions, enrolment = map(np.array, zip(*rows, strict=True))
    return Recorded(ids, corpora, speakers, np.full(len(rows), "female"), emotions, enrolment)


def test_folds_test_every_clip_once_but_those_that_enrol_and_nobody_learns_from_the_tested(recorded):
    tasks = fold_tasks(recorded, "a", {"a-0": 0, "a-1": 1, "a-2": 1})
    tested = np.concatenate([task.tested for task in tasks])
    assert sorted(tested) == np.flatnonzero((recorded.corpora == "a") & ~recorded.enrolment).tolist()
    assert len(tasks) == 2
    for task in tasks:
        assert (task.train, task.test, task.labels) == ("a", "a", ("anger", "calm", "neutral"))
        learnt = np.concatenate([task.learnt, task.learnt_enrolment])
        testing = np.concatenate([task.tested, task.tested_enrolment])
        assert not set(recorded.speakers[learnt]) & set(recorded.speakers[testing])
        assert not recorded.enrolment[np.concatenate([task.learnt, task.tested])].any()
        assert recorded.enrolment[np.concatenate([task.learnt_enrolment, task.tested_enrolment])].all()
        assert set(recorded.corpora[learnt]) == {"a"}
        for clips, enrolling in ((task.learnt, task.learnt_enrolment), (task.tested, task.tested_enrolment)):
            assert set(recorded.speakers[clips]) == set(recorded.speakers[enrolling])


def test_other_corpora_may_be_learnt_from_before_the_folds(recorded):
    folds = {"a-0": 0, "a-1": 1, "a-2": 2}
    tasks = fold_tasks(recorded, "a", folds, before=["b", "c"], name="a+others")
    for task, alone in zip(tasks, fold_tasks(recorded, "a", folds), strict=True):
        assert (task.train, task.test, task.labels) == ("a+others", "a", alone.labels)
        for role in ("learnt", "learnt_enrolment", "tested", "tested_enrolment"):
            np.testing.assert_array_equal(getattr(task, role), getattr(alone, role))
        assert set(recorded.corpora[task.before]) == {"b", "c"}
        assert set(recorded.emotions[task.before]) <= set(task.labels)
        assert not recorded.enrolment[task.before].any()
        assert recorded.enrolment[task.before_enrolment].all()
        assert not len(alone.before)
    with pytest.raises(EmoforgeError, match="its speakers would be tested"):
        fold_tasks(recorded, "a", folds, before=["a", "b"])


def test_another_corpus_teaches_the_classes_that_both_have(recorded):
    task = across_task(recorded, ["b"], "a", name="b")
    assert (task.train, task.test, task.labels) == ("b", "a", ("anger", "neutral"))
    assert set(recorded.corpora[task.learnt]) == {"b"}
    assert set(recorded.emotions[task.learnt]) == set(recorded.emotions[task.tested]) == set(task.labels)
    assert len(task.tested) == 3 * (2 + 1)
    assert not recorded.enrolment[task.tested].any()
    # Voices are known by their enrolment clips, whatever is asked for.
    assert set(recorded.speakers[task.tested_enrolment]) == {"a-0", "a-1", "a-2"}


def test_others_teach_what_any_of_them_shares(recorded):
    task = across_task(recorded, ["b", "c", "d"], "a", name="others")
    assert task.labels == ("anger", "calm", "neutral")
    assert set(recorded.corpora[task.learnt]) == {"b", "c", "d"}
    assert set(recorded.emotions[task.learnt]) == set(task.labels)
    assert len(task.tested) == len(recorded.clip_ids[(recorded.corpora == "a") & ~recorded.enrolment])


def test_a_study_asks_for_the_folds_every_pair_and_all_others_together(recorded):
    names = {"a": "ravdess", "b": "nemo", "c": "emodb"}
    known = np.isin(recorded.corpora, list(names))
    columns = {field.name: getattr(recorded, field.name)[known] for field in fields(Recorded)}
    columns["corpora"] = np.array([names[name] for name in columns["corpora"]])
    values = {
        "kind": "recognition",
        "title": "t",
        "corpora": [{"name": name, "root": "x"} for name in names.values()],
        "recognisers": [{"name": "functionals", "kind": "svm"}],
    }
    folds = {name: {f"{own}-{speaker}": speaker for speaker in range(3)} for own, name in names.items()}
    asked = [
        (task.train, task.test)
        for task in tasks_of(RecognitionStudy.model_validate(values), Recorded(**columns), folds)
    ]
    pairs = {(train, test) for train in names.values() for test in names.values() if train != test}
    wanted = [(name, name) for name in names.values() for _ in range(3)] + [("others", name) for name in names.values()]
    assert sorted(asked) == sorted([*wanted, *pairs])
    alone = RecognitionStudy.model_validate(values | {"across": False})
    assert all(task.train == task.test for task in tasks_of(alone, Recorded(**columns), folds))
    values["recognisers"][0]["others_first"] = True
    first = tasks_of(RecognitionStudy.model_validate(values), Recorded(**columns), folds)
    added = [(f"{name}+others", name) for name in names.values() for _ in range(3)]
    assert sorted((task.train, task.test) for task in first) == sorted([*wanted, *pairs, *added])


def test_what_cannot_be_asked_is_said(recorded):
    with pytest.raises(EmoforgeError, match="only neutral in common with d"):
        across_task(recorded, ["d"], "a", name="d")
    with pytest.raises(EmoforgeError, match="a cannot be recognised by what it teaches itself"):
        across_task(recorded, ["a", "b"], "a", name="both")
