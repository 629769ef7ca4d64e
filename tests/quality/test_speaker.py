import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.quality.speaker import SpeakerEncoder, similarity

SPEAKERS = ("EB0", "IC0", "TP0", "WR0")


@pytest.fixture(scope="module")
def clips(nemo_clip):
    return [
        nemo_clip(f"{speaker}_{emotion}_{n}")
        for speaker in SPEAKERS
        for emotion, n in (("neutral", 13), ("neutral", 35), ("sadness", 58))
    ]


def test_a_voice_is_nearest_to_itself(encoder: SpeakerEncoder, clips):
    embeddings = encoder.embed(clips, 16000).reshape(len(SPEAKERS), 3, -1)
    references = embeddings[:, :2].mean(axis=1)
    cosines = np.array([similarity(embeddings[:, 2], reference) for reference in references])
    own = np.diag(cosines)
    others = cosines[~np.eye(len(SPEAKERS), dtype=bool)].reshape(len(SPEAKERS), -1)
    assert (np.argmax(cosines, axis=0) == np.arange(len(SPEAKERS))).all()
    assert own.mean() > others.mean() + 0.15


# Resemblyzer imports from where scipy no longer keeps the function.
@pytest.mark.filterwarnings("ignore:.*binary_dilation.*:DeprecationWarning")
def test_at_resemblyzers_level_embeddings_are_its_own(encoder: SpeakerEncoder, clips):
    import resemblyzer

    theirs = resemblyzer.VoiceEncoder("cpu", verbose=False)
    levelled = [clip * np.float32(10 ** (-30 / 20) / np.sqrt(np.mean(clip.astype(float) ** 2))) for clip in clips[:3]]
    expected = [theirs.embed_utterance(resemblyzer.preprocess_wav(clip)) for clip in levelled]
    np.testing.assert_allclose(encoder.embed(clips[:3], 16000), expected, atol=1e-5)


def test_rows_do_not_depend_on_other_clips(encoder: SpeakerEncoder, clips):
    together = encoder.embed(clips, 16000)
    backwards = encoder.embed(clips[::-1], 16000)[::-1]
    alone = np.concatenate([encoder.embed([clip], 16000) for clip in clips])
    assert together.shape == (len(clips), 256)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    assert together.tobytes() == backwards.tobytes() == alone.tobytes()


def test_level_and_pauses_do_not_count_as_voice(encoder: SpeakerEncoder, clips):
    clip = clips[0]
    quiet = clip * np.float32(0.01)
    padded = np.concatenate([np.zeros(16000, np.float32), clip, np.zeros(16000, np.float32)])
    original, quieter, longer = encoder.embed([clip, quiet, padded], 16000)
    assert similarity(quieter, original) > 0.999
    assert similarity(longer, original) > 0.9


def test_torch_threads_are_left_as_they_were(encoder: SpeakerEncoder, clips):
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        encoder.embed(clips[:1], 16000)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_clips_without_sound_get_nan_and_spoil_no_other(encoder: SpeakerEncoder, clips):
    silent = np.zeros(16000, np.float32)
    broken = np.array([np.inf, 0.0], np.float32)
    embeddings = encoder.embed([silent, clips[0], np.zeros(0, np.float32), broken], 16000)
    assert np.isnan(embeddings).all(axis=1).tolist() == [True, False, True, True]
    assert np.isnan(similarity(embeddings, embeddings[1])).tolist() == [True, False, True, True]


def test_noise_and_very_short_clips_are_embedded_whole(encoder: SpeakerEncoder):
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal(n).astype(np.float32) * 0.1 for n in (10, 500, 16000)]
    assert np.isfinite(encoder.embed(clips, 16000)).all()


def test_similarity_ignores_length_and_knows_direction():
    a = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    np.testing.assert_allclose(similarity(a, np.array([3.0, 0.0])), [1.0, 0.0, np.sqrt(0.5)], rtol=1e-6)
    np.testing.assert_allclose(similarity(a, -a), [-1.0, -1.0, -1.0], rtol=1e-6)


def test_another_sampling_rate_is_refused(encoder: SpeakerEncoder):
    with pytest.raises(EmoforgeError, match="16000 Hz, not 8000"):
        encoder.embed([np.zeros(100, np.float32)], 8000)
