"""Fitting a converter of any kind as the params say, for the stage fit_converter and for experiments."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoforge.convert import registry
from emoforge.convert.base import Converter
from emoforge.convert.utterance import Utterance
from emoforge.project.fitting.bases import load_base
from emoforge.project.params import NeuralParams

if TYPE_CHECKING:
    from emoforge.base.training import Point
    from emoforge.convert.generative.converter import Generative
    from emoforge.convert.neural.converter import Neural


def fit_converter(method: str, utterances: Sequence[Utterance], *, seed: int, neural: NeuralParams) -> Converter:
    """Return a converter of kind *method* that learned from *utterances*, on the CPU.

    Args:
        method: a name of :func:`emoforge.convert.registry.names`.
        utterances: of training speakers, neutral and emotional.
        seed: of everything that is drawn.
        neural: how a converter of a kind in ``registry.TRAINED`` is trained and used, but for its device.

    Raises:
        EmoforgeError: the method is unknown.
        ModelError: the utterances hold nothing to learn from, or the training fails.
    """
    if method in registry.TRAINED:
        return fit_trained(method, utterances, seed=seed, neural=neural)
    return registry.fit(method, utterances, seed=seed)


def fit_trained(
    method: str,
    utterances: Sequence[Utterance],
    *,
    seed: int,
    neural: NeuralParams,
    device: str = "cpu",
    checkpoint: Path | None = None,
    on_look: "Callable[[Point, Converter], None] | None" = None,
) -> "Neural | Generative":
    """Return a converter with networks that learned from *utterances*.

    Args:
        method: one of ``registry.TRAINED``.
        utterances: of training speakers, neutral and emotional.
        seed: of everything that is drawn.
        neural: how it is trained and used, but for its device; whom its base knows was checked by
            :func:`~emoforge.project.fitting.bases.check_base`.
        device: where torch trains, "cpu" or "cuda".
        checkpoint: file from which a killed training goes on.
        on_look: called at every validation point with the converter as it is then.

    Raises:
        EmoforgeError: the method cannot go on from a base.
        ModelError: the utterances hold nothing to learn from, the training fails, or the base cannot be used.
    """
    base = load_base(neural.base, method=method)
    chosen = {"guidance": neural.guidance, "temperature": neural.temperature}
    settings: dict[str, Any] = {name: value for name, value in chosen.items() if value != "usual"}
    settings |= {"seed": seed, "device": device, "checkpoint": checkpoint, "on_look": on_look}
    # torch is loaded for these methods only, and the code of one is not part of the other's.
    if method == "neural":
        from emoforge.convert.neural.converter import Neural
        from emoforge.convert.neural.training import preset

        return Neural.fit(utterances, options=preset(neural.size, steps=neural.steps), **settings)
    from emoforge.convert.generative.converter import Generative
    from emoforge.convert.generative.training import preset as generative_preset

    return Generative.fit(utterances, options=generative_preset(neural.size, steps=neural.steps), base=base, **settings)


def steps_of(method: str, neural: NeuralParams) -> int:
    """Return how many gradient steps a training of *method*, one of ``registry.TRAINED``, takes at most."""
    if method == "neural":
        from emoforge.convert.neural.training import preset

        return preset(neural.size, steps=neural.steps).steps
    from emoforge.convert.generative.training import preset as generative_preset

    return generative_preset(neural.size, steps=neural.steps).steps
