"""The neural converter learns what its corpus holds, and keeps what every converter promises."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.convert.known_voices import level_db, median_f0_hz, sentence, snr_db, utterance
from tests.convert.neural.conftest import TINY, corpus

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.convert import registry
from emoforge.convert.neural.converter import Neural


def change(source, result):
    """F0 in semitones, level in dB (of all samples), and length over the source's."""
    return (
        12 * np.log2(median_f0_hz(result) / median_f0_hz(source.signal)),
        level_db(result) - level_db(source.signal),
        len(result) / len(source.signal),
    )


def varied(converter, **settings):
    return Neural(converter.network, converter.scale, converter.emotions, voices=converter.voices, **settings)


def changes(converter, source, emotion, *, n=5, intensity=1.0):
    return np.array(
        [change(source, converter.convert(source, emotion, intensity=intensity, seed=s).signal) for s in range(n)]
    )


def test_conversions_move_the_way_the_corpus_does(learnt, neutral):
    converter = varied(learnt, guidance=1.0)
    anger, sadness = (changes(converter, neutral, emotion) for emotion in ("anger", "sadness"))
    f0_st, gain_db, length = anger.mean(axis=0)
    assert f0_st == pytest.approx(6, abs=2.5)
    assert 5 < gain_db < 16
    assert length < 0.9
    f0_st, gain_db, length = sadness.mean(axis=0)
    assert f0_st == pytest.approx(-3, abs=2.5)
    assert -10 < gain_db < -2
    assert length > 1.03


def test_each_seed_gives_a_performance_of_its_own(learnt, neutral):
    first, again, other = (learnt.convert(neutral, "anger", seed=seed).signal for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    f0_st = changes(learnt, neutral, "anger", n=8)[:, 0]
    assert 0.05 < f0_st.std() < 2


def test_without_temperature_every_seed_gives_the_same(learnt, neutral):
    converter = varied(learnt, guidance=1.0, temperature=0.0)
    first, other = (converter.convert(neutral, "anger", seed=seed).signal for seed in (1, 2))
    assert first.tobytes() == other.tobytes()


def test_guidance_goes_further(learnt, neutral):
    plain, led = (varied(learnt, guidance=guidance, temperature=0.5) for guidance in (1.0, 2.0))
    assert changes(led, neutral, "anger")[:, 0].mean() > changes(plain, neutral, "anger")[:, 0].mean() + 0.5


def test_intensity_runs_from_the_source_to_the_performance(learnt, neutral):
    results = [learnt.convert(neutral, "anger", intensity=intensity, seed=3).signal for intensity in (0.0, 0.5, 1.0)]
    assert snr_db(neutral.signal, results[0]) > 40
    f0_hz = [median_f0_hz(signal) for signal in results]
    assert f0_hz[0] < f0_hz[1] < f0_hz[2]


def test_a_corpus_without_parallel_sentences_teaches_the_direction(neutral):
    converter = Neural.fit(corpus(parallel=False, f0_only=True), options=TINY, guidance=1.0)
    anger, sadness = (changes(converter, neutral, emotion)[:, 0].mean() for emotion in ("anger", "sadness"))
    assert anger > sadness + 3


def test_what_is_saved_converts_alike(learnt, neutral, tmp_path):
    learnt.save(tmp_path / "model")
    loaded = registry.load(tmp_path / "model")
    assert isinstance(loaded, Neural)
    assert (loaded.guidance, loaded.temperature) == (learnt.guidance, learnt.temperature)
    ours, theirs = (model.convert(neutral, "sadness", seed=4).signal for model in (learnt, loaded))
    assert ours.tobytes() == theirs.tobytes()


def test_a_model_that_lost_a_part_is_refused(learnt, tmp_path):
    from safetensors.numpy import load_file, save_file

    learnt.save(tmp_path)
    path = tmp_path / "converter.safetensors"
    arrays = load_file(path)
    save_file({name: array for name, array in arrays.items() if name != "network.head.1.weight"}, path)
    with pytest.raises(ModelError, match="fit the converter again"):
        registry.load(tmp_path)


def test_listing_converters_does_not_load_torch():
    code = "import sys; from emoforge.convert import registry; registry.names(); print('torch' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "False"


def test_a_reference_is_followed(learnt, neutral):
    """Both references are angry; the one that is higher and louder is followed higher and louder."""
    results = []
    for shift_st, level in ((2.0, 0.1), (9.0, 0.35)):
        signal = sentence(200.0 * 2 ** (shift_st / 12), level=level, seed=7)
        reference = utterance(signal, clip_id="reference", speaker="h", emotion="anger")
        performance = learnt.perform_like(neutral, reference, seed=3)
        assert performance.style_clip_id == "reference"
        results.append(learnt.synthesise(neutral, performance.style))
    calm, wild = results
    assert 12 * np.log2(median_f0_hz(wild) / median_f0_hz(calm)) > 2
    assert level_db(wild) > level_db(calm) + 3
    assert np.array_equal(wild, learnt.synthesise(neutral, learnt.perform_like(neutral, reference, seed=3).style))


def test_a_reference_of_an_unknown_emotion_is_refused(learnt, neutral):
    with pytest.raises(EmoforgeError, match="joy"):
        learnt.perform_like(neutral, replace(neutral, emotion="joy"))
