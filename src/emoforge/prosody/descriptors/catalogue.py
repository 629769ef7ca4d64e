"""What is measured of an utterance: name, unit, meaning and neutral value of every functional, in their order."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class Functional:
    """One figure of the vector.

    Attributes:
        name: in snake case, the unit last.
        unit: of the value.
        description: what is measured.
        neutral: the value where it cannot be measured.
        follows_level: whether turning the signal up or down changes the value.
    """

    name: str
    unit: str
    description: str
    neutral: float
    follows_level: bool = False


F0_REFERENCE_HZ = 27.5
N_MFCC = 13
N_MEL = 26
N_SHAPE = 7
N_BAND_SHAPE = 4
N_QUARTERS = 4
MODULATION_HZ = ((0.5, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0))
MODULATION_GROUPS = {"low": (0, 7), "mid": (7, 15), "high": (15, 26)}

#: Tracks that move together or against each other, see :mod:`emoforge.prosody.descriptors.coupling`.
COUPLED = (*(f"mfcc_{k}" for k in range(1, 9)), "energy", "f0", "hnr")
#: Tracks whose course over the utterance is a figure each: name → (unit, suffix, what).
COURSES = {
    "loudness": ("log sone-like", "", "log loudness"),
    "hnr": ("dB", "_db", "harmonics-to-noise ratio, interpolated where unvoiced"),
    "alpha_ratio": ("dB", "_db", "level of 50 Hz-1 kHz re 1-5 kHz"),
    "hammarberg": ("dB", "_db", "peak of 0-2 kHz re peak of 2-5 kHz"),
    "slope_0_500": ("dB/kHz", "_db_per_khz", "spectral slope up to 500 Hz"),
    "slope_500_1500": ("dB/kHz", "_db_per_khz", "spectral slope from 500 Hz to 1.5 kHz"),
    "centroid": ("octaves", "_oct", "centroid of the spectrum"),
    "entropy": ("1", "", "entropy of the mel spectrum"),
    **{f"formant_{k}": ("octaves", "_oct", f"frequency of formant {k}") for k in (1, 2, 3)},
}
#: Percentiles of the level of a mel band → a neutral value.
BAND_PERCENTILES = {1: -25.0, 25: -8.0, 75: 8.0, 99: 20.0}


def modulation_name(group: str, low_hz: float, high_hz: float) -> str:
    return f"modulation_{group}_{low_hz:g}_{high_hz:g}_hz_db".replace(".", "")


_Add = Callable[[str, str, str, float], None]


def _add_bands(add: _Add) -> None:
    for b in range(1, N_MEL + 1):
        band = f"mel band {b} re the mean of all bands"
        add(f"mel_{b}_mean_db", "dB", f"mean level of {band} in active frames", 0.0)
        add(f"mel_{b}_std_db", "dB", f"standard deviation of the level of mel band {b}", 10.0)
        add(f"mel_{b}_skewness", "1", f"skewness of the level of mel band {b}", 0.0)
        add(f"mel_{b}_kurtosis", "1", f"kurtosis of the level of mel band {b}", 2.5)
        for percent, neutral in BAND_PERCENTILES.items():
            add(f"mel_{b}_p{percent}_db", "dB", f"percentile {percent} of the level of {band}", neutral)
        add(f"mel_{b}_voiced_mean_db", "dB", f"mean level of {band} in voiced frames", 0.0)
        add(f"mel_{b}_voiced_std_db", "dB", f"standard deviation of the level of mel band {b} in voiced frames", 8.0)
        add(f"mel_{b}_delta_std_db_per_s", "dB/s", f"spread of the movement of mel band {b}", 150.0)
        add(f"mel_{b}_delta_mean_abs_db_per_s", "dB/s", f"mean absolute movement of mel band {b}", 120.0)
        for k in range(1, N_BAND_SHAPE + 1):
            add(f"mel_{b}_shape_{k}_db", "dB", f"DCT coefficient {k} of the level of mel band {b}", 0.0)


def _add_courses(add: _Add) -> None:
    for name, (unit, suffix, what) in COURSES.items():
        for k in range(1, N_SHAPE + 1):
            add(f"{name}_shape_{k}{suffix}", unit, f"DCT coefficient {k} of the {what}", 0.0)


def _add_coupling(add: _Add) -> None:
    for first, second in combinations(COUPLED, 2):
        add(f"correlation_{first}_{second}", "1", f"correlation of {first} and {second} over active frames", 0.0)
    for quarter in range(1, N_QUARTERS + 1):
        where = f"in quarter {quarter} of the utterance"
        for k in range(1, N_MFCC + 1):
            add(f"mfcc_{k}_quarter_{quarter}_std", "dB", f"standard deviation of cepstral coefficient {k} {where}", 8.0)
        add(f"energy_quarter_{quarter}_std_db", "dB", f"standard deviation of the level {where}", 7.0)
        add(f"f0_quarter_{quarter}_std_st", "semitones", f"standard deviation of interpolated F0 {where}", 1.5)


def _definitions() -> tuple[Functional, ...]:
    made: list[Functional] = []

    def add(name: str, unit: str, description: str, neutral: float, follows_level: bool = False) -> None:
        made.append(Functional(name, unit, description, neutral, follows_level))

    st = "semitones re 27.5 Hz"
    add("f0_mean_st", st, "mean F0 of voiced frames", 33.0)
    add("f0_variation", "1", "standard deviation of F0 in semitones over its mean", 0.1)
    for percent, neutral in ((5, 28.0), (20, 30.0), (50, 33.0), (80, 36.0), (95, 38.0)):
        add(f"f0_p{percent}_st", st, f"percentile {percent} of F0", neutral)
    add("f0_range_st", "semitones", "F0 between percentiles 20 and 80", 6.0)
    for way in ("rising", "falling"):
        add(f"f0_{way}_slope_mean_st_per_s", "semitones/s", f"mean slope of {way} stretches of F0", 0.0)
        add(f"f0_{way}_slope_std_st_per_s", "semitones/s", f"spread of the slopes of {way} stretches of F0", 0.0)
    add("f0_delta_mean_abs_st_per_s", "semitones/s", "mean absolute movement of F0 within voiced stretches", 30.0)
    add("f0_declination_st_per_s", "semitones/s", "slope of the line through the F0 of the utterance", 0.0)
    add("f0_final_slope_st_per_s", "semitones/s", "slope of the line through F0 in the last 0.3 s of voicing", 0.0)
    add("f0_final_re_mean_st", "semitones", "F0 in the last 0.3 s of voicing less its mean", 0.0)
    for k in range(1, N_SHAPE + 1):
        add(f"f0_shape_{k}_st", "semitones", f"DCT coefficient {k} of the interpolated F0 contour", 0.0)
    add("loudness_mean", "sone-like", "mean loudness of active frames", 0.0, True)
    add("loudness_variation", "1", "standard deviation of loudness over its mean", 0.5)
    for percent in (20, 50, 80):
        add(f"loudness_p{percent}", "sone-like", f"percentile {percent} of loudness", 0.0, True)
    add("loudness_range", "sone-like", "loudness between percentiles 20 and 80", 0.0, True)
    for way in ("rising", "falling"):
        add(f"loudness_{way}_slope_mean_per_s", "1/s", f"mean slope of {way} stretches of loudness over its mean", 0.0)
        add(f"loudness_{way}_slope_std_per_s", "1/s", f"spread of the slopes of {way} stretches of loudness", 0.0)
    add("loudness_peaks_per_s", "1/s", "loudness peaks per second, about the rate of syllables", 4.0)
    add("level_equivalent_db", "dB re full scale", "equivalent continuous level of the whole signal", -100.0, True)
    add("energy_std_db", "dB", "standard deviation of the level of active frames", 8.0)
    add("energy_skewness", "1", "skewness of the level of active frames", 0.0)
    add("energy_range_db", "dB", "level between percentiles 5 and 95 of active frames", 25.0)
    add("energy_delta_std_db_per_s", "dB/s", "spread of the movement of the level", 150.0)
    add("energy_final_slope_db_per_s", "dB/s", "slope of the line through the level of the last 0.3 s", 0.0)
    for k in range(1, N_SHAPE + 1):
        add(f"energy_shape_{k}_db", "dB", f"DCT coefficient {k} of the level contour", 0.0)
    for part in ("", "voiced_", "unvoiced_"):
        where = {"": "active", "voiced_": "voiced", "unvoiced_": "unvoiced active"}[part]
        add(f"flux_{part}mean", "1", f"mean change of the auditory spectrum's shape in {where} frames", 0.1)
        add(f"flux_{part}variation", "1", f"standard deviation of the flux over its mean in {where} frames", 0.8)
    for k in range(1, N_MFCC + 1):
        add(f"mfcc_{k}_mean", "dB", f"mean of cepstral coefficient {k} in active frames", 0.0)
        add(f"mfcc_{k}_std", "dB", f"standard deviation of cepstral coefficient {k} in active frames", 10.0)
        add(f"mfcc_{k}_delta_std_per_s", "dB/s", f"spread of the movement of cepstral coefficient {k}", 100.0)
        add(f"mfcc_{k}_voiced_mean", "dB", f"mean of cepstral coefficient {k} in voiced frames", 0.0)
        add(f"mfcc_{k}_voiced_std", "dB", f"standard deviation of cepstral coefficient {k} in voiced frames", 10.0)
    for name, unit, what, neutral in SPECTRAL:
        for part in ("voiced", "unvoiced"):
            where = "voiced" if part == "voiced" else "unvoiced active"
            add(f"{name}_{part}_mean{unit[1]}", unit[0], f"mean {what} in {where} frames", neutral)
        add(f"{name}_voiced_std{unit[1]}", unit[0], f"standard deviation of {what} in voiced frames", unit[2])
    add("ltas_tilt_db_per_octave", "dB/octave", "tilt of the average spectrum of active frames, 100 Hz to 5 kHz", -8.0)
    add("jitter", "1", "mean absolute difference of neighbouring periods over the mean period", 0.02)
    add("shimmer", "1", "mean absolute difference of neighbouring amplitudes over the mean amplitude", 0.1)
    add("hnr_mean_db", "dB", "mean harmonics-to-noise ratio of voiced frames", 10.0)
    add("hnr_std_db", "dB", "standard deviation of the harmonics-to-noise ratio", 5.0)
    add("h1_h2_mean_db", "dB", "mean level of the first harmonic re the second", 0.0)
    add("h1_h2_std_db", "dB", "standard deviation of the level of the first harmonic re the second", 5.0)
    add("h1_a3_mean_db", "dB", "mean level of the first harmonic re the strongest one near formant 3", 20.0)
    add("h1_a3_std_db", "dB", "standard deviation of the level of the first harmonic re formant 3", 8.0)
    for k, frequency, bandwidth in ((1, 520.0, 150.0), (2, 1600.0, 250.0), (3, 2600.0, 350.0)):
        add(f"formant_{k}_mean_hz", "Hz", f"mean frequency of formant {k} in voiced frames", frequency)
        add(f"formant_{k}_variation", "1", f"standard deviation of formant {k} over its mean", 0.2)
        add(f"formant_{k}_bandwidth_hz", "Hz", f"median bandwidth of formant {k} in voiced frames", bandwidth)
        add(f"formant_{k}_level_mean_db", "dB", f"mean level of the strongest harmonic near formant {k} re H1", -10.0)
        add(f"formant_{k}_level_std_db", "dB", f"standard deviation of the level of formant {k} re H1", 8.0)
    _add_bands(add)
    _add_courses(add)
    _add_coupling(add)
    for name in MODULATION_GROUPS:
        for low, high in MODULATION_HZ:
            what = f"share of modulation between {low:g} and {high:g} Hz in the {name} mel bands"
            add(modulation_name(name, low, high), "dB", what, -8.0)
    add("voiced_segments_per_s", "1/s", "voiced stretches per second", 2.5)
    add("voiced_length_mean_s", "s", "mean length of voiced stretches", 0.2)
    add("voiced_length_std_s", "s", "standard deviation of the length of voiced stretches", 0.1)
    add("unvoiced_length_mean_s", "s", "mean length of unvoiced stretches between voiced ones", 0.12)
    add("unvoiced_length_std_s", "s", "standard deviation of the length of unvoiced stretches", 0.08)
    add("voiced_share", "1", "share of voiced frames between the first and the last active frame", 0.5)
    add("pause_share", "1", "share of inactive frames between the first and the last active frame", 0.1)
    add("active_duration_s", "s", "time from the first to the last active frame", 0.0)
    return tuple(made)


#: name, (unit, suffix, neutral spread), description, neutral mean
SPECTRAL = (
    ("alpha_ratio", ("dB", "_db", 6.0), "level of 50 Hz-1 kHz re 1-5 kHz", 10.0),
    ("hammarberg", ("dB", "_db", 7.0), "peak of 0-2 kHz re peak of 2-5 kHz", 20.0),
    ("slope_0_500", ("dB/kHz", "_db_per_khz", 20.0), "spectral slope up to 500 Hz", 0.0),
    ("slope_500_1500", ("dB/kHz", "_db_per_khz", 12.0), "spectral slope from 500 Hz to 1.5 kHz", -15.0),
    ("centroid", ("octaves re 1 kHz", "_oct", 0.5), "centroid of the spectrum", 0.0),
    ("entropy", ("1", "", 0.1), "entropy of the mel spectrum, 1 when flat", 0.6),
)

FUNCTIONALS = _definitions()
FUNCTIONAL_NAMES: tuple[str, ...] = tuple(functional.name for functional in FUNCTIONALS)
