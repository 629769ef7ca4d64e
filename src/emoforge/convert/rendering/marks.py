"""Pitch marks: one instant per glottal cycle where the signal is voiced, a fixed spacing elsewhere.

The F0 track only says how fast cycles follow each other. Where in the cycle a mark belongs comes from the waveform:
the signal is demodulated by the F0 track, which leaves the slowly varying phase of its fundamental, and the same
demodulation of the instantaneous power says where in the cycle the energy sits. Both phases are low-passed, so marks
neither jitter nor jump between peaks, as they do when every cycle picks its own largest sample.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_closing
from scipy.signal import oaconvolve

#: Marks lie on a grid of this many points per sample, so that F0 is exact to a fraction of a sample.
GRID = 8

#: Two instants that differ by no more than this, in points of the grid, are equal up to rounding errors.
TIE = 1e-5

#: Default distance of marks where nothing is voiced.
UNVOICED_HOP_S = 0.005

PHASE_WINDOW_S = 0.300
OFFSET_WINDOW_S = 0.300
MIN_VOICED_S = 0.025
MAX_GAP_FRAMES = 2
EDGE_S = 0.004


@dataclass(frozen=True)
class Marks:
    """Analysis instants of one signal, from sample 0 to its end.

    Attributes:
        position: (n_marks,) float64, ascending, in samples, on a grid of ``1 / GRID`` samples; the first is 0 and
            the last is the length of the signal.
        voiced: (n_marks,) bool, true where the mark stands for a glottal cycle.
        cycle: (n_marks - 1,) bool, true where the interval to the next mark is one glottal cycle.
    """

    position: np.ndarray
    voiced: np.ndarray
    cycle: np.ndarray


def on_grid(position: np.ndarray) -> np.ndarray:
    """Return *position*, in samples, rounded to the grid of marks.

    What lies half-way is rounded up, whatever the rounding errors: plain ratios (a stretch by 1.25) put many marks
    there.
    """
    return np.floor(position * GRID + (0.5 + TIE)) / GRID


def filled_f0(f0_hz: np.ndarray, *, default_hz: float = 120.0) -> np.ndarray:
    """Return F0 without gaps: linear in log F0 inside, constant outside the first and last voiced frame.

    Args:
        f0_hz: (n_frames,) F0 in Hz, NaN where unvoiced.
        default_hz: value of every frame when none is voiced.
    """
    f0_hz = np.asarray(f0_hz, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(f0_hz) & (f0_hz > 0))
    if not known.size:
        return np.full(len(f0_hz), default_hz)
    return np.exp(np.interp(np.arange(len(f0_hz)), known, np.log(f0_hz[known])))


def pitch_marks(
    signal: np.ndarray, sampling_rate: int, *, f0_hz: np.ndarray, hop_s: float, unvoiced_hop_s: float = UNVOICED_HOP_S
) -> Marks:
    """Place marks on *signal*.

    Args:
        signal: (n_samples,) float, at least one sample.
        sampling_rate: in Hz.
        f0_hz: (n_frames,) F0 in Hz at multiples of *hop_s*, NaN where unvoiced.
        hop_s: distance of the frames of *f0_hz*, in seconds.
        unvoiced_hop_s: distance of the marks where the signal is unvoiced, in seconds.
    """
    n_samples = len(signal)
    positions, segments = _voiced_marks(np.asarray(signal, dtype=np.float32), sampling_rate, f0_hz, hop_s)
    anchors = np.concatenate([[0.0], positions, [float(n_samples)]])
    cycle = np.zeros(len(anchors) - 1, dtype=bool)
    cycle[1:-1] = np.diff(segments) == 0
    # Every interval that is no cycle is cut into equal parts of about unvoiced_hop_s.
    spacing = np.diff(anchors)
    n_parts = np.where(cycle, 1, np.maximum(np.rint(spacing / (unvoiced_hop_s * sampling_rate)), 1)).astype(int)
    interval = np.repeat(np.arange(len(spacing)), n_parts)
    part = np.arange(len(interval)) - np.repeat(np.cumsum(n_parts) - n_parts, n_parts)
    position = anchors[interval] + part * (spacing / n_parts)[interval]
    position = np.append(on_grid(position), float(n_samples))
    voiced = np.append((part == 0) & (interval > 0), False)
    return Marks(position, voiced, cycle[interval])


def _voiced_marks(signal: np.ndarray, sampling_rate: int, f0_hz: np.ndarray, hop_s: float) -> tuple:
    """Positions of the glottal cycles in samples, and the number of the voiced stretch each belongs to."""
    nothing = np.empty(0), np.empty(0, dtype=int)
    n_samples = len(signal)
    frames = np.arange(n_samples) / (hop_s * sampling_rate)
    voiced = _steady_voicing(np.isfinite(f0_hz), hop_s)
    if not voiced.any():
        return nothing
    edge = EDGE_S / hop_s
    voiced = (
        voiced[np.clip(np.rint(frames + edge).astype(int), 0, len(f0_hz) - 1)]
        | voiced[np.clip(np.rint(frames - edge).astype(int), 0, len(f0_hz) - 1)]
    )
    f0 = np.interp(frames, np.arange(len(f0_hz)), filled_f0(f0_hz))
    f0_phase = np.cumsum(f0 / sampling_rate)
    carrier = np.exp(-2j * np.pi * (f0_phase % 1.0)).astype(np.complex64)
    voiced_signal = np.where(voiced, signal, np.float32(0))
    fundamental = _smooth(voiced_signal * carrier, PHASE_WINDOW_S * sampling_rate)
    power = _smooth(voiced_signal * voiced_signal * carrier, PHASE_WINDOW_S * sampling_rate)
    unit = fundamental / np.maximum(np.abs(fundamental), 1e-12)
    offset = _smooth(power * np.conj(unit), OFFSET_WINDOW_S * sampling_rate)
    # Cycles are counted where the phase passes a whole number, from its local increments alone: unwrapped over a pause,
    # where the phase is noise, it would wander off by cycles.
    phase = (f0_phase + np.angle(unit * offset) / (2 * np.pi)) % 1.0
    increment = (np.diff(phase) + 0.5) % 1.0 - 0.5
    crossing = np.flatnonzero((increment > 0) & (phase[1:] < phase[:-1]) & voiced[1:] & voiced[:-1])
    if not crossing.size:
        return nothing
    position = crossing + (1.0 - phase[crossing]) / increment[crossing]
    period = sampling_rate / f0[crossing]
    margin = 0.001 * sampling_rate
    # A cycle far shorter than F0 says is a slip of the phase; a mark at the very ends has no room for a grain.
    keep = np.append(True, np.diff(position) > 0.6 * period[1:])
    keep &= (position > margin) & (position < n_samples - margin)
    position, period, crossing = position[keep], period[keep], crossing[keep]
    unvoiced_so_far = np.cumsum(~voiced)[crossing]
    starts = (np.diff(unvoiced_so_far) > 0) | (np.diff(position) > 1.6 * period[1:])
    return position, np.append(0, np.cumsum(starts))[: len(position)]


def _steady_voicing(voiced: np.ndarray, hop_s: float) -> np.ndarray:
    """Voicing without gaps of a frame or two and without stretches too short to hold two or three cycles."""
    gaps = binary_closing(np.pad(voiced, MAX_GAP_FRAMES), np.ones(MAX_GAP_FRAMES + 1))
    voiced = voiced | gaps[MAX_GAP_FRAMES:-MAX_GAP_FRAMES]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], voiced, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    steady = np.zeros(len(voiced), dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        steady[start:end] = (end - start) * hop_s >= MIN_VOICED_S
    return steady


def _smooth(values: np.ndarray, length: float) -> np.ndarray:
    """Low-pass by a Hann window of *length* samples, without delay."""
    half = max(int(length / 2), 1)
    window = np.hanning(2 * half + 3)[1:-1].astype(np.float32)
    return oaconvolve(values, window / window.sum())[half : half + len(values)]
