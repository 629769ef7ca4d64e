import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoforge.base.errors import EmoforgeError
from emoforge.dataset.splits import assign_splits, speaker_folds

clip_counts = st.lists(st.integers(1, 40), min_size=3, max_size=30)


def corpus(counts):
    return np.repeat([f"s{i:02d}" for i in range(len(counts))], counts)


@given(clip_counts, st.integers(2, 6), st.integers(0, 1000), st.randoms(use_true_random=False))
def test_every_speaker_is_in_one_fold_whatever_the_order_of_clips(counts, n_folds, seed, random):
    speakers = corpus(counts)
    n_folds = min(n_folds, len(counts))
    genders = {f"s{i:02d}": "female" if i % 3 else "male" for i in range(len(counts))}
    folds = speaker_folds(speakers, n_folds=n_folds, genders=genders, seed=seed)
    assert set(folds) == set(speakers)
    assert set(folds.values()) == set(range(n_folds))
    for gender in ("female", "male"):
        sizes = [sum(fold == k and genders[name] == gender for name, fold in folds.items()) for k in range(n_folds)]
        assert max(sizes) - min(sizes) <= 1
    shuffled = speakers.tolist()
    random.shuffle(shuffled)
    assert speaker_folds(np.array(shuffled), n_folds=n_folds, genders=genders, seed=seed) == folds


@given(clip_counts, st.integers(0, 1000), st.data())
def test_splits_share_no_speaker_and_leave_none_out(counts, seed, data):
    speakers = corpus(counts)
    folds = speaker_folds(speakers, n_folds=min(3, len(counts)), seed=seed)
    fold = data.draw(st.sampled_from(sorted(set(folds.values()))))
    others = sum(k != fold for k in folds.values())
    n_val = data.draw(st.integers(1, others - 1))
    splits = assign_splits(speakers, folds, fold=fold, n_val_speakers=n_val, seed=seed)
    assert set(splits) == set(speakers)
    assert {name for name, split in splits.items() if split == "test"} == {n for n, k in folds.items() if k == fold}
    assert sum(split == "val" for split in splits.values()) == n_val
    assert "train" in splits.values()


def test_folds_hold_about_as_many_clips():
    speakers = corpus([40, 40, 20, 20, 10, 10, 5, 5])
    folds = speaker_folds(speakers, n_folds=2, seed=0)
    clips = np.bincount([folds[name] for name in speakers])
    assert clips.tolist() == [75, 75]


def test_validation_speakers_are_of_both_genders():
    speakers = corpus([4] * 12)
    genders = {f"s{i:02d}": "male" if i < 6 else "female" for i in range(12)}
    folds = speaker_folds(speakers, n_folds=3, genders=genders, seed=0)
    for seed in range(10):
        splits = assign_splits(speakers, folds, fold=0, n_val_speakers=2, genders=genders, seed=seed)
        assert {genders[name] for name, split in splits.items() if split == "val"} == {"female", "male"}


def test_published_folds_are_kept():
    speakers = np.array(["a", "b", "c", "a"])
    published = [["b"], ["a", "c"]]
    assert speaker_folds(speakers, n_folds=2, published=published, seed=5) == {"a": 1, "b": 0, "c": 1}
    with pytest.raises(EmoforgeError, match="publishes 2 folds, not 5"):
        speaker_folds(speakers, n_folds=5, published=published, seed=0)
    with pytest.raises(EmoforgeError, match="'a' twice"):
        speaker_folds(speakers, n_folds=2, published=[["a", "b"], ["a", "c"]], seed=0)
    with pytest.raises(EmoforgeError, match="miss 1 speakers, 'c' first"):
        speaker_folds(speakers, n_folds=2, published=[["a"], ["b"]], seed=0)


def test_too_few_speakers_are_refused():
    two = corpus([3, 3])
    with pytest.raises(EmoforgeError, match="at least 3"):
        assign_splits(two, speaker_folds(two, n_folds=2, seed=0), fold=0, n_val_speakers=1, seed=0)
    with pytest.raises(EmoforgeError, match="2 speakers cannot be put into 3 folds"):
        speaker_folds(two, n_folds=3, seed=0)
    four = corpus([3, 3, 3, 3])
    folds = speaker_folds(four, n_folds=2, seed=0)
    with pytest.raises(EmoforgeError, match="choose from 1 to 1"):
        assign_splits(four, folds, fold=0, n_val_speakers=2, seed=0)
    with pytest.raises(EmoforgeError, match="fold 7 has no speaker; allowed: 0, 1"):
        assign_splits(four, folds, fold=7, n_val_speakers=1, seed=0)


@given(clip_counts.filter(lambda counts: len(counts) >= 6), st.integers(0, 100), st.data())
def test_speakers_who_share_recordings_share_a_split(counts, seed, data):
    speakers = corpus(counts)
    names = sorted(set(speakers.tolist()))
    pair = data.draw(st.lists(st.sampled_from(names), min_size=2, max_size=3, unique=True))
    folds = speaker_folds(speakers, n_folds=3, together=[pair], seed=seed)
    assert len({folds[name] for name in pair}) == 1
    assert set(folds) == set(names)
    for fold in set(folds.values()):
        splits = assign_splits(speakers, folds, fold=fold, n_val_speakers=1, together=[pair], seed=seed)
        assert len({splits[name] for name in pair}) == 1
        assert set(splits.values()) == {"train", "val", "test"}


def test_too_few_speakers_because_they_share_recordings_are_named():
    with pytest.raises(EmoforgeError, match=r"2 speakers .*share recordings count as one: s00, s01"):
        speaker_folds(corpus([3, 3, 3]), n_folds=3, together=[("s00", "s01")], seed=0)


def test_published_folds_keep_those_together_who_share_recordings():
    published = (("s00",), ("s01", "s02"))
    folds = speaker_folds(corpus([3, 3, 3]), n_folds=2, published=published, together=[("s00", "s01")], seed=0)
    assert folds == {"s00": 0, "s01": 0, "s02": 1}
