"""Fitting a converter of any kind as the params say, for the stage fit_converter and for experiments."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emoforge.convert import registry
from emoforge.convert.base import Converter
from emoforge.convert.utterance import Utterance
from emoforge.project.params import NeuralParams

if TYPE_CHECKING:
    from emoforge.base.training import Point
    from emoforge.convert.neural.converter import Neural


def fit_converter(method: str, utterances: Sequence[Utterance], *, seed: int, neural: NeuralParams) -> Converter:
    """Return a converter of kind *method* that learned from *utterances*, on the CPU.

    Args:
        method: a name of :func:`emoforge.convert.registry.names`.
        utterances: of training speakers, neutral and emotional.
        seed: of everything that is drawn.
        neural: how a neural converter is trained and used, but for its device.

    Raises:
        EmoforgeError: the method is unknown.
        ModelError: the utterances hold nothing to learn from, or the training fails.
    """
    if method == "neural":
        return fit_neural(utterances, seed=seed, neural=neural)
    return registry.fit(method, utterances, seed=seed)


def fit_neural(
    utterances: Sequence[Utterance],
    *,
    seed: int,
    neural: NeuralParams,
    device: str = "cpu",
    checkpoint: Path | None = None,
    on_look: "Callable[[Point, Neural], None] | None" = None,
) -> "Neural":
    """Return a neural converter that learned from *utterances*.

    Args:
        utterances: of training speakers, neutral and emotional.
        seed: of everything that is drawn.
        neural: how it is trained and used, but for its device.
        device: where torch trains, "cpu" or "cuda".
        checkpoint: file from which a killed training goes on.
        on_look: called at every validation point with the converter as it is then.

    Raises:
        ModelError: the utterances hold nothing to learn from, or the training fails.
    """
    # torch is loaded for this method only.
    from emoforge.convert.neural.converter import Neural
    from emoforge.convert.neural.training import preset

    return Neural.fit(
        utterances,
        seed=seed,
        options=preset(neural.size, steps=neural.steps),
        device=device,
        checkpoint=checkpoint,
        on_look=on_look,
        guidance=neural.guidance,
        temperature=neural.temperature,
    )
