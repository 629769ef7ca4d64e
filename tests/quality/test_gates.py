import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoforge.base.errors import EmoforgeError
from emoforge.quality.gates import BALANCES, PREFERENCES, Thresholds, select, yields

EMOTIONS = ("anger", "fear", "sadness")


@st.composite
def tables(draw):
    n = draw(st.integers(0, 40))
    # Few distinct values, so that ties and values on a limit are common; NaN among them.
    score = st.sampled_from([float("nan"), 0.0, 0.25, 0.5, 0.75, 1.0])
    scores = {
        "confidence": np.array(draw(st.lists(score, min_size=n, max_size=n)), dtype=np.float32),
        "naturalness": np.array(draw(st.lists(score, min_size=n, max_size=n)), dtype=np.float32) * 5,
        "content_error": np.array(draw(st.lists(score, min_size=n, max_size=n)), dtype=np.float32),
    }
    emotion = np.array(draw(st.lists(st.sampled_from(EMOTIONS), min_size=n, max_size=n)), dtype=object)
    clip_id = np.array([f"clip{i:03d}" for i in draw(st.permutations(range(n)))], dtype=object)
    return scores, emotion, clip_id


limit = st.none() | st.sampled_from([0.0, 0.25, 0.5, 0.6, 1.0])
thresholds = st.builds(
    Thresholds,
    min_confidence=limit,
    max_confidence=limit,
    min_naturalness=limit.map(lambda v: None if v is None else 5 * v),
    max_content_error=limit,
)
options = st.fixed_dictionaries(
    {
        "ratio": st.none() | st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.5]),
        "n_real": st.integers(0, 12),
        "balance": st.sampled_from(BALANCES),
        "prefer": st.sampled_from(PREFERENCES),
        "seed": st.integers(0, 3),
    }
)


@settings(deadline=None)
@given(tables(), thresholds, options)
def test_what_is_kept_meets_every_limit_and_every_rejection_has_a_reason(table, limits, chosen):
    scores, emotion, clip_id = table
    keep, reason = select(scores, limits, emotion=emotion, clip_id=clip_id, **chosen)
    assert (keep == (reason == "")).all()
    kept = {name: values[keep] for name, values in scores.items()}
    for name, low, high in [
        ("confidence", limits.min_confidence, limits.max_confidence),
        ("naturalness", limits.min_naturalness, None),
        ("content_error", None, limits.max_content_error),
    ]:
        assert low is None or (kept[name] >= low).all()
        assert high is None or high >= 1.0 or (kept[name] <= high).all()
    if chosen["ratio"] is not None:
        assert keep.sum() <= chosen["ratio"] * chosen["n_real"] + 1e-9
    if chosen["balance"] == "equal":
        counts = [(keep & (emotion == name)).sum() for name in EMOTIONS]
        assert len({count for count in counts if count}) <= 1


@settings(deadline=None)
@given(tables(), thresholds, options, st.randoms(use_true_random=False))
def test_order_of_rows_never_matters(table, limits, chosen, random):
    scores, emotion, clip_id = table
    keep, reason = select(scores, limits, emotion=emotion, clip_id=clip_id, **chosen)
    order = list(range(len(clip_id)))
    random.shuffle(order)
    order = np.array(order, dtype=int)
    moved = {name: values[order] for name, values in scores.items()}
    keep_moved, reason_moved = select(moved, limits, emotion=emotion[order], clip_id=clip_id[order], **chosen)
    assert (keep_moved == keep[order]).all()
    assert (reason_moved == reason[order]).all()


@settings(deadline=None)
@given(tables(), thresholds, options)
def test_yields_add_up(table, limits, chosen):
    scores, emotion, clip_id = table
    keep, reason = select(scores, limits, emotion=emotion, clip_id=clip_id, **chosen)
    counts = yields(emotion, keep, reason)
    everything = counts.pop("all")
    assert everything["in"] == len(clip_id) == sum(c["in"] for c in counts.values())
    assert everything["out"] == keep.sum() == sum(c["out"] for c in counts.values())
    for count in [everything, *counts.values()]:
        assert count["in"] == count["out"] + sum(count["reasons"].values())


@settings(deadline=None)
@given(tables(), thresholds, st.integers(0, 40))
def test_a_ratio_fills_its_room_while_there_are_clips(table, limits, room):
    scores, emotion, clip_id = table
    free, _ = select(scores, limits, emotion=emotion, clip_id=clip_id, prefer="random")
    keep, _ = select(scores, limits, emotion=emotion, clip_id=clip_id, prefer="random", ratio=1.0, n_real=room)
    assert keep.sum() == min(room, free.sum())
    assert (free | ~keep).all()


def columns(**values):
    return {name: np.array(value, dtype=np.float32) for name, value in values.items()}


def ids(n):
    return np.array([f"c{i}" for i in range(n)], dtype=object)


def test_reasons_name_the_limit():
    scores = columns(confidence=[0.2, 0.99, 0.7, np.nan, 0.7], naturalness=[3, 3, 1.5, 3, 3])
    keep, reason = select(
        scores,
        Thresholds(min_confidence=0.5, max_confidence=0.9, min_naturalness=2.5),
        emotion=np.full(5, "anger"),
        clip_id=ids(5),
    )
    expected = ["confidence < 0.5", "confidence > 0.9", "naturalness < 2.5", "no score", ""]
    assert reason.tolist() == expected
    assert keep.tolist() == [False, False, False, False, True]


def test_a_limit_that_is_off_needs_no_score():
    scores = columns(naturalness=[2.0, 3.0])
    keep, _ = select(scores, Thresholds(), emotion=np.full(2, "anger"), clip_id=ids(2), prefer="naturalness")
    assert keep.all()


@pytest.mark.parametrize(("prefer", "kept"), [("confidence", ["c1", "c2"]), ("naturalness", ["c0", "c3"])])
def test_the_preferred_clips_stay_when_the_ratio_cuts(prefer, kept):
    scores = columns(confidence=[0.1, 0.9, 0.8, 0.2], naturalness=[4, 1, 2, 3])
    keep, reason = select(
        scores, Thresholds(), emotion=np.full(4, "anger"), clip_id=ids(4), ratio=0.5, n_real=4, prefer=prefer
    )
    assert ids(4)[keep].tolist() == kept
    assert set(reason[~keep]) == {"over ratio"}


def test_a_rare_emotion_is_not_crowded_out_by_a_confident_one():
    scores = columns(confidence=[0.9] * 8 + [0.3] * 2)
    emotion = np.array(["anger"] * 8 + ["fear"] * 2, dtype=object)
    keep, _ = select(scores, Thresholds(), emotion=emotion, clip_id=ids(10), ratio=1.0, n_real=6)
    assert [(keep & (emotion == name)).sum() for name in ("anger", "fear")] == [4, 2]


def test_balance_cuts_to_the_emotion_with_the_fewest():
    scores = columns(confidence=[0.9, 0.8, 0.7, 0.6, 0.1])
    emotion = np.array(["anger", "anger", "anger", "fear", "fear"], dtype=object)
    keep, reason = select(scores, Thresholds(min_confidence=0.5), emotion=emotion, clip_id=ids(5), balance="equal")
    assert keep.tolist() == [True, False, False, True, False]
    assert reason.tolist() == ["", "class balance", "class balance", "", "confidence < 0.5"]


def test_random_order_follows_the_seed_and_outlives_a_looser_threshold():
    n = 60
    scores = columns(confidence=np.linspace(0, 1, n))
    emotion = np.full(n, "anger")

    def kept(seed, minimum):
        limits = Thresholds(min_confidence=minimum)
        keep, _ = select(
            scores, limits, emotion=emotion, clip_id=ids(n), ratio=1, n_real=20, prefer="random", seed=seed
        )
        return set(ids(n)[keep])

    assert kept(0, 0.2) == kept(0, 0.2) != kept(1, 0.2)
    # Clips that a looser threshold lets in may push others out, but reshuffle nothing.
    strict = kept(0, 0.5)
    loose = kept(0, 0.0)
    assert {clip for clip in loose if int(clip[1:]) >= n / 2} <= strict


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"balance": "even"}, "unknown balance 'even'.*equal"),
        ({"prefer": "confidance"}, "did you mean 'confidence'"),
        ({"ratio": -1.0}, "ratio is -1.0"),
        ({"clip_id": np.array(["a", "a"])}, "clip_id repeats"),
        ({"emotion": np.array(["anger"])}, "column emotion has 1 rows but there are 2"),
        ({"thresholds": Thresholds(min_naturalness=3.0)}, "no column 'naturalness'"),
        ({"prefer": "naturalness"}, "no column 'naturalness'"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, message):
    arguments = {
        "scores": columns(confidence=[0.1, 0.2]),
        "thresholds": Thresholds(),
        "emotion": np.array(["anger", "fear"]),
        "clip_id": ids(2),
        **change,
    }
    with pytest.raises(EmoforgeError, match=message):
        select(arguments.pop("scores"), arguments.pop("thresholds"), **arguments)
