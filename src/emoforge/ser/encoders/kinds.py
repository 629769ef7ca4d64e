"""The kinds of encoder whose weights are arrays, and how each is built from its description."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from emoforge.base.errors import ModelError, unknown_value
from emoforge.ser.encoders.encoder import Network

KINDS = ("whisper", "wav2vec2", "wavlm")


def build(
    kind: str, *, arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray], standardise: bool = False
) -> Network:
    """Return an encoder's network, in evaluation mode.

    Args:
        kind: one of :data:`KINDS`; HuBERT is built as wav2vec2.
        arguments: of :class:`emoforge.ser.encoders.whisper.Whisper`, or of ``wav2vec2_model`` or ``wavlm_model`` of
            ``torchaudio.models``.
        arrays: the weights, named as the state of that model.
        standardise: whether signals are brought to mean 0 and variance 1 first; Whisper does without.

    Raises:
        ModelError: an unknown kind, arguments that it does not take, or weights that do not fit.
    """
    state = {name: torch.from_numpy(np.asarray(array, dtype=np.float32)) for name, array in arrays.items()}
    try:
        if kind == "whisper":
            from emoforge.ser.encoders.whisper import Whisper

            whisper = Whisper(**arguments)
            whisper.load_state_dict(state)
            return whisper.eval()
        if kind in KINDS:
            from torchaudio import models

            from emoforge.ser.encoders.transformers import Transformer

            model = (models.wavlm_model if kind == "wavlm" else models.wav2vec2_model)(**arguments)
            model.load_state_dict(state)
            return Transformer(model, standardise=standardise).eval()
    except (TypeError, ValueError) as error:
        raise ModelError(f"arguments: {error}") from error
    except RuntimeError as error:
        # torch's own message has a line for every array.
        raise ModelError(f"damaged, its weights do not fit its arguments ({str(error).splitlines()[0]})") from error
    raise ModelError(unknown_value("encoder", kind, KINDS))
