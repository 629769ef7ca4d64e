"""Commands that ask questions of the whole pipeline."""

from pathlib import Path
from typing import Annotated

import typer

from emoforge.cli.common import ProjectOption, command_line


def study(
    name: Annotated[str, typer.Argument(help="A file in studies/ without its suffix, or a path of one.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where results go.", show_default="studies/NAME")
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Find out when synthetic emotion helps: folds, seeds, arms and ratios, every choice made on training speakers."""
    from emoforge.experiments.helpfulness.study import run

    print(run(name, root=project, output=output))


def recommend(
    write: Annotated[bool, typer.Option("--write", help="Write the advice into params.yaml.")] = False,
    project: ProjectOption = Path(),
) -> None:
    """Say whether synthetic clips help here, and how many and which: by validation on training speakers alone."""
    from emoforge.experiments.helpfulness.recommend import run

    for line in run(root=project, write=write):
        print(line)


def evaluate_conversion(
    protocol: Annotated[Path, typer.Argument(help="The protocol in the project, YAML.")] = Path(
        "studies/conversion.yaml"
    ),
    systems: Annotated[str, typer.Option(help="Only these systems of it, with commas between.")] = "",
    corpora: Annotated[str, typer.Option(help="Only these corpora of it.")] = "",
    rotations: Annotated[str, typer.Option(help="Only these rotations of speakers, such as 0,1.")] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where results go.", show_default="studies/NAME, when all of it is run"),
    ] = None,
    samples: Annotated[
        tuple[int, Path] | None,
        typer.Option(help="Write so many conversions of each corpus as WAV to a folder.", metavar="N FOLDER"),
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Measure every converter on the same clips: emotion, voice, words, naturalness, and against real performances."""
    from emoforge.experiments.conversion.evaluation import run

    numbers = _listed(rotations)
    if not all(number.isdecimal() for number in numbers):
        raise typer.BadParameter(f"--rotations takes numbers with commas between, not {rotations!r}")
    evaluation = run(
        protocol,
        root=project,
        systems=_listed(systems),
        corpora=_listed(corpora),
        chosen_rotations=[int(number) for number in numbers],
        output=output,
        samples=samples,
        command=command_line(),
    )
    if evaluation.output is None:
        print(evaluation.page, end="")
        found = "a part of the protocol, which is written with --output FOLDER only"
    else:
        found = f"{len(evaluation.rows)} rows in {evaluation.output / 'results.json'}"
    print(f"evaluate-conversion: {found} ({evaluation.seconds:.0f} s)")


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (study, recommend, evaluate_conversion):
        app.command()(command)
