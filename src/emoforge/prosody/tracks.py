"""The frame tracks of one utterance: what conversion reads and changes."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tracks:
    """Frame tracks on one time grid: frame ``i`` is centred on ``i * hop_s`` seconds.

    An utterance of ``n_samples`` has ``n_frames = 1 + floor(n_samples / (hop_s * sampling_rate))`` frames.

    Attributes:
        hop_s: distance between frames, in seconds.
        sampling_rate: sampling rate of the signal that was analysed, in Hz.
        f0_hz: (n_frames,) float32, fundamental frequency in Hz, NaN where unvoiced.
        energy_db: (n_frames,) float32, level of the windowed signal in dB re full scale.
        envelope_db: (n_frames, n_bands) float32, smooth spectral envelope, log power in dB in mel bands.
        aperiodicity_db: (n_frames, n_aperiodicity_bands) float32, noise-to-total ratio in dB, at most 0.
    """

    hop_s: float
    sampling_rate: int
    f0_hz: np.ndarray
    energy_db: np.ndarray
    envelope_db: np.ndarray
    aperiodicity_db: np.ndarray

    @property
    def n_frames(self) -> int:
        return len(self.f0_hz)

    @property
    def voiced(self) -> np.ndarray:
        """(n_frames,) bool, true where F0 is defined."""
        return ~np.isnan(self.f0_hz)
