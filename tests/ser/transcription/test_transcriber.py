"""Whisper writes down real clips of known sentences, and stays sane where there is nothing to write."""

import numpy as np
import pytest
import torch

from emoforge.base.audio import decode, resample
from emoforge.base.errors import AudioError
from emoforge.corpora.importers import crema_d, ravdess
from emoforge.project.encoders.transcriber import load_transcriber
from emoforge.quality.words import word_error


def transcribed(recordings) -> list[tuple[str, str]]:
    signals = []
    for recording in recordings:
        signal, sampling_rate = decode(recording.path)
        signals.append(resample(signal, sampling_rate, 16_000))
    texts = load_transcriber().transcribe(signals, 16_000)
    return [(recording.text, text) for recording, text in zip(recordings, texts, strict=True)]


def test_neutral_clips_of_known_sentences_are_written_down(ravdess_root, crema_d_root):
    acted = [found for found in ravdess.read(ravdess_root) if found.emotion == "neutral"]
    pairs = transcribed(acted[::23])
    assert {said for said, _ in pairs} == {"Kids are talking by the door", "Dogs are sitting by the door"}
    pairs += transcribed([found for found in crema_d.read(crema_d_root) if found.emotion == "neutral"][::100])
    assert len(pairs) >= 8
    assert np.mean([word_error(said, text) for said, text in pairs]) < 0.1


def test_silence_and_noise_have_few_words():
    rng = np.random.default_rng(0)
    silence = np.zeros(32_000, dtype=np.float32)
    noise = (0.1 * rng.normal(size=32_000)).astype(np.float32)
    for text in load_transcriber().transcribe([silence, noise], 16_000):
        assert len(text.split()) < 20


def test_earlier_tokens_are_kept_and_not_forgotten():
    """Token by token, with keys and values kept, the decoder says what it says of all tokens at once."""
    decoder = load_transcriber().decoder
    frames = torch.randn(1, 50, decoder.positions.shape[1], generator=torch.Generator().manual_seed(0))
    tokens = [50257, 50362, 1000, 2000, 3000]
    with torch.inference_mode():
        whole, _ = decoder(torch.tensor([tokens]), frames)
        past = None
        for token in tokens:
            step, past = decoder(torch.tensor([[token]]), frames, past)
    assert torch.allclose(step, whole, atol=1e-3)


def test_clips_that_cannot_be_transcribed_are_one_line():
    transcriber = load_transcriber()
    with pytest.raises(AudioError, match="31.0 s long"):
        transcriber.transcribe([np.zeros(31 * 16_000, dtype=np.float32)], 16_000)
    with pytest.raises(AudioError, match="16000 Hz"):
        transcriber.transcribe([np.zeros(100, dtype=np.float32)], 8_000)
