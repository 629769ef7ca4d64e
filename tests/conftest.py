"""Fixtures that several test modules share."""

import os
import shutil
from pathlib import Path

import pytest
from tests.small_run import SMALL, run_stages, small_params

from emoforge.project.layout import Layout

REPOSITORY = Path(__file__).resolve().parent.parent


def _corpus_root(name: str) -> Path:
    """Where a real corpus lies: under ``EMOFORGE_CORPORA``, else beside the checkout in ``../shared/corpora``."""
    base = Path(os.environ.get("EMOFORGE_CORPORA", REPOSITORY.parent / "shared" / "corpora"))
    root = base / name
    if not root.is_dir():
        pytest.skip(f"the {name} corpus is not on this machine (set EMOFORGE_CORPORA to the folder that holds it)")
    return root


@pytest.fixture(scope="session")
def ravdess_root() -> Path:
    return _corpus_root("ravdess")


@pytest.fixture(scope="session")
def nemo_root() -> Path:
    return _corpus_root("nemo")


@pytest.fixture(scope="session")
def urdu_root() -> Path:
    return _corpus_root("urdu")


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory) -> Path:
    from emoforge.corpora.importers.demo import generate

    folder = tmp_path_factory.mktemp("corpus") / "demo"
    generate(folder, voices=SMALL["demo"]["voices"], sentences=SMALL["demo"]["sentences"], seed=0, workers=1)
    return folder


@pytest.fixture(scope="session")
def small_run(small_corpus, tmp_path_factory) -> Layout:
    return run_stages(small_params(small_corpus), tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def finished_set(tmp_path_factory) -> Layout:
    """A project with a published set that no test may change."""
    from tests.small_set import make_project

    from emoforge.corpora.importers.demo import generate

    folder = tmp_path_factory.mktemp("finished")
    generate(folder / "corpus", voices=6, sentences=2, seed=0, workers=1)
    return make_project(folder / "project", folder / "corpus")


@pytest.fixture
def own_set(finished_set, tmp_path) -> Layout:
    """A copy of it to change."""
    return Layout(shutil.copytree(finished_set.root, tmp_path / "project"))
