"""Pitch marks of whole batches: :mod:`emoforge.convert.rendering.marks` in torch.

Shapes: B clips, T samples, F frames, V cycles, N marks.
"""

import math
from dataclasses import dataclass

import scipy.fft
import torch
from torch import Tensor
from torch.nn import functional

from emoforge.convert.rendering.batched.rows import at_frames, filled_log, inside
from emoforge.convert.rendering.marks import (
    EDGE_S,
    GRID,
    MAX_GAP_FRAMES,
    MIN_VOICED_S,
    OFFSET_WINDOW_S,
    PHASE_WINDOW_S,
    TIE,
    UNVOICED_HOP_S,
)


@dataclass(frozen=True)
class MarkRows:
    """Analysis instants of each clip, from sample 0 to its end.

    Attributes:
        position: (B, N) float64 in samples, ascending, infinity beyond a clip's last mark.
        n_marks: (B,) int64, marks of each clip.
        voiced: (B, N) bool, true where the mark stands for a glottal cycle.
        cycle: (B, N) bool, true where the interval to the next mark is one glottal cycle.
    """

    position: Tensor
    n_marks: Tensor
    voiced: Tensor
    cycle: Tensor


def pitch_marks(
    wav: Tensor, lengths: Tensor, sampling_rate: int, *, f0_hz: Tensor, n_frames: Tensor, hop_s: float
) -> MarkRows:
    """Place marks on each clip: :func:`emoforge.convert.rendering.marks.pitch_marks`.

    Args:
        wav: (B, T) float32, zero beyond each clip's end.
        lengths: (B,) int64, samples of each clip, at least 1.
        sampling_rate: in Hz.
        f0_hz: (B, F) float64 F0 in Hz at multiples of *hop_s*, NaN where unvoiced.
        n_frames: (B,) int64, frames of each row of *f0_hz*.
        hop_s: distance of the frames, in seconds.
    """
    positions, n_voiced, starts = _voiced_marks(wav, lengths, sampling_rate, f0_hz, n_frames, hop_s)
    batch, n_positions = positions.shape
    interval = torch.arange(n_positions + 1, device=wav.device)
    end = lengths.double()[:, None]
    anchors = torch.cat([positions.new_zeros(batch, 1), positions, torch.full_like(end, torch.inf)], dim=1)
    anchors.scatter_(1, n_voiced[:, None] + 1, end)  # (B, V + 2)
    cycle = functional.pad(~starts, (0, 1)) & (interval < n_voiced[:, None])
    exists = interval <= n_voiced[:, None]
    spacing = torch.where(exists, anchors.diff(dim=1), 0.0)
    # Every interval that is no cycle is cut into equal parts of about the unvoiced hop.
    n_parts = torch.round(spacing / (UNVOICED_HOP_S * sampling_rate)).long().clamp(min=1)
    n_parts = torch.where(cycle, 1, n_parts) * exists
    ends = n_parts.cumsum(dim=1)
    total = ends[:, -1:]
    slot = torch.arange(int(total.max()) + 1, device=wav.device).expand(batch, -1).contiguous()
    interval = torch.searchsorted(ends, slot, right=True).clamp(max=n_positions)
    parts = n_parts.gather(1, interval)
    part = slot - (ends.gather(1, interval) - parts)
    position = on_grid(anchors.gather(1, interval) + part * (spacing.gather(1, interval) / parts))
    position = torch.where(slot < total, position, torch.where(slot == total, end, torch.inf))
    voiced = (part == 0) & (interval > 0) & (slot < total)
    return MarkRows(position, total.squeeze(1) + 1, voiced, cycle.gather(1, interval) & (slot < total))


def on_grid(position: Tensor) -> Tensor:
    """Round a position in samples to the grid of marks; what lies half-way goes up, despite rounding errors."""
    return torch.floor(position * GRID + (0.5 + TIE)) / GRID


def _voiced_marks(
    wav: Tensor, lengths: Tensor, sampling_rate: int, f0_hz: Tensor, n_frames: Tensor, hop_s: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Glottal cycles: position (B, V) in samples, number (B,), and whether a stretch starts at each (B, V)."""
    batch, n_columns = wav.shape
    frames = (torch.arange(n_columns, device=wav.device, dtype=torch.float64) / (hop_s * sampling_rate))[None]
    steady = _steady_voicing(f0_hz.isfinite() & inside(n_frames, f0_hz.shape[1]), hop_s)
    last = (n_frames - 1)[:, None]
    edge = EDGE_S / hop_s
    voiced = torch.zeros(batch, n_columns, dtype=torch.bool, device=wav.device)
    for shifted in (frames + edge, frames - edge):
        voiced |= steady.gather(1, torch.minimum(shifted.round().long().clamp(min=0), last))
    voiced &= inside(lengths, n_columns) & steady.any(dim=1, keepdim=True)  # (B, T)

    f0 = at_frames(filled_log(f0_hz, n_frames, math.log(120.0)).exp(), frames.expand(batch, -1), n_frames)
    f0_phase = torch.cumsum(f0 / sampling_rate, dim=1) % 1.0  # (B, T), in cycles
    angle = f0_phase * (-2 * math.pi)
    carrier = torch.polar(torch.ones_like(angle), angle)
    voiced_wav = (wav * voiced).double()
    both = torch.stack([voiced_wav, voiced_wav * voiced_wav]) * carrier
    fundamental, power = _smooth(both, PHASE_WINDOW_S * sampling_rate)  # (B, T) complex128 each
    unit = fundamental / fundamental.abs().clamp(min=1e-12)
    # Beyond the end of a clip both still ring, in a batch; a clip of its own ends there.
    power = power * inside(lengths, n_columns)
    offset = _smooth(power * unit.conj(), OFFSET_WINDOW_S * sampling_rate)
    phase = (f0_phase + (unit * offset).angle() / (2 * math.pi)) % 1.0
    increment = (phase.diff(dim=1) + 0.5) % 1.0 - 0.5
    crosses = (increment > 0) & (phase[:, 1:] < phase[:, :-1]) & voiced[:, 1:] & voiced[:, :-1]

    # From flags on samples to rows of instants.
    row, sample = crosses.nonzero(as_tuple=True)
    count = crosses.sum(dim=1)
    n_most = max(int(count.max()), 1)
    slot = torch.arange(len(row), device=wav.device) - (count.cumsum(0) - count)[row]
    position = torch.full((batch, n_most), torch.inf, dtype=torch.float64, device=wav.device)
    position[row, slot] = sample + (1.0 - phase[row, sample]) / increment[row, sample]
    period = torch.zeros_like(position)
    period[row, slot] = sampling_rate / f0[row, sample]
    n_unvoiced = torch.zeros_like(position, dtype=torch.long)
    n_unvoiced[row, slot] = (~voiced).cumsum(dim=1)[row, sample]

    # A cycle far shorter than F0 says is a slip of the phase; a mark at the very ends has no room for a grain.
    margin = 0.001 * sampling_rate
    keep = functional.pad(position.diff(dim=1) > 0.6 * period[:, 1:], (1, 0), value=True)
    keep &= (position > margin) & (position < lengths[:, None] - margin)
    position, order = torch.where(keep, position, torch.inf).sort(dim=1, stable=True)
    period, n_unvoiced = period.gather(1, order), n_unvoiced.gather(1, order)
    starts = (n_unvoiced.diff(dim=1) > 0) | (position.diff(dim=1) > 1.6 * period[:, 1:])
    return position, keep.sum(dim=1), functional.pad(starts, (1, 0), value=True)


def _steady_voicing(voiced: Tensor, hop_s: float) -> Tensor:
    """(B, F) voicing without gaps of a frame or two and without stretches too short to hold two or three cycles."""
    n_columns = voiced.shape[1]
    reach = MAX_GAP_FRAMES // 2
    padded = functional.pad(voiced.float(), (2 * reach, 2 * reach))[:, None]  # (B, 1, F + 4)
    grown = functional.max_pool1d(padded, MAX_GAP_FRAMES + 1, stride=1)
    closed = -functional.max_pool1d(-grown, MAX_GAP_FRAMES + 1, stride=1)
    voiced = voiced | (closed[:, 0] > 0)
    index = torch.arange(n_columns, device=voiced.device).expand_as(voiced)
    start = torch.where(voiced, -1, index).cummax(dim=1).values  # the unvoiced frame before
    end = torch.where(voiced, n_columns, index).flip(1).cummin(dim=1).values.flip(1)  # the one after
    return voiced & ((end - start - 1) * hop_s >= MIN_VOICED_S)


def _smooth(values: Tensor, length: float) -> Tensor:
    """Low-pass complex *values* (..., T) by a Hann window of *length* samples, without delay."""
    half = max(int(length / 2), 1)
    n_columns = values.shape[-1]
    window = torch.hann_window(2 * half + 3, periodic=False, dtype=torch.float64)[1:-1]
    n_fft = scipy.fft.next_fast_len(n_columns + half)
    kernel = torch.zeros(max(n_fft, 2 * half + 1), dtype=torch.float64)
    n_fft = len(kernel)
    kernel[: half + 1] = window[half:]
    kernel[-half:] = window[:half]
    response = torch.fft.fft(kernel / window.sum()).real.to(values.device)
    return torch.fft.ifft(torch.fft.fft(values, n_fft) * response)[..., :n_columns]
