"""Conversion of whole batches says and sounds what conversion one by one does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.convert.known_voices import sentence, snr_db, utterance

from emoforge.base.audio import decode
from emoforge.base.errors import AudioError, EmoforgeError
from emoforge.convert.neural.batches import Scale
from emoforge.convert.neural.converter import Neural
from emoforge.convert.neural.model import PerformanceField, Size
from emoforge.convert.neural.pairs import (
    ENVELOPE,
    F0,
    N_FEATURES,
    N_STATISTICS,
    N_TARGETS,
    STRETCH,
    VOICED,
    Example,
    read,
)
from emoforge.convert.neural.sampling import Prompt, Sampler
from emoforge.convert.neural.spread import f0_spread

EMOTIONS = ("anger", "fear", "sadness")


def lively_network(seed=0):
    """A network all of whose layers matter, as after training: fresh blocks are the identity."""
    torch.manual_seed(seed)
    network = PerformanceField(len(EMOTIONS), Size(channels=32, hidden=48, blocks=4))
    with torch.no_grad():
        for block in network.blocks:
            torch.nn.init.normal_(block.condition.weight, std=0.2)
            torch.nn.init.normal_(block.condition.bias, std=0.2)
    return network.eval()


@pytest.fixture(scope="module")
def converter():
    """Changes as large as those between emotions: semitones, a third longer or shorter, several dB a band."""
    targets = np.stack([np.zeros(N_TARGETS), np.ones(N_TARGETS)]).astype(np.float32)
    targets[0, F0], targets[1, F0], targets[1, STRETCH], targets[1, ENVELOPE] = 2.0, 2.0, 0.3, 8.0
    features = np.stack([np.zeros(N_FEATURES), np.full(N_FEATURES, 5.0)]).astype(np.float32)
    statistics = np.stack([np.zeros(N_STATISTICS), np.full(N_STATISTICS, 5.0)]).astype(np.float32)
    scale = Scale(features, statistics, targets)
    f0_spread = np.array([1.0, 1.7, 1.2], dtype=np.float32)
    return Neural(lively_network(), scale, EMOTIONS, voices=statistics, f0_spread=f0_spread)


@pytest.fixture(scope="module")
def jobs():
    """Sources of many lengths, one of them asked for twice, one at half the intensity."""
    sources = [
        utterance(sentence(f0_hz, rate=rate, seed=seed), clip_id=f"voice-{seed}", speaker="s")
        for seed, (f0_hz, rate) in enumerate([(120.0, 1.0), (200.0, 2.0), (160.0, 0.7), (240.0, 1.3)])
    ]
    asked = [(source, EMOTIONS[seed % 3], 1.0, seed) for seed, source in enumerate(sources)]
    return [*asked, (sources[0], "sadness", 1.0, 9), (sources[2], "anger", 0.5, 10)]


def sampler(converter):
    return Sampler(
        converter.network,
        converter.scale,
        converter.emotions,
        converter.guidance,
        converter.temperature,
        converter.f0_spread,
    )


def test_styles_of_a_batch_are_those_of_its_clips_alone(converter, jobs):
    together = sampler(converter).perform(jobs)
    for row, (source, emotion, intensity, seed) in enumerate(jobs):
        alone = converter.perform(source, emotion, intensity=intensity, seed=seed).style
        assert alone.f0_difference_st.std() > 0.3 * intensity  # the network does say something
        for name in ("f0_difference_st", "stretch_log2", "envelope_difference_db"):
            values = getattr(together, name)[row, : source.tracks.n_frames].numpy()
            np.testing.assert_allclose(values, getattr(alone, name), atol=1e-3)


@pytest.mark.parametrize("max_batch_s", [0.5, 4.0, 500.0])
def test_clips_of_a_batch_sound_as_alone(converter, jobs, max_batch_s):
    together = sampler(converter).convert(jobs, max_batch_s=max_batch_s)
    for signal, (source, emotion, intensity, seed) in zip(together, jobs, strict=True):
        alone = converter.convert(source, emotion, intensity=intensity, seed=seed).signal
        assert signal.dtype == np.float32
        assert len(signal) == len(alone)
        assert snr_db(alone, signal) > 30


@pytest.mark.parametrize("corpus", ["ravdess_root", "nemo_root"])
def test_real_speech_sounds_as_alone(converter, corpus, request):
    paths = sorted(request.getfixturevalue(corpus).rglob("*.flac"))
    sources = [utterance(decode(path)[0], clip_id=path.stem, speaker="s") for path in paths[:: len(paths) // 3][:3]]
    jobs = [(source, emotion, 1.0, seed) for seed, (source, emotion) in enumerate(zip(sources, EMOTIONS, strict=True))]
    for signal, (source, emotion, _, seed) in zip(sampler(converter).convert(jobs), jobs, strict=True):
        alone = converter.convert(source, emotion, seed=seed).signal
        assert len(signal) == len(alone)
        assert snr_db(alone, signal) > 30


def test_seeds_and_emotions_differ_within_a_batch(converter, jobs):
    source = jobs[0][0]
    variants = [(source, "anger", 1.0, 1), (source, "anger", 1.0, 2), (source, "fear", 1.0, 1)]
    styles = sampler(converter).perform(variants)
    first, second, third = styles.f0_difference_st
    assert (first - second).abs().mean() > 0.1
    assert (first - third).abs().mean() > 0.01


def test_no_intensity_gives_the_sources_back(converter, jobs):
    for (source, *_), signal in zip(
        jobs, sampler(converter).convert([(source, "fear", 0.0, 3) for source, *_ in jobs]), strict=True
    ):
        assert snr_db(source.signal, signal) > 60


def test_the_same_jobs_give_the_same_bytes(converter, jobs):
    first, second = (sampler(converter).convert(jobs) for _ in range(2))
    assert [signal.tobytes() for signal in first] == [signal.tobytes() for signal in second]


def test_batches_on_the_cpu_are_byte_for_byte_single_conversions(converter, jobs):
    for conversion, (source, emotion, intensity, seed) in zip(converter.convert_batch(jobs), jobs, strict=True):
        alone = converter.convert(source, emotion, intensity=intensity, seed=seed)
        assert conversion.signal.tobytes() == alone.signal.tobytes()


def test_another_device_leaves_the_converter_as_it_is(converter, jobs):
    source, emotion, intensity, seed = jobs[0]
    before = converter.convert(source, emotion, intensity=intensity, seed=seed)
    elsewhere = converter.on("meta")
    assert (converter.device, elsewhere.device) == ("cpu", "meta")
    after = elsewhere.convert(source, emotion, intensity=intensity, seed=seed)
    assert after.signal.tobytes() == before.signal.tobytes()


def test_what_cannot_be_converted_on_a_device_is_named(converter, jobs):
    elsewhere = converter.on("cuda")
    source = jobs[0][0]
    with pytest.raises(EmoforgeError, match="unknown emotion 'joy'"):
        elsewhere.convert_batch([(source, "joy", 1.0, 0)])
    with pytest.raises(EmoforgeError, match="intensity 2.0"):
        elsewhere.convert_batch([(source, "anger", 2.0, 0)])
    stereo = type(source)("stereo", "s", None, "neutral", np.stack([source.signal] * 2, 1), 16000, source.tracks)
    with pytest.raises(AudioError, match="stereo: .*one channel"):
        sampler(converter).convert([(stereo, "anger", 1.0, 0)])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_an_accelerator_says_the_same(converter, jobs):
    for conversion, (source, emotion, intensity, seed) in zip(
        converter.on("cuda").convert_batch(jobs), jobs, strict=True
    ):
        alone = converter.convert(source, emotion, intensity=intensity, seed=seed).signal
        assert len(conversion.signal) == len(alone)
        assert snr_db(alone, conversion.signal) > 30


def test_contours_are_spread_as_far_as_those_of_the_training(converter, jobs):
    plain = replace(sampler(converter), f0_spread=np.ones(len(EMOTIONS), dtype=np.float32))
    sources = [read(source.tracks) for source, *_ in jobs[:4]]
    acted = {"anger": 1.4, "fear": 0.5, "sadness": 5.0}
    examples = []
    for emotion, factor in acted.items():
        drawn = plain.draw([Prompt(source, EMOTIONS.index(emotion), seed) for seed, source in enumerate(sources)])
        for source, said in zip(sources, drawn.numpy(), strict=True):
            targets = said[: len(source.features)].astype(np.float32)
            voiced = source.features[:, VOICED] > 0.5
            mean_st = targets[voiced, F0].mean()
            targets[:, F0] = mean_st + factor * (targets[:, F0] - mean_st)
            weights = np.repeat(voiced[:, None], N_TARGETS, axis=1).astype(np.float32)
            examples.append(Example("s", emotion, source, targets, weights))
    assert f0_spread(sampler(converter), examples) == pytest.approx([1.4, 1.0, 2.0], rel=0.01)


def test_spread_moves_the_contour_and_not_its_mean(converter, jobs):
    prompt = [Prompt(read(jobs[1][0].tracks), EMOTIONS.index("fear"), 3)]
    plain = replace(sampler(converter), f0_spread=np.ones(len(EMOTIONS), dtype=np.float32))
    narrow, wide = (s.draw(prompt)[0, :, F0].numpy() for s in (plain, sampler(converter)))
    voiced = prompt[0].source.features[:, VOICED] > 0.99
    assert wide[voiced].std() == pytest.approx(1.7 * narrow[voiced].std(), rel=1e-4)
    assert wide[voiced].mean() == pytest.approx(narrow[voiced].mean(), abs=0.3)
