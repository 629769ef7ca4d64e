"""All frame tracks of one utterance at once, or F0 and functionals alone."""

import numpy as np

from emoforge.prosody.energy import energy
from emoforge.prosody.envelope import aperiodicity, spectral_envelope
from emoforge.prosody.f0 import f0
from emoforge.prosody.functionals import functionals
from emoforge.prosody.tracks import Tracks


def analyse(
    signal: np.ndarray,
    sampling_rate: int,
    *,
    hop_s: float = 0.01,
    f0_min_hz: float = 60.0,
    f0_max_hz: float = 600.0,
    method: str = "praat",
) -> Tracks:
    """Return F0, energy, spectral envelope (80 mel bands) and aperiodicity of *signal* on one frame grid.

    Args:
        signal: (n_samples,) mono, float32 in [-1, 1].
        sampling_rate: in Hz, at least 12000.
        hop_s: distance between frames, in seconds.
        f0_min_hz: lowest F0 to look for.
        f0_max_hz: highest F0 to look for.
        method: F0 estimator, one of :data:`emoforge.prosody.f0.METHODS`.

    Raises:
        AudioError: the signal is not mono, is empty or is not finite.
        EmoforgeError: an unknown method, an F0 range that does not rise, or a sampling rate below 12 kHz.
    """
    f0_hz = f0(signal, sampling_rate, hop_s=hop_s, f0_min_hz=f0_min_hz, f0_max_hz=f0_max_hz, method=method)
    return Tracks(
        hop_s=hop_s,
        sampling_rate=sampling_rate,
        f0_hz=f0_hz,
        energy_db=energy(signal, sampling_rate, hop_s=hop_s),
        envelope_db=spectral_envelope(signal, sampling_rate, f0_hz, hop_s=hop_s),
        aperiodicity_db=aperiodicity(signal, sampling_rate, f0_hz, hop_s=hop_s),
    )


def describe(
    signal: np.ndarray, sampling_rate: int, *, hop_s: float = 0.01, f0_min_hz: float = 60.0, f0_max_hz: float = 600.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return F0 (n_frames,) in Hz and the functionals (788,) of *signal*; cheaper than all tracks.

    Args:
        signal: (n_samples,) mono, float32 in [-1, 1].
        sampling_rate: in Hz, at least 12000.
        hop_s: distance between frames, in seconds.
        f0_min_hz: lowest F0 to look for.
        f0_max_hz: highest F0 to look for.

    Raises:
        AudioError, EmoforgeError: as :func:`analyse`.
    """
    f0_hz = f0(signal, sampling_rate, hop_s=hop_s, f0_min_hz=f0_min_hz, f0_max_hz=f0_max_hz)
    return f0_hz, functionals(signal, sampling_rate, f0_hz=f0_hz, hop_s=hop_s)
