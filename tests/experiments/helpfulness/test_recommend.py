"""Advice on a small demo corpus, and what `auto` makes of it."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from tests.ser.tiny_encoders import write_encoder
from tests.small_run import run_stages, small_params
from typer.testing import CliRunner

from emoforge.base.errors import EmoforgeError
from emoforge.cli import app
from emoforge.experiments.helpfulness import recommend
from emoforge.project.params import load_params
from emoforge.stages.runner import run_stage


def write_params(root: Path, values: dict) -> None:
    (root / "params.yaml").write_text(yaml.safe_dump(values), "utf-8")


@pytest.fixture(scope="module")
def project(small_corpus, tmp_path_factory) -> Path:
    """A project with four training speakers, in which ingest and prosody were run."""
    root = tmp_path_factory.mktemp("advised")
    changes = {"ingest": {"n_folds": 6}, "fit_converter": {"method": "statistics"}}
    params = small_params(small_corpus, **changes)
    write_params(root, params.model_dump())
    run_stages(params, root, ("ingest", "prosody"))
    return root


@pytest.fixture
def again(project, tmp_path) -> Path:
    return Path(shutil.copytree(project, tmp_path / "again"))


def test_a_program_of_somebody_else_gets_no_advice(again):
    values = yaml.safe_load((again / "params.yaml").read_text("utf-8"))
    values["fit_converter"] |= {"method": "external", "external": {"command": ["convert"]}}
    write_params(again, values)
    with pytest.raises(EmoforgeError, match="method = 'external': advice comes from"):
        recommend.run(root=again)


@pytest.mark.slow
def test_advice_is_written_and_can_be_put_into_params(again):
    done = CliRunner().invoke(app, ["recommend", "--write", "--project", str(again)])
    assert done.exit_code == 0, done.output
    result = json.loads((again / "metrics" / "recommend.json").read_text("utf-8"))
    assert result["speakers"] == 4
    assert 0.3 < result["real_uar"] <= 1
    advised = result["arm"] != "real"
    assert ("use no synthetic data here" in done.stdout) == (not advised)
    # The best setting is said, whether it is advised or not, and what is computed before it is.
    best = result["best_candidate"]
    assert f"select.ratio {best['ratio']:g}" in done.stdout
    assert ("classical augmentation does better" in done.stdout) == (
        result["classical_uar"] > max(result["real_uar"], *(tried["uar"] for tried in result["tried"]))
    )
    assert result["recogniser"] == "svm"
    assert "validated with the recogniser svm" in done.stdout
    assert done.stderr.splitlines()[0].startswith("recommend: ")
    assert "train: " in done.stderr
    assert (result["params"]["select"]["ratio"] > 0) == advised
    assert (result["expected_gain"]["ci_low"] > 0) == advised
    assert best["ci_low"] <= best["gain"] <= best["ci_high"]
    written = load_params(again / "params.yaml")
    assert written.select.ratio == result["params"]["select"]["ratio"]
    assert written.train.added_weight == result["params"]["train"]["added_weight"]


@pytest.mark.slow
def test_a_project_that_recognises_with_an_encoder_is_advised_by_one(again):
    params = yaml.safe_load((again / "params.yaml").read_text("utf-8"))
    write_encoder(again / "tiny")
    params |= {"encoder": str(again / "tiny"), "train": params["train"] | {"model": "encoder"}}
    write_params(again, params)
    run_stages(load_params(again / "params.yaml"), again, ("embed",))
    found = recommend.run(root=again)
    assert found.best.recogniser == "encoder"
    assert 0 < found.real_uar <= 1


def test_auto_takes_what_was_advised(again):
    values = yaml.safe_load((again / "params.yaml").read_text("utf-8"))
    values["select"] |= {"ratio": "auto", "min_confidence": "auto"}
    values["train"]["added_weight"] = "auto"
    write_params(again, values)
    with pytest.raises(EmoforgeError, match=r"select.ratio = 'auto'.*run `emoforge recommend`") as raised:
        run_stage("select", print, root=again)
    assert "\n" not in str(raised.value)
    advice = {"params": {"select": {"ratio": 0.5, "min_confidence": 0.3}, "train": {"added_weight": 0.7}}}
    (again / "metrics").mkdir(exist_ok=True)
    (again / "metrics" / "recommend.json").write_text(json.dumps(advice), "utf-8")
    seen = []
    run_stage("select", lambda params, layout: seen.append(params) or {}, root=again)
    assert (seen[0].select.ratio, seen[0].select.min_confidence, seen[0].train.added_weight) == (0.5, 0.3, 0.7)
    # What is not left to the advice stays.
    values["select"]["ratio"] = 2.0
    write_params(again, values)
    run_stage("select", lambda params, layout: seen.append(params) or {}, root=again)
    assert (seen[1].select.ratio, seen[1].select.min_confidence) == (2.0, 0.3)


def test_too_few_speakers_or_no_clips_are_one_clear_line(again):
    values = yaml.safe_load((again / "params.yaml").read_text("utf-8"))
    shutil.rmtree(again / "data" / "prosody")
    with pytest.raises(EmoforgeError, match="dvc repro prosody"):
        recommend.run(root=again)
    values["ingest"]["val_speakers"] = 3
    write_params(again, values)
    run_stages(load_params(again / "params.yaml"), again, ("ingest", "prosody"))
    with pytest.raises(EmoforgeError, match="2 training speakers are too few"):
        recommend.run(root=again)
