"""Encoders in folders: our own layout, that of Hugging Face, CTranslate2's, or an ONNX file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emoforge.base.errors import ModelError, unknown_value
from emoforge.project.checksums import digest, file_sha256
from emoforge.project.encoders.kept import ENCODER_FILES, ONNX, VERSION, weights_sha256

if TYPE_CHECKING:
    from emoforge.ser.encoders.encoder import Network

#: What a folder has to hold, for error lines.
LAYOUTS = (
    "encoder.json and encoder.safetensors, or config.json and model.safetensors of Hugging Face, or model.bin of "
    "CTranslate2, or one .onnx file"
)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An encoder as a folder holds it, read and checked but not built.

    Attributes:
        folder: where it lies.
        kind: of :data:`emoforge.ser.encoders.kinds.KINDS`, or onnx.
        sha256: of its weights.
        standardise: whether signals are brought to mean 0 and variance 1 first.
        arguments: of its model.
        arrays: its weights.
        onnx: its file, of the kind onnx.
    """

    folder: Path
    kind: str
    sha256: str
    standardise: bool
    arguments: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    onnx: Path | None = None

    @property
    def identity(self) -> str:
        """Checksum of all that decides what it hears: the weights, and whether signals are standardised."""
        return digest([self.sha256, "standardised"]) if self.standardise else self.sha256

    def build(self) -> "Network":
        """Return the network.

        Raises:
            ModelError: arguments, weights and kind do not fit each other.
        """
        if self.onnx is not None:
            from emoforge.ser.encoders.onnx import OnnxNetwork

            return OnnxNetwork(str(self.onnx), standardise=self.standardise)
        from emoforge.ser.encoders.kinds import build

        try:
            return build(self.kind, arguments=self.arguments, arrays=self.arrays, standardise=self.standardise)
        except ModelError as error:
            raise ModelError(f"{self.folder}: {error}; {ENCODER_FILES.again}") from error


def read_folder(folder: Path, *, expected_sha256: str = "") -> Stored:
    """Return the encoder in *folder*, whatever its layout.

    Args:
        folder: see :data:`LAYOUTS`.
        expected_sha256: of the weights, where it is known.

    Raises:
        ModelError: the folder holds none, or one that is damaged, altered or of an unknown kind.
    """
    if (folder / "encoder.json").exists():
        return _own_layout(folder, expected_sha256)
    if (folder / "model.bin").is_file():
        return stored_ctranslate(folder, (folder / "model.bin").read_bytes())
    if (folder / "config.json").is_file():
        return _hugging_face_layout(folder)
    files = sorted(folder.glob("*.onnx"))
    if len(files) == 1:
        beside = [path.name for path in sorted(folder.glob(f"{files[0].name}?*"))]
        if beside:
            raise ModelError(f"{folder}: weights in {beside[0]}, outside the .onnx file; export it as one file")
        return Stored(folder=folder, kind=ONNX, sha256=file_sha256(files[0]), standardise=False, onnx=files[0])
    raise ModelError(f"{folder}: holds no encoder; put there {LAYOUTS}")


def stored_ctranslate(folder: Path, data: bytes) -> Stored:
    """Return the encoder of Whisper that *data* hold in CTranslate2's format.

    Raises:
        ModelError: they do not.
    """
    from emoforge.ser.encoders.ctranslate import read_variables, whisper_weights

    arguments, arrays = whisper_weights(read_variables(data, prefix="encoder/", name=f"{folder}/model.bin"))
    sha256 = weights_sha256(arrays)
    return Stored(folder=folder, kind="whisper", sha256=sha256, standardise=False, arguments=arguments, arrays=arrays)


def _own_layout(folder: Path, expected_sha256: str) -> Stored:
    from emoforge.ser.encoders.kinds import KINDS

    kind = ENCODER_FILES.read_description(folder)["kind"]
    if kind not in (*KINDS, ONNX):
        raise ModelError(f"{folder}/encoder.json: {unknown_value('encoder', kind, (*KINDS, ONNX))}")
    description = ENCODER_FILES.read_description(folder, kind=kind, version=VERSION)
    with ENCODER_FILES.rebuilding(folder):
        standardise = bool(description["standardise"])
        arguments = {} if kind == ONNX else description["arguments"]
    arrays: Mapping[str, np.ndarray] = {}
    if kind == ONNX:
        weights = folder / "encoder.onnx"
        if not weights.is_file():
            raise ModelError(f"{weights}: missing; {ENCODER_FILES.again}")
        sha256 = file_sha256(weights)
    else:
        weights = folder / "encoder.safetensors"
        arrays = ENCODER_FILES.read_arrays(folder)
        sha256 = weights_sha256(arrays)
    expected_sha256 = expected_sha256 or description.get("sha256", sha256)
    if sha256 != expected_sha256:
        raise ModelError(
            f"{weights}: altered since it was made (SHA-256 of the weights {sha256[:12]}…, not "
            f"{expected_sha256[:12]}…); delete the folder and fetch or export the encoder again"
        )
    return Stored(
        folder=folder,
        kind=kind,
        sha256=sha256,
        standardise=standardise,
        arguments=arguments,
        arrays=arrays,
        onnx=weights if kind == ONNX else None,
    )


def _hugging_face_layout(folder: Path) -> Stored:
    from emoforge.ser.encoders.hugging_face import standardises, translated

    config = _json(folder / "config.json")
    preprocessor = folder / "preprocessor_config.json"
    standardise = standardises(config, _json(preprocessor) if preprocessor.is_file() else None)
    try:
        found = translated(config, _hugging_face_arrays(folder))
    except ModelError as error:
        raise ModelError(f"{folder}: {error}; {ENCODER_FILES.again}") from None
    return Stored(
        folder=folder,
        kind=found.kind,
        sha256=weights_sha256(found.arrays),
        standardise=standardise,
        arguments=found.arguments,
        arrays=found.arrays,
    )


def _hugging_face_arrays(folder: Path) -> dict[str, np.ndarray]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "model.safetensors"
    try:
        if path.is_file():
            state = load_file(path)
        else:
            path = folder / "pytorch_model.bin"
            # weights_only: tensors are read, no code is run.
            state = torch.load(path, map_location="cpu", weights_only=True)
        # Half precision is computed with in single precision.
        return {name: tensor.float().numpy() for name, tensor in state.items()}
    except FileNotFoundError:
        raise ModelError("neither model.safetensors nor pytorch_model.bin is there") from None
    except (OSError, SafetensorError, AttributeError, EOFError, RuntimeError, ValueError) as error:
        raise ModelError(f"{path.name} is damaged ({' '.join(str(error).split())[:200]})") from None
    except Exception as error:
        # torch names its refusals after the module that pickles, which is not imported here.
        raise ModelError(f"{path.name} holds more than weights ({type(error).__name__})") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: not JSON ({error}); {ENCODER_FILES.again}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: not an object with keys; {ENCODER_FILES.again}")
    return content
