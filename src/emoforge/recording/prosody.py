"""Prosody of one recording: frame tracks and named functionals."""

from dataclasses import dataclass

import numpy as np

from emoforge.base.batch import one_thread
from emoforge.base.errors import EmoforgeError
from emoforge.dataset.intake import audible_level_db, listen
from emoforge.prosody.analysis import analyse
from emoforge.prosody.functionals import FUNCTIONAL_NAMES, functionals
from emoforge.recording.signals import ANALYSIS_RATE, ArrayRecording


@dataclass(frozen=True)
class Prosody:
    """Frame tracks on one time grid, and figures of the whole recording.

    Attributes:
        times_s: (n_frames,) float64, centre of each frame in seconds; the first is 0.
        f0_hz: (n_frames,) float32, fundamental frequency in Hz, NaN where unvoiced.
        energy_db: (n_frames,) float32, level in dB re full scale.
        envelope_db: (n_frames, 80) float32, smooth spectral envelope, log power in dB in mel bands up to 8 kHz.
        aperiodicity_db: (n_frames, n_bands) float32, noise-to-total ratio in dB, at most 0.
        functionals: name → value of the 788 functionals; :data:`emoforge.prosody.functionals.FUNCTIONALS` says what
            each means, and in which unit.
    """

    times_s: np.ndarray
    f0_hz: np.ndarray
    energy_db: np.ndarray
    envelope_db: np.ndarray
    aperiodicity_db: np.ndarray
    functionals: dict[str, float]


def prosody(
    signal: np.ndarray,
    sampling_rate: int,
    *,
    hop_s: float = 0.01,
    f0_min_hz: float = 60.0,
    f0_max_hz: float = 600.0,
) -> Prosody:
    """Return F0, energy, spectral envelope, aperiodicity and functionals of a recording.

    It is mixed down and analysed at 16 kHz, as clips of a corpus are, but at its own level: functionals that follow
    the level (loudness) compare between recordings that were brought to one level.

    Args:
        signal: (n_samples,) or (n_samples, n_channels), floating point in [-1, 1], up to ten minutes.
        sampling_rate: of *signal*, 8000 to 384000 Hz. Below 16000 Hz the upper bands hold nothing.
        hop_s: distance between frames, in seconds, 0.001 to 0.05.
        f0_min_hz: lowest F0 to look for.
        f0_max_hz: highest F0 to look for.

    Returns:
        ``n_frames = 1 + floor(duration_s / hop_s)`` frames and the functionals.

    Raises:
        AudioError: the signal is empty, silent, not finite, not floating point, longer than ten minutes, or has its
            axes swapped; or the sampling rate is out of range.
        EmoforgeError: *hop_s* or the range of F0 makes no sense.

    Examples:
        >>> import emoforge
        >>> import numpy as np
        >>> from emoforge.prosody.synthetic import voice
        >>> sampling_rate = 16000
        >>> signal = voice(np.full(sampling_rate // 2, 120.0), sampling_rate)
        >>> track = emoforge.prosody(signal, sampling_rate)
        >>> track.f0_hz.shape, track.envelope_db.shape
        ((51,), (51, 80))
        >>> round(float(np.nanmedian(track.f0_hz)))
        120
        >>> len(track.functionals)
        788
    """
    if not 0.001 <= hop_s <= 0.05:
        raise EmoforgeError(f"hop_s {hop_s!r} is out of range; choose 0.001 to 0.05 seconds")
    with one_thread():
        mono = listen(ArrayRecording(signal, sampling_rate), ANALYSIS_RATE).signal
        audible_level_db(mono, ANALYSIS_RATE)
        tracks = analyse(mono, ANALYSIS_RATE, hop_s=hop_s, f0_min_hz=f0_min_hz, f0_max_hz=f0_max_hz)
        values = functionals(mono, ANALYSIS_RATE, f0_hz=tracks.f0_hz, hop_s=hop_s)
    return Prosody(
        times_s=np.arange(tracks.n_frames) * hop_s,
        f0_hz=tracks.f0_hz,
        energy_db=tracks.energy_db,
        envelope_db=tracks.envelope_db,
        aperiodicity_db=tracks.aperiodicity_db,
        functionals=dict(zip(FUNCTIONAL_NAMES, values.tolist(), strict=True)),
    )
