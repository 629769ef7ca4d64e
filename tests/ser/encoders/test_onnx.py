"""Encoders in ONNX files, as onnxruntime computes them."""

import numpy as np
import pytest
from tests.ser.onnx_files import encoder_onnx
from tests.ser.tiny_encoders import spoken

from emoforge.base.errors import ModelError
from emoforge.project.encoders import load_encoder
from emoforge.project.encoders.catalogue import CATALOGUE, Entry
from emoforge.project.encoders.fetch import fetch
from emoforge.ser.encoders.onnx import OnnxNetwork

WEIGHTS = np.random.default_rng(0).normal(0, 0.1, (6, 1, 400)).astype(np.float32)
SIGNAL = spoken(120.0, 0, 4_000)


def frames(signal: np.ndarray) -> np.ndarray:
    below = np.stack([signal[start : start + 400] for start in range(0, len(signal) - 399, 320)]) @ WEIGHTS[:, 0].T
    return np.stack([below, np.maximum(below, 0)])


def test_every_output_of_frames_is_a_layer(tmp_path):
    (tmp_path / "any name.onnx").write_bytes(encoder_onnx(WEIGHTS, 320))
    encoder = load_encoder(str(tmp_path))
    assert (encoder.n_layers, encoder.width) == (2, 6)
    (found,) = encoder.frames([SIGNAL], 16_000)
    np.testing.assert_allclose(found, frames(SIGNAL), atol=1e-5)
    clips = [SIGNAL, SIGNAL[:800], SIGNAL[:1_900]]
    assert encoder.embed(clips, 16_000)[1:2].tobytes() == encoder.embed(clips[1:2], 16_000).tobytes()


def test_it_is_kept_under_a_name_and_standardised_where_the_name_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOFORGE_CACHE", str(tmp_path / "cache"))
    about = {"kind": "onnx", "n_layers": 2, "width": 6, "megabytes": 1, "licence": "MIT", "standardise": True}
    monkeypatch.setitem(CATALOGUE, "own", Entry(name="own", **about))
    (tmp_path / "a.onnx").write_bytes(encoder_onnx(WEIGHTS, 320))
    folder = fetch("own", source=tmp_path)
    (found,) = load_encoder("own").frames([SIGNAL], 16_000)
    np.testing.assert_allclose(found, frames((SIGNAL - SIGNAL.mean()) / np.sqrt(SIGNAL.var() + 1e-5)), atol=1e-4)
    (folder / "encoder.onnx").write_bytes(encoder_onnx(2 * WEIGHTS, 320))
    load_encoder.cache_clear()
    with pytest.raises(ModelError, match=r"encoder\.onnx: altered since it was made"):
        load_encoder("own")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"not a model", "not an ONNX file that can be read"),
        (encoder_onnx(WEIGHTS, 320, outputs=0), r"its outputs must be frames \(1, n_frames, width\), not \(1, 16000\)"),
    ],
)
def test_other_files_are_one_line(tmp_path, data, message):
    path = tmp_path / "a.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=message) as caught:
        OnnxNetwork(str(path))
    assert "\n" not in str(caught.value)
