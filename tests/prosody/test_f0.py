"""F0 against voices whose F0 is known exactly."""

import numpy as np
import pytest

from emoforge.base.errors import AudioError, EmoforgeError
from emoforge.prosody.f0 import METHODS, f0, interpolated
from emoforge.prosody.frames import n_frames
from emoforge.prosody.synthetic import VOWELS, smooth_contour, voice

RATE = 16000


def truth(contour: np.ndarray, count: int, hop_s: float = 0.01, rate: int = RATE) -> np.ndarray:
    at = np.rint(np.arange(count) * hop_s * rate).astype(int)
    return contour[np.minimum(at, len(contour) - 1)]


def cents(estimate: np.ndarray, true: np.ndarray) -> np.ndarray:
    both = ~np.isnan(estimate) & ~np.isnan(true)
    return 1200.0 * np.log2(estimate[both] / true[both])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("f0_hz", [90.0, 180.0, 360.0])
def test_steady_voice_within_15_cents(method: str, f0_hz: float) -> None:
    if method == "swift":
        pytest.importorskip("swift_f0")
    contour = np.full(RATE, f0_hz)
    # Vowel e: DIO loses an a of 360 Hz altogether, whose first formant lifts the second harmonic alone.
    signal = voice(contour, RATE, vowel="e") + 0.001 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    track = f0(signal, RATE, method=method)
    middle = track[10:-10]
    assert np.isfinite(middle).mean() > 0.97
    assert np.median(np.abs(cents(middle, np.full(len(middle), f0_hz)))) < 15.0


@pytest.mark.parametrize("vowel", sorted(VOWELS))
def test_moving_voice_of_every_vowel(vowel: str) -> None:
    contour = smooth_contour(2 * RATE, RATE, low_hz=100.0, high_hz=260.0, rate_hz=2.0, seed=7)
    track = f0(voice(contour, RATE, vowel=vowel, jitter=0.005, shimmer=0.03), RATE)
    off = np.abs(cents(track, truth(contour, len(track))))
    assert np.median(off) < 12.0
    assert np.mean(off > 1200.0 * np.log2(1.2)) < 0.02


@pytest.mark.parametrize("hop_s", [0.005, 0.01, 0.0125])
@pytest.mark.parametrize("rate", [16000, 22050])
def test_frames_are_centred_on_multiples_of_the_hop(hop_s: float, rate: int) -> None:
    """On a steep glide a shift in time is a bias in cents: half a hop would show (1 ms is the vowel's delay)."""
    contour = 100.0 * 2.0 ** (np.arange(rate) / rate)  # an octave a second
    track = f0(voice(contour, rate), rate, hop_s=hop_s)
    assert len(track) == n_frames(rate, rate, hop_s)
    bias_s = np.median(cents(track, truth(contour, len(track), hop_s, rate))) / 1200.0
    assert abs(bias_s) < 0.4 * hop_s


def test_onset_of_voicing_is_found_within_30_ms() -> None:
    contour = np.full(RATE, 170.0)
    contour[: RATE // 2] = np.nan
    track = f0(voice(contour, RATE), RATE)
    first = np.flatnonzero(~np.isnan(track))[0] * 0.01
    assert abs(first - 0.5) <= 0.03


@pytest.mark.parametrize("method", METHODS)
def test_silence_is_unvoiced(method: str) -> None:
    assert np.isnan(f0(np.zeros(RATE // 2, dtype=np.float32), RATE, method=method)).all()


def test_white_noise_is_mostly_unvoiced() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    assert np.isnan(f0(noise, RATE)).mean() > 0.95


def test_level_does_not_matter() -> None:
    signal = voice(smooth_contour(RATE, RATE, low_hz=120.0, high_hz=200.0, seed=2), RATE)
    np.testing.assert_allclose(f0(signal, RATE), f0(signal * np.float32(0.01), RATE), rtol=1e-4)


@pytest.mark.parametrize("n_samples", [1, 2, 159, 160, 161, 800, 4321])
@pytest.mark.parametrize("method", ["praat", "dio"])
def test_frame_count_of_any_length(n_samples: int, method: str) -> None:
    signal = 0.1 * np.random.default_rng(n_samples).standard_normal(n_samples).astype(np.float32)
    track = f0(signal, RATE, method=method)
    assert track.shape == (1 + n_samples // 160,)
    assert track.dtype == np.float32


def test_stays_within_the_range_asked_for() -> None:
    signal = voice(smooth_contour(RATE, RATE, low_hz=90.0, high_hz=400.0, seed=5), RATE)
    track = f0(signal, RATE, f0_min_hz=120.0, f0_max_hz=250.0)
    assert np.nanmin(track) >= 120.0
    assert np.nanmax(track) <= 250.0


def test_errors_name_the_value_and_what_is_allowed() -> None:
    signal = np.zeros(1000, dtype=np.float32)
    with pytest.raises(EmoforgeError, match="did you mean 'praat'"):
        f0(signal, RATE, method="prat")
    with pytest.raises(EmoforgeError, match="must rise"):
        f0(signal, RATE, f0_min_hz=300.0, f0_max_hz=200.0)
    with pytest.raises(AudioError, match="shape"):
        f0(np.zeros((2, 100)), RATE)
    with pytest.raises(AudioError, match="empty"):
        f0(np.zeros(0), RATE)
    with pytest.raises(AudioError, match="NaN"):
        f0(np.array([0.0, np.nan]), RATE)


def test_interpolated_fills_every_gap() -> None:
    track = np.array([np.nan, 100.0, np.nan, 200.0, np.nan], dtype=np.float32)
    np.testing.assert_allclose(interpolated(track), [100.0, 100.0, 150.0, 200.0, 200.0])
    np.testing.assert_allclose(interpolated(np.full(3, np.nan), without_voice_hz=150.0), 150.0)
