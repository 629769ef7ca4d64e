"""Clips as vectors of a pretrained speech encoder, frozen.

These vectors go to the same machines as functionals do, and are calibrated to the speaker in the same way.
"""

import numpy as np

from emoforge.ser.encoders.encoder import Encoder
from emoforge.ser.svm import VectorRecogniser


class PretrainedRecogniser(VectorRecogniser):
    """Machines on (n_clips, n_features) of :func:`vector`, of kind ``pretrained``."""

    kind = "pretrained"


def vector(encoder: Encoder, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Return what *encoder* makes of one clip.

    Emotion is spread over the layers (Pepino et al. 2021, "Emotion recognition from speech using wav2vec 2.0
    embeddings"), so all transformer layers are averaged; then mean and standard deviation are taken over time.

    Args:
        encoder: on any device.
        signal: (n_samples,) in [-1, 1].
        sampling_rate: 16,000 Hz.

    Returns:
        (2 * width of the encoder,) float32.

    Raises:
        AudioError: as for :meth:`emoforge.ser.encoders.encoder.Encoder.frames`.
    """
    frames = encoder.frames([signal], sampling_rate)[0][1:].mean(axis=0)
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])
