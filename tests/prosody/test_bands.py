"""Figures of mel bands on levels whose distribution, movement and course are known."""

import numpy as np
import pytest

from emoforge.prosody.bands import band_figures

HOP_S = 0.01
N_FRAMES, N_BANDS = 400, 26
ALL = np.ones(N_FRAMES, dtype=bool)


def levels(band: int, contour: np.ndarray) -> np.ndarray:
    """All bands at -30 dB, but for *band* (from 1), which follows *contour*."""
    mel_db = np.full((N_FRAMES, N_BANDS), -30.0)
    mel_db[:, band - 1] = contour
    return mel_db


def test_a_rising_band_has_a_movement_and_a_shape_of_its_own():
    rise = np.linspace(-40.0, -20.0, N_FRAMES)  # 20 dB in 4 s
    values = band_figures(levels(5, rise), ALL, ALL, HOP_S)
    assert values["mel_5_delta_mean_abs_db_per_s"] == pytest.approx(5.0, rel=0.02)
    assert values["mel_5_std_db"] == pytest.approx(20.0 / np.sqrt(12.0), rel=0.01)
    # The first cosine starts high: a rise is negative. A line has -4 / pi² of half its height in it.
    assert values["mel_5_shape_1_db"] == pytest.approx(-10.0 * 4.0 / np.pi**2, rel=0.02)
    assert values["mel_5_shape_2_db"] == pytest.approx(0.0, abs=1e-6)
    assert values["mel_6_std_db"] == values["mel_6_delta_std_db_per_s"] == values["mel_6_shape_1_db"] == 0.0


def test_the_distribution_is_that_of_active_frames():
    rng = np.random.default_rng(0)
    active = np.arange(N_FRAMES) < 300
    contour = np.where(active, -30.0 + 5.0 * rng.standard_normal(N_FRAMES), -90.0)
    values = band_figures(levels(9, contour), active, ALL, HOP_S)
    assert values["mel_9_std_db"] == pytest.approx(5.0, rel=0.15)
    assert values["mel_9_skewness"] == pytest.approx(0.0, abs=0.4)
    assert values["mel_9_kurtosis"] == pytest.approx(3.0, abs=0.8)
    assert values["mel_9_p75_db"] - values["mel_9_p25_db"] == pytest.approx(2.0 * 0.674 * 5.0, rel=0.2)
    assert values["mel_9_p1_db"] < values["mel_9_p25_db"] < values["mel_9_mean_db"] < values["mel_9_p99_db"]


def test_voiced_frames_have_levels_of_their_own():
    voiced = np.arange(N_FRAMES) % 2 == 0
    values = band_figures(levels(2, np.where(voiced, -20.0, -40.0)), ALL, voiced, HOP_S)
    assert values["mel_2_voiced_mean_db"] == pytest.approx(values["mel_2_mean_db"] + 10.0)
    assert values["mel_2_voiced_std_db"] == 0.0


def test_one_gain_for_all_bands_changes_nothing():
    rng = np.random.default_rng(1)
    mel_db = rng.normal(-30.0, 8.0, (N_FRAMES, N_BANDS))
    before, after = (band_figures(mel_db + gain, ALL, ALL, HOP_S) for gain in (0.0, 12.0))
    assert after == pytest.approx(before, abs=1e-6)


def test_what_is_too_short_or_unvoiced_is_left_out_or_not_a_number():
    values = band_figures(np.zeros((3, N_BANDS)), np.ones(3, bool), np.zeros(3, bool), HOP_S)
    assert "mel_1_voiced_mean_db" not in values
    assert np.isnan(values["mel_1_shape_1_db"])
    assert values["mel_1_mean_db"] == 0.0
