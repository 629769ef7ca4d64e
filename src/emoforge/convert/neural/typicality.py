"""How typical of its emotion each example is.

Rather than leave untypical examples out, the network is told how typical each one is, and is asked for typical ones.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emoforge.convert.neural.pairs import Example
from emoforge.convert.typicality import typicality


def with_typicality(examples: Sequence[Example]) -> list[Example]:
    """Return *examples* with their typicality, 0 to 1, by the mean and the spread of their targets.

    See :func:`emoforge.convert.typicality.typicality`.
    """
    ranks = typicality(
        np.stack([_summary(example) for example in examples]),
        [example.emotion for example in examples],
        [example.speaker for example in examples],
    )
    return [replace(example, typicality=float(rank)) for example, rank in zip(examples, ranks, strict=True)]


def _summary(example: Example) -> np.ndarray:
    mass = np.maximum(example.weights.sum(axis=0), 1e-6)
    mean = (example.weights * example.targets).sum(axis=0) / mass
    variance = (example.weights * (example.targets - mean) ** 2).sum(axis=0) / mass
    return np.concatenate([mean, np.sqrt(variance)])
