"""One vector of named figures for an utterance: what a recogniser on small corpora learns from.

The core follows the extended Geneva minimalistic acoustic parameter set (Eyben et al. 2016, "The Geneva Minimalistic
Acoustic Parameter Set (GeMAPS) for voice research and affective computing"): F0, loudness, spectral flux, cepstrum,
perturbation, formants, spectral balance, rhythm. Beyond it go the shape of the F0 and energy contours, the movement
of the cepstrum, the modulation spectrum of energy, and for every mel band its distribution, movement and course.
What each figure adds is measured by recognisers on speakers that they have not learnt from: see
:mod:`emoforge.ser.machines.svm`.

Every figure is listed in :data:`FUNCTIONALS` with its unit, its meaning, and the neutral value that stands in where
it cannot be measured (no voicing, no unvoiced part, too short): close to the median of ordinary speech, so that an
undefined figure says nothing either way.
"""

import numpy as np

from emoforge.base.errors import EmoforgeError
from emoforge.prosody.bands import band_figures
from emoforge.prosody.descriptors.catalogue import F0_REFERENCE_HZ, FUNCTIONAL_NAMES, FUNCTIONALS, Functional
from emoforge.prosody.descriptors.contours import without_gaps
from emoforge.prosody.descriptors.coupling import correlation_figures, course_figures, quarter_figures
from emoforge.prosody.descriptors.melody import (
    ACTIVE_RANGE_DB,
    audible,
    level_figures,
    loudness_figures,
    pitch_figures,
    rhythm_figures,
)
from emoforge.prosody.descriptors.source import source_figures
from emoforge.prosody.descriptors.spectra import Spectra
from emoforge.prosody.descriptors.timbre import balance_figures, cepstrum_figures, flux_figures, modulation_figures
from emoforge.prosody.energy import energy
from emoforge.prosody.f0 import f0
from emoforge.prosody.frames import mono

__all__ = ["FUNCTIONALS", "FUNCTIONAL_NAMES", "Functional", "functionals"]

_LOWEST_RATE_HZ = 8000
_NEUTRAL = np.array([functional.neutral for functional in FUNCTIONALS])


def functionals(
    signal: np.ndarray, sampling_rate: int, *, f0_hz: np.ndarray | None = None, hop_s: float = 0.01
) -> np.ndarray:
    """Return the figures of :data:`FUNCTIONALS` for one utterance.

    Loudness, its percentiles and the equivalent level follow the level of the signal: bring recordings to one level
    first where that level means nothing. Everything else does not change with it.

    Args:
        signal: (n_samples,) mono, float32 in [-1, 1]; at least one sample.
        sampling_rate: in Hz, at least 8000.
        f0_hz: (n_frames,) what :func:`emoforge.prosody.f0.f0` returned for the same signal, where it is known.
        hop_s: distance between frames, in seconds.

    Returns:
        (n_functionals,) float32 in the order of :data:`FUNCTIONAL_NAMES`, always finite.

    Raises:
        AudioError: the signal is not mono, is empty or is not finite.
        EmoforgeError: the sampling rate is below 8000 Hz, or *f0_hz* does not have one value per frame.
    """
    signal = mono(signal)
    if sampling_rate < _LOWEST_RATE_HZ:
        raise EmoforgeError(
            f"sampling_rate {sampling_rate} is below {_LOWEST_RATE_HZ} Hz, which the bands above 2 kHz need: "
            "resample the recording, or leave it out"
        )
    if f0_hz is None:
        f0_hz = f0(signal, sampling_rate, hop_s=hop_s)
    energy_db = energy(signal, sampling_rate, hop_s=hop_s).astype(np.float64)
    if len(f0_hz) != len(energy_db):
        raise EmoforgeError(
            f"f0_hz has {len(f0_hz)} values, the signal has {len(energy_db)} frames every {hop_s:g} s: estimate F0 on "
            "the same signal with the same hop_s"
        )
    voiced = ~np.isnan(f0_hz)
    active = voiced | (energy_db > max(np.percentile(energy_db, 95.0) - ACTIVE_RANGE_DB, -99.0))
    values = _measured(signal, sampling_rate, f0_hz, energy_db, voiced, active, hop_s) if active.any() else {}
    measured = np.array([values.get(name, np.nan) for name in FUNCTIONAL_NAMES])
    return np.where(np.isfinite(measured), measured, _NEUTRAL).astype(np.float32)


def _measured(
    signal: np.ndarray,
    sampling_rate: int,
    f0_hz: np.ndarray,
    energy_db: np.ndarray,
    voiced: np.ndarray,
    active: np.ndarray,
    hop_s: float,
) -> dict[str, float]:
    spectra = Spectra(signal, sampling_rate, hop_s, energy_db)
    balance = spectra.balance()
    source, source_tracks = source_figures(signal, sampling_rate, f0_hz, hop_s)
    tracks = balance | source_tracks | {f"mfcc_{k}": column for k, column in enumerate(spectra.mfcc.T, start=1)}
    tracks["energy"] = audible(energy_db, active)
    tracks["f0"] = without_gaps(12.0 * np.log2(f0_hz.astype(np.float64) / F0_REFERENCE_HZ), len(f0_hz))
    tracks["loudness"] = np.log(np.maximum(spectra.loudness, spectra.floor ** (1.0 / 3.0)))
    return {
        **pitch_figures(f0_hz, voiced, hop_s),
        **loudness_figures(spectra.loudness, active, hop_s),
        **level_figures(signal, energy_db, active, hop_s),
        **flux_figures(spectra.flux, active, voiced),
        **cepstrum_figures(spectra.mfcc, active, voiced, hop_s),
        **balance_figures(spectra, balance, active, voiced),
        **source,
        **band_figures(spectra.mel_db, active, voiced, hop_s),
        **course_figures(tracks, active),
        **correlation_figures(tracks, active),
        **quarter_figures(tracks, active),
        **modulation_figures(spectra.mel_db, active, hop_s),
        **rhythm_figures(voiced, active, hop_s),
    }
