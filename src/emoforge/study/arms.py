"""The arms of a study: the same real clips, and as many added ones whatever they are made by.

An arm that simply saw more clips than another could win by that alone. Every arm but *real* therefore adds the same
number of clips, at the same weight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.errors import EmoforgeError, unknown_value

REAL = "real"
CLASSICAL = "classical"
SYNTHETIC = "synthetic"
UNION = "synthetic+classical"
ARMS = (REAL, CLASSICAL, SYNTHETIC, UNION)


@dataclass(frozen=True)
class Arm:
    """What one arm trains on.

    Attributes:
        rows: (n_train,) indices into the clips, real ones first, each part in ascending order.
        weights: (n_train,) sample weights: 1 for real clips.
        n_added: how many clips are not real.
    """

    rows: np.ndarray
    weights: np.ndarray
    n_added: int


def build_arms(
    kinds: np.ndarray,
    labels: np.ndarray,
    *,
    ratio: float = 1.0,
    added_weight: float = 1.0,
    arms: Sequence[str] = ARMS,
    seed: int,
) -> dict[str, Arm]:
    """Choose the training clips of each arm with an equal budget.

    ``n_added = min(round(ratio × n_real), n_classical, n_synthetic)``, over the kinds that the asked *arms* use; the
    union takes half of each (the odd one is synthetic). The classes of added clips are as even as what there is
    allows, and a clip drawn for a smaller budget is drawn for a larger one too.

    Args:
        kinds: (n_clips,) "real", "classical" (augmented real clips) or "synthetic" (converted) of training clips.
        labels: (n_clips,) label indices.
        ratio: added clips for each real one, 0 or more.
        added_weight: sample weight of an added clip against 1 for a real one.
        arms: names from :data:`ARMS`.
        seed: of the draws.

    Returns:
        name → :class:`Arm`, in the order asked for.

    Raises:
        EmoforgeError: an unknown arm or kind, a negative ratio or weight, or no clip for an arm.
    """
    kinds, labels = np.asarray(kinds), np.asarray(labels)
    for name in arms:
        if name not in ARMS:
            raise EmoforgeError(unknown_value("arm", name, ARMS))
    for kind in np.unique(kinds):
        if kind not in (REAL, CLASSICAL, SYNTHETIC):
            raise EmoforgeError(unknown_value("kind of clip", kind, (REAL, CLASSICAL, SYNTHETIC)))
    if ratio < 0 or added_weight < 0:
        raise EmoforgeError(f"ratio ({ratio}) and weight ({added_weight}) of added clips must be 0 or more")
    real = np.flatnonzero(kinds == REAL)
    if not len(real):
        raise EmoforgeError("there is no real training clip: every arm starts from the real ones")
    pools = {kind: _even_order(np.flatnonzero(kinds == kind), labels, seed) for kind in (CLASSICAL, SYNTHETIC)}
    needed = {kind for name in arms for kind in _kinds_of(name)}
    n_added = min([round(ratio * len(real)), *(len(pools[kind]) for kind in needed)])
    if needed and ratio > 0 and not n_added:
        empty = sorted(kind for kind in needed if not len(pools[kind])) or ["added"]
        raise EmoforgeError(f"there is no {empty[0]} training clip to add: leave its arm out or select more clips")
    return {name: _arm(real, pools, _kinds_of(name), n_added, added_weight) for name in arms}


def _kinds_of(arm: str) -> tuple[str, ...]:
    return {REAL: (), CLASSICAL: (CLASSICAL,), SYNTHETIC: (SYNTHETIC,), UNION: (SYNTHETIC, CLASSICAL)}[arm]


def _arm(
    real: np.ndarray, pools: Mapping[str, np.ndarray], kinds: tuple[str, ...], n_added: int, added_weight: float
) -> Arm:
    if not kinds:
        return Arm(real, np.ones(len(real)), 0)
    shares = {kinds[0]: n_added - n_added // 2, kinds[1]: n_added // 2} if len(kinds) == 2 else {kinds[0]: n_added}
    added = np.sort(np.concatenate([pools[kind][:n] for kind, n in shares.items()]))
    weights = np.concatenate([np.ones(len(real)), np.full(len(added), added_weight)])
    return Arm(np.concatenate([real, added]), weights, len(added))


def _even_order(rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Shuffle *rows* so that every beginning of the list holds as many of each class as there are."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    turn = np.empty(len(shuffled), dtype=int)
    for label in np.unique(labels[shuffled]):
        own = labels[shuffled] == label
        turn[own] = np.arange(own.sum())
    return shuffled[np.argsort(turn, kind="stable")]
