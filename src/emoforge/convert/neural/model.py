"""The network: a vector field over performances, given a source, an emotion and optionally a mean performance.

Conditional flow matching (Lipman et al. 2023, "Flow matching for generative modeling"; Liu et al. 2023, "Flow
straight and fast"): between noise ``x0`` and a performance ``x1`` lies ``x_t = (1 - t) x0 + t x1``, and the network is
trained to predict the velocity ``x1 - x0`` from ``x_t``. Integrating its prediction from ``t = 0`` to 1 turns noise
into a performance.

Noise here is not white along time: performances differ mostly in what holds for the whole utterance (how high, how
loud, how fast), so a part of the noise is one draw for all frames, and another part varies slowly.

Shapes: B utterances of T frames of 20 ms; features (B, T, N_FEATURES), performances (B, T, N_TARGETS).
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from emoforge.convert.neural.pairs import N_FEATURES, N_STATISTICS, N_TARGETS


@dataclass(frozen=True)
class Size:
    """How large the network is: channels between blocks, channels within, blocks."""

    channels: int = 96
    hidden: int = 192
    blocks: int = 6


class Block(nn.Module):
    """A dilated convolution along time and a pointwise layer beside a shortcut: (B, T, C) → (B, T, C).

    The condition shifts and scales what is read and how much is added (Peebles and Xie 2023, adaptive layer norm). The
    convolution is dense: a depthwise one needs fewer operations but takes longer on a CPU.
    """

    def __init__(self, size: Size, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size.channels, elementwise_affine=False)
        self.condition = nn.Linear(size.channels, 3 * size.channels)
        self.convolution = nn.Conv1d(size.channels, size.hidden, 3, padding=dilation, dilation=dilation)
        self.pointwise = nn.Linear(size.hidden, size.channels)
        # A block begins as the identity.
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)

    def forward(self, x: torch.Tensor, condition: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        shift, scale, gate = self.condition(condition).unsqueeze(1).chunk(3, dim=-1)  # (B, 1, C) each
        y = (self.norm(x) * (1 + scale) + shift) * mask
        y = nn.functional.silu(self.convolution(y.transpose(1, 2)).transpose(1, 2))
        return x + gate * self.pointwise(y)


class PerformanceField(nn.Module):
    """The velocity of a performance, (B, T, N_TARGETS)."""

    def __init__(self, n_emotions: int, size: Size = Size()) -> None:
        super().__init__()
        self.n_emotions = n_emotions
        self.frames = nn.Linear(N_FEATURES + N_TARGETS, size.channels)
        # One index more than there are emotions: it stands for any emotion.
        self.emotion = nn.Embedding(n_emotions + 1, size.channels)
        self.statistics = nn.Linear(N_STATISTICS, size.channels)
        # `manner` is the mean performance of an utterance; its last column says whether it is given.
        self.manner = nn.Linear(N_TARGETS + 1, size.channels)
        # Typicality from -1 to 1, and whether it is given.
        self.typicality = nn.Linear(2, size.channels)
        self.time = nn.Sequential(
            nn.Linear(size.channels, size.channels), nn.SiLU(), nn.Linear(size.channels, size.channels)
        )
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(size.channels, size.channels), nn.SiLU())
        dilations = (1, 2, 4, 8, 1, 2, 4, 8)
        self.blocks = nn.ModuleList(Block(size, dilations[i % 8]) for i in range(size.blocks))
        self.head = nn.Sequential(nn.LayerNorm(size.channels), nn.Linear(size.channels, N_TARGETS))
        self.size = size

    def forward(
        self,
        x: torch.Tensor,
        time: torch.Tensor,
        *,
        features: torch.Tensor,
        statistics: torch.Tensor,
        emotion: torch.Tensor,
        manner: torch.Tensor,
        typicality: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """Return the velocity at *x*.

        Args:
            x: (B, T, N_TARGETS) between noise and performance.
            time: (B,) from 0 to 1.
            features: (B, T, N_FEATURES) of the source, standardised.
            statistics: (B, N_STATISTICS) of the source, standardised.
            emotion: (B,) indices; ``n_emotions`` for any.
            manner: (B, N_TARGETS + 1) mean performance asked for and 1, or zeros.
            typicality: (B, 2) from -1 to 1 how typical of the emotion, and 1, or zeros.
            mask: (B, T) 1 where there is a frame, else 0.
        """
        condition = self.time(time_features(time, self.size.channels))
        condition = condition + self.emotion(emotion) + self.statistics(statistics)
        condition = self.mix(condition + self.manner(manner) + self.typicality(typicality))
        mask = mask.unsqueeze(-1)
        y = self.frames(torch.cat([features, x], dim=-1))
        for block in self.blocks:
            y = block(y, condition, mask)
        return self.head(y)


def time_features(time: torch.Tensor, n_channels: int) -> torch.Tensor:
    """(B,) → (B, n_channels) sines and cosines, as Vaswani et al. 2017 place words."""
    half = n_channels // 2
    rate = torch.exp(torch.arange(half, device=time.device) * (-math.log(1000.0) / (half - 1)))
    angle = 1000.0 * time[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def shaped_noise(white: torch.Tensor) -> torch.Tensor:
    """Turn white noise (B, T + T + 1, N_TARGETS) into (B, T, N_TARGETS), half of it constant along time.

    Three tenths of the variance, which is 1 in all, are slow and two tenths fast. Slow noise is white noise under a
    moving mean of 15 frames.
    """
    n_frames = (white.shape[1] - 1) // 2
    constant, slow, fast = white[:, :1], white[:, 1 : 1 + n_frames], white[:, 1 + n_frames :]
    width = 15
    slow = nn.functional.avg_pool1d(
        slow.transpose(1, 2), width, stride=1, padding=width // 2, count_include_pad=True
    ).transpose(1, 2)
    return math.sqrt(0.5) * constant + math.sqrt(0.3 * width) * slow + math.sqrt(0.2) * fast
