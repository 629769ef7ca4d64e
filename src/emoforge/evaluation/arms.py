"""The arms that a recogniser is trained in, and their names: the same real clips, and as many added ones of each kind.

An arm that simply saw more clips than another, or more of one emotion, could win by that alone. Every arm but *real*
therefore adds the same number of clips of each class, at the same weight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.base.errors import EmoforgeError, unknown_value

#: Kinds of training clips: recorded, recorded and then augmented by classical means, or converted.
REAL = "real"
CLASSICAL = "classical"
SYNTHETIC = "synthetic"

#: Arm of the pipeline → kinds of clips that it adds to the real ones, which every arm trains on.
UNION = "synthetic+classical"
ADDED = {REAL: (), CLASSICAL: (CLASSICAL,), SYNTHETIC: (SYNTHETIC,), UNION: (SYNTHETIC, CLASSICAL)}
ARMS = tuple(ADDED)

#: Arm of the pipeline → what studies call it. Some arms of theirs have no real clips, so these names say who has.
IN_STUDIES = {
    REAL: "real",
    CLASSICAL: "real+classical",
    SYNTHETIC: "real+synthetic",
    UNION: "real+synthetic+classical",
}
#: The reverse: a study's arm → arm of the pipeline, where it is one.
IN_PIPELINE = {studied: arm for arm, studied in IN_STUDIES.items()}


@dataclass(frozen=True)
class Arm:
    """What one arm trains on.

    Attributes:
        rows: (n_train,) indices into the clips, real ones first, each part in ascending order.
        weights: (n_train,) sample weights: 1 for real clips.
        n_added: how many clips are not real.
        n_asked: how many the ratio asked for, 0 in the real arm; more than *n_added* where a pool was too small.
    """

    rows: np.ndarray
    weights: np.ndarray
    n_added: int
    n_asked: int


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

    All arms add clips of the same classes: ``round(ratio × n_real)`` clips dealt out to the classes in turn, as long
    as every kind that the asked *arms* use has another one of the class. What one kind lacks (converters make no
    neutral speech), no arm adds. The union takes half of each class from either kind; of an odd number the one more is
    synthetic in every other class. A clip drawn for a smaller budget is drawn for a larger one too.

    Args:
        kinds: (n_clips,) :data:`REAL`, :data:`CLASSICAL` or :data:`SYNTHETIC`, of training clips.
        labels: (n_clips,) label indices.
        ratio: added clips for each real one, 0 or more.
        added_weight: sample weight of an added clip against 1 for a real one.
        arms: names from :data:`ARMS`.
        seed: of the draws.

    Returns:
        name → :class:`Arm`, in the order asked for.

    Raises:
        EmoforgeError: an unknown arm or kind, a negative ratio or weight, or no clip that an arm could add.
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
    needed = [kind for kind in (CLASSICAL, SYNTHETIC) if any(kind in ADDED[name] for name in arms)]
    n_asked = round(ratio * len(real))
    if needed and ratio > 0 and not n_asked:
        raise EmoforgeError(f"a ratio of {ratio} to {len(real)} real clips asks for no clip at all: raise it, or set 0")
    pools = {kind: _rows_by_label(np.flatnonzero(kinds == kind), labels, seed) for kind in (CLASSICAL, SYNTHETIC)}
    # Dealt out in an order drawn from the seed, so that the first label is not always the one with one clip more.
    in_turn = [int(label) for label in np.random.default_rng(seed).permutation(np.unique(labels))]
    added = _dealt(
        {label: min((len(pools[kind].get(label, ())) for kind in needed), default=0) for label in in_turn}, n_asked
    )
    if n_asked and needed and not sum(added.values()):
        empty = [kind for kind in needed if not pools[kind]]
        what = (
            f"no {empty[0]} training clip" if empty else f"no class with both a {' and a '.join(needed)} training clip"
        )
        raise EmoforgeError(f"there is {what} to add: leave its arm out or select more clips")
    return {name: _arm(real, pools, ADDED[name], added, n_asked, added_weight) for name in arms}


def _rows_by_label(rows: np.ndarray, labels: np.ndarray, seed: int) -> dict[int, np.ndarray]:
    """Shuffle *rows* and sort them into their labels."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    return {int(label): shuffled[labels[shuffled] == label] for label in np.unique(labels[rows])}


def _dealt(available: Mapping[int, int], n: int) -> dict[int, int]:
    """Deal *n* clips out to the labels in turn, to none more than it has; labels that got none are left out."""
    dealt = dict.fromkeys(available, 0)
    while n and (open_labels := [label for label in dealt if dealt[label] < available[label]]):
        for label in open_labels[:n]:
            dealt[label] += 1
        n -= len(open_labels[:n])
    return {label: count for label, count in dealt.items() if count}


def _arm(
    real: np.ndarray,
    pools: Mapping[str, Mapping[int, np.ndarray]],
    kinds: tuple[str, ...],
    added: Mapping[int, int],
    n_asked: int,
    added_weight: float,
) -> Arm:
    if not kinds:
        return Arm(real, np.ones(len(real)), 0, 0)
    # Within a class the kinds take turns; the next class begins with the other kind.
    drawn = [
        pools[kind][label][: len(range((place - turn) % len(kinds), count, len(kinds)))]
        for turn, (label, count) in enumerate(added.items())
        for place, kind in enumerate(kinds)
    ]
    rows = np.sort(np.concatenate([np.zeros(0, dtype=real.dtype), *drawn]))
    weights = np.concatenate([np.ones(len(real)), np.full(len(rows), added_weight)])
    return Arm(np.concatenate([real, rows]), weights, len(rows), n_asked)
