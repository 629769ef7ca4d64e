"""Answers about many recordings: shares put right, unsure ones marked, and the command that asks for it."""

import csv
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from typer.testing import CliRunner

from emoforge.base.errors import EmoforgeError
from emoforge.cli import app
from emoforge.recording.answers import parse_prior, with_prior, with_uncertain

EMOTIONS = ("anger", "neutral", "sadness")


def emoforge(*arguments: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def rows_of(probabilities: list[list[float]]) -> list[dict]:
    rows = []
    for index, values in enumerate(probabilities):
        best = int(np.argmax(values))
        row = {"recording": f"{index}.wav", "emotion": EMOTIONS[best], "probability": values[best]}
        rows.append(row | dict(zip(EMOTIONS, values, strict=True)) | {"reason": ""})
    return rows


FAILED = {"recording": "x", "emotion": None, "probability": None, **dict.fromkeys(EMOTIONS), "reason": "corrupt"}
ANSWERS = [[0.5, 0.4, 0.1], [0.6, 0.3, 0.1], [0.45, 0.35, 0.2], [0.5, 0.1, 0.4]]


def test_known_shares_are_reached_and_decide_anew():
    rows, line = with_prior(
        [*rows_of(ANSWERS), FAILED], EMOTIONS, parse_prior("neutral=0.6, anger=0.2,sadness=0.2", EMOTIONS)
    )
    assert [np.mean([row[emotion] for row in rows[:4]]) for emotion in EMOTIONS] == pytest.approx([0.2, 0.6, 0.2])
    assert rows[0]["emotion"] == "neutral"
    assert rows[0]["probability"] == rows[0]["neutral"] == max(rows[0][emotion] for emotion in EMOTIONS)
    assert rows[4] == FAILED
    assert "neutral 0.29 → 0.60" in line
    assert "of 4 answers changed" in line


def test_equal_shares_go_half_of_the_way():
    rows, _ = with_prior(rows_of(ANSWERS), EMOTIONS, "equal")
    before = np.mean(ANSWERS, axis=0)
    after = [np.mean([row[emotion] for row in rows]) for emotion in EMOTIONS]
    assert after == pytest.approx((before + 1 / 3) / 2, abs=1e-6)


def test_without_a_prior_or_an_answer_nothing_changes():
    rows = rows_of(ANSWERS)
    assert with_prior(rows, EMOTIONS, "none")[0] == rows
    assert with_prior([FAILED], EMOTIONS, "em")[0] == [FAILED]
    assert with_prior(rows, EMOTIONS, "em")[1] == "prior: the shares stay as they are; 0 of 4 answers changed"


def test_emotions_without_a_share_keep_their_odds():
    before = rows_of(ANSWERS)
    rows, _ = with_prior(before, EMOTIONS, {"neutral": 0.6})
    assert np.mean([row["neutral"] for row in rows]) == pytest.approx(0.6)
    for row, old in zip(rows, before, strict=True):
        assert row["anger"] / row["sadness"] == pytest.approx(old["anger"] / old["sadness"])


def test_a_prior_is_a_word_or_shares():
    assert parse_prior("em", EMOTIONS) == "em"
    assert parse_prior("anger=0.2, neutral=0.5,sadness=0.3", EMOTIONS) == {"anger": 0.2, "neutral": 0.5, "sadness": 0.3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("equall", "unknown prior 'equall' (did you mean 'equal'?); allowed: none, em, equal, or shares such as"),
        ("anger=0.5,joy=0.5", "unknown emotion 'joy'"),
        ("anger=0.5,anger=0.5", "anger is named twice"),
        ("anger=half", "the share of anger is 'half'"),
        ("anger=1.5", "the share of anger is 1.5, allowed"),
        ("anger=0.6,neutral=0.6", "add up to 1.2"),
        ("anger=0.2,neutral=0.2,sadness=0.2", "add up to 0.6"),
    ],
)
def test_a_prior_that_is_none_is_one_line(text, words):
    with pytest.raises(EmoforgeError) as caught:
        parse_prior(text, EMOTIONS)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_uncertain_stands_beside_the_probability():
    sure, unsure = rows_of([[0.9, 0.1, 0.0], [0.4, 0.35, 0.25]])
    assert [with_uncertain(row, 0.5)["uncertain"] for row in (sure, unsure, FAILED)] == [False, True, None]
    assert list(with_uncertain(sure, 0.5))[:4] == ["recording", "emotion", "probability", "uncertain"]
    assert with_uncertain(unsure, 0.5)["emotion"] == "anger"


def test_the_command_marks_what_is_uncertain_in_tables_of_all_kinds(small_run, small_corpus, tmp_path):
    good = sorted(small_corpus.rglob("*.wav"))[:4]
    (tmp_path / "bad.wav").write_text("no audio")
    model = ["--model", small_run.models / "synthetic"]
    plain = emoforge("predict", *good, *model, "-o", tmp_path / "plain.jsonl")
    assert plain.exit_code == 0, plain.output
    known = [json.loads(line) for line in (tmp_path / "plain.jsonl").read_text("utf-8").splitlines()]
    assert not any("uncertain" in row for row in known)
    threshold = float(np.median([row["probability"] for row in known]))
    for extension in ("csv", "jsonl", "parquet"):
        out = tmp_path / f"out.{extension}"
        done = emoforge("predict", *good, tmp_path / "bad.wav", *model, "--uncertain-below", threshold, "-o", out)
        assert done.exit_code == 0, done.output
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["uncertain"] for row in rows] == [row["probability"] < threshold for row in known] + [None]
    assert rows == [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["uncertain"] for row in csv.DictReader(file)] == [str(row["uncertain"]) for row in rows[:4]] + [""]
    shown = emoforge("predict", *good, *model, "--uncertain-below", threshold).stdout.splitlines()
    assert [": uncertain (" in line for line in shown] == [row["uncertain"] for row in rows[:4]]


def test_the_command_puts_shares_right_over_all_recordings_of_a_call(small_run, small_corpus, tmp_path):
    good = sorted(small_corpus.rglob("*.wav"))[:6]
    out = tmp_path / "out.jsonl"
    done = emoforge("predict", *good, "--model", small_run.models / "real", "--prior", "neutral=0.8", "-o", out)
    assert done.exit_code == 0, done.output
    assert "prior: mean probabilities" in done.stderr
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert np.mean([row["neutral"] for row in rows]) == pytest.approx(0.8, abs=1e-3)
    assert all(row[row["emotion"]] == row["probability"] for row in rows)


def test_a_wanted_accuracy_is_that_on_validation_speakers(small_run, small_corpus, tmp_path):
    good = sorted(small_corpus.rglob("*.wav"))[0]
    folder = shutil.copytree(small_run.models / "real", tmp_path / "real")
    known = json.loads((folder / "certainty.json").read_text("utf-8"))
    assert len(known["enrolled"]["probability"]) == len(known["not_enrolled"]["correct"]) > 0
    answers = {"probability": [0.9] * 20 + [0.7] * 10 + [0.4] * 10, "correct": [True] * 30 + [False] * 10}
    worse = answers | {"correct": [True] * 20 + [False] * 20}
    (folder / "certainty.json").write_text(json.dumps({"enrolled": answers, "not_enrolled": worse}), "utf-8")
    for enrol, threshold in (([], "0.900"), (["--enrol", good], "0.700")):
        done = emoforge("predict", good, *enrol, "--model", folder, "--certain", 0.9)
        assert done.exit_code == 0, done.output
        assert f"answers of a probability below {threshold} are uncertain" in done.stderr
    for change, words in [
        (lambda: None, "no threshold gives an accuracy of 0.99"),
        (lambda: (folder / "certainty.json").write_text("{}"), "certainty.json: no answers about validation speakers"),
        ((folder / "certainty.json").unlink, "certainty.json: no answers about validation speakers"),
    ]:
        change()
        error = emoforge("predict", good, "--model", folder, "--certain", 0.99).exception
        assert isinstance(error, EmoforgeError)
        assert words in str(error)
    both = emoforge("predict", good, "--model", folder, "--certain", 0.9, "--uncertain-below", 0.5)
    assert both.exit_code == 2
