"""Short-time spectra of an utterance and the tracks that are read off them, for the functionals."""

import numpy as np
import scipy.fft

from emoforge.prosody.descriptors.catalogue import N_MEL, N_MFCC
from emoforge.prosody.frames import frame
from emoforge.prosody.mel import band_edges_hz, band_weights


class Spectra:
    """Short-time spectra that several groups of figures share; every array has n_frames rows.

    Attributes:
        power: (n_frames, n_bins), 1 for a sine of amplitude 1.
        frequency_hz: (n_bins,).
        floor: the power below which there is nothing to hear, 90 dB below the loudest frame.
        mel_db: (n_frames, 26) level of each mel band.
        mfcc: (n_frames, 13) cepstral coefficients 1 to 13 in dB.
        loudness: (n_frames,) sum of the auditory spectrum.
        flux: (n_frames,) change of the auditory spectrum's shape since the frame before.
        entropy: (n_frames,) of the mel spectrum, 1 when flat.
    """

    def __init__(self, signal: np.ndarray, sampling_rate: int, hop_s: float, energy_db: np.ndarray) -> None:
        length = 2 * int(0.0125 * sampling_rate) + 1
        n_fft = int(2 ** np.ceil(np.log2(length)))
        window = np.hanning(length + 2)[1:-1]
        frames = frame(signal, sampling_rate, hop_s=hop_s, window_length=length)
        # Scaled so that a sine of amplitude 1 has power 1 in its bin.
        spectrum = scipy.fft.rfft(frames * (2.0 / window.sum() * window), n_fft)
        self.power = spectrum.real**2 + spectrum.imag**2
        self.frequency_hz = np.linspace(0.0, sampling_rate / 2.0, n_fft // 2 + 1)
        high_hz = min(8000.0, sampling_rate / 2.0)
        mel = self.power @ band_weights(N_MEL, n_fft // 2 + 1, sampling_rate, 20.0, high_hz)
        # The floor follows the loudest frame, so that turning the signal down does not cut its tail off.
        floor = 10.0 ** (np.max(energy_db) / 10.0) * 1e-9
        self.floor = floor
        self.mel_db = 10.0 * np.log10(mel + floor)
        self.mfcc = scipy.fft.dct(self.mel_db, axis=1, norm="ortho")[:, 1 : N_MFCC + 1]
        centre_hz = band_edges_hz(N_MEL, 20.0, high_hz)[1:-1]
        auditory = (mel * _equal_loudness(centre_hz)) ** (1.0 / 3.0)
        self.loudness = auditory.sum(axis=1)
        shape = auditory / np.maximum(self.loudness, floor ** (1.0 / 3.0))[:, None]
        self.flux = np.sqrt(np.sum(np.diff(shape, axis=0, prepend=shape[:1]) ** 2, axis=1))
        share = mel / np.maximum(mel.sum(axis=1, keepdims=True), 1e-30)
        self.entropy = -np.sum(share * np.log(np.maximum(share, 1e-12)), axis=1) / np.log(N_MEL)

    def balance(self) -> dict[str, np.ndarray]:
        """Return tracks (n_frames,) of how energy is spread over frequency, named as in the catalogue."""
        frequency = self.frequency_hz
        power = self.power + self.floor * 1e-2
        power_db = 10.0 * np.log10(power)

        def band(low: float, high: float) -> np.ndarray:
            return (frequency >= low) & (frequency < high)

        def slope(low: float, high: float) -> np.ndarray:
            inside = band(low, high)
            khz = frequency[inside] / 1000.0
            return power_db[:, inside] @ (khz - khz.mean()) / np.sum((khz - khz.mean()) ** 2)

        def level(low: float, high: float) -> np.ndarray:
            return 10.0 * np.log10(power[:, band(low, high)].sum(axis=1))

        return {
            "alpha_ratio": level(50, 1000) - level(1000, 5000),
            "hammarberg": power_db[:, band(0, 2000)].max(axis=1) - power_db[:, band(2000, 5000)].max(axis=1),
            "slope_0_500": slope(0, 500),
            "slope_500_1500": slope(500, 1500),
            "centroid": np.log2(np.maximum(power @ frequency / power.sum(axis=1), 50.0) / 1000.0),
            "entropy": self.entropy,
        }

    def tilt_db_per_octave(self, active: np.ndarray) -> float:
        """Slope of the average spectrum of *active* frames over octaves, 100 Hz to 5 kHz."""
        inside = (self.frequency_hz >= 100) & (self.frequency_hz < 5000)
        octave = np.log2(self.frequency_hz[inside])
        octave -= octave.mean()
        average_db = 10.0 * np.log10((self.power[active] + self.floor * 1e-2).mean(axis=0))[inside]
        return float(octave @ average_db / (octave @ octave))


def _equal_loudness(frequency_hz: np.ndarray) -> np.ndarray:
    """Weights of the ear at moderate levels (Hermansky 1990, "Perceptual linear predictive analysis of speech")."""
    square = (2.0 * np.pi * frequency_hz) ** 2
    return (square + 56.8e6) * square**2 / ((square + 6.3e6) ** 2 * (square + 0.38e9))
