import numpy as np
import pytest

from emoforge.dataset.levels import NEUTRAL_LEVEL_DB, active_level_db, level_gain, trim_silence

RATE = 16000


def noise(seconds: float, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def test_outer_silence_goes_and_inner_silence_stays():
    speech = np.concatenate([noise(0.5), silence(0.4), noise(0.5)])
    trimmed = trim_silence(np.concatenate([silence(1), speech, silence(2)]), RATE, margin_s=0.05)
    assert len(trimmed) / RATE == pytest.approx(len(speech) / RATE + 0.1, abs=0.02)


def test_a_quiet_recording_is_trimmed_like_a_loud_one():
    loud = np.concatenate([silence(1), noise(0.5), silence(1)])
    assert len(trim_silence(loud * np.float32(0.003), RATE)) == len(trim_silence(loud, RATE))


def test_a_silent_clip_is_returned_whole():
    assert len(trim_silence(silence(1), RATE)) == RATE


def test_pauses_do_not_lower_the_active_level():
    without = active_level_db(noise(1.0), RATE)
    pauses = np.concatenate([noise(0.5), silence(1.0), noise(0.5)])
    assert active_level_db(pauses, RATE) == pytest.approx(without, abs=0.3)
    assert without == pytest.approx(-20, abs=0.3)


def test_gain_reaches_the_neutral_level_or_stops_at_full_scale():
    clip = noise(1.0, level=0.01)
    gain = level_gain([active_level_db(clip, RATE)], peak=float(np.abs(clip).max()))
    assert active_level_db(clip * gain, RATE) == pytest.approx(NEUTRAL_LEVEL_DB, abs=0.1)
    assert level_gain([-60.0], peak=0.9) * 0.9 < 1.0


@pytest.mark.parametrize("n_samples", [1, 7, 159, 161])
def test_clips_shorter_than_a_frame(n_samples):
    signal = noise(1.0)[:n_samples]
    assert np.isfinite(active_level_db(signal, RATE))
    assert len(trim_silence(signal, RATE)) == n_samples
