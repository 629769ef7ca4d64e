"""Every kind of recogniser takes the same road from the stages' files to the metrics."""

import json
import shutil

import pyarrow.parquet as pq
import pytest
import soundfile
from tests.small_run import run_stages, small_params

from emoforge.evaluation.arms import ARMS
from emoforge.recording import predict
from emoforge.recording.predictions import asked_of_manifest, predictions
from emoforge.ser.registry import KINDS, load_recogniser


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["logmel", "fusion", "encoder", "encoder+functionals", "finetuned"])
def test_train_and_evaluate(small_run, small_corpus, tmp_path, kind):
    assert kind in KINDS
    root = tmp_path / "run"
    shutil.copytree(small_run.root, root)
    params = small_params(small_corpus, train={"model": kind, "steps": 4})
    layout = run_stages(params, root, ("train", "evaluate"))
    metrics = json.loads(layout.metrics("evaluate").read_text())
    for arm in ARMS:
        assert 0 <= metrics[arm]["uar"] <= 1
        assert load_recogniser(layout.models / arm).kind == kind
    # What `predict` hears of the same clips is the same.
    heard = predict.load_recogniser(layout.models / "synthetic")
    rows = {row["recording"]: row for row in predictions(heard, asked_of_manifest(heard, layout.manifest("select")))}
    evaluated = pq.read_table(layout.stage("evaluate") / "predictions.parquet")
    labels = evaluated.schema.metadata[b"labels"].decode().split(",")
    for known in evaluated.to_pylist():
        assert [rows[known["clip_id"]][label] for label in labels] == pytest.approx(known["synthetic"], abs=1e-5)
    recording = next(small_corpus.rglob("*.wav"))
    signal, sampling_rate = soundfile.read(recording, dtype="float32")
    alone, enrolled = (heard(signal, sampling_rate, enrol=[(signal, sampling_rate)] * n) for n in (0, 2))
    assert sum(alone.values()) == pytest.approx(1) == sum(enrolled.values())
