"""The encoder of Whisper (Radford et al. 2022, arXiv 2212.04356), for what lies in its layers and not for its words.

Whisper pads every recording to 30 s. Here a clip is as long as it is: the position encodings are cut to its frames, and
frames past the end of a shorter clip in a batch are masked.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from emoforge.ser.encoders.encoder import FRAME_LENGTH, SAMPLING_RATE

N_FFT = 400
# The second convolution halves the rate of the frames.
HOP_LENGTH = FRAME_LENGTH // 2


class Attention(nn.Module):
    """Self-attention of *n_heads* heads; query, key and value come from one projection."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, C), (B, 1, 1, T) true where frames count or None where all do → (B, T, C)."""
        batch, length, width = x.shape
        heads = self.qkv(self.norm(x)).view(batch, length, 3, self.n_heads, width // self.n_heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # (B, H, T, C / H)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.attention = Attention(width, n_heads)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, C), mask as in :class:`Attention` → (B, T, C)."""
        x = x + self.attention(x, mask)
        return x + self.down(functional.gelu(self.up(self.norm(x))))


class Whisper(nn.Module):
    """A :class:`emoforge.ser.encoders.encoder.Network`: waveform → log-mel frames → the frames of every layer.

    Args:
        width: of the frames.
        n_heads: of the attention, a divisor of *width*.
        n_blocks: transformer blocks.
        n_mels: mel bands of the input.
        n_positions: most frames that a clip may have.
    """

    shortest = N_FFT
    pads = True

    def __init__(self, *, width: int, n_heads: int, n_blocks: int, n_mels: int = 80, n_positions: int = 1500) -> None:
        super().__init__()
        if n_heads < 1 or width % n_heads:
            raise ValueError(f"n_heads is {n_heads}, which does not divide the width {width}")
        self.width = width
        self.n_mels = n_mels
        self.longest = n_positions * FRAME_LENGTH
        self.conv1 = nn.Conv1d(n_mels, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(n_positions, width), requires_grad=False)
        self.blocks = nn.ModuleList(Block(width, n_heads) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(width)

    @property
    def n_layers(self) -> int:
        """Layers that :meth:`forward` returns: the convolutions' output, then one per block."""
        return 1 + len(self.blocks)

    def forward(self, wav: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) at 16 kHz, zero past the end of each clip; (B,) → (B, n_layers, T, C), (B,).

        The last layer is normalised, as Whisper's output is.
        """
        n_frames = n_samples // FRAME_LENGTH
        mask = padding_mask(n_frames)
        x = self.below(log_mel(wav, n_frames, n_mels=self.n_mels), n_frames)
        layers = [x]
        for block in self.blocks:
            x = block(x, mask)
            layers.append(x)
        layers[-1] = self.norm(layers[-1])
        return torch.stack(layers, dim=1), n_frames

    def below(self, logmel: Tensor, n_frames: Tensor) -> Tensor:
        """Return what the first block reads: (B, n_mels, 2 T) of :func:`log_mel`, (B,) → (B, T, C)."""
        x = functional.gelu(self.conv1(logmel))
        valid = torch.arange(x.shape[-1], device=x.device) < 2 * n_frames[:, None]
        # A clip ends for the second convolution as it would by itself.
        x = functional.gelu(self.conv2(x * valid[:, None])).transpose(1, 2)
        return x + self.positions[: x.shape[1]]


def padding_mask(n_frames: Tensor) -> Tensor | None:
    """Return the mask of :class:`Attention` for clips of *n_frames* (B,) frames; None where all are equally long."""
    longest = int(n_frames.max())
    if int(n_frames.min()) == longest:
        return None
    return (torch.arange(longest, device=n_frames.device) < n_frames[:, None])[:, None, None]


def log_mel(wav: Tensor, n_frames: Tensor, *, n_mels: int = 80) -> Tensor:
    """Return Whisper's input: log10 of mel power, at most 8 below the clip's loudest value, (x + 4) / 4.

    Whisper mirrors the signal at its beginning; at its end there is the silence that it is padded with.

    Args:
        wav: (B, N) at 16 kHz, zero past the end of each clip.
        n_frames: (B,) frames of the encoder, of 20 ms, that each clip has.
        n_mels: bands.

    Returns:
        (B, n_mels, 2 * longest), zero past the end of each clip.
    """
    length = 2 * int(n_frames.max())
    margin = N_FFT // 2
    wav = torch.cat([wav[:, 1 : margin + 1].flip(1), wav], dim=1)
    n_samples = (length - 1) * HOP_LENGTH + N_FFT
    wav = functional.pad(wav, (0, max(0, n_samples - wav.shape[1])))[:, :n_samples]
    window = torch.hann_window(N_FFT, device=wav.device)
    power = torch.stft(wav, N_FFT, HOP_LENGTH, window=window, center=False, return_complex=True).abs().square()
    bands = torch.from_numpy(_slaney_weights(n_mels)).to(wav) @ power
    logarithm = bands.clamp(min=1e-10).log10()
    valid = (torch.arange(length, device=wav.device) < 2 * n_frames[:, None])[:, None]
    loudest = logarithm.masked_fill(~valid, -10.0).amax(dim=(1, 2), keepdim=True)
    return (torch.maximum(logarithm, loudest - 8.0) + 4.0) / 4.0 * valid


@lru_cache(maxsize=4)
def _slaney_weights(n_mels: int) -> np.ndarray:
    """Return (n_mels, n_bins) triangular bands of unit area on the mel scale of Slaney (1998), 0 to 8 kHz."""

    def to_mel(hz: np.ndarray) -> np.ndarray:
        # Linear up to 1 kHz, then 27 bands for every factor of 6.4.
        return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1) / 1000) / np.log(6.4))

    def to_hz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))

    edges = to_hz(np.linspace(0, to_mel(np.array(SAMPLING_RATE / 2)), n_mels + 2))
    bins = np.linspace(0, SAMPLING_RATE / 2, N_FFT // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return weights.astype(np.float32)
