"""Functionals: always finite, named, invariant where they say so, and in agreement with openSMILE and Praat.

Pearson correlations over 48 real clips (24 RAVDESS, 24 nEMO), measured when the thresholds were set:

=====================  ===========  ======
figure                 openSMILE    Praat
=====================  ===========  ======
F0 mean                 .992         .989
F0 median               .996
loudness mean           .719
loudness percentile 80  .824
HNR                     .862         .927
jitter                  .613         .894
shimmer                 .704         .945
formant 1               .166         .942
alpha ratio            -.977 (openSMILE's is the reciprocal)
Hammarberg index        .968
slope 0-500 Hz          .984
slope 500-1500 Hz       .829
MFCC 1, 2, 3, 4         .955, .991, .990, .981
H1-A3                   .647
=====================  ===========  ======

Formant 1 follows Praat and not openSMILE, so only the former is held to.
"""

import numpy as np
import parselmouth
import pytest
from parselmouth.praat import call

from emoforge.base.errors import AudioError, EmoforgeError
from emoforge.prosody.analysis import analyse
from emoforge.prosody.energy import energy
from emoforge.prosody.functionals import FUNCTIONAL_NAMES, FUNCTIONALS, functionals
from emoforge.prosody.synthetic import smooth_contour, voice

RATE = 16000
#: ours → (openSMILE's eGeMAPSv02 name, lowest correlation; negative where the definitions are reciprocal)
OPENSMILE = {
    "f0_mean_st": ("F0semitoneFrom27.5Hz_sma3nz_amean", 0.97),
    "f0_p50_st": ("F0semitoneFrom27.5Hz_sma3nz_percentile50.0", 0.97),
    "loudness_mean": ("loudness_sma3_amean", 0.68),
    "loudness_p80": ("loudness_sma3_percentile80.0", 0.79),
    "hnr_mean_db": ("HNRdBACF_sma3nz_amean", 0.82),
    "jitter": ("jitterLocal_sma3nz_amean", 0.56),
    "shimmer": ("shimmerLocaldB_sma3nz_amean", 0.66),
    "alpha_ratio_voiced_mean_db": ("alphaRatioV_sma3nz_amean", -0.95),
    "hammarberg_voiced_mean_db": ("hammarbergIndexV_sma3nz_amean", 0.95),
    "slope_0_500_voiced_mean_db_per_khz": ("slopeV0-500_sma3nz_amean", 0.96),
    "slope_500_1500_voiced_mean_db_per_khz": ("slopeV500-1500_sma3nz_amean", 0.79),
    "mfcc_1_voiced_mean": ("mfcc1V_sma3nz_amean", 0.93),
    "mfcc_2_voiced_mean": ("mfcc2V_sma3nz_amean", 0.97),
    "mfcc_3_voiced_mean": ("mfcc3V_sma3nz_amean", 0.97),
    "mfcc_4_voiced_mean": ("mfcc4V_sma3nz_amean", 0.96),
    "h1_a3_mean_db": ("logRelF0-H1-A3_sma3nz_amean", 0.6),
}
#: ours → lowest correlation with Praat's own figure
PRAAT = {"f0_mean_st": 0.97, "jitter": 0.86, "shimmer": 0.92, "hnr_mean_db": 0.9, "formant_1_mean_hz": 0.91}


def value(signal: np.ndarray, name: str, rate: int = RATE) -> float:
    return float(functionals(signal, rate)[FUNCTIONAL_NAMES.index(name)])


def spoken(seed: int = 0) -> np.ndarray:
    """Something like speech: moving voice, gaps, noise."""
    contour = smooth_contour(2 * RATE, RATE, low_hz=110.0, high_hz=220.0, seed=seed)
    for start in (0, 9000, 20000):
        contour[start : start + 3000] = np.nan
    noise = np.random.default_rng(seed).standard_normal(len(contour)).astype(np.float32)
    return voice(contour, RATE, jitter=0.005, shimmer=0.03, seed=seed) + np.float32(3e-4) * noise


def click() -> np.ndarray:
    signal = np.zeros(RATE // 2, dtype=np.float32)
    signal[4000] = 1.0
    return signal


DEGENERATE = {
    "silence": np.zeros(RATE, dtype=np.float32),
    "one zero": np.zeros(1, dtype=np.float32),
    "one sample": np.ones(1, dtype=np.float32),
    "click": click(),
    "constant": np.full(8000, 0.5, dtype=np.float32),
    "noise": 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32),
    "sine": (0.5 * np.sin(2.0 * np.pi * 200.0 * np.arange(RATE) / RATE)).astype(np.float32),
    "0.1 s of speech": spoken()[4000:5600],
    "5 ms of speech": spoken()[4000:4080],
    "very quiet speech": spoken() * np.float32(1e-5),
    "clipped speech": np.clip(spoken() * 100.0, -1.0, 1.0),
}


@pytest.mark.parametrize("name", sorted(DEGENERATE))
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_finite_for_every_input(name: str, rate: int) -> None:
    vector = functionals(DEGENERATE[name], rate)
    assert vector.shape == (len(FUNCTIONAL_NAMES),)
    assert vector.dtype == np.float32
    assert np.isfinite(vector).all()


def test_silence_gives_the_documented_neutral_values() -> None:
    neutral = np.array([functional.neutral for functional in FUNCTIONALS], dtype=np.float32)
    np.testing.assert_array_equal(functionals(DEGENERATE["silence"], RATE), neutral)


def test_names_are_unique_documented_and_enough() -> None:
    assert len(set(FUNCTIONAL_NAMES)) == len(FUNCTIONAL_NAMES) >= 88
    for functional in FUNCTIONALS:
        assert functional.unit, functional.name
        assert functional.description, functional.name
        assert np.isfinite(functional.neutral), functional.name


def test_every_figure_is_measured_on_ordinary_speech() -> None:
    """A name that nothing computes would stay at its neutral value for all speech."""
    vectors = np.stack([functionals(spoken(seed), RATE) for seed in range(3)])
    stuck = [name for name, column in zip(FUNCTIONAL_NAMES, vectors.T, strict=True) if np.ptp(column) == 0]
    assert stuck == []


def test_same_bytes_whatever_ran_before() -> None:
    first = functionals(spoken(), RATE)
    functionals(DEGENERATE["noise"], RATE)
    assert functionals(spoken(), RATE).tobytes() == first.tobytes()


def test_given_tracks_change_nothing() -> None:
    signal = spoken()
    np.testing.assert_array_equal(
        functionals(signal, RATE, f0_hz=analyse(signal, RATE).f0_hz), functionals(signal, RATE)
    )


@pytest.mark.parametrize("gain_db", [-20.0, 12.0])
def test_only_what_follows_level_does(gain_db: float) -> None:
    signal = spoken()
    before = functionals(signal, RATE)
    after = functionals(signal * np.float32(10.0 ** (gain_db / 20.0)), RATE)
    for functional, was, now in zip(FUNCTIONALS, before, after, strict=True):
        if functional.follows_level:
            assert abs(now - was) > 0.01 * abs(was), functional.name
        else:
            assert now == pytest.approx(was, rel=1e-3, abs=2e-3), functional.name


def test_f0_figures_of_a_known_glide() -> None:
    """An octave a second, falling from 220 Hz: 12 semitones/s everywhere."""
    signal = voice(220.0 * 2.0 ** (-np.arange(RATE) / RATE), RATE)
    assert value(signal, "f0_mean_st") == pytest.approx(36.0 - 6.0, abs=0.2)
    assert value(signal, "f0_declination_st_per_s") == pytest.approx(-12.0, abs=0.3)
    assert value(signal, "f0_falling_slope_mean_st_per_s") == pytest.approx(-12.0, abs=1.0)
    assert value(signal, "f0_final_slope_st_per_s") == pytest.approx(-12.0, abs=1.0)
    assert value(signal, "f0_range_st") == pytest.approx(7.2, abs=0.3)
    assert value(signal, "voiced_share") > 0.97


@pytest.mark.parametrize("difference_db", [-10.0, 0.0, 10.0])
def test_h1_h2_of_known_harmonics(difference_db: float) -> None:
    time = np.arange(RATE) / RATE
    second = 10.0 ** (-difference_db / 20.0)
    signal = 0.1 * (np.sin(2 * np.pi * 200 * time) + second * np.sin(2 * np.pi * 400 * time))
    signal += 0.02 * np.sin(2 * np.pi * 600 * time)
    assert value(signal, "h1_h2_mean_db") == pytest.approx(difference_db, abs=1.0)


def test_alpha_ratio_and_rhythm_of_a_known_signal() -> None:
    time = np.arange(2 * RATE) / RATE
    tones = 0.1 * np.sin(2 * np.pi * 250 * time) + 0.01 * np.sin(2 * np.pi * 3000 * time)
    assert value(tones, "alpha_ratio_voiced_mean_db") == pytest.approx(20.0, abs=1.0)
    syllables = voice(np.full(2 * RATE, 150.0), RATE) * (0.5 - 0.5 * np.cos(2 * np.pi * 4.0 * time))
    assert value(syllables, "loudness_peaks_per_s") == pytest.approx(4.0, abs=0.3)
    share = [value(syllables, f"modulation_mid_{band}_hz_db") for band in ("05_2", "2_4", "4_8", "8_16")]
    assert value(syllables, "modulation_mid_8_16_hz_db") < max(share)


def test_a_brighter_voice_has_a_flatter_spectrum() -> None:
    signal = spoken()
    brighter = np.append(signal[1:] - 0.7 * signal[:-1], 0.0)
    assert value(brighter, "ltas_tilt_db_per_octave") > value(signal, "ltas_tilt_db_per_octave") + 1.0
    assert value(brighter, "alpha_ratio_voiced_mean_db") < value(signal, "alpha_ratio_voiced_mean_db") - 1.0


def test_wrong_input_is_named() -> None:
    with pytest.raises(AudioError, match="mono"):
        functionals(np.zeros((2, 100), dtype=np.float32), RATE)
    with pytest.raises(EmoforgeError, match="8000"):
        functionals(np.zeros(100, dtype=np.float32), 4000)


@pytest.fixture(scope="module")
def real_clips(ravdess_root, nemo_root) -> list[np.ndarray]:
    """48 clips without their outer silence, at -23 dB."""
    soundfile = pytest.importorskip("soundfile")
    clips = []
    for root in (ravdess_root, nemo_root):
        paths = sorted(root.rglob("*.flac"))
        for path in paths[:: len(paths) // 24][:24]:
            signal, _ = soundfile.read(path, dtype="float32")
            level = energy(signal, RATE)
            active = np.flatnonzero(level > np.percentile(level, 95) - 35.0)
            signal = signal[active[0] * 160 : (active[-1] + 1) * 160]
            clips.append(signal * np.float32(10.0 ** (-23.0 / 20.0) / signal.std()))
    return clips


@pytest.fixture(scope="module")
def ours(real_clips) -> np.ndarray:
    return np.stack([functionals(clip, RATE) for clip in real_clips])


def test_agreement_with_opensmile(real_clips, ours) -> None:
    opensmile = pytest.importorskip("opensmile")
    smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02)
    theirs = np.stack([smile.process_signal(clip, RATE).to_numpy()[0] for clip in real_clips])
    for name, (their_name, lowest) in OPENSMILE.items():
        column = theirs[:, smile.feature_names.index(their_name)]
        r = np.corrcoef(ours[:, FUNCTIONAL_NAMES.index(name)], column)[0, 1]
        assert r * np.sign(lowest) > abs(lowest), f"{name}: {r:.3f}"


def test_equivalent_level_is_opensmiles(real_clips) -> None:
    opensmile = pytest.importorskip("opensmile")
    smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02)
    for clip, gain in zip(real_clips[:3], (1.0, 0.1, 0.01), strict=True):
        theirs = smile.process_signal(clip * np.float32(gain), RATE)["equivalentSoundLevel_dBp"].item()
        assert value(clip * np.float32(gain), "level_equivalent_db") == pytest.approx(theirs, abs=0.5)


def test_agreement_with_praat(real_clips, ours) -> None:
    """Praat with the settings its manual gives for each figure, not ours."""
    theirs = {name: [] for name in PRAAT}
    for clip in real_clips:
        sound = parselmouth.Sound(clip.astype(np.float64), RATE)
        pitch = sound.to_pitch_ac(0.01, 75.0, pitch_ceiling=600.0)
        frequency = pitch.selected_array["frequency"]
        voiced_at = pitch.xs()[frequency > 0]
        pulses = call([sound, pitch], "To PointProcess (cc)")
        formant = sound.to_formant_burg(0.01)
        strength = sound.to_harmonicity_cc(0.01, 75.0).values
        limits = (0.0, 0.0, 0.0001, 0.02, 1.3)
        theirs["f0_mean_st"].append(np.mean(12.0 * np.log2(frequency[frequency > 0] / 27.5)))
        theirs["jitter"].append(call(pulses, "Get jitter (local)", *limits))
        theirs["shimmer"].append(call([sound, pulses], "Get shimmer (local)", *limits, 1.6))
        theirs["hnr_mean_db"].append(np.mean(strength[strength > -100.0]))
        theirs["formant_1_mean_hz"].append(np.nanmean([formant.get_value_at_time(1, t) for t in voiced_at]))
    for name, lowest in PRAAT.items():
        r = np.corrcoef(ours[:, FUNCTIONAL_NAMES.index(name)], theirs[name])[0, 1]
        assert r > lowest, f"{name}: {r:.3f}"
