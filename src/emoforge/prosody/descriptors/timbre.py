"""Figures of the spectrum: flux, cepstrum, balance of low and high, modulation."""

import numpy as np
import scipy.fft

from emoforge.prosody.descriptors.catalogue import MODULATION_GROUPS, MODULATION_HZ, SPECTRAL, modulation_name
from emoforge.prosody.descriptors.contours import mean_std, numbered, span
from emoforge.prosody.descriptors.spectra import Spectra


def flux_figures(flux: np.ndarray, active: np.ndarray, voiced: np.ndarray) -> dict[str, float]:
    values: dict[str, float] = {}
    for part, mask in (("", active), ("voiced_", voiced), ("unvoiced_", active & ~voiced)):
        mean, std = mean_std(flux[mask])
        values |= {f"flux_{part}mean": mean, f"flux_{part}variation": std / max(mean, 1e-6)}
    return values


def cepstrum_figures(mfcc: np.ndarray, active: np.ndarray, voiced: np.ndarray, hop_s: float) -> dict[str, float]:
    inside = mfcc[active]
    values = numbered("mfcc_{}_mean", inside.mean(axis=0)) | numbered("mfcc_{}_std", inside.std(axis=0))
    both = active[1:] & active[:-1]
    if both.any():
        values |= numbered("mfcc_{}_delta_std_per_s", np.diff(mfcc, axis=0)[both].std(axis=0) / hop_s)
    if voiced.any():
        values |= numbered("mfcc_{}_voiced_mean", mfcc[voiced].mean(axis=0))
        values |= numbered("mfcc_{}_voiced_std", mfcc[voiced].std(axis=0))
    return values


def balance_figures(
    spectra: Spectra, tracks: dict[str, np.ndarray], active: np.ndarray, voiced: np.ndarray
) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, (_, suffix, _), _, _ in SPECTRAL:
        mean, std = mean_std(tracks[name][voiced])
        values[f"{name}_voiced_mean{suffix}"] = mean
        values[f"{name}_voiced_std{suffix}"] = std
        values[f"{name}_unvoiced_mean{suffix}"] = mean_std(tracks[name][active & ~voiced])[0]
    values["ltas_tilt_db_per_octave"] = spectra.tilt_db_per_octave(active)
    return values


def modulation_figures(mel_db: np.ndarray, active: np.ndarray, hop_s: float) -> dict[str, float]:
    """How fast the energy of three groups of bands goes up and down: the share of each octave of modulation."""
    contour = mel_db[span(active)]
    if len(contour) * hop_s < 0.25:
        return {}
    contour = np.stack([contour[:, low:high].mean(axis=1) for low, high in MODULATION_GROUPS.values()], axis=1)
    contour = contour - contour.mean(axis=0)
    n_fft = max(256, int(2 ** np.ceil(np.log2(len(contour)))))
    power = np.abs(scipy.fft.rfft(contour * np.hanning(len(contour) + 2)[1:-1, None], n_fft, axis=0)) ** 2
    frequency = np.arange(len(power)) / (n_fft * hop_s)
    bands = np.stack([power[(frequency >= low) & (frequency < high)].sum(axis=0) for low, high in MODULATION_HZ])
    share_db = 10.0 * np.log10((bands + 1e-9) / (bands.sum(axis=0) + 1e-9))
    return {
        modulation_name(name, low, high): share_db[k, g]
        for g, name in enumerate(MODULATION_GROUPS)
        for k, (low, high) in enumerate(MODULATION_HZ)
    }
