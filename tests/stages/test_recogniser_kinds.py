"""Every kind of recogniser takes the same road from the stages' files to the metrics."""

import json
import shutil

import pytest
from tests.project.test_encoder import write_encoder
from tests.small_run import run_stages, small_params

from emoforge.evaluation.arms import ARMS
from emoforge.ser.registry import KINDS, load_recogniser


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fusion", "pretrained"])
def test_train_and_evaluate(small_run, small_corpus, tmp_path, kind):
    assert kind in KINDS
    write_encoder(tmp_path / "encoder")
    root = tmp_path / "run"
    shutil.copytree(small_run.root, root)
    params = small_params(small_corpus, train={"model": kind, "steps": 4, "encoder": str(tmp_path / "encoder")})
    layout = run_stages(params, root, ("train", "evaluate"))
    metrics = json.loads(layout.metrics("evaluate").read_text())
    for arm in ARMS:
        assert 0 <= metrics[arm]["uar"] <= 1
        assert type(load_recogniser(layout.models / arm)).__name__.lower() == f"{kind}recogniser"
