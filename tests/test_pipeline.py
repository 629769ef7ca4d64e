"""The DAG against the code: what dvc.yaml says of a stage is what the stage's code does."""

import ast
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
DAG = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))
STAGES = DAG["stages"]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))


def script_of(stage: str) -> Path:
    command, path = STAGES[stage]["cmd"].split()
    assert command == "python"
    return ROOT / path


def module_file(name: str) -> Path | None:
    """The file of a module of the package, or of what a module's attribute is imported from."""
    base = SOURCE / Path(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def imports(path: Path) -> set[Path]:
    """Files of the package that *path* imports, wherever in it the import stands, with their packages' __init__."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "emoforge":
                prefixes = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
                found |= {file for prefix in prefixes if (file := module_file(prefix))}
    return found


def closure(path: Path) -> set[Path]:
    seen: set[Path] = set()
    todo = [path]
    while todo:
        for file in imports(todo.pop()) - seen:
            seen.add(file)
            todo.append(file)
    return seen


def deps_of(stage: str) -> list[str]:
    return [dep for dep in STAGES[stage]["deps"] if "$" not in dep]


def outs_of(stage: str) -> list[str]:
    entries = STAGES[stage].get("outs", []) + STAGES[stage].get("metrics", [])
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_the_code_it_runs(stage):
    script = script_of(stage)
    deps = [ROOT / dep for dep in deps_of(stage)]
    missing = [
        str(file.relative_to(ROOT))
        for file in sorted({script, *closure(script)})
        if file.stat().st_size
        and file != SOURCE / "emoforge/__init__.py"  # holds the version alone
        and not any(file == dep or dep in file.parents for dep in deps)
    ]
    assert not missing, f"dvc.yaml, stage {stage}: deps miss {missing}"


@pytest.mark.parametrize("stage", ["demo", "ingest", "publish"])
def test_a_stage_that_asks_the_registry_depends_on_every_importer(stage):
    # The registry imports them by name when asked, which no reader of imports can see.
    assert "src/emoforge/corpora" in deps_of(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_no_code_it_does_not_run(stage):
    used = {script_of(stage), *closure(script_of(stage))}
    idle = [
        dep
        for dep in deps_of(stage)
        if dep.startswith(("src/", "stages/"))
        and not any(file == ROOT / dep or ROOT / dep in file.parents for file in used)
    ]
    assert not idle, f"dvc.yaml, stage {stage}: deps name {idle}, which it does not import"


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
    own = ROOT / "src/emoforge/pipeline" / f"{stage}.py"
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


def test_every_plot_names_a_file_that_a_stage_makes():
    made = [out for stage in STAGES for out in outs_of(stage)]
    for plot in DAG["plots"]:
        for definition in plot.values():
            for path in definition["y"]:
                assert any(path == out or path.startswith(f"{out}/") for out in made)


def test_stage_scripts_are_thin_and_shadow_nothing():
    for path in (ROOT / "stages").glob("*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= 60
        assert path.stem not in sys.stdlib_module_names, f"{path} would hide the standard library's {path.stem}"
