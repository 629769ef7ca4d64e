"""Fitting a converter for an experiment, of whatever kind."""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol as Interface

from emoforge.convert import registry
from emoforge.convert.base import Converter
from emoforge.convert.utterance import Utterance


class NeuralOptions(Interface):
    """What a neural converter is fitted with, see :class:`emoforge.project.params.NeuralParams`."""

    @property
    def size(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def guidance(self) -> float: ...
    @property
    def temperature(self) -> float: ...


def fit_converter(method: str, utterances: Sequence[Utterance], *, seed: int, neural: NeuralOptions) -> Converter:
    """Return a converter of kind *method*, a neural one fitted on the CPU: experiments fit several at once.

    Args:
        method: a name of :func:`emoforge.convert.registry.names`.
        utterances: what it learns from.
        seed: of its draws.
        neural: options of the kind `neural`.

    Raises:
        ModelError: the utterances hold nothing to learn from.
    """
    if method != "neural":
        return registry.fit(method, utterances, seed=seed)
    # By name, so that the code of one kind is not part of the others' keys: `registry.kind_of` stands for it there.
    preset = import_module("emoforge.convert.neural.training").preset
    return registry.kind_of(method).fit(
        utterances,
        seed=seed,
        options=preset(neural.size, steps=neural.steps),
        guidance=neural.guidance,
        temperature=neural.temperature,
    )
