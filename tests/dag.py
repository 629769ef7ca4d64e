"""The code that every stage of dvc.yaml depends on: computed, as DVC follows no imports, and written by `make dag`."""

import re
from pathlib import Path

import yaml

from emoforge.project.checksums import PACKAGE, import_closure

ROOT = Path(__file__).resolve().parent.parent
DAG = ROOT / "dvc.yaml"
#: Whose modules are looked up by name, which no reader of imports sees: module that looks up → folder that it looks in.
LOOKED_UP = {
    PACKAGE / "convert/registry.py": PACKAGE / "convert",
    PACKAGE / "corpora/registry.py": PACKAGE / "corpora",
}
#: Stages that ask the registry of corpora for more than names, which params.yaml is checked against in every stage.
READS_CORPORA = ("demo", "ingest", "publish")
#: Files of the package that modules in the same folder read.
READ_BESIDE = (".jinja", ".css", ".safetensors")


def script_of(stage: str, stages: dict) -> Path:
    command, path = stages[stage]["cmd"].split()
    assert command == "python"
    return ROOT / path


def code_of(stage: str, script: Path) -> set[Path]:
    """Files that the stage runs or reads from the package: modules with content, templates and weights beside them."""
    closure = import_closure(script)
    files = {file for file in closure if file.stat().st_size}
    for registry, folder in LOOKED_UP.items():
        if registry in closure and (folder.name != "corpora" or stage in READS_CORPORA):
            files |= {file for file in folder.rglob("*.py") if file.stat().st_size}
    beside = {path for file in files for path in file.parent.iterdir() if path.suffix in READ_BESIDE}
    return {script, *files, *beside}


def deps_of(stage: str, script: Path) -> list[str]:
    """The same as few paths: a folder stands for all of its files where the stage uses every one."""
    files = code_of(stage, script)
    found, todo = [], [PACKAGE]
    while todo:
        for path in sorted(todo.pop().iterdir()):
            content = _content(path) if path.is_dir() else {path}
            if content and content <= files:
                found.append(path)
            elif path.is_dir() and content & files:
                todo.append(path)
    return [script.relative_to(ROOT).as_posix(), *sorted(path.relative_to(ROOT).as_posix() for path in found)]


def _content(folder: Path) -> set[Path]:
    kinds = (".py", *READ_BESIDE)
    return {path for path in folder.rglob("*") if path.is_file() and path.suffix in kinds and path.stat().st_size}


def write() -> None:
    """Bring the code in every stage's deps up to date; the rest of the file stays as it is."""
    text = DAG.read_text("utf-8")
    stages = yaml.safe_load(text)["stages"]
    for stage in stages:
        lines = "".join(f"      - {dep}\n" for dep in deps_of(stage, script_of(stage, stages)))
        block = re.compile(rf"(\n  {stage}:\n(?:    .*\n)*?)      - stages/.*\n(?:      - src/.*\n)*")
        text, n = block.subn(lambda found, lines=lines: found[1] + lines, text, count=1)
        assert n == 1, stage
    DAG.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
