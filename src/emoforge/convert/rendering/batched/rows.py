"""Rows of different lengths side by side in one tensor: what every step of the batched renderer is made of.

A tensor (B, N) holds B rows; beyond a row's own length, ascending rows (instants) hold infinity and all others are
never read. :mod:`emoforge.convert.rendering.batched.render` says what the batched renderer is for.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor


def inside(lengths: Tensor, n_columns: int) -> Tensor:
    """(B, n_columns) bool, true within each row's length."""
    return torch.arange(n_columns, device=lengths.device) < lengths[:, None]


def at_frames(values: Tensor, frame: Tensor, n_frames: Tensor) -> Tensor:
    """Values (B, F) or (B, F, M) at fractional indices *frame* (B, X), linear between frames and held at both ends."""
    last = (n_frames - 1)[:, None]
    frame = torch.minimum(frame.clamp(min=0), last)
    low = frame.long()
    high = torch.minimum(low + 1, last)
    weight = frame - low
    if values.ndim == 3:
        low, high = (index[..., None].expand(-1, -1, values.shape[2]) for index in (low, high))
        weight = weight[..., None]
    start = values.gather(1, low)
    return start + (values.gather(1, high) - start) * weight.to(values.dtype)


def interp(x: Tensor, knots: Tensor, values: Tensor, n_knots: Tensor) -> Tensor:
    """``numpy.interp`` by rows: *values* (B, N) at *x* (B, X), linear between ascending *knots* and held outside."""
    high = torch.minimum(torch.searchsorted(knots, x, right=True).clamp(min=1), (n_knots - 1)[:, None])
    low = (high - 1).clamp(min=0)
    start, end = knots.gather(1, low), knots.gather(1, high)
    first, second = values.gather(1, low), values.gather(1, high)
    x = torch.minimum(torch.maximum(x, start), end)
    slope = (second - first) / torch.where(end > start, end - start, 1.0)
    return torch.where(x < end, first + slope * (x - start), second)


def filled_log(values: Tensor, n_values: Tensor, default: float) -> Tensor:
    """Logarithm of *values* (B, F), linear across what is not positive, held outside; *default* where none is."""
    n_columns = values.shape[1]
    index = torch.arange(n_columns, device=values.device).expand_as(values)
    known = values.isfinite() & (values > 0) & inside(n_values, n_columns)
    before = torch.where(known, index, -1).cummax(dim=1).values
    after = torch.where(known, index, n_columns).flip(1).cummin(dim=1).values.flip(1)
    low = torch.where(before < 0, after, before).clamp(max=n_columns - 1)
    high = torch.where(after == n_columns, before, after).clamp(min=0)
    log = torch.where(known, values, 1.0).log()
    start, end = log.gather(1, low), log.gather(1, high)
    filled = start + (index - low) * ((end - start) / (high - low).clamp(min=1))
    return torch.where(known.any(dim=1, keepdim=True), filled, default)


def packed(rows: Sequence[np.ndarray], dtype: DTypeLike, device: str | torch.device) -> Tensor:
    """Rows of different lengths (n,) or (n, M) as one tensor (B, N) or (B, N, M) of *dtype*, zero beyond each."""
    values = np.zeros((len(rows), max(len(row) for row in rows), *rows[0].shape[1:]), dtype=dtype)
    for place, row in zip(values, rows, strict=True):
        place[: len(row)] = row
    return torch.from_numpy(values).to(device)


def counts(values: Sequence[int], device: str | torch.device) -> Tensor:
    """(B,) int64."""
    return torch.tensor(values, dtype=torch.int64, device=device)
