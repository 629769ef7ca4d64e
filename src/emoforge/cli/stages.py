"""Commands that run one stage of the project."""

from pathlib import Path
from typing import Annotated

import typer

from emoforge.cli.common import ProjectOption, run_stage


def demo(project: ProjectOption = Path()) -> None:
    """Write the demo corpus, spoken by eSpeak NG."""
    run_stage("demo", project)


def ingest(project: ProjectOption = Path()) -> None:
    """Decode the recordings into a clip store with a manifest, and fix speaker-disjoint splits."""
    run_stage("ingest", project)


def prosody(project: ProjectOption = Path()) -> None:
    """Compute frame tracks and functionals of every clip."""
    run_stage("prosody", project)


def fit_converter(
    project: ProjectOption = Path(),
    also: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of another project whose training speakers it learns from too; may be given several times. "
            "For `dvc repro`, set `fit_converter.also` in params.yaml instead."
        ),
    ] = None,
) -> None:
    """Fit the conversion model to the training speakers, of this project or of several."""
    run_stage("fit_converter", project, also=also or [])


def augment(project: ProjectOption = Path()) -> None:
    """Make classically augmented copies of the real training clips."""
    run_stage("augment", project)


def score(project: ProjectOption = Path()) -> None:
    """Compute every quality and confidence score of every converted clip."""
    run_stage("score", project)


def select(project: ProjectOption = Path()) -> None:
    """Decide by thresholds, ratio and class balance which converted clips are kept, and record why others are not."""
    run_stage("select", project)


def publish(project: ProjectOption = Path()) -> None:
    """Write the kept clips as a dataset that Hugging Face `datasets` loads."""
    run_stage("publish", project)


def train(project: ProjectOption = Path()) -> None:
    """Train one recogniser per arm: real, classical, synthetic and both."""
    run_stage("train", project)


def evaluate(project: ProjectOption = Path()) -> None:
    """Test the arms on speakers from whom nothing was learnt before."""
    run_stage("evaluate", project)


def report(project: ProjectOption = Path()) -> None:
    """Write an HTML page with results to look at and clips to listen to."""
    run_stage("report", project)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (demo, ingest, prosody, fit_converter, augment, score, select, publish, train, evaluate, report):
        app.command()(command)
