"""Every kind of converter by its name. A kind is imported when it is asked for: not every run needs torch."""

from collections.abc import Sequence
from importlib import import_module
from os import PathLike

from emoforge.base.errors import EmoforgeError, ModelError, unknown_value
from emoforge.convert.base import Converter
from emoforge.convert.storage import read_description
from emoforge.convert.utterance import Utterance

_KINDS = {
    "identity": "emoforge.convert.identity.Identity",
    "world": "emoforge.convert.world.World",
    "statistics": "emoforge.convert.statistics.Statistics",
    "transplant": "emoforge.convert.transplant.Transplant",
    "neural": "emoforge.convert.neural.converter.Neural",
    "generative": "emoforge.convert.generative.converter.Generative",
}

#: Kind of a converter that runs as a program of its own (``emoforge.project.external``), which nothing here can load.
EXTERNAL = "external"

#: Kinds with networks, whose training takes minutes, goes on after a kill and may use a GPU.
TRAINED = ("neural", "generative")


def names() -> tuple[str, ...]:
    """Return the names of all kinds, the plainest first."""
    return tuple(_KINDS)


def fit(name: str, utterances: Sequence[Utterance], *, seed: int = 0) -> Converter:
    """Return a converter of kind *name* fitted on *utterances* of training speakers.

    Raises:
        EmoforgeError: unknown name.
        ModelError: the utterances hold nothing to learn from.
    """
    if name not in _KINDS:
        raise EmoforgeError(unknown_value("converter", name, _KINDS))
    return kind_of(name).fit(utterances, seed=seed)


def load(folder: str | PathLike[str]) -> Converter:
    """Return the converter saved in *folder*, of whatever kind its JSON names.

    Raises:
        ModelError: no converter there, of a kind this version does not know, or one that runs as a program of its own.
    """
    kind = read_description(folder)["kind"]
    if kind == EXTERNAL:
        raise ModelError(
            f"{folder}: an external converter, whose program only the stage convert runs; convert with that stage, or "
            f"name the folder of a converter of kind {', '.join(_KINDS)}"
        )
    if kind not in _KINDS:
        raise ModelError(f"{folder}: {unknown_value('converter', kind, _KINDS)}")
    return kind_of(kind).load(folder)


def describe(folder: str | PathLike[str]) -> tuple[str, tuple[str, ...]]:
    """Return the kind of the converter in *folder* and the emotions it can produce, without loading it.

    Raises:
        ModelError: no converter there.
    """
    description = read_description(folder)
    try:
        emotions = description["emotions"] if "emotions" in description else description["exemplars"]["emotion"]
    except (KeyError, TypeError):
        raise ModelError(f"{folder}: the converter names no emotions; fit the converter again") from None
    return description["kind"], tuple(sorted(set(emotions)))


def kind_of(name: str) -> type[Converter]:
    """Return the class behind a name of :func:`names`."""
    module, _, kind = _KINDS[name].rpartition(".")
    return getattr(import_module(module), kind)
