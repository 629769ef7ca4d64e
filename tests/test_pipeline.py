"""The DAG against the code: what dvc.yaml says of a stage is what the stage's code does."""

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml
from tests import dag

ROOT = Path(__file__).resolve().parent.parent
DAG = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))
STAGES = DAG["stages"]
PARAMS_FILE = ROOT / "params.yaml"
PARAMS = yaml.safe_load(PARAMS_FILE.read_text("utf-8"))


def deps_of(stage: str) -> list[str]:
    return [dep for dep in STAGES[stage]["deps"] if "$" not in dep]


def outs_of(stage: str) -> list[str]:
    entries = STAGES[stage].get("outs", []) + STAGES[stage].get("metrics", [])
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_it_runs_and_no_other(stage):
    declared = [dep for dep in deps_of(stage) if dep.startswith(("src/", "stages/"))]
    wanted = dag.deps_of(stage, dag.script_of(stage, STAGES))
    assert declared == wanted, f"dvc.yaml, stage {stage}: run `make dag`"


@pytest.mark.parametrize("stage", ["demo", "ingest", "publish"])
def test_a_stage_that_asks_the_registry_depends_on_every_importer(stage):
    # The registry imports them by name when asked, which no reader of imports can see.
    assert "src/emoforge/corpora" in deps_of(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_every_param_of_a_stage_exists(stage):
    for key in STAGES[stage].get("params", []):
        value = PARAMS
        for part in key.split("."):
            assert part in value, f"dvc.yaml, stage {stage}: params.yaml has no {key}"
            value = value[part]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_re_runs_for_every_param_it_reads(stage):
    declared = {key.split(".")[0] for key in STAGES[stage].get("params", [])}
    own = ROOT / "src/emoforge/stages" / f"{stage}.py"
    read = {
        node.attr
        for node in ast.walk(ast.parse(own.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "params"
    }
    # `workers` changes how fast a result is there, never the result.
    assert read - {"workers"} <= declared, f"dvc.yaml, stage {stage}: params miss {read - declared}"


def test_no_output_belongs_to_two_stages_and_every_input_is_made():
    made = [out for stage in STAGES for out in outs_of(stage)]
    assert len(made) == len(set(made))
    for stage in STAGES:
        for dep in deps_of(stage):
            assert dep in made or (ROOT / dep).exists(), f"dvc.yaml, stage {stage}: nothing makes {dep}"


def downstream(stage: str) -> set[str]:
    reached, todo = set(), [stage]
    while todo:
        outs = set(outs_of(todo.pop()))
        for other in STAGES:
            if other not in reached and outs & set(deps_of(other)):
                reached.add(other)
                todo.append(other)
    return reached


def test_a_threshold_re_runs_select_and_what_follows_and_nothing_before():
    readers = {
        stage
        for stage in STAGES
        if any(key in ("select", "select.min_confidence") for key in STAGES[stage].get("params", []))
    }
    assert "select" in readers
    assert readers - {"select"} <= downstream("select")
    assert downstream("select") == {"publish", "train", "evaluate", "report"}


def test_every_plot_is_a_picture_that_a_stage_makes():
    # What DVC draws itself from a table needs scripts from a network.
    made = [out for stage in STAGES for out in outs_of(stage)]
    for plot in DAG["plots"]:
        assert Path(plot).suffix == ".svg"
        assert any(plot.startswith(f"{out}/") for out in made)


def test_the_template_of_new_projects_is_this_repositorys_own():
    template = dag.TEMPLATE / "dvc.yaml"
    assert template.read_text("utf-8") == dag.template_of((ROOT / "dvc.yaml").read_text("utf-8")), "run `make dag`"
    # The values of params.yaml are a user's to change; its keys and what is said of them are not.
    assert _without_values(dag.TEMPLATE / "params.yaml") == _without_values(PARAMS_FILE), "run `make dag`"


def _without_values(path: Path) -> str:
    return re.sub(r": *[^#\n]+", ": ", path.read_text("utf-8"))


def test_stage_scripts_are_thin_and_shadow_nothing():
    for path in (ROOT / "stages").glob("*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= 60
        assert path.stem not in sys.stdlib_module_names, f"{path} would hide the standard library's {path.stem}"
