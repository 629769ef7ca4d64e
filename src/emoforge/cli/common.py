"""What several groups of commands share: options, and how results are printed."""

import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

ProjectOption = Annotated[
    Path, typer.Option("--project", "-C", help="Folder that holds params.yaml.", show_default="the current folder")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def command_line() -> str:
    """Return the command as it was given, for results that say how they can be made again."""
    return shlex.join(["emoforge", *sys.argv[1:]])


def run_stage(name: str, project: Path, **choices: object) -> None:
    """Run a stage by its name, with *choices* beyond those of params.yaml."""
    from emoforge.project.stage_code import CODE_FILE, outdated
    from emoforge.stages import runner

    if outdated(project, name):
        line = f"the installed code is not that of {CODE_FILE}; run `emoforge update`, then `dvc repro`"
        print(f"{name}: warning: {line}", file=sys.stderr)
    runner.run_stage(name, partial(import_module(f"emoforge.stages.{name}").run, **choices), root=project)


def print_result(value: dict, lines: Callable[[dict], list[str]] | None, *, as_json: bool) -> None:
    """Print *value* as JSON, or as what *lines* makes of it."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False) if as_json or lines is None else "\n".join(lines(value)))


def print_table(rows: Sequence[dict], *, title: str | None = None) -> None:
    """Print *rows*, which share their keys, as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*rows[0], box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    # In a pipe there is no width to fit into: a row stays on a line, so that grep finds it whole.
    console = Console(width=None if sys.stdout.isatty() else 250)
    if title:
        console.print(title, style="bold", highlight=False)
    console.print(table)
