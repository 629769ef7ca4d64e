"""Weights under the names that transformers of Hugging Face gives them, written here from those of our own models."""

import numpy as np
import pytest
from tests.ser.tiny_encoders import ARGUMENTS, random_state, spoken, tiny_encoder

from emoforge.base.errors import ModelError
from emoforge.ser.encoders.encoder import Encoder
from emoforge.ser.encoders.hugging_face import standardises, translated
from emoforge.ser.encoders.kinds import build

CONFIG = {
    "conv_dim": [16] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "conv_bias": False,
    "feat_extract_norm": "group",
    "do_stable_layer_norm": False,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 4,
}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
WHISPER = {
    "model_type": "whisper",
    "d_model": 24,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "num_mel_bins": 80,
    "max_source_positions": 1500,
}
#: name → (config.json, kind of our tiny encoder)
MODELS = {
    "wav2vec2": (CONFIG | {"model_type": "wav2vec2"}, "wav2vec2"),
    "hubert": (CONFIG | LARGE | {"model_type": "hubert"}, "layer norm"),
    "wavlm": (CONFIG | {"model_type": "wavlm", "num_buckets": 8, "max_bucket_distance": 16}, "wavlm"),
    "whisper": (WHISPER, "whisper"),
}


def published_names(state: dict[str, np.ndarray], model_type: str) -> dict[str, np.ndarray]:
    """Our weights under the names of Wav2Vec2Model, HubertModel, WavLMModel or WhisperModel."""
    found = {}
    for name, value in state.items():
        if model_type == "whisper":
            found |= dict(whisper_names(name, value))
            continue
        name = name.replace("encoder.feature_projection", "feature_projection").replace(".transformer.", ".")
        if "in_proj_" in name:
            layer, part = name.replace(".attention.attention.", ".attention.").split("in_proj_")
            for letter, third in zip("qkv", np.split(value, 3), strict=True):
                found[f"{layer}{letter}_proj.{part}"] = third
        else:
            found[name.replace(".attention.attention.", ".attention.")] = value
    return found


def whisper_names(name: str, value: np.ndarray):
    names = {"attention.norm": "self_attn_layer_norm", "norm": "final_layer_norm", "up": "fc1", "down": "fc2"}
    module, _, part = name.rpartition(".")
    if name == "positions":
        yield "encoder.embed_positions.weight", value
    elif not module.startswith("blocks."):
        yield f"encoder.{'layer_norm' if module == 'norm' else module}.{part}", value
    else:
        _, number, inner = module.split(".", 2)
        if inner == "attention.qkv":
            for letter, third in zip("qkv", np.split(value, 3), strict=True):
                if (letter, part) != ("k", "bias"):
                    yield f"encoder.layers.{number}.self_attn.{letter}_proj.{part}", third
        else:
            theirs = names.get(inner, "self_attn.out_proj")
            yield f"encoder.layers.{number}.{theirs}.{part}", value


def state_of(kind: str) -> dict[str, np.ndarray]:
    state = random_state(kind)
    for name in state:
        if name.endswith("attention.qkv.bias"):
            # Whisper's keys have no bias.
            state[name][24:48] = 0
    return state


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_hugging_face_hears_what_ours_hears(name):
    config, kind = MODELS[name]
    state = state_of(kind)
    found = translated(config, published_names(state, name))
    theirs = Encoder(name, "", build(found.kind, arguments=found.arguments, arrays=found.arrays))
    ours = Encoder(name, "", build(found.kind, arguments=ARGUMENTS[kind], arrays=state))
    signal = spoken(120.0, 0)
    assert theirs.embed([signal], 16_000).tobytes() == ours.embed([signal], 16_000).tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_heads_prefixes_and_older_names_do_not_matter(name):
    config, kind = MODELS[name]
    arrays = published_names(state_of(kind), name)
    prefix = "model" if name == "whisper" else name
    older = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}
    headed = {"lm_head.weight": np.ones((3, 24)), f"{prefix}.masked_spec_embed": np.ones(24)}
    headed |= {"model.decoder.layer_norm.weight": np.ones(24)} if name == "whisper" else {}
    for key, value in arrays.items():
        for new, old in older.items():
            key = key.replace(new, old)
        headed[f"{prefix}.{key}"] = value
    bare, other = translated(config, arrays), translated(config, headed)
    assert other.arguments == bare.arguments
    assert other.arrays.keys() == bare.arrays.keys()
    assert all(other.arrays[key].tobytes() == bare.arrays[key].tobytes() for key in bare.arrays)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "bert"}, "unknown model_type 'bert'.*; allowed: whisper, wav2vec2, hubert, wavlm"),
        ({"model_type": "whisper"}, "lacks 'd_model'"),
        (MODELS["wavlm"][0], "lacks '.*q_proj.weight'"),
        (MODELS["hubert"][0] | {"conv_pos_batch_norm": True}, "conv_pos_batch_norm, is not known"),
        (MODELS["hubert"][0] | {"conv_dim": 16}, "do not fit each other"),
    ],
)
def test_what_is_not_known_is_one_line(config, message):
    with pytest.raises(ModelError, match=message):
        translated(config, {})


def test_signals_are_standardised_as_the_publisher_says():
    group, layer = MODELS["wav2vec2"][0], MODELS["hubert"][0]
    assert (standardises(group, None), standardises(layer, None)) == (False, True)
    assert (standardises(group, {"do_normalize": True}), standardises(layer, {"do_normalize": False})) == (True, False)
    assert not standardises(WHISPER, {"do_normalize": True})


def test_an_encoder_that_standardises_does_not_hear_the_level():
    signal = 10 * spoken(120.0, 0)
    deaf, hears = (tiny_encoder("layer norm", standardise=standardise) for standardise in (True, False))
    np.testing.assert_allclose(deaf.embed([0.1 * signal], 16_000), deaf.embed([signal], 16_000), atol=2e-2)
    assert np.abs(hears.embed([0.1 * signal], 16_000) - hears.embed([signal], 16_000)).max() > 0.1
