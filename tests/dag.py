"""What `make dag` writes: the code that every stage of dvc.yaml depends on, and the template of `emoforge new`.

The code is computed, as DVC follows no imports. The template is this repository's own dvc.yaml and params.yaml, for a
project that has neither our scripts nor our sources.
"""

import re
from pathlib import Path

import yaml

from emoforge.project.checksums import PACKAGE, READ_BESIDE, code_of
from emoforge.project.stage_code import CODE_FILE

ROOT = Path(__file__).resolve().parent.parent
DAG = ROOT / "dvc.yaml"
TEMPLATE = PACKAGE / "project" / "template"
_HEADER = """\
# The stages of emoforge. Each depends on its code through the checksum in code.yaml.
#
# Below metrics/ git keeps the files, whose names are always the same, and DVC the folders, whose files differ by run.
"""


def script_of(stage: str, stages: dict) -> Path:
    command, path = stages[stage]["cmd"].split()
    assert command == "python"
    return ROOT / path


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
    """Bring the code in every stage's deps up to date, and the template; the rest of dvc.yaml stays as it is."""
    text = DAG.read_text("utf-8")
    stages = yaml.safe_load(text)["stages"]
    for stage in stages:
        lines = "".join(f"      - {dep}\n" for dep in deps_of(stage, script_of(stage, stages)))
        block = re.compile(rf"(\n  {stage}:\n(?:    .*\n)*?)      - stages/.*\n(?:      - src/.*\n)*")
        text, n = block.subn(lambda found, lines=lines: found[1] + lines, text, count=1)
        assert n == 1, stage
    DAG.write_text(text, "utf-8")
    (TEMPLATE / "dvc.yaml").write_text(template_of(text), "utf-8")
    (TEMPLATE / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())


def template_of(text: str) -> str:
    """Return the dvc.yaml *text* with commands for scripts, and a checksum for the code that a stage lists."""
    text = _HEADER + text[text.index("stages:\n") :]
    text = re.sub(r"      - (?:stages|src)/.*\n", "", text)
    text = re.sub(r"    deps:\n(?!      )", "", text)
    for stage in yaml.safe_load(text)["stages"]:
        block = re.compile(rf"(\n  {stage}:\n)    cmd: python stages/\w+\.py\n    params: \[(.*)\]\n")
        lines = f"    cmd: emoforge {stage.replace('_', '-')}\n    params: [\\2, {{{CODE_FILE}: [{stage}]}}]\n"
        text, n = block.subn(rf"\1{lines}", text)
        assert n == 1, stage
    return text


if __name__ == "__main__":
    write()
