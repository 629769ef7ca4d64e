"""Embeddings of a tiny encoder that nobody has trained."""

import numpy as np
import pytest
import torch
from torchaudio.models import wav2vec2_model

from emoforge.base.errors import AudioError
from emoforge.prosody.synthetic import voice
from emoforge.ser.metrics import uar
from emoforge.ser.pretrained import Encoder, PretrainedRecogniser
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import load_recogniser

TINY = {
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


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(wav2vec2_model(**TINY).eval(), standardise=True)


def spoken(f0_hz: float, seed: int, n_samples: int = 8_000) -> np.ndarray:
    return voice(np.full(n_samples, f0_hz), 16_000, seed=seed)


def test_an_embedding_is_as_long_as_it_says_and_repeats(encoder):
    embedding = encoder.embed(spoken(120.0, 0), 16_000)
    assert embedding.shape == (encoder.n_features,) == (48,)
    assert embedding.dtype == np.float32
    assert embedding.tobytes() == encoder.embed(spoken(120.0, 0), 16_000).tobytes()


def test_an_encoder_that_standardises_does_not_hear_the_level(encoder):
    signal = spoken(120.0, 0)
    np.testing.assert_allclose(encoder.embed(0.1 * signal, 16_000), encoder.embed(signal, 16_000), atol=2e-2)


@pytest.mark.parametrize("n_samples", [1, 399, 401])
def test_very_short_clips_have_an_embedding(encoder, n_samples):
    assert np.isfinite(encoder.embed(np.full(n_samples, 0.1, dtype=np.float32), 16_000)).all()


def test_another_rate_or_nothing_is_refused(encoder):
    with pytest.raises(AudioError, match="needs 16000 Hz, not 8000"):
        encoder.embed(spoken(120.0, 0), 8_000)
    with pytest.raises(AudioError, match="empty"):
        encoder.embed(np.zeros(0, dtype=np.float32), 16_000)


def test_voice_and_noise_are_told_apart_and_stay_so_on_disk(encoder, tmp_path):
    rng = np.random.default_rng(3)
    names, labels, embeddings = [], [], []
    for speaker in "abcdefgh":
        for i in range(8):
            voiced = spoken(110.0 + 10 * i, i, 4_000)
            noise = (0.1 * rng.standard_normal(4_000)).astype(np.float32)
            embeddings.append(encoder.embed(noise if i % 2 else voiced, 16_000))
            names.append(speaker)
            labels.append(i % 2)
    clips = Examples(np.stack(embeddings), np.array(names), np.array(labels))
    known = np.isin(clips.speakers, list("abcdef"))
    nobody = Examples(np.zeros((0, encoder.n_features)), np.array([], dtype=str))
    recogniser = PretrainedRecogniser.fit(clips.take(known), labels=("sadness", "happiness"), enrolment=nobody)
    test = clips.take(~known)
    answers = recogniser.predict_proba(test, nobody)
    assert uar(test.labels, answers.argmax(axis=1)) > 0.9
    recogniser.save(tmp_path)
    loaded = load_recogniser(tmp_path)
    assert type(loaded) is PretrainedRecogniser
    np.testing.assert_array_equal(loaded.predict_proba(test, nobody), answers)
