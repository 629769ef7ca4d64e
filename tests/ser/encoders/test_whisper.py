"""What Whisper reads of a clip, beside librosa's mel spectrogram."""

import librosa
import numpy as np
import pytest
import torch
from tests.ser.tiny_encoders import spoken

from emoforge.ser.encoders.whisper import log_mel


def published(signal: np.ndarray, n_mels: int) -> np.ndarray:
    """Whisper's own recipe: the signal padded with silence, a mel spectrogram, its logarithm limited and scaled."""
    padded = np.pad(signal, (0, 16_000))
    power = librosa.feature.melspectrogram(
        y=padded, sr=16_000, n_fft=400, hop_length=160, n_mels=n_mels, center=True, pad_mode="reflect"
    )[:, :-1]
    logarithm = np.log10(np.maximum(power, 1e-10))
    return (np.maximum(logarithm, logarithm.max() - 8.0) + 4.0) / 4.0


@pytest.mark.parametrize("n_mels", [80, 128])
def test_the_input_is_that_of_whisper(n_mels):
    signal = spoken(140.0, 1, 9_600)
    found = log_mel(torch.from_numpy(signal)[None], torch.tensor([30]), n_mels=n_mels)[0].numpy()
    assert found.shape == (n_mels, 60)
    np.testing.assert_allclose(found, published(signal, n_mels)[:, :60], atol=1e-4)


def test_the_end_of_a_clip_is_the_same_beside_a_longer_one():
    short, long = spoken(140.0, 1, 3_300), 5 * spoken(200.0, 2, 8_000)
    wav = torch.zeros(2, 8_000)
    wav[0, :3_300], wav[1] = torch.from_numpy(short), torch.from_numpy(long)
    together = log_mel(wav, torch.tensor([10, 25]))
    alone = log_mel(wav[:1, :3_300], torch.tensor([10]))
    np.testing.assert_allclose(together[0, :, :20], alone[0], atol=1e-5)
    assert not together[0, :, 20:].any()
