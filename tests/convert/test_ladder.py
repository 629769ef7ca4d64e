"""The rungs of the ladder: what is left of the speaker's own take on each."""

import numpy as np
import pytest
from tests.convert.known_voices import level_db, median_f0_hz, sentence, utterance

from emoforge.base.errors import EmoforgeError
from emoforge.convert import registry
from emoforge.convert.ladder import RUNGS, climb, own_style, prosody_of, resynthesised


@pytest.fixture(scope="module")
def take():
    signal = sentence(260.0, rate=1.25, rise_st=2.0, level=0.5, tilt_db=9.0, seed=4)
    return utterance(signal, clip_id="d-anger", speaker="d", emotion="anger", gender="female")


def tilt_db(signal: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(signal)) ** 2
    hz = np.fft.rfftfreq(len(signal), 1 / 16_000)
    return float(10 * np.log10(power[(hz > 2500) & (hz < 5000)].sum() / power[hz < 2500].sum()))


def test_resynthesis_is_the_take_itself(source, take):
    copy = climb("resynthesis", source, take)
    assert len(copy) == len(take.signal)
    assert copy.dtype == np.float32
    assert median_f0_hz(copy) == pytest.approx(median_f0_hz(take.signal), rel=0.02)
    assert tilt_db(copy) == pytest.approx(tilt_db(take.signal), abs=2)
    # A vocoder keeps no waveform.
    assert not np.allclose(copy, take.signal, atol=1e-3)
    low = resynthesised(take.signal[::2], 8000)
    assert abs(len(low) - len(take.signal[::2])) <= 1


def test_the_own_take_is_what_the_generative_converter_could_say_at_best(source, take):
    own = climb("own take", source, take)
    assert len(own) == pytest.approx(len(take.signal), abs=0.02 * 16_000)
    assert median_f0_hz(own) == pytest.approx(median_f0_hz(take.signal), rel=0.02)
    assert tilt_db(own) == pytest.approx(tilt_db(take.signal), abs=3)
    assert level_db(own) == pytest.approx(level_db(take.signal), abs=1.5)


def test_prosody_goes_along_and_timbre_only_with_the_whole_style(source, take):
    own, prosody = climb("own style", source, take), climb("prosody only", source, take)
    for made in (own, prosody):
        assert median_f0_hz(made) == pytest.approx(median_f0_hz(take.signal), rel=0.06)
        assert len(made) < len(source.signal)
        assert level_db(made) > level_db(source.signal) + 3
    assert tilt_db(take.signal) > tilt_db(source.signal)
    assert abs(tilt_db(own) - tilt_db(take.signal)) < abs(tilt_db(prosody) - tilt_db(take.signal))


def test_prosody_changes_all_bands_alike(source, take):
    whole = own_style(source, take)
    reduced = prosody_of(whole)
    assert np.ptp(reduced.envelope_difference_db, axis=1).max() == 0
    assert reduced.envelope_difference_db.mean(axis=1) == pytest.approx(
        whole.envelope_difference_db.mean(axis=1), abs=1e-4
    )
    assert (reduced.f0_difference_st == whole.f0_difference_st).all()


def test_the_source_as_its_own_take_changes_next_to_nothing(source):
    same = climb("own style", source, source)
    assert abs(len(same) - len(source.signal)) < 0.03 * len(source.signal)
    assert median_f0_hz(same) == pytest.approx(median_f0_hz(source.signal), rel=0.02)


def test_nobody_can_fit_a_rung(source, take):
    assert not set(RUNGS) & set(registry.names())
    with pytest.raises(EmoforgeError, match="unknown rung of the ladder 'owntake'"):
        climb("owntake", source, take)
