"""What is done to a recogniser's answers about many recordings: shares put right, and the unsure ones marked."""

from collections.abc import Mapping, Sequence

import numpy as np

from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.ser.priors import HALF, ClassOffsets, ClassPrior

#: Ways to put shares right that need no figures.
PRIORS = ("none", "em", "equal")
_ROUNDING = 1e-6


def parse_prior(text: str, emotions: Sequence[str]) -> dict[str, float] | str:
    """Return one of :data:`PRIORS`, or emotion → share as *text* gives them, such as ``neutral=0.7,anger=0.1``.

    Raises:
        EmoforgeError: it is neither, an emotion is unknown or named twice, or the shares are not shares.
    """
    if text in PRIORS:
        return text
    if "=" not in text:
        raise EmoforgeError(f"{unknown_value('prior', text, PRIORS)}, or shares such as neutral=0.7,anger=0.1")
    shares: dict[str, float] = {}
    for part in text.split(","):
        emotion, _, number = (piece.strip() for piece in part.partition("="))
        if emotion not in emotions:
            raise EmoforgeError(f"prior: {unknown_value('emotion', emotion, emotions)}")
        if emotion in shares:
            raise EmoforgeError(f"prior: {emotion} is named twice")
        try:
            shares[emotion] = float(number)
        except ValueError:
            raise EmoforgeError(f"prior: the share of {emotion} is {number!r}, allowed: a number from 0 to 1") from None
        if not 0.0 <= shares[emotion] <= 1.0:
            raise EmoforgeError(f"prior: the share of {emotion} is {number}, allowed: a number from 0 to 1")
    total = sum(shares.values())
    if total > 1.0 + _ROUNDING or (len(shares) == len(emotions) and total < 1.0 - _ROUNDING):
        raise EmoforgeError(f"prior: the shares add up to {total:g}, not to 1")
    return shares


def with_prior(
    rows: Sequence[dict], emotions: Sequence[str], prior: Mapping[str, float] | str
) -> tuple[list[dict], str]:
    """Return *rows* of :func:`~emoforge.recording.predictions.predictions` with their shares put right, and a line.

    All rows are taken together; those without an answer stay as they are.

    Args:
        rows: with a probability for each of *emotions*.
        emotions: names of the columns.
        prior: ``none``, ``em`` (shares estimated from the answers), ``equal`` (about equal shares), or emotion → known
            share; emotions without one divide what is left as they did.

    Returns:
        the rows, and one line that says how far the shares moved.
    """
    answered = [index for index, row in enumerate(rows) if row["emotion"] is not None]
    if (isinstance(prior, str) and prior == "none") or not answered:
        return list(rows), "prior: nothing to put right"
    before = np.array([[rows[index][emotion] for emotion in emotions] for index in answered])
    correction: ClassPrior | ClassOffsets
    if prior == "em":
        correction = ClassPrior.fit(before)
    elif isinstance(prior, str):
        correction = ClassOffsets.fit(before, trust=HALF)
    else:
        known = [index for index, emotion in enumerate(emotions) if emotion in prior]
        rest = (1.0 - sum(prior.values())) / max(len(emotions) - len(known), 1)
        expected = np.array([prior.get(emotion, max(rest, 0.0)) for emotion in emotions])
        correction = ClassOffsets.fit(before, expected=expected, free=known)
    after = correction.apply(before)
    changed = list(rows)
    for index, probabilities in zip(answered, after, strict=True):
        best = int(probabilities.argmax())
        answer = {"emotion": emotions[best], "probability": float(probabilities[best])}
        changed[index] = rows[index] | answer | dict(zip(emotions, probabilities.tolist(), strict=True))
    return changed, _line(emotions, before, after)


def with_uncertain(row: dict, threshold: float) -> dict:
    """Return *row* with a column ``uncertain`` after its probability: whether that lies below *threshold*."""
    marked = {}
    for name, value in row.items():
        marked[name] = value
        if name == "probability":
            marked["uncertain"] = None if value is None else value < threshold
    return marked


def _line(emotions: Sequence[str], before: np.ndarray, after: np.ndarray) -> str:
    old, new = before.mean(axis=0), after.mean(axis=0)
    turned = int((before.argmax(axis=1) != after.argmax(axis=1)).sum())
    if np.abs(new - old).max() < 0.005:
        return f"prior: the shares stay as they are; {turned} of {len(before)} answers changed"
    moves = ", ".join(
        f"{emotion} {old[index]:.2f} → {new[index]:.2f}"
        for index, emotion in sorted(enumerate(emotions), key=lambda item: -abs(new[item[0]] - old[item[0]]))
        if abs(new[index] - old[index]) >= 0.005
    )
    return f"prior: mean probabilities {moves}; {turned} of {len(before)} answers changed"
