"""Tiny encoders of every kind that nobody has trained, and something for them to hear."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emoforge.project.encoders.kept import ENCODER_FILES
from emoforge.prosody.synthetic import voice
from emoforge.ser.encoders.encoder import Encoder
from emoforge.ser.encoders.kinds import build

WAV2VEC2 = {
    "extractor_mode": "group_norm",
    "extractor_conv_layer_config": [
        (16, 10, 5),
        (16, 3, 2),
        (16, 3, 2),
        (16, 3, 2),
        (16, 3, 2),
        (16, 2, 2),
        (16, 2, 2),
    ],
    "extractor_conv_bias": False,
    "encoder_embed_dim": 24,
    "encoder_projection_dropout": 0.1,
    "encoder_pos_conv_kernel": 8,
    "encoder_pos_conv_groups": 4,
    "encoder_num_layers": 2,
    "encoder_num_heads": 2,
    "encoder_attention_dropout": 0.1,
    "encoder_ff_interm_features": 32,
    "encoder_ff_interm_dropout": 0.1,
    "encoder_dropout": 0.1,
    "encoder_layer_norm_first": False,
    "encoder_layer_drop": 0.1,
    "aux_num_out": None,
}
#: kind → arguments of its model.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "whisper": {"width": 24, "n_heads": 2, "n_blocks": 2},
    "wav2vec2": WAV2VEC2,
    "layer norm": WAV2VEC2
    | {"extractor_mode": "layer_norm", "extractor_conv_bias": True, "encoder_layer_norm_first": True},
    "wavlm": WAV2VEC2 | {"encoder_num_buckets": 8, "encoder_max_distance": 16},
}
#: kind → the same for :func:`emoforge.ser.encoders.kinds.build`.
_BUILT_AS = {"layer norm": "wav2vec2"}


def tiny_encoder(name: str, **options) -> Encoder:
    """An encoder of a kind of :data:`ARGUMENTS`, whose weights are drawn at random."""
    kind = _BUILT_AS.get(name, name)
    return Encoder(name, "", build(kind, arguments=ARGUMENTS[name], arrays=random_state(name), **options))


def write_encoder(folder: Path, name: str = "wav2vec2", **changed) -> None:
    """Write such an encoder into *folder*, its description *changed*."""
    description = {"standardise": False, "arguments": ARGUMENTS[name]} | changed
    kind = _BUILT_AS.get(name, name)
    ENCODER_FILES.write(folder, kind=kind, version=1, description=description, arrays=random_state(name))


def random_state(name: str) -> dict[str, np.ndarray]:
    """Weights for a kind of :data:`ARGUMENTS`, named as its model names them."""
    from torchaudio import models

    from emoforge.ser.encoders.whisper import Whisper

    makers = {"whisper": Whisper, "wavlm": models.wavlm_model}
    torch.manual_seed(0)
    state = makers.get(name, models.wav2vec2_model)(**ARGUMENTS[name]).state_dict()
    # Zeros and ones, as which biases, norms and positions begin, would hide what is left out.
    return {key: (value + 0.05 * torch.randn(value.shape)).numpy() for key, value in state.items()}


def spoken(f0_hz: float, seed: int, n_samples: int = 8_000) -> np.ndarray:
    """A voice that holds one note, at 16 kHz."""
    return voice(np.full(n_samples, f0_hz), 16_000, seed=seed)


def ctranslate_bytes(variables: dict[str, np.ndarray], *, version: int = 6) -> bytes:
    """The content of a model.bin of CTranslate2 with these *variables*."""
    types = ["float32", "int8", "int16", "int32", "float16"]

    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    data = struct.pack("<I", version) + string("WhisperSpec") + struct.pack("<II", 3, len(variables))
    for name, values in variables.items():
        data += string(name) + struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
        data += struct.pack("<BI", types.index(values.dtype.name), values.nbytes) + values.tobytes()
    return data


def ctranslate_whisper() -> dict[str, np.ndarray]:
    """The weights of the tiny Whisper as CTranslate2 names them, beside a variable of the decoder."""
    parts = {"attention.norm": "self_attention/layer_norm", "norm": "ffn/layer_norm"}
    parts |= {"attention.qkv": "self_attention/linear_0", "attention.out": "self_attention/linear_1"}
    parts |= {"up": "ffn/linear_0", "down": "ffn/linear_1"}
    found = {"decoder/scale": np.ones(2, np.float32), "encoder/num_heads": np.array(2, np.int16)}
    for ours, value in random_state("whisper").items():
        module, _, kind = ours.rpartition(".")
        if ours == "positions":
            found["encoder/position_encodings/encodings"] = value
            continue
        theirs = {"norm": "layer_norm"}.get(module, module)
        if module.startswith("blocks."):
            _, number, inner = module.split(".", 2)
            theirs = f"layer_{number}/{parts[inner]}"
        if "layer_norm" in theirs:
            kind = {"weight": "gamma", "bias": "beta"}[kind]
        found[f"encoder/{theirs}/{kind}"] = value
    return found
