"""The networks: velocities of speech, and of the time line that it is spoken on.

Conditional flow matching (Lipman et al. 2023, "Flow matching for generative modeling"): between noise ``x0`` and what
is to be generated, ``x1``, lies ``x_t = (1 - t) x0 + t x1``; a network predicts the velocity ``x1 - x0`` from ``x_t``,
and following it from ``t = 0`` to 1 makes one out of the other.

Shapes: B utterances of T tokens of 20 ms.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from emoforge.convert.generative.timeline import TOKEN
from emoforge.convert.generative.voice import N_STYLE, N_VALUES

#: Values of a token of speech; of what is known of it: the source there, and the local speed.
N_SPEECH = TOKEN * N_VALUES
N_KNOWN = TOKEN * (N_VALUES + 1)
#: Numbers of a voice, see :meth:`emoforge.convert.generative.voice.Voice.vector`.
N_VOICE = N_VALUES - 1

_TIME_FREQUENCIES = 64


@dataclass(frozen=True)
class Size:
    """How large a network is.

    Attributes:
        channels: between blocks; four heads share them in attention.
        blocks: of convolution; one of attention follows every third.
        widening: channels within a block are this many times as many.
    """

    channels: int
    blocks: int
    widening: int = 3


class Modulated(nn.Module):
    """What both kinds of block share: the condition shifts and scales what is read, and how much is added.

    Peebles and Xie 2023, "Scalable diffusion models with transformers": adaptive layer norm.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, elementwise_affine=False)
        self.condition = nn.Linear(channels, 3 * channels)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)

    def modulation(self, condition: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, C) → shift, scale and gate, (B, 1, C) each."""
        return self.condition(condition).unsqueeze(1).chunk(3, dim=-1)


class Convolution(Modulated):
    """(B, T, C) → (B, T, C): a depthwise convolution and two pointwise layers (Liu et al. 2022, ConvNeXt)."""

    def __init__(self, size: Size, dilation: int) -> None:
        super().__init__(size.channels)
        channels, inner = size.channels, size.channels * size.widening
        self.along = nn.Conv1d(channels, channels, 7, padding=3 * dilation, dilation=dilation, groups=channels)
        self.widen = nn.Linear(channels, inner)
        self.narrow = nn.Linear(inner, channels)

    def forward(self, x: torch.Tensor, condition: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        shift, scale, gate = self.modulation(condition)
        y = self.along((x * mask).transpose(1, 2)).transpose(1, 2)
        y = self.norm(y) * (1 + scale) + shift
        return x + self.narrow(nn.functional.silu(self.widen(y))) * (1 + gate)


class Attention(Modulated):
    """(B, T, C) → (B, T, C): self-attention, so that an utterance is of one piece."""

    heads = 4

    def __init__(self, size: Size) -> None:
        super().__init__(size.channels)
        self.read = nn.Linear(size.channels, 3 * size.channels)
        self.write = nn.Linear(size.channels, size.channels)

    def forward(self, x: torch.Tensor, condition: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        n, n_tokens, channels = x.shape
        shift, scale, gate = self.modulation(condition)
        y = self.read(self.norm(x) * (1 + scale) + shift)
        query, key, value = y.view(n, n_tokens, 3, self.heads, channels // self.heads).permute(2, 0, 3, 1, 4)
        # (B, 1, 1, T): nobody attends to padding.
        hidden = ((1 - mask) * -1e4).transpose(1, 2).unsqueeze(1).to(query.dtype)
        y = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=hidden)
        return x + self.write(y.transpose(1, 2).reshape(n, n_tokens, channels)) * (1 + gate)


class Field(nn.Module):
    """The velocity of what is generated, (B, T, n_generated).

    Args:
        n_generated: values of a token that are generated.
        n_known: values of a token that are known.
        n_emotions: emotions, neutral among them.
        size: of the network.
    """

    def __init__(self, n_generated: int, n_known: int, n_emotions: int, size: Size) -> None:
        super().__init__()
        channels = size.channels
        self.n_emotions = n_emotions
        self.read = nn.Linear(n_generated + n_known, channels)
        # One index more than there are emotions: it stands for any.
        self.emotion = nn.Embedding(n_emotions + 1, channels)
        self.voice = nn.Sequential(nn.Linear(N_VOICE, channels), nn.GELU(), nn.Linear(channels, channels))
        # The last column says whether a style is given.
        self.style = nn.Sequential(nn.Linear(N_STYLE + 1, channels), nn.GELU(), nn.Linear(channels, channels))
        self.time = nn.Sequential(nn.Linear(2 * _TIME_FREQUENCIES, channels), nn.SiLU(), nn.Linear(channels, channels))
        blocks: list[nn.Module] = []
        for number in range(size.blocks):
            blocks.append(Convolution(size, (1, 2, 4, 1)[number % 4]))
            if number % 3 == 2:
                blocks.append(Attention(size))
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(channels)
        self.write = nn.Linear(channels, n_generated)
        nn.init.zeros_(self.write.weight)
        nn.init.zeros_(self.write.bias)

    def forward(
        self,
        x: torch.Tensor,
        time: torch.Tensor,
        *,
        known: torch.Tensor,
        emotion: torch.Tensor,
        voice: torch.Tensor,
        style: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """Return the velocity at *x*.

        Args:
            x: (B, T, n_generated) between noise and what is generated.
            time: (B,) from 0 to 1.
            known: (B, T, n_known).
            emotion: (B,) indices; ``n_emotions`` for any.
            voice: (B, N_VOICE) standardised.
            style: (B, N_STYLE + 1), see :func:`emoforge.convert.generative.voice.style_of`, and 1; or zeros.
            mask: (B, T) 1 where there is a token, else 0.
        """
        condition = self.time(_time_features(time)) + self.emotion(emotion) + self.voice(voice) + self.style(style)
        condition = nn.functional.silu(condition)
        mask = mask.unsqueeze(-1)
        y = self.read(torch.cat([x, known], dim=-1))
        for block in self.blocks:
            y = block(y, condition, mask)
        return self.write(self.norm(y))


class Networks(nn.Module):
    """Both networks of a converter: ``timing`` on the tokens of the source, ``speech`` on those of the result."""

    def __init__(self, n_emotions: int, size: Size) -> None:
        super().__init__()
        self.size = size
        self.speech = Field(N_SPEECH, N_KNOWN, n_emotions, size)
        # Durations are one number a token, and need less.
        self.timing = Field(1, N_SPEECH, n_emotions, Size(max(size.channels // 2, 8), max(size.blocks - 2, 1), 2))


def _time_features(time: torch.Tensor) -> torch.Tensor:
    """(B,) → (B, 2 * _TIME_FREQUENCIES) sines and cosines, as Vaswani et al. 2017 place words."""
    rate = torch.exp(torch.arange(_TIME_FREQUENCIES, device=time.device) * (-math.log(1e4) / _TIME_FREQUENCIES))
    angle = 1000.0 * time[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def adopt(networks: Networks, base: Networks, rows: Sequence[int | None]) -> None:
    """Give *networks* the weights of *base*, which is of the same size.

    Args:
        networks: that go on from *base*.
        base: trained networks.
        rows: for each emotion of *networks* its index among those of *base*; an emotion that *base* does not know
            (None) starts as any emotion.
    """
    anything = base.speech.n_emotions
    index = [anything if row is None else row for row in (*rows, anything)]
    for own, theirs in ((networks.speech, base.speech), (networks.timing, base.timing)):
        state = theirs.state_dict()
        own.load_state_dict(state | {"emotion.weight": state["emotion.weight"][index]})
