"""Fixtures that several test modules share."""

import os
import shutil
from pathlib import Path

import pytest
from tests.shared_folders import filled_once
from tests.small_run import SMALL, run_stages, small_params

from emoforge.project.layout import Layout

if "PYTEST_XDIST_WORKER" in os.environ:
    # Side by side, every process keeps to one core; numeric libraries read this when they are loaded.
    os.environ["OMP_NUM_THREADS"] = "1"

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    """Encoders are kept apart from those of the user who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


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
def crema_d_root() -> Path:
    return _corpus_root("crema-d")


@pytest.fixture(scope="session")
def emodb_root() -> Path:
    return _corpus_root("emodb")


@pytest.fixture(scope="session")
def emovo_root() -> Path:
    return _corpus_root("emovo")


@pytest.fixture(scope="session")
def librispeech_root() -> Path:
    return _corpus_root("librispeech")


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory) -> Path:
    """A demo corpus of six voices and three sentences that no test may change."""
    from emoforge.corpora.importers.demo import generate

    return filled_once(
        tmp_path_factory,
        "small_corpus",
        lambda folder: generate(
            folder, voices=SMALL["demo"]["voices"], sentences=SMALL["demo"]["sentences"], seed=0, workers=1
        ),
    )


@pytest.fixture(scope="session")
def small_run(small_corpus, tmp_path_factory) -> Layout:
    """A project on it in which every stage has run; no test may change it."""
    return Layout(filled_once(tmp_path_factory, "small_run", lambda root: run_stages(small_params(small_corpus), root)))


@pytest.fixture(scope="session")
def finished_set(tmp_path_factory) -> Layout:
    """A project with a published set that no test may change."""
    from tests.finished_set import make_project

    from emoforge.corpora.importers.demo import generate

    def fill(folder: Path) -> None:
        generate(folder / "corpus", voices=6, sentences=2, seed=0, workers=1)
        make_project(folder / "project", folder / "corpus")

    return Layout(filled_once(tmp_path_factory, "finished_set", fill) / "project")


@pytest.fixture
def own_set(finished_set, tmp_path) -> Layout:
    """A copy of it to change."""
    return Layout(shutil.copytree(finished_set.root, tmp_path / "project"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that hold slow tests first: side by side, no process is left alone with a long file at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
