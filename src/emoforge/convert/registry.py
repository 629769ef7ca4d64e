"""Every kind of converter by its name."""

from collections.abc import Sequence
from os import PathLike

from emoforge.convert.base import Converter, Utterance
from emoforge.convert.identity import Identity
from emoforge.convert.statistics import Statistics
from emoforge.convert.storage import read_description
from emoforge.convert.transplant import Transplant
from emoforge.convert.world import World
from emoforge.errors import EmoforgeError, ModelError, unknown_value

_KINDS: dict[str, type[Converter]] = {kind.name: kind for kind in (Identity, World, Statistics, Transplant)}


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
    return _KINDS[name].fit(utterances, seed=seed)


def load(folder: str | PathLike[str]) -> Converter:
    """Return the converter saved in *folder*, of whatever kind its JSON names.

    Raises:
        ModelError: no converter there, or of a kind this version does not know.
    """
    kind = read_description(folder)["kind"]
    if kind not in _KINDS:
        raise ModelError(f"{folder}: {unknown_value('converter', kind, _KINDS)}")
    return _KINDS[kind].load(folder)
