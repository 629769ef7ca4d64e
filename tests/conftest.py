"""Fixtures that several test modules share."""

import os
from pathlib import Path

import pytest

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
