"""Encoders exported to ONNX, such as emotion2vec (arXiv 2312.15185): a waveform in, frames out.

The file has one input, the waveform (1, n_samples) at 16 kHz. Its outputs are frames (1, T, C), each a layer; or one
output holds all layers, (1, n_layers, T, C). Outputs of other shapes are left out.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from emoforge.base.errors import ModelError
from emoforge.ser.encoders.encoder import LONGEST, SAMPLING_RATE
from emoforge.ser.encoders.transformers import standardised


class OnnxNetwork:
    """A :class:`emoforge.ser.encoders.encoder.Network` that onnxruntime computes, on one thread of the CPU.

    Args:
        path: of the file.
        standardise: whether it was trained on signals of mean 0 and variance 1.

    Raises:
        ModelError: the file is damaged, or has other inputs or outputs.
    """

    longest = LONGEST
    # Whether the file knows a mask is not known.
    pads = False
    # 0.1 s: what a file needs for a frame is not written in it.
    shortest = SAMPLING_RATE // 10

    def __init__(self, path: str, *, standardise: bool = False) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # onnxruntime has a class of its own for every way to fail.
            raise ModelError(
                f"{path}: not an ONNX file that can be read ({_one_line(error)}); export it again"
            ) from None
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 2:
            found = ", ".join(f"{one.name} {one.shape}" for one in inputs)
            raise ModelError(f"{path}: its input must be one waveform (1, n_samples), not {found}; export it again")
        self._path = path
        self._input = inputs[0].name
        self.standardise = standardise
        layers = self._layers(np.zeros((1, SAMPLING_RATE), dtype=np.float32))
        self.n_layers, _, self.width = layers.shape

    def __call__(self, wav: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N), (B,) all N → (B, n_layers, T, width), (B,)."""
        if self.standardise:
            wav = standardised(wav, n_samples)
        layers = torch.stack([torch.from_numpy(self._layers(row[None].cpu().numpy())) for row in wav])
        return layers, torch.full_like(n_samples, layers.shape[2])

    def _layers(self, wav: np.ndarray) -> np.ndarray:
        """(1, n_samples) → (n_layers, T, width)."""
        try:
            outputs: list[Any] = self._session.run(None, {self._input: wav})
        except Exception as error:
            raise ModelError(f"{self._path}: cannot read {wav.shape[1]} samples ({_one_line(error)})") from None
        for output in outputs:
            if output.ndim == 4 and len(output) == 1:
                return output[0].astype(np.float32)
        frames = [output[0] for output in outputs if output.ndim == 3 and len(output) == 1]
        if not frames or len({layer.shape for layer in frames}) > 1:
            found = ", ".join(str(output.shape) for output in outputs)
            raise ModelError(
                f"{self._path}: its outputs must be frames (1, n_frames, width), not {found}; export it again"
            )
        return np.stack(frames).astype(np.float32)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
