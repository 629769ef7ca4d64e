"""Long recordings are cut in pauses, nothing is lost between the pieces, and joints are not heard."""

from itertools import pairwise

import numpy as np
import pytest

from emoforge.recording.pieces import HOP_S, crossfaded, cut, pause_frames

RATE = 16000


def spoken(*parts: tuple[float, float], floor: float = 1e-5) -> np.ndarray:
    """Noise of (seconds, level) one after the other, above a noise floor."""
    rng = np.random.default_rng(0)
    levels = np.concatenate([np.full(round(seconds * RATE), level) for seconds, level in parts])
    return (rng.standard_normal(len(levels)) * np.maximum(levels, floor)).astype(np.float32)


def pieces_of(signal):
    pauses = pause_frames(signal, RATE)
    pieces = cut(signal, RATE, pauses)
    assert pieces[0].start == 0
    assert pieces[-1].stop == len(pauses)
    assert all(before.stop == after.start for before, after in pairwise(pieces))
    return [((piece.stop - piece.start) * HOP_S, piece.speech) for piece in pieces]


@pytest.mark.parametrize("floor", [0.0, 1e-5, 2e-3], ids=["digital silence", "studio", "noisy"])
def test_pauses_are_found_whatever_the_noise(floor):
    signal = spoken((1, 0), (5, 0.1), (3, 0), (5, 0.1), (0.2, 0), (3, 0.1), (2, 0), floor=floor)
    lengths = pieces_of(signal)
    assert [speech for _, speech in lengths] == [False, True, False, True, False]
    # 50 ms on either side of speech stay with it.
    assert [length for length, _ in lengths] == pytest.approx([0.95, 5.1, 2.9, 8.3, 1.95], abs=0.03)


def test_a_few_words_in_minutes_of_silence_are_found():
    lengths = pieces_of(spoken((60, 0), (2, 0.1), (60, 0), floor=0.0))
    assert sum(length for length, speech in lengths if speech) == pytest.approx(2.1, abs=0.03)
    assert max(length for length, _ in lengths) <= 15


def test_short_phrases_share_a_piece_and_long_ones_do_not():
    phrases = [(1.5, 0.1), (0.8, 0)] * 3 + [(8, 0.1), (0.8, 0), (8, 0.1)]
    lengths = [length for length, speech in pieces_of(spoken(*phrases)) if speech]
    assert lengths == pytest.approx([1.5 * 3 + 0.8 * 2 + 0.05, 8.1, 8.05], abs=0.03)


def test_speech_without_a_pause_is_cut_where_it_is_quietest():
    lengths = pieces_of(spoken((9, 0.1), (0.1, 0.01), (14, 0.1)))
    assert [speech for _, speech in lengths] == [True, True]
    assert lengths[0][0] == pytest.approx(9.05, abs=0.1)


def test_a_minute_without_a_pause_is_cut_into_pieces_of_4_to_15_seconds():
    lengths = [length for length, _ in pieces_of(spoken((61, 0.1)))]
    assert 4 <= min(lengths) <= max(lengths) <= 15


def test_parts_that_agree_where_they_overlap_give_the_signal_back():
    signal = np.random.default_rng(0).standard_normal((1000, 2)).astype(np.float32)
    parts = [signal[:420], signal[400:700], signal[680:720], signal[700:]]
    assert np.concatenate(list(crossfaded(parts, 20))) == pytest.approx(signal, abs=1e-6)
    assert np.array_equal(np.concatenate(list(crossfaded([signal], 20))), signal)
