import pytest
from tests.dataset.test_manifest import converted, recorded

from emoforge.dataset import manifest
from emoforge.sharing.compare import compare


def kept(clip_id: str, **changes) -> dict:
    return converted(clip_id, "a", keep=True, reject_reason="", emotion_confidence=0.5, seed=1) | changes


def rejected(clip_id: str, reason: str, **changes) -> dict:
    return kept(clip_id, keep=False, reject_reason=reason) | changes


def version(*rows: dict):
    return manifest.from_rows([recorded("a", keep=True, reject_reason=""), *rows])


def test_equal_versions_differ_in_nothing():
    table = version(kept("x"), rejected("y", "naturalness < 2"))
    changed = compare(table, table)
    assert changed["kept"] == {"before": 1, "in": 0, "out": 0, "after": 1}
    assert changed["clips"] == {"in": [], "out": []}
    assert changed["why_in"] == changed["why_out"] == {}
    assert changed["scores"]["emotion_confidence"] == {"clips": 2, "mean_change": 0.0, "moved": 0}


def test_clips_come_and_go_for_a_reason():
    before = version(
        kept("gone"), kept("worse"), rejected("better", "class balance"), rejected("low", "naturalness < 2")
    )
    after = version(
        rejected("worse", "confidence < 0.6"), kept("better"), kept("new", seed=9), rejected("low", "naturalness < 2")
    )
    changed = compare(before, after)
    assert changed["clips"] == {"in": ["better", "new"], "out": ["gone", "worse"]}
    assert changed["why_in"] == {"class balance": 1, "new conversion": 1}
    assert changed["why_out"] == {"confidence < 0.6": 1, "no longer converted": 1}
    assert changed["converted"] == {"before": 4, "in": 1, "out": 1, "after": 4}
    assert changed["recorded"] == {"before": 1, "in": 0, "out": 0, "after": 1}
    assert changed["emotions"] == {"anger": {"before": 2, "in": 2, "out": 2, "after": 2}}
    assert changed["reasons"]["naturalness < 2"] == {"before": 1, "after": 1}
    assert changed["reasons"]["class balance"] == {"before": 1, "after": 0}


def test_scores_that_moved_are_counted():
    before = version(
        kept("x", emotion_confidence=0.5), kept("y", emotion_confidence=0.5), kept("z", emotion_confidence=0.5)
    )
    after = version(
        kept("x", emotion_confidence=0.505), kept("y", emotion_confidence=0.6), kept("z", emotion_confidence=0.2)
    )
    score = compare(before, after)["scores"]["emotion_confidence"]
    assert (score["clips"], score["moved"]) == (3, 2)
    assert score["mean_change"] == pytest.approx((0.005 + 0.1 - 0.3) / 3, abs=1e-6)


def test_a_clip_of_another_converter_is_the_same_clip_made_anew():
    before = version(kept("old", seed=7, naturalness=2.0), kept("other", seed=8, naturalness=2.0))
    after = version(kept("new", seed=7, naturalness=2.5))
    changed = compare(before, after)
    assert changed["made_anew"] == 1
    assert changed["why_in"] == {"made anew": 1}
    assert changed["why_out"] == {"made anew": 1, "no longer converted": 1}
    assert changed["scores"]["naturalness"] == {"clips": 1, "mean_change": 0.5, "moved": 1}


def test_a_version_from_before_a_column_was_invented_is_read():
    now = version(kept("x", naturalness=3.0))
    changed = compare(now.drop_columns(["naturalness", "seed"]), now)
    assert changed["kept"]["after"] == 1
    assert "naturalness" not in changed["scores"]


def test_what_has_no_value_in_a_version_has_not_moved():
    before, after = version(kept("x", f0_range_st=float("nan"))), version(kept("x", f0_range_st=3.0))
    assert "f0_range_st" not in compare(before, after)["scores"]
