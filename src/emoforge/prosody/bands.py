"""Figures of each mel band: how its level is distributed, how it moves, and its course over the utterance.

The large feature sets of the INTERSPEECH challenges (Schuller et al. 2013, "The INTERSPEECH 2013 computational
paralinguistics challenge") owe their strength over small ones to such figures of every band.
"""

import numpy as np
import scipy.ndimage

from emoforge.prosody.descriptors.catalogue import BAND_PERCENTILES, N_BAND_SHAPE
from emoforge.prosody.descriptors.contours import numbered, shape, span

# Regression over five frames (Furui 1986), in levels per frame.
_DELTA = np.array([0.2, 0.1, 0.0, -0.1, -0.2])


def band_figures(mel_db: np.ndarray, active: np.ndarray, voiced: np.ndarray, hop_s: float) -> dict[str, float]:
    """Return the figures of all bands of *mel_db* (n_frames, n_bands), re the mean of all bands in active frames."""
    relative = mel_db - mel_db[active].mean()
    inside = relative[active]
    mean, std = inside.mean(axis=0), inside.std(axis=0)
    standard = (inside - mean) / np.maximum(std, 1e-3)
    values = numbered("mel_{}_mean_db", mean) | numbered("mel_{}_std_db", std)
    values |= numbered("mel_{}_skewness", np.mean(standard**3, axis=0))
    values |= numbered("mel_{}_kurtosis", np.mean(standard**4, axis=0))
    percentiles = np.percentile(inside, list(BAND_PERCENTILES), axis=0)
    for percent, of_bands in zip(BAND_PERCENTILES, percentiles, strict=True):
        values |= numbered(f"mel_{{}}_p{percent}_db", of_bands)
    if voiced.any():
        values |= numbered("mel_{}_voiced_mean_db", relative[voiced].mean(axis=0))
        values |= numbered("mel_{}_voiced_std_db", relative[voiced].std(axis=0))
    delta = scipy.ndimage.convolve1d(relative, _DELTA, axis=0, mode="nearest")[active] / hop_s
    values |= numbered("mel_{}_delta_std_db_per_s", delta.std(axis=0))
    values |= numbered("mel_{}_delta_mean_abs_db_per_s", np.abs(delta).mean(axis=0))
    for k, of_bands in enumerate(shape(relative[span(active)], N_BAND_SHAPE), start=1):
        values |= numbered(f"mel_{{}}_shape_{k}_db", of_bands)
    return values
