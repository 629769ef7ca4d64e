"""Figures of pooled answers: what is counted, what is null, what is summed up."""

import numpy as np
import pytest

from emoforge.experiments.recognition.rows import Outcome, gain_rows, result_row, summed_up

SPEAKERS = np.repeat(["a", "b", "c", "d"], 10)
TRUTH = np.tile([0, 1], 20)


def outcome(share: float, *, recogniser: str = "one", train: str = "x", test: str = "y", genders=None) -> Outcome:
    """An outcome in which the first *share* of every speaker's clips is recognised."""
    right = np.tile(np.arange(10) < 10 * share, 4)
    probabilities = np.where(np.eye(2, dtype=bool)[np.where(right, TRUTH, 1 - TRUTH)], 0.9, 0.1)
    genders = np.where(np.isin(SPEAKERS, ["a", "b"]), "female", "male") if genders is None else genders
    return Outcome(train, test, recogniser, True, ("anger", "neutral"), TRUTH, probabilities, SPEAKERS, genders)


def test_a_row_says_how_often_and_how_surely():
    row = result_row(outcome(0.6), n_draws=1000, seed=0)
    assert row["n_classes"] == 2
    assert row["uar"] == pytest.approx(0.6)
    assert row["macro_f1"] == pytest.approx(0.6)
    assert row["ece"] == pytest.approx(0.3)
    assert row["ci_low"] <= row["uar"] <= row["ci_high"]


def test_genders_are_told_apart_where_both_are_known():
    answers = outcome(0.6)
    half = np.where(answers.genders == "female", TRUTH, 1 - TRUTH)
    told = Outcome(*(getattr(answers, name) for name in ("train", "test", "recogniser", "enrolled", "labels", "truth")),
                   np.eye(2)[half], SPEAKERS, answers.genders)  # fmt: skip
    row = result_row(told, n_draws=1000, seed=0)
    assert (row["uar_female"], row["uar_male"]) == (1.0, 0.0)


@pytest.mark.parametrize("genders", [["female"] * 40, ["unknown"] * 40, ["female", "male", "unknown", "male"] * 10])
def test_genders_are_null_where_not_both_are_known(genders):
    row = result_row(outcome(0.6, genders=np.array(genders)), n_draws=1000, seed=0)
    assert row["uar_female"] is None
    assert row["uar_male"] is None


def test_gains_are_over_the_same_pair_of_corpora_and_summed_up_by_what_was_learnt_from():
    shares = {("x", "y"): (0.4, 0.6), ("z", "y"): (0.4, 0.8), ("y", "x"): (0.6, 0.4)}
    shares |= {("others", "y"): (0.2, 0.4), ("y", "y"): (0.2, 0.8)}
    outcomes = [
        outcome(share, recogniser=recogniser, train=train, test=test)
        for (train, test), both in shares.items()
        for recogniser, share in zip(("one", "two"), both, strict=True)
    ]
    gains = gain_rows(outcomes, reference="one", n_draws=1000, seed=0)
    assert [(row["train"], row["test"], row["gain"]) for row in gains] == [
        ("x", "y", 0.2), ("z", "y", 0.4), ("y", "x", -0.2), ("others", "y", 0.2), ("y", "y", 0.6),
    ]  # fmt: skip
    means = {row["trained_on"]: row for row in summed_up(gains)}
    pairs = means["one other corpus"]
    # The mean of the tested corpora: .3 for y, -.2 for x.
    assert pairs["gain"] == pytest.approx(0.05)
    assert pairs["ci_low"] < 0.05 < pairs["ci_high"]
    assert (pairs["pairs"], pairs["above"], pairs["every_pair_above"]) == (3, 2, False)
    assert means["all other corpora"]["every_pair_above"]
    assert means["its own other speakers"]["ci_low"] is None
