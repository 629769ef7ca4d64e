"""Models on disk: ``converter.json`` says what it is, ``converter.safetensors`` holds the arrays."""

# ruff: noqa: PTH103, PTH118, PTH123

import json
import os
from os import PathLike
from typing import Any

import numpy as np

from emoforge.errors import ModelError

FORMAT = 1
_JSON = "converter.json"
_ARRAYS = "converter.safetensors"


def write_model(
    folder: str | PathLike[str], *, kind: str, description: dict[str, Any], arrays: dict[str, np.ndarray] | None = None
) -> None:
    """Write a model of *kind*: *description* as JSON, *arrays* as safetensors."""
    from safetensors.numpy import save_file

    os.makedirs(folder, exist_ok=True)
    if arrays:
        save_file(
            {name: np.ascontiguousarray(values) for name, values in arrays.items()}, os.path.join(folder, _ARRAYS)
        )
    with open(os.path.join(folder, _JSON), "w", encoding="utf-8") as file:
        json.dump({"kind": kind, "format": FORMAT, **description}, file, ensure_ascii=False, indent=1, sort_keys=True)
        file.write("\n")


def read_description(folder: str | PathLike[str], *, kind: str | None = None) -> dict[str, Any]:
    """Return the JSON of a model, of *kind* if given.

    Raises:
        ModelError: there is no such file, it is no converter, or one of another kind or format.
    """
    path = os.path.join(folder, _JSON)
    try:
        with open(path, encoding="utf-8") as file:
            description = json.load(file)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; fit a converter into this folder first") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not JSON ({error}); fit the converter again") from None
    if not isinstance(description, dict) or "kind" not in description:
        raise ModelError(f"{path}: key 'kind' is missing; fit the converter again")
    if description.get("format") != FORMAT:
        raise ModelError(f"{path}: format {description.get('format')!r}, this version reads {FORMAT}; fit it again")
    if kind is not None and description["kind"] != kind:
        raise ModelError(f"{path}: a {description['kind']!r} converter, not {kind!r}; load it by its own kind")
    return description


def read_arrays(folder: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Return the arrays of a model.

    Raises:
        ModelError: the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = os.path.join(folder, _ARRAYS)
    try:
        return load_file(path)
    except (FileNotFoundError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); fit the converter again") from None
