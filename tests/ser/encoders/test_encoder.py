"""What every encoder does with clips, whatever its kind, on tiny networks that nobody has trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.ser.tiny_encoders import ARGUMENTS, spoken, tiny_encoder

from emoforge.base.errors import AudioError
from emoforge.ser.encoders.encoder import LONGEST

pytestmark = pytest.mark.parametrize("kind", ARGUMENTS)
LENGTHS = (4_000, 800, 9_600, 4_000, 6_321)


@pytest.fixture
def encoder(kind):
    return tiny_encoder(kind, standardise=kind == "layer norm")


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [0.3 * spoken(100.0 + 30 * index, index, n) for index, n in enumerate(LENGTHS)]


def test_a_clip_does_not_depend_on_its_neighbours(encoder, clips):
    together = encoder.frames(clips, 16_000)
    for clip, frames in zip(clips, together, strict=True):
        assert frames.dtype == np.float32
        assert frames.shape[::2] == (encoder.n_layers, encoder.width)
        assert encoder.frames([clip], 16_000)[0].tobytes() == frames.tobytes()
    assert encoder.embed(clips[::-1], 16_000)[::-1].tobytes() == encoder.embed(clips, 16_000).tobytes()


def test_the_number_of_threads_does_not_matter(encoder, clips):
    before = torch.get_num_threads()
    try:
        one, two = [], []
        for n, found in ((1, one), (2, two)):
            torch.set_num_threads(n)
            found.append(encoder.embed(clips, 16_000).tobytes())
            assert torch.get_num_threads() == n
    finally:
        torch.set_num_threads(before)
    assert one == two


def test_an_embedding_is_mean_and_deviation_of_the_frames(encoder, clips):
    for frames, embedding in zip(encoder.frames(clips, 16_000), encoder.embed(clips, 16_000), strict=True):
        expected = np.concatenate([frames.mean(axis=1), frames.std(axis=1)], axis=1)
        np.testing.assert_allclose(embedding, expected, atol=1e-5)


def test_batches_of_an_accelerator_give_nearly_the_same(encoder, clips):
    """Where clips share a batch, the shorter ones padded and masked: as on an accelerator, here on the CPU."""
    batched = replace(encoder, device=torch.device("cpu"))
    assert [sorted(batch) for batch in batched._batches(LENGTHS)] != [[index] for index in range(len(LENGTHS))]
    for alone, shared in zip(encoder.frames(clips, 16_000), batched.frames(clips, 16_000), strict=True):
        np.testing.assert_allclose(shared, alone, atol=2e-4)


@pytest.mark.parametrize("n_samples", [1, 160, 399, 401, 800])
def test_very_short_clips_are_heard(kind, encoder, n_samples):
    (frames,) = encoder.frames([np.full(n_samples, 0.1, dtype=np.float32)], 16_000)
    assert frames.shape[1] == max(1, (n_samples - 80) // 320)
    assert np.isfinite(frames).all()


def test_long_clips_are_heard_in_parts(encoder):
    signal = 0.3 * spoken(150.0, 0, LONGEST + 16_000)
    (frames,) = encoder.frames([signal], 16_000)
    half = -(-len(signal) // 640) * 320
    first, second = encoder.frames([signal[:half], signal[half:]], 16_000)
    np.testing.assert_array_equal(frames, np.concatenate([first, second], axis=1))
    (embedding,) = encoder.embed([signal], 16_000)
    expected = np.concatenate([frames.mean(axis=1), frames.std(axis=1)], axis=1)
    np.testing.assert_allclose(embedding, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("signal", "sampling_rate", "message"),
    [
        (np.zeros(800), 8_000, "needs 16000 Hz, not 8000"),
        (np.zeros(0), 16_000, "empty"),
        (np.full(800, np.nan), 16_000, "not finite"),
        (np.zeros((2, 800)), 16_000, "not one channel"),
    ],
)
def test_bad_clips_are_refused(encoder, signal, sampling_rate, message):
    with pytest.raises(AudioError, match=message) as caught:
        encoder.embed([np.zeros(800, dtype=np.float32), signal], sampling_rate)
    assert "\n" not in str(caught.value)


def test_no_clips_are_no_embeddings(encoder):
    assert encoder.embed([], 16_000).shape == (0, encoder.n_layers, 2 * encoder.width)
    assert encoder.frames([], 16_000) == []
