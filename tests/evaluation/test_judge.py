import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError, ManifestError
from emoforge.evaluation.judge import out_of_fold_judge
from emoforge.ser.recogniser import Examples

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


def without_style(judge, clips):
    return judge.judge(clips.inputs, clips.speakers, [None] * len(clips))


def spoilt(train, speaker):
    """The training clips and enrolment clips with one speaker's voice and labels turned around."""
    own = train.speakers == speaker
    inputs = np.where(own[:, None], 10 - 2 * train.inputs, train.inputs)
    changed = Examples(inputs, train.speakers, np.where(own, (train.labels + 1) % 3, train.labels))
    return changed, changed.take(train.labels == 0)


def others_than(judge, train, *speakers):
    """One speaker who shares a group with none of *speakers*, and their clips."""
    taken = {judge.fold_of[name] for name in speakers}
    name = next(name for name, fold in judge.fold_of.items() if fold not in taken)
    return name, train.take(train.speakers == name)


def test_the_judge_of_a_speaker_learnt_nothing_from_that_speaker(train):
    clips = train.take(train.speakers == "s0")
    changed, enrolment = spoilt(train, "s0")
    # What enrols the judged clips themselves stays as it was.
    enrolment = Examples(np.concatenate([enrolment.inputs[10:], clips.inputs[::3]]), np.roll(enrolment.speakers, -10))
    plain, after = judge_of(train), judge_of(changed, enrolment=enrolment)
    np.testing.assert_array_equal(without_style(plain, clips), without_style(after, clips))
    _, known_to = others_than(plain, train, "s0")
    assert not np.allclose(without_style(plain, known_to), without_style(after, known_to))


def test_the_judge_learnt_nothing_from_the_speaker_who_gave_the_style(train):
    plain = judge_of(train)
    _, clips = others_than(plain, train, "s0")
    changed, enrolment = spoilt(train, "s0")
    after = judge_of(changed, enrolment=enrolment)
    styles = ["s0"] * len(clips)
    np.testing.assert_array_equal(
        plain.judge(clips.inputs, clips.speakers, styles), after.judge(clips.inputs, clips.speakers, styles)
    )
    # Without a style that speaker is heard, so the spoilt labels do show.
    assert not np.allclose(without_style(plain, clips), without_style(after, clips))


def test_verdicts_do_not_depend_on_what_was_judged_before(train):
    rng = np.random.default_rng(1)
    styles = rng.choice(np.array([*np.unique(train.speakers), None], dtype=object), len(train))
    parts = np.array_split(rng.permutation(len(train)), 5)
    forwards, backwards = judge_of(train), judge_of(train)

    def verdict(judge, rows):
        return judge.judge(train.inputs[rows], train.speakers[rows], styles[rows])

    first = [verdict(forwards, rows) for rows in parts]
    for rows, probabilities in reversed(list(zip(parts, first, strict=True))):
        np.testing.assert_array_equal(verdict(backwards, rows), probabilities)


def test_source_and_style_may_swap(train):
    own = train.take(train.speakers == "s0").inputs[:4]
    other, _ = others_than(judge_of(train), train, "s0")
    nobody = Examples(train.inputs[:0], train.speakers[:0])
    # Without enrolment clips a verdict depends on nothing but who was left out.
    judge = judge_of(train, enrolment=nobody)
    np.testing.assert_array_equal(
        judge.judge(own, np.array(["s0"] * 4), [other] * 4), judge.judge(own, np.array([other] * 4), ["s0"] * 4)
    )


def test_every_training_speaker_is_judged_well_by_the_others(train):
    judge = judge_of(train)
    assert set(judge.fold_of) == set(train.speakers)
    probabilities = without_style(judge, train)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == train.labels).mean() > 0.9


def test_a_speaker_of_another_split_is_refused(train):
    judge = judge_of(train)
    with pytest.raises(ManifestError, match="'held_out' is not one of the judge's 6 training speakers"):
        judge.judge(train.inputs[:2], np.array(["s1", "held_out"]), ["s1", None])
    with pytest.raises(ManifestError, match="style speaker 'held_out' is not one of"):
        judge.judge(train.inputs[:2], np.array(["s1", "s1"]), [None, "held_out"])


def test_a_style_speaker_is_wanted_for_every_clip(train):
    with pytest.raises(EmoforgeError, match="2 clips came with 1 style speakers"):
        judge_of(train).judge(train.inputs[:2], np.array(["s1", "s1"]), [None])


def test_two_groups_cannot_judge_a_style_of_the_other(train):
    judge = judge_of(train, n_folds=2)
    other, _ = others_than(judge, train, "s0")
    assert judge.judge(train.inputs[:1], np.array(["s0"]), ["s0"]).shape == (1, 3)
    with pytest.raises(EmoforgeError, match="at least 3 groups are needed"):
        judge.judge(train.inputs[:1], np.array(["s0"]), [other])


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


def test_speakers_without_a_labelled_clip_are_judged_by_those_who_heard_the_others(train):
    stranger = train.take(train.speakers == "s5")
    heard = train.take(train.speakers != "s5")
    enrolment = train.take(train.labels == 0)
    with pytest.raises(ManifestError, match="'s5' has enrolment clips but no training clip"):
        judge_of(heard, enrolment=enrolment)
    judge = judge_of(heard, enrolment=enrolment, unheard=["s5"])
    probabilities = judge.judge(stranger.inputs, stranger.speakers, ["s0"] * len(stranger))
    assert (probabilities.argmax(axis=1) == stranger.labels).mean() > 0.9
    # The style's speaker is left out for them too.
    changed, _ = spoilt(heard, "s0")
    after = judge_of(changed, enrolment=enrolment, unheard=["s5"])
    np.testing.assert_array_equal(
        after.judge(stranger.inputs, stranger.speakers, ["s0"] * len(stranger)), probabilities
    )
