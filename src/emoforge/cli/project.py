"""Commands on the project and this installation."""

from pathlib import Path
from typing import Annotated

import typer

from emoforge.cli.common import ProjectOption


def new(folder: Annotated[Path, typer.Argument(help="Folder for the project; made if it is not there.")]) -> None:
    """Write a new project. The pipeline on the demo corpus, its params, and a README.md with the next commands."""
    from emoforge.project.scaffold import create_project

    history = create_project(folder)
    if not history.git:
        kept = "under DVC alone: git is not installed, so `dvc exp run` and sharing have to wait for it"
    elif history.top is None:
        kept = "under git and DVC"
    else:
        kept = f"under DVC, inside the git repository {history.top}"
    print(f"{folder}: a project on the demo corpus, {kept}. Next: `cd {folder}` and `dvc repro`; README.md goes on.")


def update(project: ProjectOption = Path()) -> None:
    """Let stages run again whose code has changed. For projects of `emoforge new`, after an installation."""
    from emoforge.project.stage_code import update_code

    changed = update_code(project)
    print(
        f"`dvc repro` runs again: {', '.join(changed)}" if changed else "the code of every stage is the installed one"
    )


def params(project: ProjectOption = Path()) -> None:
    """Explain every key of params.yaml."""
    from emoforge.project.params import explain, load_params

    for line in explain(load_params(project / "params.yaml")):
        print(line)


def doctor(project: ProjectOption = Path()) -> None:
    """Say what is installed and what is missing. Also which device computes, and where the corpora are."""
    from emoforge.project.doctor import examine

    for line in examine(project):
        print(line)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (new, update, params, doctor):
        app.command()(command)
