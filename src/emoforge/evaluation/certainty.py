"""How sure a recogniser was of its answers about validation speakers, and which were right, kept beside it.

From that follows below which probability an answer is better called uncertain.
"""

from pathlib import Path

import numpy as np

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.base.outputs import read_json, write_json
from emoforge.ser.selective import CoverageCurve

_FILE = "certainty.json"
_ENROLLED, _NOT_ENROLLED = "enrolled", "not_enrolled"


def write_certainty(folder: Path, truth: np.ndarray, *, enrolled: np.ndarray, not_enrolled: np.ndarray) -> None:
    """Keep the answers about validation clips beside the recogniser in *folder*.

    Args:
        folder: of the recogniser.
        truth: (n_clips,) label indices.
        enrolled: (n_clips, n_classes) probabilities, the speakers being enrolled.
        not_enrolled: the same, nobody being enrolled.
    """
    answers = {}
    for name, probabilities in ((_ENROLLED, enrolled), (_NOT_ENROLLED, not_enrolled)):
        answers[name] = {
            "probability": probabilities.max(axis=1).astype(float).tolist(),
            "correct": (probabilities.argmax(axis=1) == truth).tolist(),
        }
    write_json(folder / _FILE, answers)


def certainty_of(folder: Path, *, enrolled: bool) -> CoverageCurve:
    """Return how accurate the recogniser in *folder* was about validation speakers, *enrolled* or not.

    Raises:
        ModelError: nothing is kept there, or something else.
    """
    path = folder / _FILE
    try:
        answers = read_json(path)
        own = answers[_ENROLLED if enrolled else _NOT_ENROLLED]
        return CoverageCurve.of(np.array(own["probability"]), np.array(own["correct"]))
    except (EmoforgeError, KeyError, TypeError, ValueError):
        raise ModelError(
            f"{path}: no answers about validation speakers; train the recogniser again, or name a probability with "
            "--uncertain-below"
        ) from None
