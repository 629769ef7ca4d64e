"""Commands that run one stage of the project."""

from pathlib import Path
from typing import Annotated

import typer

from emoforge.cli.common import ProjectOption, run_stage


def demo(project: ProjectOption = Path()) -> None:
    """Write the demo corpus, spoken by eSpeak NG."""
    run_stage("demo", project)


def ingest(project: ProjectOption = Path()) -> None:
    """Take in the recordings of the corpus. Writes clip store and manifest, and fixes speaker-disjoint splits."""
    run_stage("ingest", project)


def prosody(project: ProjectOption = Path()) -> None:
    """Compute frame tracks and functionals of every clip."""
    run_stage("prosody", project)


def embed(project: ProjectOption = Path()) -> None:
    """Embed every clip by the pretrained encoder. Without its weights, what follows works on functionals."""
    run_stage("embed", project)


def fit_converter(
    project: ProjectOption = Path(),
    also: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of another project whose training speakers it learns from too; may be given several times. "
            "For `dvc repro`, set `fit_converter.also` in params.yaml instead."
        ),
    ] = None,
    all_speakers_to: Annotated[
        Path | None,
        typer.Option(
            help="Learn from those who validate and test as well, and write the converter to this folder: for others "
            "to go on from (`fit_converter.neural.base`), or to give away. The project's own converter stays."
        ),
    ] = None,
) -> None:
    """Fit the converter to the training speakers. With --also, to those of other projects too."""
    run_stage("fit_converter", project, also=also or [], all_speakers_to=all_speakers_to)


def augment(project: ProjectOption = Path()) -> None:
    """Augment the real training clips classically."""
    run_stage("augment", project)


def score(project: ProjectOption = Path()) -> None:
    """Score every converted clip. Quality, and a judge's confidence in the emotion; no threshold is applied here."""
    run_stage("score", project)


def select(project: ProjectOption = Path()) -> None:
    """Decide which converted clips are kept. By thresholds, ratio and class balance; says why others are not."""
    run_stage("select", project)


def publish(project: ProjectOption = Path()) -> None:
    """Write the kept clips as a dataset. Hugging Face `datasets` loads it."""
    run_stage("publish", project)


def train(project: ProjectOption = Path()) -> None:
    """Train one recogniser per arm. The arms are real, classical, synthetic, and both together."""
    run_stage("train", project)


def evaluate(project: ProjectOption = Path()) -> None:
    """Test the arms on unseen speakers. Nothing was learnt from their recordings before."""
    run_stage("evaluate", project)


def report(project: ProjectOption = Path()) -> None:
    """Write an HTML page with results and audio."""
    run_stage("report", project)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (
        demo,
        ingest,
        prosody,
        embed,
        fit_converter,
        augment,
        score,
        select,
        publish,
        train,
        evaluate,
        report,
    ):
        app.command()(command)
