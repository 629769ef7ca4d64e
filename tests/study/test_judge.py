import numpy as np
import pytest

from emoforge.errors import EmoforgeError, ManifestError
from emoforge.ser.recogniser import Examples
from emoforge.study.judge import out_of_fold_judge

LABELS = ("neutral", "anger", "sadness")


@pytest.fixture(scope="module")
def train():
    rng = np.random.default_rng(0)
    speakers = np.repeat([f"s{i}" for i in range(6)], 30)
    labels = np.tile(np.arange(30) % 3, 6)
    voices = rng.normal(0, 3, (6, 5)).repeat(30, axis=0)
    return Examples(voices + 2 * np.eye(3, 5)[labels] + rng.normal(0, 0.4, (180, 5)), speakers, labels)


def judge_of(train, **changed):
    options = {
        "splits": np.array(["train"] * len(train)),
        "origins": np.array(["recorded"] * len(train)),
        "labels": LABELS,
        "enrolment": train.take(train.labels == 0),
        "n_folds": 3,
        "seed": 0,
    }
    return out_of_fold_judge(train, **(options | changed))


def test_the_judge_of_a_speaker_learnt_nothing_from_that_speaker(train):
    # One speaker's labels are shuffled around. Who judges that speaker must not have noticed.
    labels = np.where(train.speakers == "s0", (train.labels + 1) % 3, train.labels)
    spoilt = Examples(train.inputs, train.speakers, labels)
    clips = train.take(train.speakers == "s0")
    plain, after = (judge_of(examples, enrolment=train.take(train.labels == 0)) for examples in (train, spoilt))
    np.testing.assert_array_equal(plain.judge(clips.inputs, clips.speakers), after.judge(clips.inputs, clips.speakers))
    known_to = train.take([i for i, name in enumerate(train.speakers) if plain.fold_of[name] != plain.fold_of["s0"]])
    assert not np.allclose(
        plain.judge(known_to.inputs, known_to.speakers), after.judge(known_to.inputs, known_to.speakers)
    )


def test_every_training_speaker_is_judged_well_by_the_others(train):
    judge = judge_of(train)
    assert set(judge.fold_of) == set(train.speakers)
    probabilities = judge.judge(train.inputs, train.speakers)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == train.labels).mean() > 0.9


def test_a_speaker_of_another_split_is_refused(train):
    judge = judge_of(train)
    with pytest.raises(ManifestError, match="'held_out' is not one of the judge's 6 training speakers"):
        judge.judge(train.inputs[:2], np.array(["s1", "held_out"]))


def test_only_real_training_clips_make_a_judge(train):
    splits = np.array(["train"] * len(train))
    splits[4] = "test"
    with pytest.raises(ManifestError, match="1 clips to train the judge on have split 'test'"):
        judge_of(train, splits=splits)
    origins = np.array(["recorded"] * len(train), dtype="<U9")
    origins[:2] = "converted"
    with pytest.raises(ManifestError, match="2 clips .* origin 'converted'"):
        judge_of(train, origins=origins)
    with pytest.raises(ManifestError, match="'x' has enrolment clips but no training clip"):
        judge_of(train, enrolment=Examples(train.inputs[:1], np.array(["x"])))
    with pytest.raises(EmoforgeError, match="at least 2 training speakers"):
        alone = train.take(train.speakers == "s0")
        judge_of(alone, enrolment=alone)
