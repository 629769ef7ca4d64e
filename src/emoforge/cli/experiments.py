"""Commands that ask questions of the whole pipeline."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emoforge.cli.common import ProjectOption, command_line

if TYPE_CHECKING:
    from emoforge.experiments.helpfulness.recommend import Recommendation
    from emoforge.experiments.helpfulness.settings import Setting


def study(
    name: Annotated[str, typer.Argument(help="Name of a file in studies/ without its suffix, or a path of one.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where results go.", show_default="studies/NAME")
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Run a study: when synthetic emotion helps, or how well emotion is recognised."""
    from emoforge.experiments.studies import RECOGNITION, kind_of, study_path

    # Imported by what is asked: either kind waits for no other.
    if kind_of(study_path(name, project)) == RECOGNITION:
        from emoforge.experiments.recognition.study import run
    else:
        from emoforge.experiments.helpfulness.study import run

    done = run(name, root=project, output=output, command=command_line(), report=_say)
    print(f"study: {done.n_rows} rows in {done.results} ({done.seconds:.0f} s)")


def recommend(
    write: Annotated[bool, typer.Option("--write", help="Write the advice into params.yaml.")] = False,
    project: ProjectOption = Path(),
) -> None:
    """Say whether synthetic clips help here. And how many, and which: by validation on training speakers alone."""
    typer.echo("recommend: validates on the training speakers; what it computes is kept for the next time", err=True)
    from emoforge.experiments.helpfulness.recommend import run

    found = run(root=project, write=write, report=_say)
    for line in _advice(found):
        print(line)
    if write:
        print("params.yaml now says so; `dvc repro` runs what changes")
    elif _left_to_advice(project):
        # DVC sees that a key is `auto`, not what it stands for.
        print("`dvc repro --force select train evaluate report` runs what it changes")


def evaluate_conversion(
    protocol: Annotated[Path, typer.Argument(help="The protocol, a YAML file in the project.")] = Path(
        "studies/conversion.yaml"
    ),
    systems: Annotated[str, typer.Option(help="Only these systems of the protocol, separated by commas.")] = "",
    corpora: Annotated[str, typer.Option(help="Only these corpora of the protocol, separated by commas.")] = "",
    rotations: Annotated[str, typer.Option(help="Only these rotations of speakers, such as 0,1.")] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where results go.", show_default="studies/NAME, for the whole protocol"),
    ] = None,
    samples: Annotated[
        tuple[int, Path] | None,
        typer.Option(help="Write N conversions of each corpus to FOLDER, as WAV.", metavar="N FOLDER"),
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Compare converters on the same clips. By emotion, voice, words, naturalness and real performances.

    Judges say which emotion they hear. A probe says how well conversions can be told from real clips (`probe_auc`, .5
    to 1, to be below .8). `word_error` is that of a transcription, in English. `neutral_recall` says how often neutral
    stays neutral. References (the protocol's `ladder`) are given the speaker's own emotional clip: they show the
    ceiling.
    """
    from emoforge.experiments.conversion.evaluation import run

    numbers = _listed(rotations)
    if not all(number.isdecimal() for number in numbers):
        raise typer.BadParameter(f"--rotations takes numbers separated by commas, not {rotations!r}")
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


def _say(description: str, number: int, unit: str) -> None:
    """Say what is computed next: where there is no terminal for a progress bar, minutes pass without a sign of life."""
    typer.echo(f"{description}: {number} {unit}{'' if number == 1 else 's'}", err=True)


def _advice(found: "Recommendation") -> list[str]:
    from emoforge.experiments.helpfulness.choice import CONFIDENCE, LEAST_SPEAKERS

    few = found.n_speakers < LEAST_SPEAKERS
    gain = "no gain can be measured with so few speakers"
    if found.gain is not None:
        gain = (
            f"{100 * found.gain.value:+.1f} points of UAR, {100 * CONFIDENCE:.0f} % interval "
            f"{100 * found.gain.ci_low:+.1f} to {100 * found.gain.ci_high:+.1f}, over {found.real_uar:.3f} on "
            f"{found.n_speakers} training speakers"
        )
    if found.advised:
        lines = [f"recommend: {_keys(found.advised)}", f"expected gain: {gain}"]
    else:
        lines = ["recommend: use no synthetic data here", f"best setting tried: {_keys(found.best)}: {gain}"]
        if few:
            lines.append(f"below {LEAST_SPEAKERS} training speakers nothing is advised, whatever the interval")
    lines.append(f"validated with the recogniser {found.recogniser} and a judge of functionals")
    if found.classical_uar > max(found.best_uar, found.real_uar):
        lines.append(
            f"classical augmentation does better: UAR {found.classical_uar:.3f} with ratio {found.classical.ratio:g} "
            f"and weight {found.classical.weight:g}, against {found.best_uar:.3f} of the best setting with synthetic "
            f"clips and {found.real_uar:.3f} of real clips alone"
        )
    return lines


def _keys(setting: "Setting") -> str:
    from emoforge.evaluation.arms import IN_PIPELINE

    return (
        f"arm {IN_PIPELINE[setting.arm]}, select.ratio {setting.ratio:g}, select.min_confidence "
        f"{setting.min_confidence:g}, train.added_weight {setting.weight:g}"
    )


def _left_to_advice(project: Path) -> bool:
    from emoforge.project.params import AUTO, load_params

    params = load_params(project / "params.yaml")
    return AUTO in (params.select.ratio, params.select.min_confidence, params.train.added_weight)


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (study, recommend, evaluate_conversion):
        app.command()(command)
