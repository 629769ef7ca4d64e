"""The generative converter: what it hears and says again, what it learns, and that a killed training goes on."""

from dataclasses import replace

import numpy as np
import pytest
from tests.convert.known_voices import level_db, median_f0_hz, sentence, utterance
from tests.convert.neural.conftest import corpus

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.convert import ablation, registry
from emoforge.convert.generative.converter import Generative
from emoforge.convert.generative.network import Size
from emoforge.convert.generative.pairs import gather
from emoforge.convert.generative.parameters import SAMPLING_RATE, analyse, synthesise
from emoforge.convert.generative.styles import typical_styles
from emoforge.convert.generative.timeline import aligned, frames, position_of, stretch_of, tokens
from emoforge.convert.generative.training import TrainingOptions, train_networks
from emoforge.convert.generative.voice import (
    absolute,
    change_of,
    changed,
    relative,
    shaped,
    spread_of,
    style_of,
    voice_of,
)

TINY = TrainingOptions(
    steps=150,
    batch_size=8,
    learning_rate=3e-3,
    ema_decay=0.97,
    validate_every=75,
    size=Size(channels=32, blocks=3),
)


@pytest.fixture(scope="module")
def clips():
    return corpus(parallel=True)


@pytest.fixture(scope="module")
def learnt(clips):
    return Generative.fit(clips, options=TINY)


@pytest.fixture(scope="module")
def neutral():
    return utterance(sentence(160.0, level=0.1, seed=99), clip_id="g", speaker="g")


def said(source, converter, emotion, **keywords):
    return converter.convert(source, emotion, **keywords).signal


def test_parameters_say_the_clip_again(neutral):
    again = synthesise(analyse(neutral))
    assert len(again) == pytest.approx(len(neutral.signal), abs=0.02 * SAMPLING_RATE)
    assert median_f0_hz(again) == pytest.approx(160.0, rel=0.01)
    assert level_db(again) == pytest.approx(level_db(neutral.signal), abs=1.0)


def test_relative_parameters_are_undone(neutral):
    heard = analyse(neutral)
    voice = voice_of([heard])
    spread = spread_of([(heard, voice)])
    again = absolute(relative(heard, voice, spread), voice, spread)
    np.testing.assert_allclose(again.envelope, heard.envelope, atol=1e-3)
    np.testing.assert_allclose(again.f0_st, heard.f0_st, atol=1e-4)


def test_a_clip_shaped_to_a_style_has_it(clips, neutral):
    material = gather(clips, seed=0)
    angry = next(pair.style for pair in material.pairs if material.clips[pair.target].emotion == "anger")
    heard = analyse(neutral)
    values = relative(heard, voice_of([heard]), material.spread)
    # The level decides which frames are speech, and keeps their order.
    np.testing.assert_allclose(style_of(shaped(values, angry), 0.0)[0], angry[0], atol=0.05)


def test_a_time_line_is_found_again():
    slow, fast = sentence(150.0, rate=0.8, seed=1), sentence(150.0, rate=1.2, seed=2)
    heard = [analyse(utterance(signal, clip_id="x", speaker="x")) for signal in (slow, fast)]
    voice = voice_of(heard)
    spread = spread_of([(clip, voice) for clip in heard])
    of_slow, of_fast = (relative(clip, voice, spread) for clip in heard)
    position = aligned(of_slow, of_fast)
    stretch = stretch_of(position, len(of_fast))
    again = position_of(stretch, len(of_fast))
    assert len(again) == pytest.approx(len(of_slow), rel=0.05)
    middle = np.linspace(10, min(len(again), len(position)) - 10, 20).astype(int)
    assert np.abs(again[middle] - position[middle]).max() < 12


def test_tokens_hold_every_frame():
    values = np.arange(15.0).reshape(5, 3)
    assert np.array_equal(frames(tokens(values))[:5], values)


def test_what_emotions_have_in_common_is_learnt(learnt, neutral):
    anger, sadness = (
        [said(neutral, learnt, emotion, seed=seed) for seed in range(4)] for emotion in ("anger", "sadness")
    )
    f0_st = [12 * np.log2(np.median([median_f0_hz(clip) for clip in of]) / 160.0) for of in (anger, sadness)]
    assert f0_st[0] > 3 > 0 > f0_st[1]
    levels = [np.median([level_db(clip) for clip in of]) for of in (anger, sadness)]
    assert levels[0] > levels[1] + 6


def test_seeds_are_performances_and_intensity_is_gradual(learnt, neutral):
    first, second = (said(neutral, learnt, "anger", seed=seed) for seed in (1, 2))
    assert first.tobytes() != second.tobytes()
    f0_hz = [median_f0_hz(said(neutral, learnt, "anger", intensity=i, seed=1)) for i in (0.0, 0.5, 1.0)]
    assert f0_hz[0] < f0_hz[1] < f0_hz[2]


def test_neutral_can_be_asked_for_as_a_control(learnt, neutral):
    control = said(neutral, learnt, "neutral", seed=1)
    assert "neutral" not in learnt.emotions
    assert control.tobytes() != neutral.signal.tobytes()
    assert median_f0_hz(control) == pytest.approx(160.0, rel=0.06)
    assert level_db(control) == pytest.approx(level_db(neutral.signal), abs=3)


def test_a_reference_decides_how_high_it_is(learnt, neutral):
    low, high = (
        utterance(sentence(f0_hz, level=0.1, seed=7), clip_id="r", speaker="r", emotion="anger")
        for f0_hz in (120.0, 260.0)
    )
    f0_hz = [
        median_f0_hz(learnt.synthesise(neutral, learnt.perform_like(neutral, reference).style))
        for reference in (low, high)
    ]
    assert f0_hz[1] > f0_hz[0] * 1.2


def test_words_of_another_corpus_are_other_words(clips):
    apart = [replace(clip, corpus=clip.speaker) for clip in clips]
    material = gather(apart, seed=0)
    assert all(material.clips[pair.target].speaker == material.clips[pair.source].speaker for pair in material.pairs)
    together = gather(clips, seed=0)
    assert any(together.clips[pair.target].speaker != together.clips[pair.source].speaker for pair in together.pairs)


def test_styles_are_of_emotional_clips_of_the_right_gender(clips):
    genders = dict(zip("abcdef", ("male",) * 3 + ("female",) * 3, strict=True))
    corpora = dict(zip("abcdef", ("one", "two") * 3, strict=True))
    styles = typical_styles(
        gather([replace(clip, gender=genders[clip.speaker], corpus=corpora[clip.speaker]) for clip in clips], seed=0)
    )
    assert set(styles.emotions) == {"anger", "sadness"}
    of_two = [
        styles.values[row]
        for row in range(len(styles.emotions))
        if (styles.emotions[row], styles.genders[row], styles.corpora[row]) == ("anger", "female", "two")
    ]
    np.testing.assert_array_equal(styles.of("anger", gender="female", corpus="two"), *of_two)
    # Of a corpus that nobody learnt from, all of the right gender count; of an unknown gender, both.
    elsewhere = styles.of("anger", gender="female", corpus="three")
    assert not np.array_equal(elsewhere, of_two[0])
    assert not np.array_equal(elsewhere, styles.of("anger", gender="unknown", corpus="three"))


def test_a_style_laid_on_a_neutral_one_is_found_again(clips):
    material = gather(clips, seed=0)
    styles = [style_of(clip.values, 0.1) for clip in material.clips[:2]]
    change = change_of(styles[0], styles[1])
    # A spread of next to nothing counts as a twentieth.
    np.testing.assert_allclose(changed(styles[1], change), styles[0], atol=0.06)
    np.testing.assert_allclose(changed(styles[1], 0.0 * change), styles[1], atol=1e-6)


def test_clips_without_parallel_sentences_are_refused_in_one_line():
    with pytest.raises(ModelError, match="no emotional clip has a neutral one of the same sentence"):
        Generative.fit(
            [replace(clip, sentence=None) for clip in corpus(parallel=True)[:6]], options=replace(TINY, steps=1)
        )


def test_its_parts_and_other_renderers_are_refused_in_one_line(learnt, neutral):
    with pytest.raises(EmoforgeError, match="was given speech as a whole"):
        ablation.without(learnt, "f0").convert(neutral, "anger")
    spoken = learnt.perform(neutral, "anger").style
    with pytest.raises(EmoforgeError, match="converter world: needs to know what changes"):
        registry.kind_of("world")([]).synthesise(neutral, spoken)


class KilledError(Exception):
    pass


def test_a_killed_training_goes_on_to_the_same_bytes(clips, tmp_path):
    material = gather(clips, seed=0)
    options = replace(TINY, steps=12, validate_every=4)

    def train(**keywords):
        networks, _, points = train_networks(
            material, ["neutral", "anger", "sadness"], options=options, seed=0, **keywords
        )
        return b"".join(values.numpy().tobytes() for values in networks.state_dict().values()), points

    def kill(look, scale):
        if look.step == 8:
            raise KilledError

    checkpoint = tmp_path / "checkpoint.safetensors"
    with pytest.raises(KilledError):
        train(checkpoint=checkpoint, on_point=kill)
    reached = []
    continued = train(checkpoint=checkpoint, on_point=lambda look, scale: reached.append(look.step))
    assert reached == [12]
    assert continued == train()
    with pytest.raises(ModelError, match="another training"):
        train_networks(material, ["neutral", "anger", "sadness"], options=options, seed=1, checkpoint=checkpoint)


def test_a_training_goes_on_from_a_base(clips, learnt):
    few = replace(TINY, steps=5, validate_every=5)
    # The base knows no fear.
    afraid = [replace(clip, emotion="fear") if clip.emotion == "sadness" else clip for clip in clips]
    alone, adapted = (Generative.fit(afraid, options=few, base=base) for base in (None, learnt))
    assert adapted.points[0].validation_loss < 0.8 * alone.points[0].validation_loss
    assert adapted.emotions == ("anger", "fear", "sadness")
    np.testing.assert_array_equal(adapted.spread, learnt.spread)
    kept = (of.styles.of("sadness", gender="unknown", corpus="").tobytes() for of in (learnt, adapted))
    assert len(set(kept)) == 1
