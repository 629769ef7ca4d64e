import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoforge.base.errors import EmoforgeError
from emoforge.dataset.splits import enrolment_clips
from emoforge.ser.calibration import SpeakerNormaliser, fit_temperature


def _corpus(n_neutral: int, n_speakers: int = 3):
    rows = [
        (f"{speaker}-{emotion}-{i}", f"s{speaker}", emotion)
        for speaker in range(n_speakers)
        for emotion, n in (("neutral", n_neutral), ("anger", 3))
        for i in range(n)
    ]
    return (np.array(column) for column in zip(*rows, strict=True))


def test_enrolment_is_neutral_and_leaves_the_rest_to_be_scored():
    clip_ids, speakers, emotions = _corpus(n_neutral=4)
    chosen = enrolment_clips(clip_ids, speakers, emotions, n_clips=2, seed=0)
    assert set(emotions[chosen]) == {"neutral"}
    for speaker in np.unique(speakers):
        assert chosen[speakers == speaker].sum() == 2
        assert (~chosen & (speakers == speaker) & (emotions == "neutral")).sum() == 2


@pytest.mark.parametrize(("n_neutral", "expected"), [(0, 0), (1, 0), (2, 1), (3, 2), (9, 2)])
def test_one_neutral_clip_is_always_left_to_be_scored(n_neutral, expected):
    clip_ids, speakers, emotions = _corpus(n_neutral, n_speakers=1)
    assert enrolment_clips(clip_ids, speakers, emotions, n_clips=2, seed=0).sum() == expected


@given(st.randoms(use_true_random=False), st.integers(0, 2**31))
def test_enrolment_does_not_depend_on_the_order_of_rows(random, seed):
    clip_ids, speakers, emotions = _corpus(n_neutral=6)
    order = list(range(len(clip_ids)))
    random.shuffle(order)
    chosen = enrolment_clips(clip_ids, speakers, emotions, n_clips=2, seed=seed)
    shuffled = enrolment_clips(clip_ids[order], speakers[order], emotions[order], n_clips=2, seed=seed)
    assert set(clip_ids[chosen]) == set(clip_ids[order][shuffled])


def test_the_seed_decides_the_enrolment():
    clip_ids, speakers, emotions = _corpus(n_neutral=20)
    masks = {enrolment_clips(clip_ids, speakers, emotions, n_clips=2, seed=seed).tobytes() for seed in range(5)}
    assert len(masks) > 1


def test_two_clips_of_one_name_are_refused():
    with pytest.raises(EmoforgeError, match="unique"):
        enrolment_clips(np.array(["a", "a"]), np.array(["s", "s"]), np.array(["neutral"] * 2), n_clips=1, seed=0)


def _voices(rng, n_speakers=12, n_neutral=4, n_features=5, noise=0.3):
    """Neutral clips around each speaker's own voice."""
    voices = rng.normal(0, 2, (n_speakers, n_features))
    speakers = np.repeat([f"s{i:02d}" for i in range(n_speakers)], n_neutral)
    clips = np.repeat(voices, n_neutral, axis=0) + rng.normal(0, noise, (n_speakers * n_neutral, n_features))
    return clips, speakers, voices


@pytest.mark.parametrize("shrink", [False, True])
def test_a_speakers_offset_is_removed(shrink):
    rng = np.random.default_rng(0)
    clips, speakers, _ = _voices(rng, noise=0.1)
    normaliser = SpeakerNormaliser.fit(clips, speakers, clips, speakers, shrink=shrink)
    new = rng.normal(size=(6, 5))
    names = np.array(["new"] * 6)
    plain = normaliser.transform(new, names, new[:3], names[:3])
    moved = normaliser.transform(new + 1.5, names, new[:3] + 1.5, names[:3])
    np.testing.assert_allclose(plain, moved, atol=0.1 if shrink else 1e-9)


def test_shrinkage_finds_the_voice_better_when_clips_are_few_and_noisy():
    rng = np.random.default_rng(1)
    clips, speakers, voices = _voices(rng, n_speakers=40, n_neutral=2, noise=3.0)
    plain, shrunk = (SpeakerNormaliser.fit(clips, speakers, clips, speakers, shrink=shrink) for shrink in (False, True))
    names = np.unique(speakers)

    def error(normaliser):
        found = np.array([normaliser.neutral_voice(clips[speakers == name]) for name in names])
        return np.sqrt(np.mean((found - voices) ** 2))

    assert error(shrunk) < 0.9 * error(plain)


def test_a_speaker_without_enrolment_is_measured_from_the_mean_speaker():
    clips, speakers, _ = _voices(np.random.default_rng(2))
    normaliser = SpeakerNormaliser.fit(clips, speakers, clips, speakers)
    stranger = normaliser.transform(normaliser.centre[None], np.array(["x"]), clips[:0], speakers[:0])
    np.testing.assert_allclose(stranger, 0, atol=1e-12)


def test_without_any_enrolment_features_are_standardised():
    clips, speakers, _ = _voices(np.random.default_rng(3))
    normaliser = SpeakerNormaliser.fit(clips, speakers, clips[:0], speakers[:0])
    normalised = normaliser.transform(clips, speakers, clips[:0], speakers[:0])
    np.testing.assert_allclose(normalised.std(axis=0), 1, atol=1e-9)


def test_the_scale_counts_clips_by_their_weight():
    rng = np.random.default_rng(7)
    clips, speakers, _ = _voices(rng)
    wild = clips + rng.normal(0, 20, clips.shape)
    both, names = np.concatenate([clips, wild]), np.concatenate([speakers, speakers])

    def scale(weight):
        weights = np.concatenate([np.ones(len(clips)), np.full(len(wild), weight)])
        return SpeakerNormaliser.fit(both, names, clips, speakers, weights=weights).scale

    alone = SpeakerNormaliser.fit(clips, speakers, clips, speakers).scale
    np.testing.assert_allclose(scale(0.0), alone)
    assert np.all(alone < scale(0.1))
    assert np.all(scale(0.1) < 0.5 * scale(1.0))
    # A clip of weight 2 is a clip that is there twice.
    twice = SpeakerNormaliser.fit(np.concatenate([both, wild]), np.concatenate([names, speakers]), clips, speakers)
    np.testing.assert_allclose(scale(2.0), twice.scale)
    nobody = SpeakerNormaliser.fit(both, names, clips[:0], speakers[:0], weights=np.repeat([1.0, 0.0], len(clips)))
    np.testing.assert_allclose(nobody.centre, clips.mean(axis=0))
    with pytest.raises(EmoforgeError, match="weightless"):
        SpeakerNormaliser.fit(clips, speakers, clips, speakers, weights=np.zeros(len(clips)))


def test_the_scale_is_the_spread_around_the_mean_distance():
    clips, speakers, _ = _voices(np.random.default_rng(8), noise=1.0)
    # Emotional clips all lie far to one side of neutral; by how much does not make them differ from each other.
    near, far = (SpeakerNormaliser.fit(clips + shift, speakers, clips, speakers).scale for shift in (0.0, 50.0))
    np.testing.assert_allclose(near, far)


@pytest.mark.parametrize("n_clips", [1, 3])
def test_one_enrolled_speaker_is_calibrated_to_their_own_voice(n_clips):
    clips, speakers, _ = _voices(np.random.default_rng(9), n_speakers=1, n_neutral=5)
    enrolment, names = clips[:n_clips], speakers[:n_clips]
    normaliser = SpeakerNormaliser.fit(clips, speakers, enrolment, names)
    new = clips[:2] + 3.0
    stranger = normaliser.neutral_voice(new)
    np.testing.assert_allclose(stranger, new.mean(axis=0))
    assert np.isfinite(normaliser.transform(clips, speakers, enrolment, names)).all()


def test_a_constant_feature_stays_at_zero():
    clips, speakers, _ = _voices(np.random.default_rng(4))
    clips[:, 0] = 7.0
    normaliser = SpeakerNormaliser.fit(clips, speakers, clips, speakers)
    assert np.abs(normaliser.transform(clips, speakers, clips, speakers)[:, 0]).max() < 1e-9


def test_what_is_not_a_number_or_another_feature_set_is_refused():
    clips, speakers, _ = _voices(np.random.default_rng(5))
    normaliser = SpeakerNormaliser.fit(clips, speakers, clips, speakers)
    with pytest.raises(EmoforgeError, match="5 features and cannot read 4"):
        normaliser.transform(clips[:, :4], speakers, clips[:, :4], speakers)
    clips[3, 2] = np.nan
    with pytest.raises(EmoforgeError, match="row 3"):
        SpeakerNormaliser.fit(clips, speakers, clips, speakers)


def test_the_temperature_is_found_again():
    rng = np.random.default_rng(6)
    logits = rng.normal(0, 2, (5000, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (probabilities.cumsum(axis=1) < rng.random((5000, 1))).sum(axis=1)
    assert fit_temperature(3 * logits, truth) == pytest.approx(3, rel=0.1)
    with pytest.raises(EmoforgeError, match="validation"):
        fit_temperature(logits[:0], truth[:0])
