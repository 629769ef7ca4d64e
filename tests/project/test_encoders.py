"""Where the weights of a pretrained encoder come from, and what is said when they are not there."""

import json

import numpy as np
import pytest
import torch
from torchaudio import pipelines
from torchaudio.models import wav2vec2_model, wavlm_model

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.project.encoders import load_encoder
from emoforge.project.encoders.kept import ENCODER_FILES

TINY = {
    "extractor_mode": "layer_norm",
    "extractor_conv_layer_config": [[16, 10, 5], [16, 8, 4], [16, 4, 2]],
    "extractor_conv_bias": True,
    "encoder_embed_dim": 16,
    "encoder_projection_dropout": 0.0,
    "encoder_pos_conv_kernel": 8,
    "encoder_pos_conv_groups": 4,
    "encoder_num_layers": 2,
    "encoder_num_heads": 2,
    "encoder_attention_dropout": 0.0,
    "encoder_ff_interm_features": 32,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.0,
    "encoder_layer_norm_first": True,
    "encoder_layer_drop": 0.0,
    "aux_num_out": None,
}
MAKERS = {
    "wav2vec2": (wav2vec2_model, TINY),
    "wavlm": (wavlm_model, TINY | {"encoder_num_buckets": 8, "encoder_max_distance": 16}),
}


def write_encoder(folder, kind: str = "wav2vec2", **changed):
    """Write a tiny random encoder and return its model."""
    make, arguments = MAKERS[kind]
    torch.manual_seed(1)
    model = make(**arguments).eval()
    description = {"standardise": False, "arguments": arguments} | changed
    arrays = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    ENCODER_FILES.write(folder, kind=kind, version=1, description=description, arrays=arrays)
    return model


@pytest.fixture
def signal() -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(6_000)).astype(np.float32)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_folder_gives_the_encoder_that_was_put_there(tmp_path, signal, kind):
    model = write_encoder(tmp_path, kind)
    with torch.inference_mode():
        layers, _ = model.extract_features(torch.from_numpy(signal)[None])
        output, _ = model(torch.from_numpy(signal)[None])
    encoder = load_encoder(str(tmp_path))
    (frames,) = encoder.frames([signal], 16_000)
    assert frames.shape == (encoder.n_layers, output.shape[1], encoder.width)
    np.testing.assert_allclose(frames[1:-1], np.stack([layer[0] for layer in layers[:-1]]), atol=1e-5)
    np.testing.assert_allclose(frames[-1], output[0], atol=1e-5)


def test_a_bundle_reads_its_weights_from_the_hubs_folder(tmp_path, monkeypatch, signal):
    """A bundle of the real size, its weights drawn at random."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    bundle = pipelines.WAV2VEC2_BASE
    torch.manual_seed(2)
    model = wav2vec2_model(**bundle._params)
    (tmp_path / "checkpoints").mkdir()
    torch.save(model.state_dict(), tmp_path / "checkpoints" / bundle._path.split("/")[-1])
    encoder = load_encoder("WAV2VEC2_BASE")
    load_encoder.cache_clear()
    assert encoder.embed([signal], 16_000).shape == (1, 13, 2 * 768)


def test_missing_weights_say_where_to_put_them(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(ModelError) as caught:
        load_encoder("WAVLM_BASE_PLUS")
    assert str(tmp_path / "checkpoints" / "wavlm_base_plus.pth") in str(caught.value)
    assert "put them there" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "no encoder is named: choose one of `emoforge encoders list`"),
        ("WAVLM_BASE_PLUSS", "did you mean 'WAVLM_BASE_PLUS'"),
    ],
)
def test_no_such_encoder(source, message):
    with pytest.raises(EmoforgeError, match=message):
        load_encoder(source)


def test_a_damaged_encoder_is_named(tmp_path):
    with pytest.raises(
        ModelError, match="holds no encoder; put there encoder.json and encoder.safetensors, or config.json"
    ):
        load_encoder(str(tmp_path))
    write_encoder(tmp_path / "a")
    description = json.loads((tmp_path / "a" / "encoder.json").read_text())
    for folder, changed, message in (
        ("b", {"kind": "wav2vec3"}, "unknown encoder 'wav2vec3'"),
        ("c", {"arguments": description["arguments"] | {"width": 3}}, "arguments: .*width"),
        ("d", {"arguments": description["arguments"] | {"encoder_num_layers": 3}}, "damaged"),
        ("e", {"arguments": None}, "arguments"),
    ):
        write_encoder(tmp_path / folder)
        (tmp_path / folder / "encoder.json").write_text(json.dumps(description | changed))
        with pytest.raises(ModelError, match=message):
            load_encoder(str(tmp_path / folder))
