"""Commands on single recordings."""

from pathlib import Path
from typing import Annotated

import typer

from emoforge.cli.common import ProjectOption, run_stage


def convert(
    recording: Annotated[
        Path | None, typer.Argument(help="A neutral recording. Without one, the stage convert of the project runs.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Target emotion, such as anger.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the conversion.")] = None,
    intensity: Annotated[float, typer.Option(min=0.0, max=1.0, help="How strong the emotion is made.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed gives another performance.")] = 0,
    converter: Annotated[
        Path | None, typer.Option(help="Folder of a fitted converter.", show_default="the one that comes with emoforge")
    ] = None,
    style: Annotated[
        Path | None, typer.Option(help="A recording whose manner is copied, where the converter can.")
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option("--project", "-C", help="Folder that holds params.yaml; with a recording, its converter is used."),
    ] = None,
) -> None:
    """Convert one recording, or without one run the stage convert: neutral clips → every target emotion."""
    if recording is None:
        if to or output or style:
            raise typer.BadParameter("--to, --output and --style need a recording to convert")
        run_stage("convert", project or Path())
        return
    if to is None or output is None:
        raise typer.BadParameter("a recording needs --to EMOTION and --output FILE")
    from emoforge.project.layout import Layout
    from emoforge.recording.convert import convert_file

    if converter is None and project is not None:
        converter = Layout(project).stage("converter")
    made = convert_file(recording, output, to=to, intensity=intensity, seed=seed, converter=converter, style=style)
    print(f"{made.path}: {made.emotion}, intensity {intensity:g}, {made.duration_s:.2f} s ({made.converter})")


def predict(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings of one speaker.")],
    model: Annotated[
        Path | None, typer.Option(help="Folder of a recogniser.", show_default="the project's models/synthetic")
    ] = None,
    enrol: Annotated[
        list[Path] | None, typer.Option(help="A neutral recording of the same speaker; may be given several times.")
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Say which emotion a recogniser hears, calibrated to the speaker by neutral recordings."""
    from emoforge.project.layout import Layout
    from emoforge.recording.predict import load_recogniser
    from emoforge.recording.signals import opened

    recogniser = load_recogniser(model or Layout(project).models / "synthetic")

    def clip(path: Path):
        with opened(path) as file:
            return recogniser.clip(file)

    enrolment = recogniser.enrolled([clip(path) for path in enrol or []])
    for path in recordings:
        answer = recogniser.answer(clip(path), enrolment)
        ranked = sorted(answer.items(), key=lambda item: -item[1])
        print(f"{path}: " + ", ".join(f"{emotion} {probability:.2f}" for emotion, probability in ranked))


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (convert, predict):
        app.command()(command)
