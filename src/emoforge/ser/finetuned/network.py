"""Upper blocks of a Whisper encoder that go on learning, and what is read of them.

They run on frames of the layer below, which stay as they are and are computed once. A clip is read as the embedding of
the frozen encoder is: mean and standard deviation over time of the lower layer and of every block.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from emoforge.base.errors import ModelError
from emoforge.ser.encoders.encoder import Encoder
from emoforge.ser.encoders.whisper import Block, Whisper
from emoforge.ser.machines.vectors import BOUND

#: Frames that the blocks read at once, 30 s: attention over more costs memory with the square of their number.
MOST_FRAMES = 1500
_EPSILON = 1e-6


@dataclass(frozen=True)
class Shape:
    """What says how the network is built.

    Attributes:
        width: of a frame.
        n_heads: of the attention.
        n_blocks: blocks above the lower layer.
        n_classes: answers.
    """

    width: int
    n_heads: int
    n_blocks: int
    n_classes: int

    @property
    def n_values(self) -> int:
        """Pooled values of a clip: mean and deviation of the lower layer and of every block."""
        return 2 * (1 + self.n_blocks) * self.width


def lower_layer(n_layers: int) -> int:
    """Return the number of the layer whose frames are kept, the front end being 0: the middle one, rounded down."""
    return n_layers // 2


def kept_frames(encoder: Encoder, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Return the frames of :func:`lower_layer` of one clip, (n_frames, width) float16: what training keeps of it.

    Args:
        encoder: of any kind.
        signal: (n_samples,) float32 in [-1, 1].
        sampling_rate: 16,000 Hz.

    Raises:
        AudioError: another sampling rate; a signal that is empty, not one channel, or not finite.
    """
    (layers,) = encoder.frames([signal], sampling_rate)
    largest = np.finfo(np.float16).max
    return np.clip(layers[lower_layer(encoder.n_layers)], -largest, largest).astype(np.float16)


def upper_blocks(encoder: Encoder, n_blocks: int) -> nn.ModuleList:
    """Return copies of the *n_blocks* blocks above :func:`lower_layer`.

    Raises:
        ModelError: the encoder is no Whisper, or has fewer blocks.
    """
    network, lower = encoder.network, lower_layer(encoder.n_layers)
    if not isinstance(network, Whisper):
        raise ModelError(f"encoder {encoder.name!r}: only Whisper's blocks can be fine-tuned; choose whisper-tiny.en")
    # The last block's frames would need the encoder's last normalisation.
    most = len(network.blocks) - lower - 1
    if most < 1:
        raise ModelError(
            f"encoder {encoder.name!r}: {len(network.blocks)} blocks, none of which can be fine-tuned, since none lies "
            "between the middle layer and the last block; choose whisper-tiny.en"
        )
    if not 0 < n_blocks <= most:
        raise ModelError(
            f"encoder {encoder.name!r}: {n_blocks} blocks are to be fine-tuned, allowed: 1 to {most} of those above "
            f"layer {lower}"
        )
    return copy.deepcopy(network.blocks[lower : lower + n_blocks]).cpu()


def n_heads_of(blocks: nn.ModuleList) -> int:
    """Return how many heads the attention of *blocks* has."""
    (n_heads,) = {block.attention.n_heads for block in blocks if isinstance(block, Block)}
    return n_heads


class TunedNetwork(nn.Module):
    """Frames of the lower layer → pooled layers → answers of one linear head per machine.

    Args:
        shape: see :class:`Shape`.
        machines: names of the heads.
    """

    def __init__(self, shape: Shape, machines: Sequence[str]) -> None:
        super().__init__()
        self.shape = shape
        self.blocks = nn.ModuleList(Block(shape.width, shape.n_heads) for _ in range(shape.n_blocks))
        self.heads = nn.ModuleDict({name: _blank_head(shape) for name in machines})

    def forward(self, frames: Tensor, valid: Tensor) -> Tensor:
        """Pool a batch: (B, T, C), (B, T) true where frames count → (B, n_values)."""
        return pooled(self.blocks, frames, valid)


def _blank_head(shape: Shape) -> nn.Linear:
    """Return a head to which all classes are alike."""
    head = nn.Linear(shape.n_values, shape.n_classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def pooled(blocks: nn.ModuleList, frames: Tensor, valid: Tensor) -> Tensor:
    """Return mean and standard deviation over time of the lower layer and of every block.

    Args:
        blocks: that run on the frames, one after the other.
        frames: (B, T, C) of the lower layer.
        valid: (B, T), true where a frame counts; the others are neither attended to nor pooled.

    Returns:
        (B, n_layers * 2 * C): of each layer first the means, then the deviations.
    """
    return _moments(_layers(blocks, frames, valid[:, None, None]), valid)


def pooled_clip(blocks: nn.ModuleList, frames: Tensor) -> Tensor:
    """Return (1, n_values) of one clip of any length, (T, C): by itself, so that nothing else decides its last bits.

    A clip of more than 30 s is cut into parts of equal length, whose frames are joined.
    """
    parts = torch.tensor_split(frames, -(-len(frames) // MOST_FRAMES))
    layers = torch.cat([_layers(blocks, part[None], None) for part in parts], dim=2)
    return _moments(layers, torch.ones(1, len(frames), dtype=torch.bool, device=frames.device))


def bent(values: Tensor, voice: Tensor, scale: Tensor) -> Tensor:
    """Return distances from the neutral voice in units of *scale*, bent as in :mod:`emoforge.ser.machines.vectors`."""
    return BOUND * torch.tanh((values - voice) / scale / BOUND)


def arrays_of(module: nn.Module, prefix: str) -> dict[str, np.ndarray]:
    """Return the parameters of *module* under names that begin with *prefix*, for a model file."""
    return {prefix + name: values.detach().cpu().numpy() for name, values in module.state_dict().items()}


def restore(module: nn.Module, arrays: Mapping[str, np.ndarray], prefix: str) -> None:
    """Give *module* the parameters that :func:`arrays_of` returned."""
    module.load_state_dict(dict(_below(arrays, prefix)))


def _below(arrays: Mapping[str, np.ndarray], prefix: str) -> Iterator[tuple[str, Tensor]]:
    for name, array in arrays.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), torch.from_numpy(array)


def _layers(blocks: nn.ModuleList, frames: Tensor, mask: Tensor | None) -> Tensor:
    """(B, T, C), mask of :class:`Block` → (B, n_layers, T, C)."""
    layers = [frames]
    for block in blocks:
        layers.append(block(layers[-1], mask))
    return torch.stack(layers, dim=1)


def _moments(layers: Tensor, valid: Tensor) -> Tensor:
    """(B, n_layers, T, C), (B, T) → (B, n_layers * 2 * C)."""
    share = (valid / valid.sum(dim=1, keepdim=True))[:, None, :, None]
    mean = (share * layers).sum(dim=2)
    variance = (share * (layers - mean[:, :, None]) ** 2).sum(dim=2)
    # Where nothing varies, the slope of the root would be infinite.
    return torch.cat([mean, (variance + _EPSILON).sqrt()], dim=2).flatten(1)
