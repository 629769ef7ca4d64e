"""Commands that run one stage of the project."""

from pathlib import Path
from typing import Annotated

import typer

from emoforge.cli.common import ProjectOption, run_stage


def demo(project: ProjectOption = Path()) -> None:
    """Write the demo corpus, spoken by eSpeak NG."""
    run_stage("demo", project)


def ingest(project: ProjectOption = Path()) -> None:
    """Recordings → clip store and manifest, with speaker-disjoint splits."""
    run_stage("ingest", project)


def prosody(project: ProjectOption = Path()) -> None:
    """Frame tracks and functionals of every clip."""
    run_stage("prosody", project)


def fit_converter(
    project: ProjectOption = Path(),
    also: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of another project whose training speakers are learnt from too; may be given several times. "
            "What `dvc repro` is to keep stands in params.yaml."
        ),
    ] = None,
) -> None:
    """Fit the conversion model to the training speakers, of this project or of several."""
    run_stage("fit_converter", project, also=also or [])


def augment(project: ProjectOption = Path()) -> None:
    """Classical augmentation of the real training clips."""
    run_stage("augment", project)


def score(project: ProjectOption = Path()) -> None:
    """Every quality and confidence score of every converted clip."""
    run_stage("score", project)


def select(project: ProjectOption = Path()) -> None:
    """Thresholds, ratio and balance → kept clips, and why others are not."""
    run_stage("select", project)


def publish(project: ProjectOption = Path()) -> None:
    """Write the kept clips as a dataset that Hugging Face `datasets` loads."""
    run_stage("publish", project)


def train(project: ProjectOption = Path()) -> None:
    """Train one recogniser an arm: real, classical, synthetic and both."""
    run_stage("train", project)


def evaluate(project: ProjectOption = Path()) -> None:
    """Measure the arms on speakers that nothing before has heard."""
    run_stage("evaluate", project)


def report(project: ProjectOption = Path()) -> None:
    """Write a page to look at and listen to."""
    run_stage("report", project)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    for command in (demo, ingest, prosody, fit_converter, augment, score, select, publish, train, evaluate, report):
        app.command()(command)
