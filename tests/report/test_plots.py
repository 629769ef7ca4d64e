"""Plots: deterministic SVG that shows what it was given, in the page's own colours."""

import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.report.plots import Plot, plot_arms, plot_confusion, plot_coverage, plot_scores, plot_yields

ARMS = {
    "real": {"uar": 0.612, "uar_ci_low": 0.55, "uar_ci_high": 0.66},
    "synthetic": {"uar": 0.655, "uar_ci_low": 0.6, "uar_ci_high": 0.7},
    "gain": {"uar": 0.043, "ci_low": 0.004, "ci_high": 0.08, "p": 0.03},
}
COVERAGE = {
    "real": {"coverage": [{"coverage": 1.0, "accuracy": 0.612}, {"coverage": 0.5, "accuracy": 0.8}]},
    "synthetic": {"coverage": [{"coverage": 1.0, "accuracy": 0.655}, {"coverage": 0.5, "accuracy": 0.9}]},
    "gain": {"uar": 0.043},
}
SELECTION = {
    "all": {"in": 30, "out": 12, "reasons": {"min_confidence": 11, "over_ratio": 7}},
    "anger": {"in": 20, "out": 5, "reasons": {"min_confidence": 11, "over_ratio": 4}},
    "fear": {"in": 10, "out": 7, "reasons": {"over_ratio": 3}},
}


def draw_all() -> list[Plot]:
    rng = np.random.default_rng(0)
    scores = rng.uniform(size=200)
    return [
        plot_arms(ARMS),
        plot_coverage(COVERAGE),
        plot_yields(SELECTION),
        plot_confusion(np.array([[9, 1], [3, 5]]), ["anger", "fear"], title="Confusions"),
        plot_scores("emotion_confidence", scores, scores > 0.4, threshold=0.4),
    ]


def texts(plot: Plot) -> list[str]:
    return [element.text for element in ET.fromstring(plot.svg).iter("{http://www.w3.org/2000/svg}text")]


def test_same_input_same_bytes_whatever_the_machines_style():
    first = draw_all()
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True}):
        assert draw_all() == first


@pytest.mark.parametrize("index", range(5))
def test_everything_follows_the_pages_text_colour(index: int):
    plot = draw_all()[index]
    assert "currentColor" in plot.svg
    for element in ET.fromstring(plot.svg).iter():
        style = element.get("style", "")
        assert "#000000" not in style
        assert "#ffffff" not in style
        if element.tag.endswith("}text"):
            assert "fill: currentColor" in style


def test_arms_shows_each_recall_and_no_gain():
    plot = plot_arms(ARMS)
    assert {"0.612", "0.655", "real", "synthetic"} <= set(texts(plot))
    assert "gain" not in texts(plot)
    assert "synthetic 0.655 (from 0.600 to 0.700)" in plot.description


def test_coverage_shows_each_arm_and_no_gain():
    plot = plot_coverage(COVERAGE)
    assert {"real", "synthetic"} <= set(texts(plot))
    assert "gain" not in texts(plot)
    assert "synthetic 0.655 of all clips and 0.900 of the surest 50 %" in plot.description
    with pytest.raises(EmoforgeError, match="run the stage evaluate again"):
        plot_coverage(ARMS)


def test_confusion_shows_shares_of_rows():
    plot = plot_confusion(np.array([[9, 1], [3, 5]]), ["anger", "fear"], title="Confusions")
    assert {"90", "10", "38", "62"} <= set(texts(plot))
    assert "anger 90 %, fear 62 %" in plot.description


def test_confusion_with_an_emotion_nobody_meant():
    plot = plot_confusion(np.array([[4, 0], [0, 0]]), ["anger", "fear"], title="Confusions")
    assert "fear 0 %" in plot.description


def test_yields_names_every_reason():
    plot = plot_yields(SELECTION)
    assert {"kept", "min confidence", "over ratio", "anger", "fear"} <= set(texts(plot))
    assert "all" not in texts(plot)
    assert "anger 5 of 20, fear 7 of 10" in plot.description


def test_scores_leaves_out_what_was_not_scored():
    values = np.array([0.1, 0.2, np.nan, 0.9])
    plot = plot_scores("naturalness", values, np.array([False, False, True, True]))
    assert {"kept (1)", "rejected (2)"} <= set(texts(plot))
    assert "0.90 (kept) and 0.15 (rejected)" in plot.description


def test_a_constant_score_and_none_at_all():
    assert "kept (3)" in texts(plot_scores("naturalness", np.full(3, 2.0), np.full(3, True)))
    with pytest.raises(EmoforgeError, match="'naturalness' has no values"):
        plot_scores("naturalness", np.full(3, np.nan), np.full(3, True))


def test_labels_must_fit_the_matrix():
    with pytest.raises(EmoforgeError, match=r"shape \(2, 2\) does not fit 3 labels"):
        plot_confusion(np.eye(2), ["anger", "fear", "sadness"], title="Confusions")
