"""Where the weights of a pretrained encoder come from, and what is said when they are not there."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.ser.tiny_encoders import (
    ARGUMENTS,
    ctranslate_bytes,
    ctranslate_whisper,
    random_state,
    tiny_encoder,
    write_encoder,
)
from torchaudio import pipelines
from torchaudio.models import wav2vec2_model, wavlm_model

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.project.encoders import load_encoder


@pytest.fixture
def signal() -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(6_000)).astype(np.float32)


@pytest.mark.parametrize(("kind", "make"), [("layer norm", wav2vec2_model), ("wavlm", wavlm_model)])
def test_a_folder_gives_the_encoder_that_was_put_there(tmp_path, signal, kind, make):
    write_encoder(tmp_path, kind)
    model = make(**ARGUMENTS[kind]).eval()
    model.load_state_dict({name: torch.from_numpy(array) for name, array in random_state(kind).items()})
    with torch.inference_mode():
        layers, _ = model.extract_features(torch.from_numpy(signal)[None])
        output, _ = model(torch.from_numpy(signal)[None])
    encoder = load_encoder(str(tmp_path))
    assert encoder.name == tmp_path.name
    (frames,) = encoder.frames([signal], 16_000)
    assert frames.shape == (encoder.n_layers, output.shape[1], encoder.width)
    np.testing.assert_allclose(frames[1:-1], np.stack([layer[0] for layer in layers[:-1]]), atol=1e-5)
    np.testing.assert_allclose(frames[-1], output[0], atol=1e-5)


def test_weights_have_one_checksum_whatever_file_they_lie_in(tmp_path):
    write_encoder(tmp_path / "ours", "whisper")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "model.bin").write_bytes(ctranslate_bytes(ctranslate_whisper()))
    ours, theirs = load_encoder(str(tmp_path / "ours")), load_encoder(str(tmp_path / "theirs"))
    assert ours.sha256 == theirs.sha256 != ""
    write_encoder(tmp_path / "other", "wav2vec2")
    assert load_encoder(str(tmp_path / "other")).sha256 != ours.sha256


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_a_model_of_hugging_face_is_read_from_its_folder(tmp_path, signal, file):
    config = {
        "model_type": "wav2vec2",
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
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True}))
    with pytest.raises(ModelError, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        load_encoder(str(tmp_path))
    state = {}
    for name, array in random_state("wav2vec2").items():
        name = name.replace("encoder.feature_projection", "feature_projection").replace(".transformer.", ".")
        state[name] = torch.from_numpy(array).clone()
    (save_file if file.endswith("safetensors") else torch.save)(state, tmp_path / file)
    read = load_encoder(str(tmp_path)).embed([signal], 16_000)
    assert read.tobytes() == tiny_encoder("wav2vec2", standardise=True).embed([signal], 16_000).tobytes()
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:999])
    load_encoder.cache_clear()
    with pytest.raises(ModelError, match=f"{file} (is damaged|holds more than weights)") as caught:
        load_encoder(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_nothing_is_unpickled(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "wav2vec2"}))
    torch.save({"weights": tmp_path}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin holds more than weights"):
        load_encoder(str(tmp_path))


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
        ("f", {"sha256": "0" * 64}, r"encoder\.safetensors: altered since it was made .*; delete the folder"),
        ("e", {"arguments": None}, "arguments"),
    ):
        write_encoder(tmp_path / folder)
        (tmp_path / folder / "encoder.json").write_text(json.dumps(description | changed))
        with pytest.raises(ModelError, match=message):
            load_encoder(str(tmp_path / folder))


def test_encoders_side_by_side_say_what_each_says_alone(tmp_path, signal):
    sources = []
    for kind in ("layer norm", "wavlm"):
        (tmp_path / kind.split()[0]).mkdir()
        write_encoder(tmp_path / kind.split()[0], kind)
        sources.append(str(tmp_path / kind.split()[0]))
    alone = [load_encoder(source) for source in sources]
    both = load_encoder("+".join(sources))
    assert both.name == "layer+wavlm"
    found = both.embed([signal, signal[:3_000]], 16_000)
    assert found.shape == (2, both.n_layers, 2 * both.width)
    # Every layer of either is there, in the order of its own encoder.
    for encoder in alone:
        rows = [
            place
            for of_layer in encoder.embed([signal, signal[:3_000]], 16_000).swapaxes(0, 1)
            for place, layer in enumerate(found.swapaxes(0, 1))
            if np.array_equal(_halves(layer, both.width, encoder.width), of_layer)
        ]
        assert len(rows) == encoder.n_layers
        assert rows == sorted(rows)
    with pytest.raises(ModelError, match="one encoder at a time"):
        both.frames([signal], 16_000)
    with pytest.raises(EmoforgeError, match="unknown encoder 'nobody'"):
        load_encoder(f"{sources[0]}+nobody")


def _halves(layer: np.ndarray, width: int, own: int) -> np.ndarray:
    """Return means and deviations of the first *own* values of each half."""
    return layer.reshape(len(layer), 2, width)[:, :, :own].reshape(len(layer), -1)
