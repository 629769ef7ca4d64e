"""Recognisers asked about files, folders, manifests and published sets, and the tables of their answers."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from click.testing import Result
from tests.small_run import small_params
from typer.testing import CliRunner

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.cli import app
from emoforge.recording.files import write_table
from emoforge.recording.predict import load_recogniser, predict
from emoforge.recording.predictions import asked_of_files, asked_of_manifest, predictions


@pytest.fixture(scope="module")
def recogniser(small_run):
    return load_recogniser(small_run.models / "synthetic")


def emoforge(*arguments: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_clips_of_a_manifest_are_heard_as_the_stage_evaluate_hears_them(recogniser, small_run):
    asked = asked_of_manifest(recogniser, small_run.manifest("select"))
    rows = {row["recording"]: row for row in predictions(recogniser, asked)}
    evaluated = pq.read_table(small_run.stage("evaluate") / "predictions.parquet")
    assert len(evaluated) > 0
    labels = evaluated.schema.metadata[b"labels"].decode().split(",")
    for known in evaluated.to_pylist():
        row = rows[known["clip_id"]]
        assert (row["speaker"], row["labelled"]) == (known["speaker"], known["emotion"])
        assert [row[label] for label in labels] == pytest.approx(known["synthetic"], abs=1e-6)
        assert row["emotion"] == labels[int(np.argmax(known["synthetic"]))]
    enrolment = {row["clip_id"] for row in pq.read_table(small_run.manifest("select")).to_pylist() if row["enrolment"]}
    assert enrolment
    assert not enrolment & set(rows)


def test_a_file_is_heard_as_its_samples_and_a_folder_as_its_files(recogniser, small_corpus):
    folder = sorted(path for path in small_corpus.rglob("*") if path.is_dir() and list(path.glob("*.wav")))[0]
    enrol = sorted(folder.glob("*_neutral_*.wav"))[:2]
    rows = list(predictions(recogniser, asked_of_files(recogniser, [folder], enrol=enrol)))
    assert [row["recording"] for row in rows] == [str(path) for path in sorted(folder.rglob("*.wav"))]
    assert not any(row["reason"] for row in rows)
    signals = [soundfile.read(path, dtype="float32") for path in enrol]
    expected = predict(*soundfile.read(rows[-1]["recording"], dtype="float32"), model=recogniser, enrol=signals)
    assert {emotion: rows[-1][emotion] for emotion in recogniser.emotions} == expected


def test_the_command_writes_tables_of_all_kinds_with_a_reason_for_bad_files(small_run, small_corpus, tmp_path):
    good = sorted(small_corpus.rglob("*.wav"))[:2]
    (tmp_path / "bad.wav").write_text("no audio")
    tables = {}
    for extension in ("csv", "parquet", "jsonl"):
        out = tmp_path / f"out.{extension}"
        arguments = [*good, tmp_path / "bad.wav", "--enrol", good[0], "--enrol", good[1], "-o", out]
        done = emoforge("predict", *arguments, "--model", small_run.models / "synthetic")
        assert done.exit_code == 0, done.output
        assert "bad.wav: corrupt" in done.stderr
        tables[extension] = out
    rows = [json.loads(line) for line in tables["jsonl"].read_text("utf-8").splitlines()]
    assert rows == pq.read_table(tables["parquet"]).to_pylist()
    with tables["csv"].open(newline="") as file:
        assert [float(row["probability"] or "nan") for row in csv.DictReader(file)] == pytest.approx(
            [row["probability"] or float("nan") for row in rows], nan_ok=True
        )
    assert [row["recording"] for row in rows] == [str(path) for path in [*good, tmp_path / "bad.wav"]]
    assert rows[2]["reason"].startswith("corrupt")
    assert rows[2]["emotion"] is None
    assert sum(rows[0][emotion] for emotion in ("anger", "neutral", "sadness")) == pytest.approx(1)


def test_the_command_takes_a_published_set(small_run, tmp_path):
    folder = small_run.stage("publish")
    out = tmp_path / "out.jsonl"
    done = emoforge("predict", folder, "--model", small_run.models / "real", "-o", out)
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert rows
    assert {row["labelled"] for row in rows} <= {"anger", "sadness", "neutral"}
    assert all(row["probability"] > 0.3 for row in rows)


def test_requests_that_cannot_be_met_are_one_line_each(small_run, small_corpus, tmp_path):
    good = sorted(small_corpus.rglob("*.wav"))[0]
    (tmp_path / "bad.wav").write_text("no audio")
    model = ["--model", small_run.models / "synthetic"]
    for arguments, words in [
        ([good, "-o", "out.xlsx"], "out.xlsx: the extension .xlsx names no table; use .csv, .parquet or .jsonl"),
        ([tmp_path / "gone.wav", *model], "gone.wav: missing"),
        ([good, "--enrol", tmp_path / "gone.wav", *model], "gone.wav: missing"),
        ([good, "--enrol", tmp_path / "bad.wav", *model], "bad.wav: corrupt"),
        ([tmp_path / "bad.wav", *model], "bad.wav: corrupt"),
        ([good, "--model", tmp_path], "recogniser.json: not found; train a recogniser first"),
        ([small_run.manifest("select"), "--enrol", good, *model], "--enrol goes with recordings"),
    ]:
        error = emoforge("predict", *arguments).exception
        assert isinstance(error, EmoforgeError)
        assert words in str(error)
        assert "\n" not in str(error)


def test_a_recogniser_without_intake_options_takes_those_of_the_project_around_it(small_run, small_corpus, tmp_path):
    folder = Path(shutil.copytree(small_run.models / "real", tmp_path / "project" / "models" / "real"))
    (folder / "intake.json").unlink()
    with pytest.raises(ModelError, match=r"intake\.json: not there, and no params\.yaml in the folders above"):
        load_recogniser(folder)
    params = tmp_path / "project" / "params.yaml"
    params.write_text(yaml.safe_dump(small_params(small_corpus).model_dump()), "utf-8")
    good = sorted(small_corpus.rglob("*.wav"))[:1]
    answers = [
        list(predictions(recogniser, asked_of_files(recogniser, good)))
        for recogniser in (load_recogniser(folder), load_recogniser(small_run.models / "real"))
    ]
    assert answers[0] == answers[1]


def test_a_table_of_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(EmoforgeError, match=r"use \.csv, \.parquet or \.jsonl"):
        write_table(tmp_path / "out.xlsx", [{"a": 1}])
