"""Converters on disk: ``converter.json`` says what it is, ``converter.safetensors`` holds the arrays."""

from os import PathLike
from typing import Any

import numpy as np

from emoforge.base.models import ModelFiles

FORMAT = 1
_FILES = ModelFiles(
    noun="converter",
    missing="no such file; fit a converter into this folder first",
    again="fit the converter again",
    version_key="format",
    indent=1,
)

#: Turns what a damaged converter raises into a line; see :meth:`emoforge.base.models.ModelFiles.rebuilding`.
rebuilding = _FILES.rebuilding


def write_model(
    folder: str | PathLike[str], *, kind: str, description: dict[str, Any], arrays: dict[str, np.ndarray] | None = None
) -> None:
    """Write a converter of *kind*: *description* as JSON, *arrays* as safetensors."""
    _FILES.write(folder, kind=kind, version=FORMAT, description=description, arrays=arrays)


def read_description(folder: str | PathLike[str], *, kind: str | None = None) -> dict[str, Any]:
    """Return the JSON of a converter, of *kind* if given.

    Raises:
        ModelError: there is no such file, it is no converter, or one of another kind or format.
    """
    return _FILES.read_description(folder, kind=kind, version=FORMAT)


def read_arrays(folder: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Return the arrays of a converter.

    Raises:
        ModelError: the file is missing or damaged.
    """
    return _FILES.read_arrays(folder)
