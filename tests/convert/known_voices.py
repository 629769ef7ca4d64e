"""Signals and utterances whose parameters the tests know."""

import numpy as np
import parselmouth

from emoforge.convert.utterance import Utterance
from emoforge.prosody.analysis import analyse

SAMPLING_RATE = 16000


def vowel(f0_hz: float, duration_s: float, *, level: float = 0.2, tilt_db: float = 0.0) -> np.ndarray:
    """A steady voice with two formants: harmonics of *f0_hz*, *tilt_db* more at 4 kHz than at 0 Hz."""
    time_s = np.arange(round(duration_s * SAMPLING_RATE)) / SAMPLING_RATE
    harmonics = np.arange(1, int(7000 / f0_hz)) * f0_hz
    gain = 1 / (1 + ((harmonics - 600) / 200) ** 2) + 0.3 / (1 + ((harmonics - 1500) / 250) ** 2) + 0.01
    gain *= 10 ** (tilt_db * harmonics / 4000 / 20)
    signal = sum(
        g * np.cos(2 * np.pi * h * time_s + 0.3 * k) for k, (g, h) in enumerate(zip(gain, harmonics, strict=True))
    )
    return (level * signal / np.abs(signal).max()).astype(np.float32)


def sentence(
    f0_hz: float, *, rate: float = 1.0, rise_st: float = 0.0, level: float = 0.2, tilt_db: float = 0.0, seed: int = 0
) -> np.ndarray:
    """Silence, a vowel, a fricative, a vowel of another pitch, silence."""
    rng = np.random.default_rng(seed)
    n_silence = SAMPLING_RATE // 5
    first = vowel(f0_hz, 0.4 / rate, level=level, tilt_db=tilt_db)
    last = vowel(f0_hz * 2 ** (rise_st / 12), 0.5 / rate, level=level, tilt_db=tilt_db)
    hiss = rng.standard_normal(round(0.15 / rate * SAMPLING_RATE)) * level * 0.1
    silence = np.zeros(n_silence)
    signal = np.concatenate([silence, first, hiss, last, silence])
    return (signal + 1e-4 * rng.standard_normal(len(signal))).astype(np.float32)


def utterance(
    signal: np.ndarray,
    *,
    clip_id: str,
    speaker: str,
    emotion: str = "neutral",
    sentence: str | None = "s1",
    gender: str = "unknown",
) -> Utterance:
    return Utterance(clip_id, speaker, sentence, emotion, signal, SAMPLING_RATE, analyse(signal, SAMPLING_RATE), gender)


def training_set() -> list[Utterance]:
    """Three speakers with a neutral, an angry (higher, faster, louder, brighter) and a sad (lower, slower) clip."""
    clips = []
    for speaker, f0_hz, gender in (("a", 120.0, "male"), ("b", 210.0, "female"), ("c", 190.0, "female")):
        for emotion, options in (
            ("neutral", {}),
            ("anger", {"rate": 1.25, "rise_st": 2.0, "level": 0.5, "tilt_db": 9.0}),
            ("sadness", {"rate": 0.8, "level": 0.1, "tilt_db": -6.0}),
        ):
            shift = {"neutral": 1.0, "anger": 1.3, "sadness": 0.9}[emotion]
            signal = sentence(f0_hz * shift, **options)
            clips.append(
                utterance(signal, clip_id=f"{speaker}-{emotion}", speaker=speaker, emotion=emotion, gender=gender)
            )
    return clips


def median_f0_hz(signal):
    track = parselmouth.Sound(signal.astype(np.float64), SAMPLING_RATE).to_pitch_ac(
        time_step=0.01, pitch_floor=60, pitch_ceiling=700
    )
    f0_hz = track.selected_array["frequency"]
    return np.median(f0_hz[f0_hz > 0])


def snr_db(signal, other):
    noise = np.sum((signal - other.astype(np.float64)) ** 2)
    return 10 * np.log10(np.sum(signal.astype(np.float64) ** 2) / max(noise, 1e-12))


def level_db(signal):
    return 10 * np.log10(np.mean(signal.astype(np.float64) ** 2))
