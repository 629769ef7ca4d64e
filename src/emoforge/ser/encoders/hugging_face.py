"""Weights as transformers of Hugging Face names them, for WhisperModel, Wav2Vec2Model, HubertModel and WavLMModel.

What stands around the encoder (a decoder, a head, the codebooks of the pre-training) is left out. Dropout is not read:
an encoder is frozen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from emoforge.base.errors import ModelError, unknown_value

#: Values of ``model_type`` in config.json → kind of encoder.
KINDS = {"whisper": "whisper", "wav2vec2": "wav2vec2", "hubert": "wav2vec2", "wavlm": "wavlm"}
_PARTS = ("weight", "bias")


@dataclass(frozen=True)
class Translated:
    """An encoder as :func:`emoforge.ser.encoders.kinds.build` takes it."""

    kind: str
    arguments: dict[str, Any]
    arrays: dict[str, np.ndarray]


def translated(config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Translated:
    """Return the encoder of a model of Hugging Face.

    Args:
        config: content of its config.json.
        arrays: its weights, of the bare model or of one with a head.

    Raises:
        ModelError: another type of model, a variant that is not known, or a missing key or weight.
    """
    model_type = config.get("model_type")
    if model_type not in KINDS:
        raise ModelError(unknown_value("model_type", model_type, KINDS))
    try:
        if model_type == "whisper":
            return Translated("whisper", *_whisper(config, _Weights(arrays, r"(?:model\.)?encoder\.")))
        return Translated(KINDS[model_type], *_transformer(config, _Weights(arrays, rf"(?:{model_type}\.)?")))
    except KeyError as error:
        raise ModelError(f"lacks {error}") from None
    except (TypeError, ValueError) as error:
        raise ModelError(f"config.json and weights do not fit each other ({error})") from None


def standardises(config: Mapping[str, Any], preprocessor: Mapping[str, Any] | None) -> bool:
    """Return whether signals are brought to mean 0 and variance 1 before this encoder reads them.

    Args:
        config: content of config.json.
        preprocessor: content of preprocessor_config.json; without it, models with layer norm in their convolutions are
            taken to be trained so, as fairseq's are.
    """
    if config.get("model_type") == "whisper":
        return False
    return bool((preprocessor or {}).get("do_normalize", config.get("feat_extract_norm") == "layer"))


class _Weights:
    """Arrays whose names match a prefix, without it."""

    def __init__(self, arrays: Mapping[str, np.ndarray], prefix: str) -> None:
        found = {name: re.match(prefix, name) for name in arrays}
        self.arrays = {name[match.end() :]: arrays[name] for name, match in found.items() if match}

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def below(self, prefix: str) -> dict[str, np.ndarray]:
        """Those whose names begin with *prefix*, without it."""
        return {name.removeprefix(prefix): array for name, array in self.arrays.items() if name.startswith(prefix)}


def _whisper(config: Mapping[str, Any], weights: _Weights) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    width, n_blocks = config["d_model"], config["encoder_layers"]
    arguments = {
        "width": width,
        "n_heads": config["encoder_attention_heads"],
        "n_blocks": n_blocks,
        "n_mels": config["num_mel_bins"],
        "n_positions": config["max_source_positions"],
    }
    names = {"conv1": "conv1", "conv2": "conv2", "norm": "layer_norm"}
    arrays = {"positions": weights["embed_positions.weight"]}
    for number in range(n_blocks):
        block, layer = f"blocks.{number}", f"layers.{number}"
        names |= {
            f"{block}.attention.norm": f"{layer}.self_attn_layer_norm",
            f"{block}.attention.out": f"{layer}.self_attn.out_proj",
            f"{block}.norm": f"{layer}.final_layer_norm",
            f"{block}.up": f"{layer}.fc1",
            f"{block}.down": f"{layer}.fc2",
        }
        query, key, value = (f"{layer}.self_attn.{name}_proj" for name in "qkv")
        matrices = [weights[f"{name}.weight"] for name in (query, key, value)]
        # Whisper's keys have no bias.
        biases = [weights[f"{query}.bias"], np.zeros_like(weights[f"{query}.bias"]), weights[f"{value}.bias"]]
        arrays |= {
            f"{block}.attention.qkv.weight": np.concatenate(matrices),
            f"{block}.attention.qkv.bias": np.concatenate(biases),
        }
    arrays |= {f"{ours}.{part}": weights[f"{theirs}.{part}"] for ours, theirs in names.items() for part in _PARTS}
    return arguments, arrays


def _transformer(config: Mapping[str, Any], weights: _Weights) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if not config.get("feat_proj_layer_norm", True) or config.get("conv_pos_batch_norm", False):
        raise ModelError("a variant without feat_proj_layer_norm, or with conv_pos_batch_norm, is not known")
    shapes = zip(config["conv_dim"], config["conv_kernel"], config["conv_stride"], strict=True)
    arguments = {
        "extractor_mode": f"{config['feat_extract_norm']}_norm",
        "extractor_conv_layer_config": [list(shape) for shape in shapes],
        "extractor_conv_bias": config["conv_bias"],
        "encoder_embed_dim": config["hidden_size"],
        "encoder_pos_conv_kernel": config["num_conv_pos_embeddings"],
        "encoder_pos_conv_groups": config["num_conv_pos_embedding_groups"],
        "encoder_num_layers": config["num_hidden_layers"],
        "encoder_num_heads": config["num_attention_heads"],
        "encoder_ff_interm_features": config["intermediate_size"],
        "encoder_layer_norm_first": config["do_stable_layer_norm"],
        "aux_num_out": None,
    }
    dropouts = ("projection_dropout", "attention_dropout", "ff_interm_dropout", "dropout", "layer_drop")
    arguments |= {f"encoder_{name}": 0.0 for name in dropouts}
    encoder = weights.below("encoder.")
    if config["model_type"] == "wavlm":
        arguments |= {
            "encoder_num_buckets": config["num_buckets"],
            "encoder_max_distance": config["max_bucket_distance"],
        }
        _stack_attention(encoder, config["num_hidden_layers"])
    arrays = {f"feature_extractor.{name}": array for name, array in weights.below("feature_extractor.").items()}
    projection = weights.below("feature_projection.")
    arrays |= {f"encoder.feature_projection.{name}": array for name, array in projection.items()}
    arrays |= {f"encoder.transformer.{_norm_name(name)}": array for name, array in encoder.items()}
    return arguments, arrays


def _stack_attention(encoder: dict[str, np.ndarray], n_layers: int) -> None:
    """Put query, key and value of each layer into one array, as torchaudio's WavLM has them."""
    for number in range(n_layers):
        attention = f"layers.{number}.attention"
        for part in _PARTS:
            stacked = np.concatenate([encoder.pop(f"{attention}.{name}_proj.{part}") for name in "qkv"])
            encoder[f"{attention}.attention.in_proj_{part}"] = stacked
            encoder[f"{attention}.attention.out_proj.{part}"] = encoder.pop(f"{attention}.out_proj.{part}")


def _norm_name(name: str) -> str:
    """Return what torch calls the two parts of a normalised weight since its version 2; older files say _g and _v."""
    for old, new in (("weight_g", "original0"), ("weight_v", "original1")):
        name = re.sub(rf"\b{old}$", f"parametrizations.weight.{new}", name)
    return name
