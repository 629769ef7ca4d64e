import numpy as np
import pytest
from tests.experiments.helpfulness.studied import recorded

from emoforge.base.errors import EmoforgeError
from emoforge.experiments.helpfulness.situations import Recorded, full_situations, scarce_situations, zero_situations


def names(own: Recorded, rows: np.ndarray) -> set[str]:
    return set(own.speakers[rows].tolist())


def foreign_and_target() -> Recorded:
    """The six speakers twice: as a foreign corpus without folds, and as the target."""
    own = recorded()
    return Recorded(
        np.concatenate([own.speakers, np.char.add("f", own.speakers)]),
        np.repeat(["target", "foreign"], len(own.speakers)),
        np.tile(own.neutral, 2),
        np.tile(own.enrolment, 2),
        np.concatenate([own.folds, np.full(len(own.folds), -1)]),
        own.genders,
    )


def test_full_folds_validate_on_every_other_fold_once():
    own = recorded()
    found = full_situations(own, folds=[0, 1, 2], seeds=[0, 1])
    assert [(item.fold, item.seed) for item in found] == [(fold, seed) for fold in range(3) for seed in range(2)]
    for item in found:
        assert names(own, item.task.labelled) | names(own, item.task.tested) == names(own, np.arange(len(own.folds)))
        validated = [fold for _, rows in item.inner for fold in set(own.folds[rows])]
        assert sorted(validated) == sorted({0, 1, 2} - {item.fold})
        for task, _ in item.inner:
            assert not names(own, task.labelled) & names(own, item.task.tested)
    # Two folds that validate each other learn the same.
    first, second = found[0], found[2]
    np.testing.assert_array_equal(first.inner[0][0].labelled, second.inner[0][0].labelled)
    np.testing.assert_array_equal(first.inner[0][0].tested, second.inner[0][0].tested)


def test_scarce_labels_few_and_keeps_neutral_clips_of_the_others():
    own = recorded()
    for item in scarce_situations(own, folds=[1], seeds=range(4), n_labelled=2):
        labelled = names(own, item.task.labelled)
        assert {own.genders[name] for name in labelled} == {"female", "male"}
        assert names(own, item.task.neutral) == {"s0", "s1", "s4", "s5"} - labelled
        assert own.neutral[item.task.neutral].all()
        assert names(own, item.upper.labelled) == {"s0", "s1", "s4", "s5"}
        assert {name for _, rows in item.inner for name in names(own, rows)} == labelled
        for task, rows in item.inner:
            assert not (names(own, task.labelled) | names(own, task.neutral)) & names(own, rows)
    drawn = {
        frozenset(names(own, item.task.labelled))
        for item in scarce_situations(own, folds=[1], seeds=range(8), n_labelled=2)
    }
    assert len(drawn) > 1


def test_zero_learns_emotions_from_foreign_speakers_alone():
    own = foreign_and_target()
    for item in zero_situations(own, folds=[0, 2], seeds=[0], target="target"):
        assert set(own.corpora[item.task.labelled]) == {"foreign"}
        assert own.neutral[item.task.neutral].all()
        assert not names(own, item.task.neutral) & names(own, item.task.tested)
        assert set(own.corpora[item.upper.labelled]) == {"target"}
        for task, rows in item.inner:
            # What validates is the same one corpus earlier: nothing of the target.
            assert set(own.corpora[task.labelled]) | set(own.corpora[rows]) == {"foreign"}
            assert not (names(own, task.labelled) | names(own, task.neutral)) & names(own, rows)
            assert own.neutral[task.neutral].all()
            assert len(task.neutral)


def test_enrolment_clips_are_in_no_task():
    own = recorded()
    found = full_situations(own, folds=[0], seeds=[0]) + scarce_situations(own, folds=[0], seeds=[0], n_labelled=2)
    for item in found:
        for task in (item.task, *(task for task, _ in item.inner)):
            for rows in (task.labelled, task.neutral, task.tested):
                assert not own.enrolment[rows].any()


def test_what_cannot_be_is_said():
    own = recorded()
    with pytest.raises(EmoforgeError, match="no fold 9; allowed: 0, 1, 2"):
        full_situations(own, folds=[9], seeds=[0])
    with pytest.raises(EmoforgeError, match="choose 2 to 3"):
        scarce_situations(own, folds=[0], seeds=[0], n_labelled=4)
    with pytest.raises(EmoforgeError, match="`foreign`"):
        zero_situations(own, folds=[0], seeds=[0], target="corpus")
