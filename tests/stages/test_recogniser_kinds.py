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
from emoforge.ser.finetuned.recogniser import FinetunedRecogniser
from emoforge.ser.registry import KINDS, load_recogniser


@pytest.mark.slow
def test_a_fine_tuning_that_was_stopped_goes_on_to_the_same_models(small_run, small_corpus, tmp_path, monkeypatch):
    params = small_params(small_corpus, train={"model": "finetuned", "steps": 4})

    def models(name, *, stopped):
        root = tmp_path / name
        shutil.copytree(small_run.root, root)
        if stopped:
            with monkeypatch.context() as patched:
                patched.setattr(FinetunedRecogniser, "save", stop)
                with pytest.raises(KeyboardInterrupt):
                    run_stages(params, root, ("train",))
            # What it goes on from.
            assert list(root.rglob("*.checkpoint.safetensors"))
        folder = run_stages(params, root, ("train",)).models
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def stop(*_):
        raise KeyboardInterrupt

    assert models("stopped", stopped=True) == models("whole", stopped=False)


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
