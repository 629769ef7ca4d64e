import numpy as np
import pytest

from emoforge.base.errors import AudioError, EmoforgeError
from emoforge.ser import augment as augmentation

SAMPLING_RATE = 16_000


def tone(f0_hz: float = 200.0, seconds: float = 1.5) -> np.ndarray:
    time_s = np.arange(round(seconds * SAMPLING_RATE)) / SAMPLING_RATE
    return (0.3 * np.sin(2 * np.pi * f0_hz * time_s)).astype(np.float32)


def peak_hz(signal: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal)), 1 << 19))
    return float(spectrum.argmax() * SAMPLING_RATE / (1 << 19))


@pytest.mark.parametrize("color", ["white", "pink"])
@pytest.mark.parametrize("snr_db", [5.0, 20.0])
def test_noise_has_the_level_that_was_asked_for(color, snr_db):
    signal = tone(seconds=1.0001)
    noise = augmentation.add_noise(signal, snr_db=snr_db, color=color, seed=3) - signal
    assert 10 * np.log10(np.mean(signal**2) / np.mean(noise**2)) == pytest.approx(snr_db, abs=0.5)


def test_pink_noise_falls_by_three_db_an_octave():
    silenceless = tone(seconds=8.0)
    noise = augmentation.add_noise(silenceless, snr_db=10, color="pink", seed=0) - silenceless
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(len(noise), 1 / SAMPLING_RATE)
    levels = [10 * np.log10(power[(hz >= low) & (hz < 2 * low)].mean()) for low in (500, 1000, 2000, 4000)]
    np.testing.assert_allclose(np.diff(levels), -3.01, atol=0.5)


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.2])
def test_speed_divides_duration_and_multiplies_frequency(factor):
    signal = tone()
    faster = augmentation.change_speed(signal, SAMPLING_RATE, factor=factor)
    assert len(faster) == pytest.approx(len(signal) / factor, rel=1e-3)
    assert peak_hz(faster) == pytest.approx(200 * factor, rel=2e-3)


@pytest.mark.parametrize("f0_hz", [110.0, 230.0])
@pytest.mark.parametrize("semitones", [-3.0, -0.5, 2.0])
def test_pitch_moves_by_what_was_asked_and_duration_stays(f0_hz, semitones):
    signal = tone(f0_hz)
    shifted = augmentation.shift_pitch(signal, SAMPLING_RATE, semitones=semitones)
    assert len(shifted) == len(signal)
    cents = 1200 * np.log2(peak_hz(shifted) / f0_hz) - 100 * semitones
    assert abs(cents) < 20
    # Pieces that were laid badly onto each other would cancel.
    assert np.std(shifted) == pytest.approx(np.std(signal), rel=0.05)


def test_reverberation_rings_on_after_the_sound_and_decays():
    signal = np.zeros(SAMPLING_RATE, dtype=np.float32)
    signal[100] = 0.5
    wet = augmentation.add_reverb(signal, SAMPLING_RATE, rt60_s=0.4, seed=0)
    assert not np.any(np.abs(wet[:100]) > 1e-6)
    early, late = (np.mean(wet[start : start + 1600] ** 2) for start in (200, 200 + 3200))
    # 60 dB in 0.4 s is 30 dB in 0.2 s.
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=2)


def test_the_seed_decides_everything():
    signal = tone()
    for kind in augmentation.KINDS:
        first, name = augmentation.augment(signal, SAMPLING_RATE, kinds=[kind], seed=11)
        again, _ = augmentation.augment(signal, SAMPLING_RATE, kinds=[kind], seed=11)
        other, _ = augmentation.augment(signal, SAMPLING_RATE, kinds=[kind], seed=12)
        assert name == kind
        assert first.dtype == np.float32
        assert np.abs(first).max() <= 1.0
        assert first.tobytes() == again.tobytes()
        assert first.tobytes() != other.tobytes()
        assert first.tobytes() != signal.tobytes()


def test_every_kind_is_drawn():
    drawn = {augmentation.augment(tone(seconds=0.2), SAMPLING_RATE, seed=seed)[1] for seed in range(60)}
    assert drawn == set(augmentation.KINDS)


@pytest.mark.parametrize("n_samples", [1, 7, 399, 1601])
def test_very_short_clips_survive(n_samples):
    signal = np.full(n_samples, 0.1, dtype=np.float32)
    for kind in augmentation.KINDS:
        out, _ = augmentation.augment(signal, SAMPLING_RATE, kinds=[kind], seed=1)
        assert np.isfinite(out).all()


def test_what_cannot_be_augmented_is_refused():
    with pytest.raises(EmoforgeError, match="unknown augmentation 'ptich' \\(did you mean 'pitch'"):
        augmentation.augment(tone(), SAMPLING_RATE, kinds=["ptich"], seed=0)
    with pytest.raises(EmoforgeError, match="from 0.5 to 2"):
        augmentation.change_speed(tone(), SAMPLING_RATE, factor=3)
    with pytest.raises(AudioError, match="empty"):
        augmentation.shift_pitch(np.zeros(0, dtype=np.float32), SAMPLING_RATE, semitones=1)
    with pytest.raises(AudioError, match="silent"):
        augmentation.add_noise(np.zeros(100, dtype=np.float32), snr_db=10, seed=0)
