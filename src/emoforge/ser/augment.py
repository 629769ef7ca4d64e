"""Classical augmentation: what a recogniser is trained with when there is no emotion conversion.

Each function takes a signal (n_samples,) float32 in [-1, 1] and returns another; those that draw take a seed. Masking
of spectrograms (SpecAugment) is part of training in :mod:`emoforge.ser.training`.
"""

from collections.abc import Sequence

import numpy as np
from scipy.fft import next_fast_len
from scipy.signal import fftconvolve

from emoforge.base import audio
from emoforge.base.errors import AudioError, EmoforgeError, unknown_value

#: What :func:`augment` chooses from.
KINDS = ("white_noise", "pink_noise", "speed", "pitch", "reverb")

_SNR_DB = (10.0, 25.0)
_SPEED = (0.85, 1.15)
_SEMITONES = (-2.0, 2.0)
_RT60_S = (0.15, 0.5)


def add_noise(signal: np.ndarray, *, snr_db: float, color: str = "white", seed: int) -> np.ndarray:
    """Add stationary Gaussian noise.

    Args:
        signal: (n_samples,) float32 in [-1, 1].
        snr_db: power of the signal over that of the noise, both over the whole clip.
        color: "white" (flat spectrum) or "pink" (power falls as 1 / frequency).
        seed: of the noise.

    Returns:
        (n_samples,) float32, scaled down together where it would clip.

    Raises:
        AudioError: the signal is empty or silent.
        EmoforgeError: an unknown color.
    """
    signal = _checked(signal)
    # A length of small prime factors, cut afterwards: the transform of a prime length is ten times slower.
    noise = np.random.default_rng(seed).standard_normal(next_fast_len(len(signal), real=True))
    if color == "pink":
        spectrum = np.fft.rfft(noise)
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
        noise = np.fft.irfft(spectrum, len(noise))
    elif color != "white":
        raise EmoforgeError(unknown_value("noise color", color, ("white", "pink")))
    noise = noise[: len(signal)]
    power = np.mean(signal**2)
    if power == 0:
        raise AudioError("silent: a noise level relative to silence is not defined")
    noise *= np.sqrt(power / np.mean(noise**2) / 10 ** (snr_db / 10))
    return _unclipped(signal + noise)


def change_speed(signal: np.ndarray, sampling_rate: int, *, factor: float) -> np.ndarray:
    """Play *factor* times as fast: duration divides and all frequencies multiply by it, as with a tape.

    Args:
        signal: (n_samples,) float32 in [-1, 1].
        sampling_rate: in Hz; of the result too.
        factor: 0.5 to 2.

    Raises:
        AudioError: the signal is empty.
        EmoforgeError: *factor* is out of range.
    """
    signal = _checked(signal)
    if not 0.5 <= factor <= 2.0:
        raise EmoforgeError(f"the speed factor must be from 0.5 to 2, not {factor}")
    # Resampled from a rate that is *factor* times too high; whole numbers of Hz keep the ratio exact to 0.1 %.
    return _unclipped(audio.resample(signal.astype(np.float32), round(sampling_rate * factor), sampling_rate))


def shift_pitch(signal: np.ndarray, sampling_rate: int, *, semitones: float) -> np.ndarray:
    """Raise the pitch, formants with it, and keep the duration: resampling, then time scaling back.

    Time is scaled by overlap-add of 50 ms pieces, each taken where it fits best onto what is already there (WSOLA,
    Verhelst and Roelands 1993).

    Args:
        signal: (n_samples,) float32 in [-1, 1].
        sampling_rate: in Hz.
        semitones: -12 to 12.

    Returns:
        (n_samples,) float32.

    Raises:
        AudioError: the signal is empty.
        EmoforgeError: *semitones* is out of range.
    """
    signal = _checked(signal)
    if not -12.0 <= semitones <= 12.0:
        raise EmoforgeError(f"the pitch shift must be from -12 to 12 semitones, not {semitones}")
    shifted = change_speed(signal, sampling_rate, factor=2.0 ** (semitones / 12))
    return _unclipped(_stretch(shifted.astype(np.float64), len(signal), sampling_rate))


def add_reverb(signal: np.ndarray, sampling_rate: int, *, rt60_s: float, wet_db: float = -6.0, seed: int) -> np.ndarray:
    """Put the signal into a synthetic room: exponentially decaying noise after the direct sound (Moorer 1979).

    Args:
        signal: (n_samples,) float32 in [-1, 1].
        sampling_rate: in Hz.
        rt60_s: time in which the reverberation falls by 60 dB, in seconds; above 0.
        wet_db: energy of the reverberation over that of the direct sound.
        seed: of the room.

    Returns:
        (n_samples,) float32, cut to the signal's length and scaled to its level.

    Raises:
        AudioError: the signal is empty.
        EmoforgeError: *rt60_s* is not above 0.
    """
    signal = _checked(signal)
    if not rt60_s > 0:
        raise EmoforgeError(f"the reverberation time must be above 0 s, not {rt60_s}")
    time_s = np.arange(1, max(2, round(rt60_s * sampling_rate))) / sampling_rate
    tail = np.random.default_rng(seed).standard_normal(len(time_s)) * 10 ** (-3 * time_s / rt60_s)
    tail *= np.sqrt(10 ** (wet_db / 10) / np.sum(tail**2))
    wet = fftconvolve(signal, np.concatenate([[1.0], tail]))[: len(signal)]
    return _unclipped(wet * np.sqrt(np.sum(signal**2) / max(np.sum(wet**2), 1e-30)))


def augment(
    signal: np.ndarray, sampling_rate: int, *, kinds: Sequence[str] = KINDS, seed: int
) -> tuple[np.ndarray, str]:
    """Apply one augmentation, drawn with its strength from *seed*.

    Noise at 10 to 25 dB, speed 0.85 to 1.15, pitch by up to 2 semitones, reverberation of 0.15 to 0.5 s.

    Args:
        signal: (n_samples,) float32 in [-1, 1].
        sampling_rate: in Hz.
        kinds: names from :data:`KINDS` to choose from.
        seed: of every draw.

    Returns:
        the new signal (its length differs for "speed") and the name of the kind.

    Raises:
        AudioError: the signal is empty, or silent and to be given noise.
        EmoforgeError: an unknown kind, or none at all.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise EmoforgeError(unknown_value("augmentation", kind, KINDS))
    if not kinds:
        raise EmoforgeError(f"no augmentation to choose from; allowed: {', '.join(KINDS)}")
    rng = np.random.default_rng(seed)
    kind = str(kinds[int(rng.integers(len(kinds)))])
    draw = int(rng.integers(2**31))
    if kind in ("white_noise", "pink_noise"):
        snr_db = rng.uniform(*_SNR_DB)
        return add_noise(signal, snr_db=snr_db, color=kind.removesuffix("_noise"), seed=draw), kind
    if kind == "speed":
        return change_speed(signal, sampling_rate, factor=rng.uniform(*_SPEED)), kind
    if kind == "pitch":
        return shift_pitch(signal, sampling_rate, semitones=rng.uniform(*_SEMITONES)), kind
    return add_reverb(signal, sampling_rate, rt60_s=rng.uniform(*_RT60_S), seed=draw), kind


def _stretch(signal: np.ndarray, n_samples: int, sampling_rate: int) -> np.ndarray:
    """Scale *signal* in time to *n_samples* without moving its pitch."""
    hop = max(1, round(0.025 * sampling_rate))
    reach = max(1, round(0.010 * sampling_rate))
    rate = len(signal) / n_samples
    padded = np.pad(signal, (reach, 3 * hop + 2 * reach))
    # Halves of a Hann window overlap to exactly 1.
    window = np.hanning(2 * hop + 1)[:-1]
    out = np.zeros(n_samples + 3 * hop)
    start = reach
    for begin in range(0, n_samples + hop, hop):
        out[begin : begin + 2 * hop] += window * padded[start : start + 2 * hop]
        expected = padded[start + hop : start + 2 * hop]
        # `reach` samples of padding put the ideal place in the middle of the search.
        ideal = min(round((begin + hop) * rate), len(signal))
        candidates = padded[ideal : ideal + hop + 2 * reach]
        if len(expected) < hop or len(candidates) < hop:
            break
        likeness = fftconvolve(candidates, expected[::-1], mode="valid")
        energy = _running_energy(candidates, hop)
        start = ideal + int(np.argmax(likeness / np.sqrt(energy + 1e-9)))
    # The first half window has nothing to overlap with.
    out[:hop] += (1 - window[:hop]) * padded[reach : reach + hop]
    return out[:n_samples]


def _running_energy(signal: np.ndarray, length: int) -> np.ndarray:
    total = np.concatenate([[0.0], np.cumsum(signal**2)])
    return np.maximum(total[length:] - total[:-length], 0.0)


def _checked(signal: np.ndarray) -> np.ndarray:
    signal = np.asarray(signal, dtype=np.float64)
    if signal.ndim != 1 or not len(signal):
        raise AudioError(f"empty: augmentation needs a mono signal with samples, not one of shape {signal.shape}")
    return signal


def _unclipped(signal: np.ndarray) -> np.ndarray:
    """Scale down what would clip, and return float32."""
    return (signal / max(1.0, float(np.max(np.abs(signal), initial=0.0)))).astype(np.float32)
