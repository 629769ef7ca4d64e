"""Speech as parameters of a vocoder: what the generative converter hears of a clip, and how a waveform is made of it.

WORLD (Morise et al. 2016, "WORLD: a vocoder-based high-quality speech synthesis system for real-time applications")
with frames of 10 ms: 40 cepstra of the envelope on the mel scale, one band of aperiodicity, F0. A pretrained encoder
hears as much emotion in clips that went through these as in WORLD's full envelope every 5 ms
(studies/conversion/TRIED.md), so nothing finer is generated.
"""

from dataclasses import dataclass

import numpy as np
import pyworld

from emoforge.base.audio import mono_mix, resample
from emoforge.convert.utterance import Utterance
from emoforge.prosody.f0 import interpolated

SAMPLING_RATE = 16000
HOP_S = 0.01
N_CEPSTRA = 40
#: F0 is in semitones above it.
REFERENCE_HZ = 100.0

_N_FFT = 1024
#: Frames are interpolated to this hop before synthesis, so that nothing changes by steps.
_SYNTHESIS_HOP_MS = 5.0


@dataclass(frozen=True)
class Parameters:
    """A clip, frame by frame; frame ``i`` is centred on ``i * HOP_S`` seconds.

    Attributes:
        envelope: (n_frames, N_CEPSTRA + 1) float64: mel cepstra of the spectral envelope, the first of which carries
            the level, and aperiodicity in dB, at most 0.
        f0_st: (n_frames,) float64, F0 in semitones re :data:`REFERENCE_HZ`, NaN where unvoiced.
    """

    envelope: np.ndarray
    f0_st: np.ndarray

    def __len__(self) -> int:
        return len(self.f0_st)


def analyse(utterance: Utterance) -> Parameters:
    """Return the parameters of an utterance: F0 from its tracks, the envelope from its signal at 16 kHz."""
    signal = resample(mono_mix(utterance.signal), utterance.sampling_rate, SAMPLING_RATE)
    signal = np.ascontiguousarray(signal, dtype=np.float64)
    instants = np.arange(1 + int(len(signal) / (HOP_S * SAMPLING_RATE))) * HOP_S
    tracks = utterance.tracks
    frame = np.clip(np.rint(instants / tracks.hop_s).astype(int), 0, tracks.n_frames - 1)
    f0_hz = np.nan_to_num(tracks.f0_hz[frame].astype(np.float64))
    spectrum = pyworld.cheaptrick(signal, f0_hz, instants, SAMPLING_RATE, fft_size=_N_FFT)
    # D4C decides on voicing a second time, and speaks loud voices as whispers: its threshold is 0, so that F0 decides.
    aperiodicity = pyworld.d4c(signal, f0_hz, instants, SAMPLING_RATE, fft_size=_N_FFT, threshold=0.0)
    cepstra = pyworld.code_spectral_envelope(spectrum, SAMPLING_RATE, N_CEPSTRA)
    band_db = pyworld.code_aperiodicity(aperiodicity, SAMPLING_RATE)
    voiced = f0_hz > 0
    f0_st = np.full(len(f0_hz), np.nan)
    f0_st[voiced] = 12.0 * np.log2(f0_hz[voiced] / REFERENCE_HZ)
    return Parameters(np.concatenate([cepstra, band_db], axis=1), f0_st)


def synthesise(parameters: Parameters) -> np.ndarray:
    """Return (n_samples,) float64 at 16 kHz: the clip that *parameters* describe, at their own level."""
    step = round(1000 * HOP_S / _SYNTHESIS_HOP_MS)
    position = np.arange(step * (len(parameters) - 1) + 1) / step
    # F0 is a line between voiced frames; where it is voiced is said by the nearest frame.
    frames = np.column_stack([parameters.envelope, interpolated(parameters.f0_st), ~np.isnan(parameters.f0_st)])
    values = stretched(frames, position, switched=(-1,))
    envelope = values[:, :-2]
    f0_hz = np.where(values[:, -1] > 0, REFERENCE_HZ * 2.0 ** (values[:, -2] / 12.0), 0.0)
    spectrum = pyworld.decode_spectral_envelope(np.ascontiguousarray(envelope[:, :N_CEPSTRA]), SAMPLING_RATE, _N_FFT)
    band_db = np.ascontiguousarray(np.minimum(envelope[:, N_CEPSTRA:], 0.0))
    aperiodicity = pyworld.decode_aperiodicity(band_db, SAMPLING_RATE, _N_FFT)
    return pyworld.synthesize(f0_hz, spectrum, aperiodicity, SAMPLING_RATE, _SYNTHESIS_HOP_MS)


def stretched(values: np.ndarray, position: np.ndarray, *, switched: tuple[int, ...] = ()) -> np.ndarray:
    """Return (n_positions, n_values): rows of *values* at fractional *position*, in frames.

    Args:
        values: (n_frames, n_values).
        position: (n_positions,) from 0 to ``n_frames - 1``.
        switched: columns that are taken from the nearest row and not interpolated.
    """
    low = np.minimum(position.astype(int), len(values) - 1)
    high = np.minimum(low + 1, len(values) - 1)
    weight = (position - low)[:, None]
    result = values[low] * (1 - weight) + values[high] * weight
    for column in switched:
        result[:, column] = values[np.where(weight[:, 0] < 0.5, low, high), column]
    return result
