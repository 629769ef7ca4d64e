"""`emoforge new`, by the commands that a new user types after it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from emoforge.base.errors import EmoforgeError
from emoforge.base.outputs import read_json
from emoforge.cli import app
from emoforge.project.params import edited, load_params
from emoforge.project.scaffold import create_project
from emoforge.project.stage_code import outdated, update_code

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    **{f"GIT_{who}_{what}": "jane@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def run(command: str, folder: Path) -> str:
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    # As on a machine where git does not know its user.
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    create_project(tmp_path / "project")
    return tmp_path / "project"


def test_every_stage_of_a_new_project_is_a_command_and_its_params_are_valid(project):
    commands = {(info.name or info.callback.__name__).replace("_", "-") for info in app.registered_commands}
    stages = yaml.safe_load((project / "dvc.yaml").read_text("utf-8"))["stages"]
    assert {stage["cmd"] for stage in stages.values()} <= {f"emoforge {command}" for command in commands}
    assert load_params(project / "params.yaml").corpus.name == "demo"
    assert run("git status --short", project) == ""


def test_stages_that_log_their_training_run_before_the_user_has_committed(project):
    # DVCLive fails in a repository without a commit.
    code = "import dvclive; dvclive.Live('curves', save_dvc_exp=False, dvcyaml=None).end()"
    run(f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}", project)


def test_what_is_in_the_way_is_one_line_and_stays(tmp_path):
    kept = tmp_path / "full" / "kept.txt"
    kept.parent.mkdir()
    kept.write_text("mine", "utf-8")
    with pytest.raises(EmoforgeError, match="not empty"):
        create_project(kept.parent)
    with pytest.raises(EmoforgeError, match="a file is in the way"):
        create_project(kept)
    with pytest.raises(EmoforgeError, match="a file is in the way"):
        create_project(kept / "below")
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "kept.txt"]


def test_inside_a_repository_the_project_is_part_of_it(tmp_path):
    run("git init --quiet", tmp_path)
    history = create_project(tmp_path / "speech")
    assert history.top.samefile(tmp_path)
    assert not (tmp_path / "speech" / ".git").exists()
    assert "speech/dvc.yaml" in run("git ls-files", tmp_path).split()


def test_a_stage_runs_again_when_its_code_changes_and_says_so_before(project):
    code = project / "code.yaml"
    assert not outdated(project, "select")
    code.write_text(code.read_text("utf-8").replace("\nselect: ", "\nselect: 0"), "utf-8")
    assert outdated(project, "select")
    assert not outdated(project, "score")
    done = subprocess.run(
        [sys.executable, "-m", "emoforge", "select"], cwd=project, capture_output=True, text=True, check=False
    )
    assert "emoforge update" in done.stderr.splitlines()[0]
    assert update_code(project) == ["select"]
    assert update_code(project) == []
    with pytest.raises(EmoforgeError, match="emoforge new"):
        update_code(project.parent)


@pytest.mark.slow
def test_a_plain_commit_has_all_that_a_clone_needs_and_the_demo_is_made_only_where_it_is_used(project):
    with edited(project / "params.yaml") as values:
        values["demo"] |= {"voices": 4, "sentences": 1}
        values["ingest"] |= {"val_speakers": 1, "enrolment_clips": 1}
    run("git commit --quiet --all --message Begin", project)
    run("dvc repro ingest", project)
    run("git commit --quiet --all --message Run", project)
    assert run("git status --short", project) == ""
    run("dvc remote add --quiet --default store ../store", project)
    run("dvc push --quiet", project)
    run("git commit --quiet --all --message Store", project)
    run("git clone --quiet project clone", project.parent)
    clone = project.parent / "clone"
    run("dvc remote modify --local store url ../store", clone)
    run("dvc pull --quiet demo ingest", clone)
    assert "up to date" in run("dvc status demo ingest", clone)
    assert (clone / "metrics/ingest.json").read_bytes() == (project / "metrics/ingest.json").read_bytes()

    # The checksum of the code is a param like any other.
    code = clone / "code.yaml"
    code.write_text(code.read_text("utf-8").replace("\ningest: ", "\ningest: 0"), "utf-8")
    assert "code.yaml" in run("dvc status ingest", clone)

    recordings = project.parent / "elsewhere"
    (project / "data/demo").rename(recordings)
    with edited(project / "params.yaml") as values:
        values["corpus"]["root"] = str(recordings)
    run("dvc repro demo", project)
    assert list((project / "data/demo").iterdir()) == []


@pytest.mark.slow
def test_thresholds_stand_beside_metrics_in_a_terminal_of_80_columns(project, monkeypatch):
    # The stages would take minutes; what is looked at is DVC's table of their params, paths and metrics.
    recordings = project.parent / "a-folder-with-a-long-name" / "recordings-of-somebody"
    recordings.mkdir(parents=True)
    headline = "import json, yaml; kept = yaml.safe_load(open('params.yaml'))['select']['min_confidence']; "
    names = list(read_json(ROOT / "metrics/headline.json"))
    headline += f"json.dump(dict.fromkeys({names}, 0.1234 + kept), open('metrics/headline.json', 'w'))"
    (project / "select.py").write_text(headline, "utf-8")
    stage = {
        "cmd": f"{shlex.quote(sys.executable)} select.py",
        "params": ["select"],
        "deps": [str(recordings), "select.py"],
        "metrics": [{"metrics/headline.json": {"cache": False}}],
    }
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"select": stage}}), "utf-8")
    run("git add --all", project)
    run("git commit --quiet --message Table", project)
    for confidence in (0.2, 0.4):
        (recordings / "clip.wav").write_text(str(confidence), "utf-8")
        run(f"dvc exp run --quiet --set-param select.min_confidence={confidence}", project)
    readme = (project / "README.md").read_text("utf-8")
    command = re.search(r"`(dvc exp show [^`]*)`", readme)[1]
    assert command in (ROOT / "docs/how-to/compare-thresholds.md").read_text("utf-8")
    monkeypatch.setitem(ENVIRONMENT, "COLUMNS", "80")
    table = run(f"{command} --no-pager", project)
    header = next(line for line in table.splitlines() if "Experiment" in line)
    assert {"synth", "gain", "kept", "select.min_confidence"} <= set(header.split())
    assert max(map(len, table.splitlines())) <= 80
