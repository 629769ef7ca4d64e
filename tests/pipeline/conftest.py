"""A whole run of the pipeline on a small demo corpus, shared by the tests that look at what it left."""

from importlib import import_module
from pathlib import Path

import pytest
import yaml

from emoforge.params import Params
from emoforge.pipeline.layout import Layout

STAGES = (
    "ingest",
    "prosody",
    "fit_converter",
    "convert",
    "augment",
    "score",
    "select",
    "publish",
    "train",
    "evaluate",
    "report",
)
SMALL = {
    "demo": {"voices": 6, "sentences": 3},
    "ingest": {"n_folds": 3, "val_speakers": 1, "enrolment_clips": 1, "emotions": ["neutral", "anger", "sadness"]},
    "score": {"judge_folds": 3},
    "evaluate": {"draws": 200},
    "report": {"examples": 2},
}


def small_params(corpus_root: Path, *, workers: int = 1, **changes: dict) -> Params:
    """The committed params on a corpus small enough for a test."""
    values = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text("utf-8"))
    for section, entries in [*SMALL.items(), *changes.items()]:
        values[section] |= entries
    values["corpus"]["root"] = str(corpus_root)
    values["workers"] = workers
    return Params.model_validate(values)


def run_stages(params: Params, root: Path, stages: tuple[str, ...] = STAGES) -> Layout:
    layout = Layout(root)
    for stage in stages:
        import_module(f"emoforge.pipeline.{stage}").run(params, layout)
    return layout


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory) -> Path:
    from emoforge.corpora.demo import generate

    folder = tmp_path_factory.mktemp("corpus") / "demo"
    generate(folder, voices=SMALL["demo"]["voices"], sentences=SMALL["demo"]["sentences"], seed=0, workers=1)
    return folder


@pytest.fixture(scope="session")
def small_run(small_corpus, tmp_path_factory) -> Layout:
    return run_stages(small_params(small_corpus), tmp_path_factory.mktemp("run"))
