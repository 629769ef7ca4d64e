"""The kinds of recogniser: what each reads of a clip, what can be chosen of its training, and its class.

A kind is imported when it is asked for: recognising with ``svm`` does not wait for torch.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emoforge.base.errors import ModelError, unknown_value
from emoforge.ser.recogniser import FILES, Recogniser

if TYPE_CHECKING:
    from emoforge.ser.encoders.encoder import Encoder

FUNCTIONALS = "functionals"
FRAMES = "frames"
EMBEDDING = "embedding"
LAYER_FRAMES = "layer frames"


@dataclass(frozen=True)
class Kind:
    """What a kind of recogniser needs from whoever trains or asks it.

    Attributes:
        reads: what its input for a clip is made of: :data:`FUNCTIONALS`, a vector (n_features,); :data:`FRAMES`, the
            mel bands and tracks of :func:`emoforge.ser.logmel.logmel`; :data:`EMBEDDING`, mean and standard deviation
            over time of the layers of an encoder, (n_layers, n_values); :data:`LAYER_FRAMES`, the frames of one layer
            of it, (n_frames, width), see :mod:`emoforge.ser.finetuned.network`. Kinds that read several take tuples.
        options: choices of its training, see :func:`fit_options`.
    """

    reads: tuple[str, ...]
    options: tuple[str, ...]


KINDS = {
    "svm": Kind(reads=(FUNCTIONALS,), options=("ridge", "calibrate")),
    "logmel": Kind(reads=(FRAMES,), options=("steps",)),
    "fusion": Kind(reads=(FUNCTIONALS, FRAMES), options=("steps",)),
    "encoder": Kind(reads=(EMBEDDING,), options=("layers", "ridge", "calibrate", "encoder")),
    "encoder+functionals": Kind(reads=(EMBEDDING, FUNCTIONALS), options=("layers", "ridge", "encoder")),
    "finetuned": Kind(reads=(LAYER_FRAMES,), options=("steps", "base")),
}


def recogniser_class(kind: str) -> type[Recogniser]:
    """Return the class behind a name of :data:`KINDS`.

    Raises:
        ModelError: the kind is unknown.
    """
    # Plain imports rather than names: the checksum of a model's code follows imports.
    match kind:
        case "svm":
            from emoforge.ser.machines.svm import SvmRecogniser

            return SvmRecogniser
        case "logmel":
            from emoforge.ser.logmel import LogmelRecogniser

            return LogmelRecogniser
        case "fusion":
            from emoforge.ser.fusion import FusionRecogniser

            return FusionRecogniser
        case "encoder":
            from emoforge.ser.machines.layered import EncoderRecogniser

            return EncoderRecogniser
        case "encoder+functionals":
            from emoforge.ser.machines.joined import EncoderFunctionalsRecogniser

            return EncoderFunctionalsRecogniser
        case "finetuned":
            from emoforge.ser.finetuned.recogniser import FinetunedRecogniser

            return FinetunedRecogniser
    raise ModelError(unknown_value("recogniser", kind, KINDS))


def load_recogniser(folder: str | os.PathLike) -> Recogniser:
    """Read a recogniser of whatever kind from *folder*.

    Raises:
        ModelError: a file is missing or damaged, or the kind or version is unknown.
    """
    return recogniser_class(FILES.read_description(folder)["kind"]).load(folder)


def fit_options(
    kind: str,
    *,
    steps: int | None = None,
    ridge: float | None = None,
    calibrate: bool | None = None,
    layers: Sequence[int] | None = None,
    encoder: tuple[str, str] | None = None,
    base: "Encoder | None" = None,
) -> dict[str, Any]:
    """Return the keyword arguments that `fit` of *kind* takes for these choices.

    A choice that the kind does not have is left out, so that callers need not know which kind has which.

    Args:
        kind: a name of :data:`KINDS`.
        steps: gradient steps, of kinds with a network; None takes as many as usual.
        ridge: how much the solution is held back, of kinds with support vector machines; None takes the usual value,
            or chooses on speakers left out where the kind does.
        calibrate: whether their probabilities are calibrated, which takes as long as the training itself; the most
            probable emotion is the same without. None calibrates.
        layers: of the encoder, the front end being 0; None chooses.
        encoder: name and sha256 of the encoder that embeddings are of, kept in the model; None where they are unknown.
        base: encoder whose blocks are tuned; the kind that does so needs it.

    Raises:
        ModelError: the kind is unknown.
    """
    if kind not in KINDS:
        raise ModelError(unknown_value("recogniser", kind, KINDS))
    choices: dict[str, Any] = {
        "steps": steps,
        "ridge": ridge,
        "calibrate": calibrate,
        "layers": layers,
        "encoder": encoder,
        "base": base,
    }
    chosen = {name: value for name, value in choices.items() if value is not None and name in KINDS[kind].options}
    if "steps" in chosen:
        chosen["options"] = _network_options(kind, chosen.pop("steps"))
    if "encoder" in chosen:
        from emoforge.ser.machines.layered import EncoderId

        chosen["encoder"] = EncoderId(*chosen["encoder"])
    return chosen


def _network_options(kind: str, steps: int) -> Any:
    if kind == "finetuned":
        from emoforge.ser.finetuned.training import TuningOptions

        return TuningOptions(n_steps=steps)
    from emoforge.ser.training import TrainingOptions

    return TrainingOptions(n_steps=steps)
