"""Overlap-add of whole batches: :mod:`emoforge.convert.rendering.overlap_add` in torch.

No window reaches past the neighbouring marks, so every sample hears two grains: two gathers do what adding grain after
grain would do in an order that differs from run to run.

Shapes: B clips, T samples, T' samples of the results, K + 1 knots of the time axis, N marks, G grains.
"""

import math
from dataclasses import dataclass

import scipy.fft
import torch
from torch import Tensor
from torch.nn import functional

from emoforge.convert.rendering.batched.marks import MarkRows, on_grid
from emoforge.convert.rendering.batched.rows import inside, interp
from emoforge.convert.rendering.marks import GRID
from emoforge.convert.rendering.overlap_add import GOLDEN_RATIO, NEARLY, PAD, SCATTER_S


def overlap_add(
    wav: Tensor,
    sampling_rate: int,
    marks: MarkRows,
    *,
    target: Tensor,
    source: Tensor,
    ratio: Tensor,
    n_target: Tensor,
    n_samples: Tensor,
) -> Tensor:
    """Return *wav* on a new time axis and with another F0: :func:`emoforge.convert.rendering.overlap_add.overlap_add`.

    Args:
        wav: (B, T) float32, zero beyond each clip's end.
        sampling_rate: in Hz.
        marks: analysis marks of *wav*.
        target: (B, K + 1) float64 ascending instants of the result in samples; the first ``n_target + 1`` count.
        source: (B, K + 1) float64 instants of *wav* heard at *target*, in samples.
        ratio: (B, K) float64 F0 of the result over F0 of *wav* at *target*.
        n_target: (B,) int64, frames of each row of *ratio*.
        n_samples: (B,) int64, length of each result.

    Returns:
        (B, T') float32, T' the longest of *n_samples*; what lies beyond a result's end has no meaning.
    """
    grains, mark = _place_grains(marks, target, source, ratio, n_target, n_samples, sampling_rate)
    return _add_grains(wav, marks, grains, mark, n_samples)


@dataclass(frozen=True)
class _Grains:
    """Where grains lie, in samples: centre in the result (infinity for none) and in the source, half-widths, (B, G)."""

    position: Tensor
    source: Tensor
    left: Tensor
    right: Tensor


def _place_grains(
    marks: MarkRows,
    target: Tensor,
    source: Tensor,
    ratio: Tensor,
    n_target: Tensor,
    n_samples: Tensor,
    sampling_rate: int,
) -> tuple[_Grains, Tensor]:
    """Every grain, and (B, G) the mark of the cycle that it holds: -1 for a grain of unvoiced sound."""
    position, n_marks, voiced, cycle = marks.position, marks.n_marks, marks.voiced, marks.cycle
    batch = len(position)
    n_knots = n_target + 1
    end = n_samples.double()[:, None]
    # The count of marks along the result: see the numpy reference.
    at_marks = interp(position, source, target, n_knots).masked_fill(position.isinf(), torch.inf)
    knots = target.masked_fill(~inside(n_knots, target.shape[1]), torch.inf)
    grid = torch.cat([knots, at_marks, torch.full_like(end, torch.inf)], dim=1)
    grid = grid.masked_fill((grid < 0) | (grid > end), torch.inf).sort(dim=1).values
    last = grid.masked_fill(grid.isinf(), 0.0).amax(dim=1, keepdim=True)
    grid = torch.where(grid.isinf(), torch.maximum(last, end) + 0.05 * sampling_rate, grid)
    middle = (grid[:, 1:] + grid[:, :-1]) / 2
    interval = torch.searchsorted(position, interp(middle, target, source, n_knots), right=True) - 1
    interval = torch.minimum(interval.clamp(min=0), (n_marks - 2)[:, None])
    held = torch.cat([ratio, ratio[:, -1:]], dim=1).scatter(
        1, n_target[:, None], ratio.gather(1, (n_target - 1)[:, None])
    )
    rate = torch.where(cycle.gather(1, interval), interp(middle, target, held, n_knots), 1.0)
    length = functional.pad(position.diff(dim=1), (0, 1), value=torch.inf)  # (B, N) to the next mark
    count = functional.pad((rate / length.gather(1, interval) * grid.diff(dim=1)).cumsum(dim=1), (1, 0))
    total = (count[:, -1:] + 1e-6).long()
    whole = torch.arange(int(total.max()) + 1, device=position.device).expand(batch, -1)
    n_grid = torch.full_like(n_marks, grid.shape[1])
    placed = on_grid(interp(whole.double().contiguous(), count, grid, n_grid))
    keep = functional.pad(placed.diff(dim=1) > 0, (1, 0), value=True) & (whole <= total)
    placed = placed.masked_fill(~keep, torch.inf).sort(dim=1).values
    n_grains = keep.sum(dim=1)

    at = interp(placed, target, source, n_knots)
    nearest = torch.minimum(torch.searchsorted(position, at).clamp(min=1), (n_marks - 1)[:, None])
    back = (at - position.gather(1, nearest - 1)) < (position.gather(1, nearest) - at) + NEARLY
    nearest = nearest - back.long()
    is_voiced = voiced.gather(1, nearest)
    speed = interp(placed, target, source.diff(dim=1) / target.diff(dim=1), n_target)
    scatter = (4 * (speed - 1).abs() - 0.2).clamp(0, 1) * (SCATTER_S * sampling_rate)
    order = torch.arange(placed.shape[1], device=position.device, dtype=torch.float64)
    scatter = scatter * (2 * (order * GOLDEN_RATIO % 1.0) - 1)
    centre = torch.where(is_voiced, position.gather(1, nearest), on_grid(at + scatter))

    # Windows reach to the neighbours in the result, but in voiced sound never past the source's own next cycle.
    to_next = placed.diff(dim=1)
    to_next = torch.where(to_next.isfinite(), to_next, 1.0)
    source_next = length.masked_fill(~cycle, torch.inf)
    source_before = functional.pad(source_next[:, :-1], (1, 0), value=torch.inf)
    left = functional.pad(to_next, (1, 0), value=1.0)
    right = functional.pad(to_next, (0, 1), value=1.0)
    right = right.scatter(1, (n_grains - 1)[:, None], 1.0)
    left = torch.where(is_voiced, torch.minimum(left, source_before.gather(1, nearest)), left)
    right = torch.where(is_voiced, torch.minimum(right, source_next.gather(1, nearest)), right)
    return _Grains(placed, centre, left, right), torch.where(is_voiced, nearest, -1)


def _add_grains(wav: Tensor, marks: MarkRows, grains: _Grains, mark: Tensor, n_samples: Tensor) -> Tensor:
    """(B, T') sum of the Hann-windowed grains; each is taken from a GRID times finer signal, so no shift is rounded."""
    n_padded = scipy.fft.next_fast_len(wav.shape[1] + 2 * PAD, real=True)
    spectrum = torch.fft.rfft(functional.pad(wav, (PAD, PAD)), n_padded)
    if n_padded % 2 == 0:
        spectrum[:, -1] *= 0.5  # half the sampling rate is one bin of this transform, and two of the finer one
    fine = torch.fft.irfft(spectrum * float(GRID), n_padded * GRID)  # (B, GRID * n_padded)

    spacing = marks.position.diff(dim=1)
    spacing = functional.pad(torch.where(spacing.isfinite(), spacing, 1.0), (1, 1), value=1.0)
    cycles = _Grains(marks.position, marks.position, spacing[:, :-1], spacing[:, 1:])
    # The last mark of a clip stands at its end.
    length = marks.position.gather(1, (marks.n_marks - 1)[:, None]).squeeze(1).long()
    own_mean = _means(_halves(fine, cycles, length), marks.position)
    halves = _halves(fine, grains, n_samples)
    excess = _means(halves, grains.position) - own_mean.gather(1, mark.clamp(min=0))
    excess = torch.where(mark >= 0, excess, 0.0)
    parts = (weight * (values - excess.gather(1, grain)) for grain, weight, values in halves)
    return sum(parts, start=wav.new_zeros(()))


def _halves(fine: Tensor, grains: _Grains, n_samples: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The grain before and the grain after each sample, with its weight and its value there, (B, T') each.

    Beyond a clip's *n_samples* (B,) weights are 0, whatever longer clips are in the batch.
    """
    batch, n_slots = grains.position.shape
    n_columns = int(n_samples.max())
    there = inside(n_samples, n_columns)
    exists = grains.position.isfinite()
    placed = torch.where(exists, grains.position * GRID, 0.0).round().long()
    shift = torch.where(exists, grains.source * GRID, 0.0).round().long() - placed + PAD * GRID
    first = torch.where(exists, -(-placed // GRID), n_columns).clamp(max=n_columns)
    starts = torch.zeros(batch, n_columns + 1, dtype=torch.int32, device=fine.device)
    starts.scatter_add_(1, first, torch.ones_like(first, dtype=torch.int32))
    before = starts.cumsum(dim=1)[:, :n_columns] - 1  # (B, T') int64
    sample = torch.arange(n_columns, device=fine.device) * GRID
    halves = []
    for grain, half_width in ((before, grains.right), (torch.clamp(before + 1, max=n_slots - 1), grains.left)):
        reach = torch.where(exists, half_width * GRID, 1.0).float()
        distance = (sample - placed.gather(1, grain)).abs().float() / reach.gather(1, grain)
        index = (sample + shift.gather(1, grain)).clamp(0, fine.shape[1] - 1)
        weight = (0.5 + 0.5 * torch.cos(math.pi * distance.clamp(max=1.0))) * there
        halves.append((grain, weight, fine.gather(1, index)))
    return halves


def _means(halves: list[tuple[Tensor, Tensor, Tensor]], position: Tensor) -> Tensor:
    """Mean of each grain under its window, in the shape of *position*."""
    total, mass = (torch.zeros_like(position, dtype=torch.float32) for _ in range(2))
    for grain, weight, values in halves:
        total.scatter_add_(1, grain, weight * values)
        mass.scatter_add_(1, grain, weight)
    return total / mass.clamp(min=1e-9)
