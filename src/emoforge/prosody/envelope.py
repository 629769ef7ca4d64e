"""Smooth spectral envelope and aperiodicity, both from WORLD (Morise, Yokomori and Ozawa 2016)."""

import numpy as np
import pyworld

from emoforge.base.errors import EmoforgeError
from emoforge.prosody.f0 import interpolated
from emoforge.prosody.frames import mono, n_frames
from emoforge.prosody.mel import band_edges_hz, band_weights

FLOOR_DB = -100.0
_F0_FLOOR_HZ = 60.0
_LOWEST_D4C_RATE_HZ = 12000


def band_frequencies_hz(n_bands: int, sampling_rate: int) -> np.ndarray:
    """Return (n_bands,) float64, the centre of each band of :func:`spectral_envelope` in Hz, rising."""
    return band_edges_hz(n_bands, 0.0, sampling_rate / 2.0)[1:-1]


def spectral_envelope(
    signal: np.ndarray, sampling_rate: int, f0_hz: np.ndarray, *, hop_s: float = 0.01, n_bands: int = 80
) -> np.ndarray:
    """Return the spectral envelope, freed from the harmonics of the voice, in mel bands.

    CheapTrick (Morise 2015, "CheapTrick, a spectral envelope estimator for high-quality speech synthesis") smooths
    over one F0 in frequency. Unvoiced frames borrow an F0 from their voiced neighbours by linear interpolation, so
    the resolution does not jump at the edges of voicing. Power is averaged over triangular bands between 0 Hz and
    half the sampling rate, then converted to dB.

    Args:
        signal: (n_samples,) mono.
        sampling_rate: in Hz.
        f0_hz: (n_frames,) F0 on the same frame grid, NaN where unvoiced.
        hop_s: distance between frames, in seconds.
        n_bands: number of bands.

    Returns:
        (n_frames, n_bands) float32, dB re the power spectrum of a full-scale unit impulse each period, at least -100.

    Raises:
        AudioError: the signal is not mono, is empty or is not finite.
        EmoforgeError: *f0_hz* does not have one value per frame.
    """
    signal, times = _checked(signal, sampling_rate, f0_hz, hop_s)
    continuous = interpolated(f0_hz)
    # CheapTrick falls back to its default F0 at or below a floor that follows from the size of its transform.
    power = pyworld.cheaptrick(signal, continuous, times, sampling_rate, f0_floor=_F0_FLOOR_HZ)
    bands = power @ band_weights(n_bands, power.shape[1], sampling_rate, 0.0, sampling_rate / 2.0)
    return np.maximum(10.0 * np.log10(np.maximum(bands, 1e-20)), FLOOR_DB).astype(np.float32)


def aperiodicity(signal: np.ndarray, sampling_rate: int, f0_hz: np.ndarray, *, hop_s: float = 0.01) -> np.ndarray:
    """Return the share of noise in each of WORLD's coarse bands.

    D4C (Morise 2016, "D4C, a band-aperiodicity estimator for high-quality speech synthesis"), sampled every 3 kHz:
    one band at 16 kHz (centred on 3 kHz), five at 48 kHz.

    Args:
        signal: (n_samples,) mono.
        sampling_rate: in Hz, at least 12 kHz (WORLD has no band below).
        f0_hz: (n_frames,) F0 on the same frame grid, NaN where unvoiced.
        hop_s: distance between frames, in seconds.

    Returns:
        (n_frames, n_aperiodicity_bands) float32, noise-to-total amplitude ratio in dB, from -60 to 0; 0 where unvoiced.

    Raises:
        AudioError: the signal is not mono, is empty or is not finite.
        EmoforgeError: *f0_hz* does not have one value per frame, or the sampling rate is below 12 kHz.
    """
    signal, times = _checked(signal, sampling_rate, f0_hz, hop_s)
    if sampling_rate < _LOWEST_D4C_RATE_HZ:
        raise EmoforgeError(
            f"sampling_rate {sampling_rate} is below {_LOWEST_D4C_RATE_HZ} Hz, where WORLD has its first band of "
            "aperiodicity: resample the recording to 16000 Hz"
        )
    voiced_or_zero = np.nan_to_num(np.asarray(f0_hz, dtype=np.float64), nan=0.0)
    ratio = pyworld.d4c(signal, voiced_or_zero, times, sampling_rate)
    return np.minimum(pyworld.code_aperiodicity(ratio, sampling_rate), 0.0).astype(np.float32)


def _checked(signal: np.ndarray, sampling_rate: int, f0_hz: np.ndarray, hop_s: float) -> tuple[np.ndarray, np.ndarray]:
    signal = mono(signal)
    count = n_frames(len(signal), sampling_rate, hop_s)
    if np.shape(f0_hz) != (count,):
        raise EmoforgeError(
            f"f0_hz has shape {np.shape(f0_hz)}; a signal of {len(signal)} samples has {count} frames every "
            f"{hop_s:g} s: estimate F0 on the same signal with the same hop_s"
        )
    return signal, np.arange(count) * hop_s
