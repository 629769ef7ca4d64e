"""Models on disk: one JSON file says what a model is, one safetensors file beside it holds the arrays.

Neither runs code when it is read. The same model gives the same bytes.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emoforge.base.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """How one type of model is stored in a folder of its own: ``<noun>.json`` and ``<noun>.safetensors``.

    The JSON holds the model's description, its kind and the version of what is written for that kind. Readers refuse
    kinds and versions that they do not know.

    Attributes:
        noun: word for such a model, for example "converter"; also the stem of the file names.
        missing: what the error line says when there is no model.
        again: what the error line says to do when the model cannot be used.
        version_key: the key in the JSON that holds the version.
        indent: of the JSON.
    """

    noun: str
    missing: str
    again: str
    version_key: str
    indent: int

    def write(
        self,
        folder: str | os.PathLike,
        *,
        kind: str,
        version: int,
        description: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Write a model into *folder*, made if it is not there.

        Args:
            folder: where the files go.
            kind: of the model.
            version: of what this kind writes.
            description: what JSON can hold.
            arrays: of any shape; one of shape () comes back with shape (1,). Without any, no file of arrays is made.
        """
        from safetensors.numpy import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if arrays:
            contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
            save_file(contiguous, self._arrays_path(folder))
        content = {**description, "kind": kind, self.version_key: version}
        text = json.dumps(content, ensure_ascii=False, indent=self.indent, sort_keys=True)
        self._json_path(folder).write_text(text + "\n", "utf-8")

    def read_description(
        self, folder: str | os.PathLike, *, kind: str | None = None, version: int | None = None
    ) -> dict[str, Any]:
        """Return the JSON of the model in *folder*, checked to be of *kind* and *version* where these are given.

        Raises:
            ModelError: the file is missing or damaged, or the model is of another kind or version.
        """
        path = self._json_path(folder)
        try:
            description = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise ModelError(f"{path}: {self.missing}") from None
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error}); {self.again}") from None
        except ValueError as error:
            raise ModelError(f"{path}: not JSON ({error}); {self.again}") from None
        if not isinstance(description, dict) or "kind" not in description:
            raise ModelError(f"{path}: key 'kind' is missing; {self.again}")
        if kind is not None and description["kind"] != kind:
            raise ModelError(f"{path}: a {description['kind']!r} {self.noun}, not {kind!r}; load it by its own kind")
        if version is not None and description.get(self.version_key) != version:
            raise ModelError(
                f"{path}: {self.version_key} {description.get(self.version_key)!r}, this emoforge reads {version}; "
                f"{self.again}"
            )
        return description

    def read_arrays(self, folder: str | os.PathLike) -> dict[str, np.ndarray]:
        """Return the arrays of the model in *folder*.

        Raises:
            ModelError: the file is missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self._arrays_path(folder)
        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path}: missing or damaged ({error}); {self.again}") from None

    @contextmanager
    def rebuilding(self, folder: str | os.PathLike) -> Iterator[None]:
        """Turn errors of the block, which rebuilds a model from the files in *folder*, into one line.

        Raises:
            ModelError: the block misses a key or an array, or torch refuses the arrays of a network.
        """
        try:
            yield
        except KeyError as error:
            raise ModelError(f"{os.fspath(folder)}: the {self.noun} lacks {error}; {self.again}") from error
        except RuntimeError as error:
            # torch's own message has a line for every array.
            raise ModelError(f"{os.fspath(folder)}: the {self.noun} is damaged; {self.again}") from error

    def _json_path(self, folder: str | os.PathLike) -> Path:
        return Path(folder) / f"{self.noun}.json"

    def _arrays_path(self, folder: str | os.PathLike) -> Path:
        return Path(folder) / f"{self.noun}.safetensors"


def version_of(folder: str | os.PathLike) -> tuple[tuple[str, int, int], ...]:
    """Return a stamp that changes when the model in *folder* is written again: name, time and size of its files."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return tuple(
        (path.relative_to(folder).as_posix(), status.st_mtime_ns, status.st_size)
        for path, status in ((path, path.stat()) for path in files)
    )
