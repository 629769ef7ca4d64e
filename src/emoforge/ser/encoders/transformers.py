"""wav2vec 2.0 (arXiv 2006.11477), HuBERT (arXiv 2106.07447) and WavLM (arXiv 2110.13900), on torchaudio's models."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from emoforge.ser.encoders.encoder import LONGEST

if TYPE_CHECKING:
    from torchaudio.models import Wav2Vec2Model


class Transformer(nn.Module):
    """A :class:`emoforge.ser.encoders.encoder.Network` of one of these models.

    Args:
        model: in evaluation mode.
        standardise: whether it was trained on signals of mean 0 and variance 1.
    """

    longest = LONGEST

    def __init__(self, model: "Wav2Vec2Model", *, standardise: bool) -> None:
        super().__init__()
        self.model = model
        self.standardise = standardise
        convolutions = [layer.conv for layer in model.feature_extractor.conv_layers]
        self.shortest = _receptive_field((conv.kernel_size[0], conv.stride[0]) for conv in convolutions)
        blocks = model.encoder.transformer.layers
        self.n_layers = 1 + len(blocks)
        self.width = blocks[0].layer_norm.normalized_shape[0]
        # Group norm is over time, padding included, and torchaudio's WavLM knows no mask.
        norms = [layer.layer_norm for layer in model.feature_extractor.conv_layers]
        wavlm = hasattr(blocks[0].attention, "gru_rel_pos")
        self.pads = not wavlm and not any(isinstance(norm, nn.GroupNorm) for norm in norms)

    def forward(self, wav: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N), zero past the end of each clip; (B,) → (B, n_layers, T, width), (B,).

        The first layer is what the first transformer block reads, the last is normalised as the model's output is.
        """
        if self.standardise:
            wav = standardised(wav, n_samples)
        equal = bool((n_samples == wav.shape[1]).all())
        transformer = self.model.encoder.transformer
        below: list[Tensor] = []
        hook = transformer.layers[0].register_forward_pre_hook(lambda _, inputs: below.append(inputs[0]))
        try:
            layers, n_frames = self.model.extract_features(wav, None if equal else n_samples)
        finally:
            hook.remove()
        if n_frames is None:
            n_frames = torch.full_like(n_samples, layers[0].shape[1])
        if not transformer.layer_norm_first:
            layers[-1] = transformer.layer_norm(layers[-1])
        return torch.stack([*below, *layers], dim=1), n_frames


def standardised(wav: Tensor, n_samples: Tensor) -> Tensor:
    """Return each clip with mean 0 and variance 1 over its own samples, zero past its end: (B, N), (B,) → (B, N)."""
    n_samples = n_samples[:, None]
    valid = torch.arange(wav.shape[1], device=wav.device) < n_samples
    centred = (wav - wav.sum(dim=1, keepdim=True) / n_samples) * valid
    return centred / (centred.square().sum(dim=1, keepdim=True) / n_samples + 1e-5).sqrt()


def _receptive_field(convolutions: Iterable[tuple[int, int]]) -> int:
    """Return the samples that one frame is made of; *convolutions* are pairs of kernel and stride, the first first."""
    samples = 1
    for kernel, stride in reversed(list(convolutions)):
        samples = (samples - 1) * stride + kernel
    return samples
