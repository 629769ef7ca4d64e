"""Energy, envelope, aperiodicity and the whole analysis, on signals whose truth is known."""

import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.prosody.analysis import analyse
from emoforge.prosody.energy import FLOOR_DB, energy
from emoforge.prosody.envelope import aperiodicity, band_frequencies_hz, spectral_envelope
from emoforge.prosody.f0 import f0
from emoforge.prosody.synthetic import VOWELS, formant_filter, glottal_source, voice

RATE = 16000


@pytest.mark.parametrize("amplitude_db", [0.0, -20.0, -60.0])
def test_energy_of_a_sine_is_its_level(amplitude_db: float) -> None:
    sine = 10.0 ** (amplitude_db / 20.0) * np.sin(2.0 * np.pi * 440.0 * np.arange(RATE) / RATE)
    level = energy(sine, RATE)
    np.testing.assert_allclose(level[2:-2], amplitude_db - 3.01, atol=0.05)
    np.testing.assert_allclose(level, amplitude_db - 3.01, atol=1.0)


def test_energy_of_silence_is_the_floor() -> None:
    np.testing.assert_array_equal(energy(np.zeros(1000), RATE), FLOOR_DB)


def test_energy_peaks_at_the_frame_of_a_click() -> None:
    signal = np.zeros(RATE)
    signal[8000] = 1.0
    assert np.argmax(energy(signal, RATE)) == 50


def test_band_frequencies_rise_within_the_spectrum() -> None:
    for n_bands, rate in ((80, 16000), (40, 48000), (120, 8000)):
        centres = band_frequencies_hz(n_bands, rate)
        assert centres.shape == (n_bands,)
        assert (np.diff(centres) > 0).all()
        assert 0.0 < centres[0] < centres[-1] < rate / 2


@pytest.mark.parametrize("f0_hz", [110.0, 200.0])
@pytest.mark.parametrize("vowel", ["a", "e", "i"])
def test_envelope_recovers_a_known_filter(f0_hz: float, vowel: str) -> None:
    """Filtered less unfiltered envelope is the filter's response, to 3 dB on average up to 3.5 kHz."""
    contour = np.full(RATE, f0_hz)
    source = 0.1 * glottal_source(contour, RATE)
    filtered = formant_filter(source, RATE, *VOWELS[vowel])
    impulse = np.zeros(4096)
    impulse[0] = 1.0
    response = np.fft.rfft(formant_filter(impulse, RATE, *VOWELS[vowel]))
    centres = band_frequencies_hz(80, RATE)
    true_db = np.interp(centres, np.linspace(0.0, RATE / 2, len(response)), 20.0 * np.log10(np.abs(response)))
    track = np.full(1 + RATE // 160, f0_hz, dtype=np.float32)
    difference = spectral_envelope(filtered, RATE, track) - spectral_envelope(source, RATE, track)
    inside = (centres > f0_hz) & (centres < 3500.0)
    error_db = np.median(difference[20:-20], axis=0)[inside] - true_db[inside]
    assert np.mean(np.abs(error_db)) < 3.0


def test_envelope_follows_the_level_and_not_the_harmonics() -> None:
    signal = voice(np.full(RATE, 150.0), RATE)
    track = f0(signal, RATE)
    envelope = spectral_envelope(signal, RATE, track)
    quieter = spectral_envelope(0.1 * signal, RATE, track)
    above_floor = quieter > -90.0
    np.testing.assert_allclose(quieter[above_floor], envelope[above_floor] - 20.0, atol=0.1)
    # Harmonics 150 Hz apart would ripple by tens of dB between the narrow low bands.
    low = band_frequencies_hz(80, RATE) < 600.0
    assert np.abs(np.diff(np.median(envelope[20:-20], axis=0)[low])).max() < 6.0


def test_aperiodicity_tells_noise_from_voice() -> None:
    signal = voice(np.full(RATE, 150.0), RATE)
    noise = np.random.default_rng(0).standard_normal(RATE) * signal.std()
    track = np.full(1 + RATE // 160, 150.0, dtype=np.float32)
    clean, noisy = (np.median(aperiodicity(s, RATE, track)) for s in (signal, signal + noise))
    assert clean < noisy - 10.0
    assert noisy <= 0.0
    unvoiced = aperiodicity(signal, RATE, np.full(len(track), np.nan))
    np.testing.assert_allclose(unvoiced, 0.0, atol=1e-3)


def test_wrong_number_of_frames_is_refused() -> None:
    with pytest.raises(EmoforgeError, match="same hop_s"):
        spectral_envelope(np.zeros(RATE), RATE, np.full(50, np.nan))


def test_a_rate_without_a_band_of_aperiodicity_is_refused() -> None:
    with pytest.raises(EmoforgeError, match="12000"):
        analyse(np.zeros(8000, dtype=np.float32), 8000)


@pytest.mark.parametrize("n_samples", [1, 100, 1600, 12345])
@pytest.mark.parametrize("hop_s", [0.005, 0.01])
def test_analysis_is_on_one_grid_and_finite(n_samples: int, hop_s: float) -> None:
    signal = voice(np.full(RATE, 150.0), RATE)[:n_samples]
    tracks = analyse(signal, RATE, hop_s=hop_s)
    count = 1 + int(n_samples / (hop_s * RATE) + 1e-9)
    assert tracks.n_frames == count
    assert tracks.energy_db.shape == (count,)
    assert tracks.envelope_db.shape == (count, 80)
    assert tracks.aperiodicity_db.shape[0] == count
    for track in (tracks.energy_db, tracks.envelope_db, tracks.aperiodicity_db):
        assert track.dtype == np.float32
        assert np.isfinite(track).all()


def test_analysis_does_not_depend_on_what_ran_before() -> None:
    signal = voice(np.full(RATE // 2, 150.0), RATE, jitter=0.01)
    first = analyse(signal, RATE)
    analyse(np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1, RATE)
    second = analyse(signal, RATE)
    for name in ("f0_hz", "energy_db", "envelope_db", "aperiodicity_db"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
