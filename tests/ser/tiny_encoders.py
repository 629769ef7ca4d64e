"""Tiny encoders of every kind that nobody has trained, and something for them to hear."""

from typing import Any

import numpy as np
import torch

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


def tiny_encoder(name: str, **options) -> Encoder:
    """An encoder of a kind of :data:`ARGUMENTS`, whose weights are drawn at random."""
    kind = "wav2vec2" if name == "layer norm" else name
    return Encoder(name, "", build(kind, arguments=ARGUMENTS[name], arrays=random_state(name), **options))


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
