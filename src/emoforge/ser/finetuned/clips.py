"""Clips as fine-tuning reads them, in batches while it learns and one by one when it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from emoforge.base.batch import reproducible
from emoforge.ser.finetuned.network import TunedNetwork, bent, pooled_clip

# At most such a part of a clip is hidden by one mask in time.
_MOST_HIDDEN = 4


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips as the loop reads them.

    Attributes:
        frames: (n_frames, width) each, of the lower layer.
        truth: (n_clips,) class indices.
        weights: (n_clips,) how often a clip is drawn within its class, relative to others.
        voices: head → (n_clips, n_values) where the speaker's neutral voice lies.
    """

    frames: Sequence[np.ndarray]
    truth: np.ndarray
    weights: np.ndarray
    voices: Mapping[str, np.ndarray]

    def take(self, mask: np.ndarray) -> "Clips":
        """Return the clips where *mask* is true."""
        rows = np.flatnonzero(mask)
        voices = {name: values[rows] for name, values in self.voices.items()}
        return Clips([self.frames[row] for row in rows.tolist()], self.truth[rows], self.weights[rows], voices)


def crop(clip: np.ndarray, n_frames: int, rng: np.random.Generator) -> np.ndarray:
    """Return *n_frames* at a random place of a clip, (n, width); a shorter clip is returned whole."""
    start = int(rng.integers(max(0, len(clip) - n_frames) + 1))
    return clip[start : start + n_frames]


def masked_batch(
    clips: Sequence[np.ndarray], mean_frame: np.ndarray, rng: np.random.Generator, *, n_frames: int, n_channels: int
) -> tuple[Tensor, Tensor]:
    """Return clips as one batch with two masks each in time and among the channels.

    Args:
        clips: (n, width) each.
        mean_frame: (width,) what masked channels are set to.
        rng: draws the masks.
        n_frames: most that one mask hides, at most a quarter of the clip.
        n_channels: neighbours, most that one mask hides.

    Returns:
        (B, T, width) float32, and (B, T) true for frames of the clip that are not hidden.
    """
    longest, width = max(len(clip) for clip in clips), len(mean_frame)
    frames = np.zeros((len(clips), longest, width), dtype=np.float32)
    valid = np.zeros((len(clips), longest), dtype=bool)
    for row, counts, clip in zip(frames, valid, clips, strict=True):
        row[: len(clip)], counts[: len(clip)] = clip, True
        for _ in range(2):
            first, end = _mask(len(clip), min(n_frames, len(clip) // _MOST_HIDDEN), rng)
            counts[first:end] = False
            first, end = _mask(width, min(n_channels, width), rng)
            row[: len(clip), first:end] = mean_frame[first:end]
    return torch.from_numpy(frames), torch.from_numpy(valid)


def logits_of(network: TunedNetwork, clips: Clips, scales: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return head → (n_clips, n_classes) float64, every clip read by itself."""
    device = next(network.parameters()).device
    with torch.inference_mode(), reproducible():
        values = [pooled_clip(network.blocks, as_tensor(frames, device)) for frames in clips.frames]
        return {
            name: np.concatenate(
                [
                    head(bent(value, as_tensor(voice, device), as_tensor(scales[name], device))).double().cpu().numpy()
                    for value, voice in zip(values, clips.voices[name], strict=True)
                ]
            )
            for name, head in network.heads.items()
        }


def embeddings_of(blocks: nn.ModuleList, frames: Sequence[np.ndarray]) -> np.ndarray:
    """Return (n_clips, n_values) float64 of what *blocks* make of clips, every clip by itself and on one thread."""
    weight = next(blocks.parameters())
    nothing = np.zeros((0, 2 * (1 + len(blocks)) * weight.shape[-1]))
    with torch.inference_mode(), reproducible():
        found = [pooled_clip(blocks, as_tensor(clip, weight.device)).double().cpu().numpy() for clip in frames]
    return np.concatenate([nothing, *found])


def as_tensor(array: np.ndarray, device: str | torch.device) -> Tensor:
    """Return *array* as float32 on *device*."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)


def _mask(length: int, longest: int, rng: np.random.Generator) -> tuple[int, int]:
    """Draw where a mask of 0 to *longest* begins and ends, within *length*."""
    size = int(rng.integers(longest + 1))
    first = int(rng.integers(length - size + 1))
    return first, first + size
