"""Folders that are slow to fill, filled once for all processes that run the tests side by side."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def filled_once(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], object]) -> Path:
    """Return the folder *name*, which ``fill(folder)`` filled, whichever process came first; no test may change it.

    *fill* is given a folder that does not exist yet. Where it fails, the next process tries again.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Every worker has its own folder in the one of the whole run.
        base = base.parent
    folder, done = base / name, base / f"{name}.done"
    with FileLock(base / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            fill(folder)
            done.touch()
    return folder
