"""Commands on the project and this installation."""

from pathlib import Path

import typer

from emoforge.cli.common import ProjectOption


def params(project: ProjectOption = Path()) -> None:
    """Print every key of params.yaml with its value and what it means."""
    from emoforge.project.params import explain, load_params

    for line in explain(load_params(project / "params.yaml")):
        print(line)


def doctor(project: ProjectOption = Path()) -> None:
    """Say what is installed, which device computes, and where the corpora are."""
    from emoforge.project.doctor import examine

    for line in examine(project):
        print(line)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (params, doctor):
        app.command()(command)
