"""Clips as vectors of a pretrained speech encoder: wav2vec 2.0, HuBERT or WavLM, frozen.

These vectors go to the same machines as functionals do, and are calibrated to the speaker in the same way.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from emoforge.base.batch import reproducible
from emoforge.base.errors import AudioError
from emoforge.ser.svm import VectorRecogniser

if TYPE_CHECKING:
    from torchaudio.models import Wav2Vec2Model

SAMPLING_RATE = 16_000
#: Fewest samples that the encoders' convolutions make a frame of.
_SHORTEST = 400


class PretrainedRecogniser(VectorRecogniser):
    """Machines on (n_clips, n_features) of :meth:`Encoder.embed`, of kind ``pretrained``."""

    kind = "pretrained"


@dataclass(frozen=True)
class Encoder:
    """A frozen encoder of speech.

    Attributes:
        model: a :class:`torchaudio.models.Wav2Vec2Model` in evaluation mode.
        standardise: whether it was trained on signals of mean 0 and variance 1.
    """

    model: "Wav2Vec2Model"
    standardise: bool

    @property
    def n_features(self) -> int:
        """Length of what :meth:`embed` returns."""
        return len(self.embed(np.zeros(_SHORTEST, dtype=np.float32), SAMPLING_RATE))

    def embed(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Return what the encoder makes of one clip.

        Emotion is spread over the layers (Pepino et al. 2021, "Emotion recognition from speech using wav2vec 2.0
        embeddings"), so all transformer layers are averaged; then mean and standard deviation are taken over time.

        Args:
            signal: (n_samples,) float32 in [-1, 1].
            sampling_rate: 16,000 Hz.

        Returns:
            (2 * width of the encoder,) float32.

        Raises:
            AudioError: another sampling rate, or an empty signal.
        """
        if sampling_rate != SAMPLING_RATE:
            raise AudioError(f"the encoder needs {SAMPLING_RATE} Hz, not {sampling_rate}: resample the clip first")
        if not len(signal):
            raise AudioError("empty: no samples to read")
        wav = torch.from_numpy(np.ascontiguousarray(signal, dtype=np.float32))
        if self.standardise:
            wav = nn.functional.layer_norm(wav, wav.shape)
        wav = nn.functional.pad(wav, (0, max(0, _SHORTEST - len(wav))))
        with torch.inference_mode(), reproducible():
            layers, _ = self.model.extract_features(wav[None])
            frames = torch.stack(layers).mean(dim=0)[0]  # (n_frames, width)
            return torch.cat([frames.mean(dim=0), frames.std(dim=0, unbiased=False)]).numpy()
