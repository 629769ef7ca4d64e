"""Styles of whole batches and what they ask of the renderer: :func:`emoforge.convert.style.targets` in torch.

Shapes: B clips, F frames of the source, K frames of the target, M bands.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from emoforge.convert.rendering.batched.rows import at_frames, inside, interp


@dataclass(frozen=True)
class StyleRows:
    """Changes on the frames of B sources, see :class:`emoforge.convert.style.Style`.

    Attributes:
        f0_difference_st: (B, F) float64 change of F0 in semitones.
        stretch_log2: (B, F) float64 binary logarithm of how much longer each frame becomes.
        envelope_difference_db: (B, F, M) float32 change of the envelope in dB.
    """

    f0_difference_st: Tensor
    stretch_log2: Tensor
    envelope_difference_db: Tensor


@dataclass(frozen=True)
class TargetRows:
    """Styles on the time axes of their results.

    Attributes:
        f0_hz: (B, K) float64 F0 in Hz, NaN where unvoiced.
        time_map_s: (B, K) float64 instant of the source heard in each frame, in seconds.
        envelope_difference_db: (B, K, M) float32 change of the envelope in dB.
        n_frames: (B,) int64, frames of each result.
    """

    f0_hz: Tensor
    time_map_s: Tensor
    envelope_difference_db: Tensor
    n_frames: Tensor


def target_rows(styles: StyleRows, f0_hz: Tensor, n_frames: Tensor, *, hop_s: float) -> TargetRows:
    """Return *styles* on the frames of the results.

    Args:
        styles: of B sources.
        f0_hz: (B, F) float64 F0 of the sources in Hz, NaN where unvoiced.
        n_frames: (B,) int64, frames of each source.
        hop_s: distance of all frames, in seconds.
    """
    n_columns = f0_hz.shape[1]
    seconds = hop_s * 2.0 ** ((styles.stretch_log2[:, 1:] + styles.stretch_log2[:, :-1]) / 2)
    seconds = seconds.masked_fill(~inside(n_frames, n_columns)[:, 1:], 0.0)
    instant_s = torch.nn.functional.pad(seconds.cumsum(dim=1), (1, 0))  # (B, F)
    n_target = (instant_s[:, -1] / hop_s + 1e-6).long() + 1
    target_s = torch.arange(int(n_target.max()), device=f0_hz.device, dtype=torch.float64) * hop_s
    index = torch.arange(n_columns, device=f0_hz.device, dtype=torch.float64).expand_as(f0_hz)
    # A single frame has no neighbour to interpolate to; instants behind the last frame are not looked up.
    frame = interp(target_s.expand(len(f0_hz), -1).contiguous(), instant_s, index, n_frames)
    nearest = torch.minimum((frame + 0.5).long(), (n_frames - 1)[:, None])
    asked_hz = f0_hz * 2.0 ** (styles.f0_difference_st / 12)
    return TargetRows(
        f0_hz=asked_hz.gather(1, nearest),
        time_map_s=frame * hop_s,
        envelope_difference_db=at_frames(styles.envelope_difference_db, frame, n_frames),
        n_frames=n_target,
    )
