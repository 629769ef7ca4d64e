"""Pitch marks: one a cycle, from the first to the last, whatever lies between."""

import numpy as np
import pytest
from tests.convert.known_voices import SAMPLING_RATE, vowel

from emoforge.convert.rendering.marks import GRID, on_grid, pitch_marks


@pytest.mark.parametrize(("first_hz", "last_hz"), [(100.0, 70.0), (220.0, 154.0), (220.0, 330.0)])
def test_no_cycle_is_missed_after_a_long_pause(first_hz, last_hz):
    n_pause = round(0.8 * SAMPLING_RATE)
    signal = np.concatenate([vowel(first_hz, 0.5), np.zeros(n_pause), vowel(last_hz, 0.5)])
    signal += 1e-4 * np.random.default_rng(1).standard_normal(len(signal))
    f0_hz = np.full(1 + len(signal) // 160, np.nan)
    # Estimates of F0 are never exact: what they are off by adds up to cycles.
    f0_hz[:50], f0_hz[-50:] = 1.03 * first_hz, 1.03 * last_hz
    marks = pitch_marks(signal, SAMPLING_RATE, f0_hz=f0_hz, hop_s=0.01)
    position_s = marks.position[marks.voiced] / SAMPLING_RATE
    for start_s, true_hz in ((0.0, first_hz), (1.3, last_hz)):
        inside = position_s[(position_s > start_s + 0.02) & (position_s < start_s + 0.48)]
        assert len(inside) == pytest.approx(0.46 * true_hz, rel=0.05)


def test_marks_lie_on_their_grid_from_the_first_sample_to_the_end():
    signal = vowel(130.0, 0.7)
    marks = pitch_marks(signal, SAMPLING_RATE, f0_hz=np.full(71, 130.0), hop_s=0.01)
    assert marks.position[0] == 0.0
    assert marks.position[-1] == len(signal)
    assert (np.diff(marks.position) > 0).all()
    assert np.array_equal(marks.position * GRID, np.rint(marks.position * GRID))


def test_half_way_is_rounded_up_whatever_the_rounding_error():
    half_way = (np.arange(1, 9) + 0.5) / GRID
    expected = np.arange(2, 10) / GRID
    for error in (-1e-9, 0.0, 1e-9):
        assert np.array_equal(on_grid(half_way + error), expected)
