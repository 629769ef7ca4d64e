"""A converter without one of its parts leaves that part of the source alone, and only that."""

import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.convert import registry
from emoforge.convert.ablation import without

PARTS = ("stretch_log2", "f0_difference_st", "envelope_difference_db")


@pytest.fixture(scope="module")
def whole(training):
    return registry.fit("transplant", training)


@pytest.mark.parametrize(
    ("part", "gone"), [("durations", PARTS[0]), ("f0", PARTS[1]), ("contour", None), ("envelope", PARTS[2])]
)
def test_one_part_goes_and_the_others_stay(whole, source, part, gone):
    emotion = whole.emotions[0]
    full = whole.perform(source, emotion).style
    reduced = without(whole, part)
    style = reduced.perform(source, emotion).style
    for name in PARTS:
        assert np.ptp(getattr(full, name)) > 0
        if name == gone:
            assert not getattr(style, name).any()
        elif part != "contour" or name != "f0_difference_st":
            assert np.array_equal(getattr(style, name), getattr(full, name))
    assert not np.array_equal(reduced.convert(source, emotion).signal, whole.convert(source, emotion).signal)


def test_without_contour_the_voice_keeps_its_own_melody_at_the_new_height(whole, source):
    emotion = whole.emotions[0]
    shift = without(whole, "contour").perform(source, emotion).style.f0_difference_st
    voiced = source.tracks.f0_hz > 0
    assert np.ptp(shift) == 0
    assert shift[0] == pytest.approx(whole.perform(source, emotion).style.f0_difference_st[voiced].mean())


def test_without_noise_every_seed_gives_the_same(converter, source):
    if converter.name not in registry.TRAINED:
        with pytest.raises(EmoforgeError, match=f"converter {converter.name}: draws from no noise"):
            without(converter, "noise")
        return
    emotion = converter.emotions[0]
    signals = [
        [one.convert(source, emotion, seed=seed).signal for seed in (0, 1)]
        for one in (converter, without(converter, "noise"))
    ]
    assert [np.array_equal(*pair) for pair in signals] == [False, True]


def test_an_unknown_part_is_one_line(whole):
    with pytest.raises(EmoforgeError, match="unknown part of a converter 'tempo'; allowed: durations"):
        without(whole, "tempo")
