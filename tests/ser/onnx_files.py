"""ONNX files made by hand, since nothing that is installed here writes them: field numbers are those of onnx.proto."""

import numpy as np

FLOAT, INT64 = 1, 7


def _varint(value: int) -> bytes:
    data = b""
    while value > 127:
        data += bytes([value & 127 | 128])
        value >>= 7
    return data + bytes([value])


def _message(*fields: tuple[int, int | str | bytes]) -> bytes:
    """Fields by their numbers: integers, or texts and messages with their lengths."""
    data = b""
    for number, value in fields:
        if isinstance(value, int):
            data += _varint(number << 3) + _varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            data += _varint(number << 3 | 2) + _varint(len(content)) + content
    return data


def _value(name: str, *shape: int | str) -> bytes:
    dimensions = [(1, _message((1 if isinstance(size, int) else 2, size))) for size in shape]
    tensor = _message((1, FLOAT), (2, _message(*dimensions)))
    return _message((1, name), (2, _message((1, tensor))))


def _tensor(name: str, array: np.ndarray) -> bytes:
    kind = FLOAT if array.dtype == np.float32 else INT64
    return _message(*((1, size) for size in array.shape), (2, kind), (8, name), (9, array.tobytes()))


def _node(kind: str, inputs: list[str], output: str, **integers: list[int]) -> bytes:
    attributes = [
        (5, _message((1, name), *((8, value) for value in values), (20, INT64))) for name, values in integers.items()
    ]
    return _message(*((1, name) for name in inputs), (2, output), (4, kind), *attributes)


def encoder_onnx(weights: np.ndarray, stride: int, *, outputs: int = 2) -> bytes:
    """An encoder of one or two layers: frames that are *weights* (width, 1, kernel) times the samples, and their ReLU.

    Without outputs, the waveform itself comes out.
    """
    width = len(weights)
    nodes = [
        _node("Unsqueeze", ["wav", "axis"], "channel"),
        _node("Conv", ["channel", "weights"], "features", strides=[stride]),
        _node("Transpose", ["features"], "below", perm=[0, 2, 1]),
        _node("Relu", ["below"], "above"),
        _node("Relu", ["wav"], "other"),
    ]
    names = ["below", "above"][:outputs]
    shapes = [_value(name, "batch", "frames", width) for name in names] or [_value("other", "batch", "samples")]
    graph = _message(
        *((1, node) for node in nodes),
        (2, "encoder"),
        (5, _tensor("weights", weights)),
        (5, _tensor("axis", np.array([1], np.int64))),
        (11, _value("wav", "batch", "samples")),
        *((12, shape) for shape in shapes),
    )
    return _message((1, 8), (7, graph), (8, _message((1, ""), (2, 13))))
