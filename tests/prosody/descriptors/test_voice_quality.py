"""Jitter, shimmer, harmonicity and formants of voices built with known ones."""

import numpy as np
import parselmouth
import pytest
import scipy.signal

from emoforge.prosody.descriptors.voice_quality import formants, harmonicity, jitter_shimmer
from emoforge.prosody.f0 import f0
from emoforge.prosody.synthetic import VOWELS, smooth_contour, voice

RATE = 16000


def built(**perturbation: float) -> tuple[np.ndarray, np.ndarray]:
    contour = smooth_contour(2 * RATE, RATE, low_hz=180.0, high_hz=230.0, rate_hz=1.0, seed=4)
    signal = voice(contour, RATE, **perturbation)
    return signal, f0(signal, RATE)


def test_jitter_rises_as_built() -> None:
    measured = [jitter_shimmer(*_with_rate(built(jitter=j)))[0] for j in (0.0, 0.005, 0.01)]
    assert measured[0] < 0.006
    assert measured[0] + 0.003 < measured[1] < measured[2] - 0.003


def test_shimmer_rises_as_built() -> None:
    measured = [jitter_shimmer(*_with_rate(built(shimmer=s)))[1] for s in (0.0, 0.03, 0.1)]
    assert measured[0] < 0.02
    assert measured[0] + 0.01 < measured[1] < measured[2] - 0.02


def _with_rate(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, int, np.ndarray]:
    return pair[0], RATE, pair[1]


@pytest.mark.parametrize("ratio_db", [5.0, 10.0, 20.0])
def test_harmonicity_is_the_ratio_that_was_mixed(ratio_db: float) -> None:
    signal = voice(np.full(2 * RATE, 150.0), RATE).astype(np.float64)
    noise = np.random.default_rng(0).standard_normal(len(signal)) * signal.std() * 10.0 ** (-ratio_db / 20.0)
    measured = harmonicity(signal + noise, RATE, np.full(201, 150.0))
    assert abs(np.median(measured) - ratio_db) < 1.5


def test_harmonicity_agrees_with_praat() -> None:
    signal = voice(np.full(2 * RATE, 150.0), RATE).astype(np.float64)
    signal += 0.1 * signal.std() * np.random.default_rng(1).standard_normal(len(signal))
    theirs = parselmouth.Sound(signal, RATE).to_harmonicity_cc(0.01).values
    ours = harmonicity(signal, RATE, np.full(201, 150.0))
    assert abs(np.median(ours) - np.median(theirs[theirs > -100.0])) < 1.0


@pytest.mark.parametrize("vowel", ["a", "e"])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_formants_are_those_of_the_filter(vowel: str, rate: int) -> None:
    signal = voice(np.full(RATE, 120.0), RATE, vowel=vowel)
    if rate != RATE:
        signal = scipy.signal.resample_poly(signal, 441, 160)
    frequencies, bandwidths = formants(signal, rate)
    assert frequencies.shape == bandwidths.shape == (101, 3)
    true = np.array(VOWELS[vowel][0][:3])
    np.testing.assert_allclose(np.nanmedian(frequencies, axis=0), true, rtol=0.06)
    assert (np.nanmedian(bandwidths, axis=0) < 300.0).all()


def test_formants_follow_time() -> None:
    vowels = [voice(np.full(RATE // 2, 120.0), RATE, vowel=vowel) for vowel in ("a", "i")]
    frequencies, _ = formants(np.concatenate(vowels), RATE)
    change = np.flatnonzero(np.diff((frequencies[:, 1] > 1700.0).astype(int)) == 1)
    assert np.abs(change * 0.01 - 0.5).min() <= 0.02


@pytest.mark.parametrize("n_samples", [1, 100, 8000])
def test_without_voicing_everything_is_nan(n_samples: int) -> None:
    signal = np.zeros(n_samples)
    track = f0(signal, RATE)
    assert np.isnan(jitter_shimmer(signal, RATE, track)).all()
    assert np.isnan(harmonicity(signal, RATE, track)).all()
    assert np.isnan(formants(signal, RATE)[0]).all()
