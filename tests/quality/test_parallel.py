import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.quality.parallel import mel_cepstra, parallel_errors

N_BANDS = 80


@pytest.fixture
def speech():
    """An envelope with moving formants and a melody, half of it voiced."""
    rng = np.random.default_rng(0)
    n_frames = 120
    time, band = np.arange(n_frames)[:, None] / n_frames, np.arange(N_BANDS)[None]
    envelope_db = -40 + 15 * np.cos(band / 6 + 6 * time) + 8 * np.cos(band / 11 - 9 * time) + 5 * np.sin(20 * time)
    f0_hz = 150 * 2 ** (np.sin(np.linspace(0, 9, n_frames)) / 4)
    f0_hz[(np.arange(n_frames) // 15) % 2 == 1] = np.nan
    return envelope_db + rng.normal(0, 0.1, envelope_db.shape), f0_hz


def test_the_distance_of_a_clip_to_itself_is_zero(speech):
    errors = parallel_errors(*speech, *speech)
    assert errors.mcd == pytest.approx(0, abs=1e-5)
    assert errors.f0_rmse_st == pytest.approx(0, abs=1e-9)
    assert errors.f0_correlation == pytest.approx(1)
    assert errors.duration_error == 0


def test_distortion_is_the_one_of_the_textbook():
    rng = np.random.default_rng(1)
    envelope_db, other_db = rng.normal(-40, 6, (2, 1, N_BANDS))
    # The definition, step by step: cosine series of the log amplitude, then the constant of Kubichek 1993.
    position = np.pi * (np.arange(N_BANDS) + 0.5) / N_BANDS
    log_amplitude = (envelope_db - other_db)[0] * np.log(10) / 20
    cepstra = np.array([2 / N_BANDS * log_amplitude @ np.cos(m * position) for m in range(1, 25)])
    expected = 10 / np.log(10) * np.sqrt(2 * (cepstra**2).sum())
    assert np.linalg.norm(mel_cepstra(envelope_db) - mel_cepstra(other_db)) == pytest.approx(expected)
    voiced = np.full(1, 100.0)
    assert parallel_errors(envelope_db, voiced, other_db, voiced).mcd == pytest.approx(expected)


def test_level_is_not_distortion_and_timbre_is(speech):
    envelope_db, f0_hz = speech
    assert parallel_errors(envelope_db + 12, f0_hz, envelope_db, f0_hz).mcd == pytest.approx(0, abs=1e-5)
    ripple = 6 * np.cos(np.pi * 3 * (np.arange(N_BANDS) + 0.5) / N_BANDS)
    changed = parallel_errors(envelope_db + ripple, f0_hz, envelope_db, f0_hz)
    # Warping may find a nearer frame, but not make the difference vanish.
    assert 2 < changed.mcd <= 6 / np.sqrt(2) + 1e-6


def test_a_pitch_shift_is_an_error_that_correlation_does_not_see(speech):
    envelope_db, f0_hz = speech
    errors = parallel_errors(envelope_db, f0_hz * 2 ** (3 / 12), envelope_db, f0_hz)
    assert errors.f0_rmse_st == pytest.approx(3, abs=1e-6)
    assert errors.f0_correlation == pytest.approx(1)
    upside_down = parallel_errors(envelope_db, 150**2 / f0_hz, envelope_db, f0_hz)
    assert upside_down.f0_correlation < -0.9


@pytest.mark.parametrize("stretch", [2, 3])
def test_a_slower_clip_differs_in_duration_only(speech, stretch):
    envelope_db, f0_hz = speech
    slow = np.repeat(envelope_db, stretch, axis=0), np.repeat(f0_hz, stretch)
    errors = parallel_errors(*slow, envelope_db, f0_hz)
    assert errors.duration_error == pytest.approx(np.log2(stretch))
    faster = parallel_errors(envelope_db, f0_hz, *slow)
    assert faster.duration_error == pytest.approx(errors.duration_error)
    assert errors.mcd == pytest.approx(0, abs=0.1)
    assert errors.f0_rmse_st < 0.2


def test_a_whisper_has_no_melody_to_compare(speech):
    envelope_db, f0_hz = speech
    errors = parallel_errors(envelope_db, np.full(len(f0_hz), np.nan), envelope_db, f0_hz)
    assert np.isnan(errors.f0_rmse_st)
    assert np.isnan(errors.f0_correlation)
    assert errors.mcd == pytest.approx(0, abs=1e-5)


def test_arguments_that_do_not_fit_are_refused(speech):
    envelope_db, f0_hz = speech
    with pytest.raises(EmoforgeError, match="120 frames of envelope and 119 of F0"):
        parallel_errors(envelope_db, f0_hz[:-1], envelope_db, f0_hz)
    with pytest.raises(EmoforgeError, match="reference has 0 frames"):
        parallel_errors(envelope_db, f0_hz, envelope_db[:0], f0_hz[:0])
    with pytest.raises(EmoforgeError, match="20 bands"):
        mel_cepstra(envelope_db[:, :20])
