"""Weights in the binary format of CTranslate2, read from bytes; nothing is executed.

The format, little-endian: version (uint32), name of the specification (string), its revision (uint32), number of
variables (uint32), then the variables: name (string), rank (uint8), each dimension (uint32), type (uint8), number of
bytes (uint32), data. A string is its length with a final zero byte (uint16) and its bytes. Quantised weights have a
variable ``<name>_scale`` beside them, by which they are divided.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from emoforge.base.errors import ModelError

_VERSIONS = (5, 6)
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_variables(data: bytes, *, prefix: str = "", name: str = "model.bin") -> dict[str, np.ndarray]:
    """Return the variables whose names begin with *prefix*, without it, as float32 arrays.

    Args:
        data: of the whole file.
        prefix: what the wanted names begin with, such as ``"encoder/"``.
        name: of the file, for error lines.

    Raises:
        ModelError: the data are of another format or version, or end too early.
    """
    try:
        return _dequantised(dict(_variables(memoryview(data), prefix)))
    except (struct.error, ValueError) as error:
        raise ModelError(f"{name}: not weights in CTranslate2's format ({error}); fetch the file again") from None


def whisper_weights(variables: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the arguments of :class:`emoforge.ser.encoders.whisper.Whisper` and its weights under its own names.

    Args:
        variables: of a Whisper encoder, named as CTranslate2 names them.

    Raises:
        ModelError: one is missing.
    """
    blocks = {name.split("/")[0] for name in variables if name.startswith("layer_") and name[6].isdigit()}
    try:
        width, n_mels, _ = variables["conv1/weight"].shape
        arguments = {
            "width": width,
            "n_heads": int(variables["num_heads"]),
            "n_blocks": len(blocks),
            "n_mels": n_mels,
            "n_positions": len(variables["position_encodings/encodings"]),
        }
        return arguments, {ours: variables[theirs] for ours, theirs in _whisper_names(len(blocks)).items()}
    except (KeyError, ValueError) as error:
        raise ModelError(f"not the weights of a Whisper encoder ({error}); fetch the file again") from None


def _whisper_names(n_blocks: int) -> dict[str, str]:
    norms, linears = {"norm": "layer_norm"}, {"conv1": "conv1", "conv2": "conv2"}
    for number in range(n_blocks):
        block, source = f"blocks.{number}", f"layer_{number}"
        norms |= {
            f"{block}.attention.norm": f"{source}/self_attention/layer_norm",
            f"{block}.norm": f"{source}/ffn/layer_norm",
        }
        linears |= {
            f"{block}.attention.qkv": f"{source}/self_attention/linear_0",
            f"{block}.attention.out": f"{source}/self_attention/linear_1",
            f"{block}.up": f"{source}/ffn/linear_0",
            f"{block}.down": f"{source}/ffn/linear_1",
        }
    names = {"positions": "position_encodings/encodings"}
    for ours, theirs in norms.items():
        names |= {f"{ours}.weight": f"{theirs}/gamma", f"{ours}.bias": f"{theirs}/beta"}
    for ours, theirs in linears.items():
        names |= {f"{ours}.{part}": f"{theirs}/{part}" for part in ("weight", "bias")}
    return names


def _variables(data: memoryview, prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    position = 0

    def take(layout: str) -> int:
        nonlocal position
        (value,) = struct.unpack_from(f"<{layout}", data, position)
        position += struct.calcsize(f"<{layout}")
        return value

    def take_string() -> str:
        nonlocal position
        length = take("H")
        text = bytes(data[position : position + length])
        position += length
        return text.rstrip(b"\0").decode("utf-8")

    version = take("I")
    if version not in _VERSIONS:
        raise ValueError(f"version {version}, this reader knows {', '.join(map(str, _VERSIONS))}")
    take_string()
    take("I")
    for _ in range(take("I")):
        variable = take_string()
        shape = [take("I") for _ in range(take("B"))]
        kind, n_bytes = take("B"), take("I")
        if kind not in _TYPES:
            raise ValueError(f"{variable} has values of type {kind}, this reader knows {', '.join(map(str, _TYPES))}")
        if position + n_bytes > len(data):
            raise ValueError("it ends too early")
        if variable.startswith(prefix):
            values = np.frombuffer(data[position : position + n_bytes], dtype=np.dtype(_TYPES[kind]).newbyteorder("<"))
            yield variable[len(prefix) :], values.reshape(shape)
        position += n_bytes


def _dequantised(variables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {}
    for name, values in variables.items():
        if name.endswith("_scale") and name.removesuffix("_scale") in variables:
            continue
        found[name] = values.astype(np.float32)
        if (scale := variables.get(f"{name}_scale")) is not None:
            found[name] /= scale.astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    return found
