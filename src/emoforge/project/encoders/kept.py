"""Weights on this machine: kept as safetensors after they were first read, and checked whenever they are read again."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from emoforge.base.errors import ModelError
from emoforge.base.models import ModelFiles

#: ``encoder.json`` says how an encoder is built, ``encoder.safetensors`` holds its weights.
ENCODER_FILES = ModelFiles(
    noun="encoder",
    missing="not found; put encoder.json and encoder.safetensors there",
    again="fetch or export the encoder again",
    version_key="version",
    indent=2,
)
VERSION = 1
#: Kind of an encoder whose weights are an ONNX file, kept as ``encoder.onnx``.
ONNX = "onnx"


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


def keep(
    name: str,
    *,
    kind: str,
    description: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray] | None = None,
    onnx: Path | None = None,
) -> Path:
    """Keep the weights of the encoder *name* and return the folder; one that is there already stays as it is.

    Args:
        name: of the encoder.
        kind: of :data:`emoforge.ser.encoders.kinds.KINDS`, or :data:`ONNX`.
        description: what encoder.json is to say.
        arrays: its weights.
        onnx: the file instead of arrays.

    Raises:
        ModelError: the folder cannot be written.
    """
    folder = kept_folder(name)
    aside = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may read an encoder for the first time at once: each writes a folder of its own.
        aside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
        if onnx is not None:
            shutil.copyfile(onnx, aside / "encoder.onnx")
        ENCODER_FILES.write(aside, kind=kind, version=VERSION, description=description, arrays=arrays)
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
    return folder
