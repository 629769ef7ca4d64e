"""What every converter keeps to, and what the single ones do."""

from dataclasses import replace

import numpy as np
import pytest
from tests.convert.known_voices import SAMPLING_RATE, level_db, median_f0_hz, sentence, snr_db, utterance

from emoforge.base.audio import resample
from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.convert import registry
from emoforge.convert.alignment import align, alignment_features
from emoforge.convert.exemplars import choose
from emoforge.convert.transplant import Transplant
from emoforge.prosody.analysis import analyse


def test_emotions_are_those_of_the_training_clips(converter):
    assert converter.emotions == ("anger", "sadness")


def test_same_seed_gives_the_same_bytes(converter, source):
    first, second = (converter.convert(source, "anger", seed=7) for _ in range(2))
    assert first.style_clip_id == second.style_clip_id
    assert first.signal.dtype == np.float32
    assert first.signal.tobytes() == second.signal.tobytes()


def test_what_is_performed_and_then_synthesised_is_the_conversion(converter, source):
    performance = converter.perform(source, "anger", intensity=0.7, seed=5)
    conversion = converter.convert(source, "anger", intensity=0.7, seed=5)
    assert performance.style_clip_id == conversion.style_clip_id
    assert converter.synthesise(source, performance.style).tobytes() == conversion.signal.tobytes()


def test_a_style_is_laid_on_every_channel_at_any_rate(converter, source):
    style = converter.perform(source, "anger", seed=5).style
    alone = converter.synthesise(source, style)
    for rate in (8000, 48000):
        channel = resample(source.signal, SAMPLING_RATE, rate)
        stereo = replace(source, signal=np.stack([channel, 0.5 * channel], axis=1), sampling_rate=rate)
        result = converter.synthesise(stereo, style)
        assert result.shape == (pytest.approx(len(alone) * rate / SAMPLING_RATE, abs=0.006 * rate), 2)
        assert median_f0_hz(resample(result[:, 0].copy(), rate, SAMPLING_RATE)) == pytest.approx(
            median_f0_hz(alone), rel=0.01
        )
        # WORLD draws the noise of every channel anew.
        assert level_db(result[:, 1]) - level_db(result[:, 0]) == pytest.approx(-6.02, abs=0.3)


def test_only_converters_with_networks_take_a_style_reference(converter, source, training):
    if converter.name in registry.TRAINED:
        assert converter.perform_like(source, training[1]).style_clip_id == training[1].clip_id
        return
    with pytest.raises(EmoforgeError, match=f"converter {converter.name}: takes no style reference"):
        converter.perform_like(source, training[1])


def test_identity_gives_the_very_samples_back(training, source):
    conversion = registry.fit("identity", training).convert(source, "anger")
    assert conversion.signal.tobytes() == source.signal.tobytes()


def test_a_batch_gives_the_bytes_of_single_conversions(converter, source):
    jobs = [(source, "anger", 1.0, 1), (source, "sadness", 0.5, 2), (source, "anger", 0.0, 3)]
    batch = converter.convert_batch(jobs)
    for (clip, emotion, intensity, seed), conversion in zip(jobs, batch, strict=True):
        single = converter.convert(clip, emotion, intensity=intensity, seed=seed)
        assert conversion.signal.tobytes() == single.signal.tobytes()
        assert conversion.style_clip_id == single.style_clip_id


def test_a_saved_converter_gives_the_same_bytes(converter, source, tmp_path):
    converter.save(tmp_path / "model")
    loaded = registry.load(tmp_path / "model")
    assert type(loaded) is type(converter)
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".json", ".safetensors"}
    for seed in range(3):
        ours, theirs = (model.convert(source, "anger", seed=seed) for model in (converter, loaded))
        assert ours.signal.tobytes() == theirs.signal.tobytes()
        assert ours.style_clip_id == theirs.style_clip_id


def test_unknown_emotions_are_named(converter, source):
    with pytest.raises(EmoforgeError, match=r"unknown emotion 'angr' \(did you mean 'anger'\?\); allowed: anger, sad"):
        converter.convert(source, "angr")


@pytest.mark.parametrize("intensity", [-0.1, 1.5, float("nan")])
def test_intensity_out_of_range_is_refused(converter, source, intensity):
    with pytest.raises(EmoforgeError, match="from 0 to 1"):
        converter.convert(source, "anger", intensity=intensity)


@pytest.mark.parametrize("name", ["statistics", "transplant"])
def test_intensity_runs_from_the_source_to_the_style(training, source, name):
    converter = registry.fit(name, training)
    results = [converter.convert(source, "anger", intensity=i, seed=1).signal for i in (0.0, 0.5, 1.0)]
    assert snr_db(source.signal, results[0]) > 40
    f0_hz = [median_f0_hz(signal) for signal in results]
    assert f0_hz[0] < f0_hz[1] < f0_hz[2]
    assert len(results[0]) > len(results[1]) > len(results[2])
    levels = [level_db(signal) for signal in results]
    assert levels[0] < levels[1] < levels[2]


@pytest.mark.parametrize("name", ["world", "statistics", "transplant"])
def test_the_style_arrives(training, source, name):
    converter = registry.fit(name, training)
    anger, sadness = (converter.convert(source, emotion, seed=0).signal for emotion in ("anger", "sadness"))
    # The training speakers raise F0 by 12 log2(1.3) = 4.5 semitones (and 2 more at the end) when angry.
    assert 12 * np.log2(median_f0_hz(anger) / median_f0_hz(source.signal)) == pytest.approx(5.3, abs=1.3)
    assert 12 * np.log2(median_f0_hz(sadness) / median_f0_hz(source.signal)) == pytest.approx(-1.8, abs=1.0)
    assert len(anger) < len(source.signal) < len(sadness)
    assert level_db(anger) > level_db(source.signal) + 3
    assert level_db(sadness) < level_db(source.signal) - 3


def test_world_is_the_only_one_that_changes_the_waveform_at_intensity_0(converter, source):
    result = converter.convert(source, "anger", intensity=0.0).signal
    same = len(result) == len(source.signal) and snr_db(source.signal, result) > 40
    assert same == (converter.name != "world")


def test_the_style_is_never_the_source_speakers_own(training):
    converter = registry.fit("transplant", training)
    own = next(clip for clip in training if clip.clip_id == "a-neutral")
    drawn = {converter.convert(own, "anger", intensity=0.0, seed=seed).style_clip_id for seed in range(12)}
    assert drawn == {"b-anger", "c-anger"}


def test_the_style_prefers_the_gender_of_the_source(training, source):
    exemplars = registry.fit("statistics", training).exemplars
    assert {choose(exemplars, source, "anger", seed=seed).speaker for seed in range(12)} == {"b", "c"}


def test_only_a_speakers_own_clips_are_left_when_nobody_else_trained(training):
    own = [clip for clip in training if clip.speaker == "a"]
    converter = registry.fit("statistics", own)
    assert converter.convert(own[0], "anger", intensity=0.0).style_clip_id == "a-anger"


@pytest.mark.parametrize("name", ["statistics", "transplant"])
def test_a_corpus_without_parallel_sentences_still_teaches(training, source, name):
    single = [
        utterance(clip.signal, clip_id=clip.clip_id, speaker=clip.speaker, emotion=clip.emotion, sentence=None)
        for clip in training
    ]
    result = registry.fit(name, single).convert(source, "anger").signal
    assert median_f0_hz(result) > 1.15 * median_f0_hz(source.signal)


def test_another_sentence_falls_back_to_the_pairs_statistics(training):
    other = utterance(sentence(200.0), clip_id="e", speaker="e", sentence="s2")
    by_frames, by_statistics = (registry.fit(name, training) for name in ("transplant", "statistics"))
    ours, theirs = (model.convert(other, "anger", seed=4) for model in (by_frames, by_statistics))
    assert ours.signal.tobytes() == theirs.signal.tobytes()


def test_order_of_training_clips_does_not_matter(training, source):
    forward, backward = Transplant.fit(training), Transplant.fit(training[::-1])
    ours, theirs = (model.convert(source, "anger", seed=3) for model in (forward, backward))
    assert ours.signal.tobytes() == theirs.signal.tobytes()


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros(8000, dtype=np.float32),
        np.full(300, 0.01, dtype=np.float32),
        (0.05 * np.random.default_rng(0).standard_normal(6000)).astype(np.float32),
    ],
    ids=["silence", "short", "unvoiced"],
)
def test_odd_sources_survive(converter, signal):
    clip = utterance(signal, clip_id="odd", speaker="odd")
    for emotion in converter.emotions:
        result = converter.convert(clip, emotion).signal
        assert np.isfinite(result).all()
        assert np.abs(result).max() <= 1.0


def test_fitting_without_neutral_or_emotional_clips_is_refused(training):
    with pytest.raises(ModelError, match="0 emotional"):
        registry.fit("statistics", [clip for clip in training if clip.emotion == "neutral"])
    with pytest.raises(ModelError, match="0 neutral"):
        registry.fit("transplant", [clip for clip in training if clip.emotion != "neutral"])


def test_unknown_kinds_and_empty_folders_are_named(training, tmp_path):
    with pytest.raises(EmoforgeError, match="did you mean 'transplant'"):
        registry.fit("transplan", training)
    with pytest.raises(ModelError, match="no such file"):
        registry.load(tmp_path)
    (tmp_path / "converter.json").write_text('{"kind": "magic", "format": 1}')
    with pytest.raises(ModelError, match="unknown converter 'magic'"):
        registry.load(tmp_path)


def test_alignment_finds_the_frames_of_a_slower_reading():
    fast, slow = (sentence(150.0, rate=rate) for rate in (1.0, 0.7))
    features = [alignment_features(analyse(signal, SAMPLING_RATE).envelope_db) for signal in (fast, slow)]
    position = align(*features)
    # The fricative starts 0.2 s of silence and 0.4 s of vowel into the fast reading.
    assert position[60] == pytest.approx(20 + 40 / 0.7, abs=3)
    assert np.all(np.diff(position) >= 0)
    assert position[0] == 0
    assert position[-1] == pytest.approx(len(features[1]) - 1)
