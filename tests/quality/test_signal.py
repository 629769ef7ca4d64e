import math

import numpy as np
import pytest

from emoforge.quality.signal import clipping_share, signal_checks, silence_share

SAMPLING_RATE = 16000


def tone(seconds: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    t = np.arange(round(seconds * SAMPLING_RATE)) / SAMPLING_RATE
    return (amplitude * np.sin(2 * np.pi * 217.3 * t)).astype(np.float32)


def test_measures_of_a_sound_clip():
    f0_hz = np.array([np.nan, 200.0, 210.0, 220.0, np.nan])
    report = signal_checks(tone(), tone(0.8), SAMPLING_RATE, f0_hz_converted=f0_hz)
    assert report.clipping_share == 0
    assert report.silence_share == 0
    assert report.dc_offset == pytest.approx(0, abs=1e-3)
    assert report.duration_ratio == pytest.approx(1.25)
    assert report.peak_db == pytest.approx(20 * math.log10(0.5), abs=0.01)
    assert report.f0_median_hz == 210.0
    assert report.f0_range_st == pytest.approx(12 * math.log2(219 / 201))


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_clipping_is_seen_even_after_scaling_down(scale):
    clipped = np.clip(tone(amplitude=2.0), -1, 1) * np.float32(scale)
    share = clipping_share(clipped)
    # A sine of twice the ceiling spends two thirds of the time beyond it.
    assert share == pytest.approx(2 / 3, abs=0.03)
    assert signal_checks(clipped, clipped, SAMPLING_RATE).clipping_share == share


def test_a_lone_peak_and_digital_silence_are_not_clipping():
    lone = tone(amplitude=0.3)
    lone[500] = 1.0
    assert clipping_share(lone) == 0.0
    assert clipping_share(np.zeros(100)) == 0.0


def test_real_clips_are_neither_clipped_nor_mostly_silent(nemo_clip, ravdess_clip):
    for clip in (nemo_clip("EB0_neutral_13"), nemo_clip("TP0_anger_20"), ravdess_clip(3, 1), ravdess_clip(8, 5)):
        report = signal_checks(clip, clip, SAMPLING_RATE)
        assert report.clipping_share < 0.001
        assert report.silence_share < 0.8


def test_silence_is_counted_in_frames():
    clip = np.concatenate([tone(1.0), np.zeros(3 * SAMPLING_RATE, np.float32)])
    assert silence_share(clip, SAMPLING_RATE) == pytest.approx(0.75)
    assert silence_share(np.zeros(SAMPLING_RATE), SAMPLING_RATE) == 1.0
    assert signal_checks(np.zeros(SAMPLING_RATE), tone(), SAMPLING_RATE).peak_db < -100


def test_an_offset_is_measured():
    assert signal_checks(tone() + np.float32(0.1), tone(), SAMPLING_RATE).dc_offset == pytest.approx(0.1, abs=1e-3)


def test_a_clip_without_voice_has_no_f0():
    report = signal_checks(tone(), tone(), SAMPLING_RATE, f0_hz_converted=np.full(10, np.nan))
    assert math.isnan(report.f0_median_hz)
    assert math.isnan(report.f0_range_st)


@pytest.mark.parametrize("clip", [np.zeros(0), np.array([0.1, np.nan])])
def test_a_clip_that_cannot_be_measured_has_no_measures(clip):
    report = signal_checks(clip, tone(), SAMPLING_RATE)
    assert math.isnan(report.clipping_share)
    assert math.isnan(report.duration_ratio)
