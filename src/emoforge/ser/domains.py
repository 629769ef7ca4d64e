"""Clips of one corpus as if they had been recorded for another: voices, rooms and sentences shift every value alike."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

_TINY = 1e-8


@dataclass(frozen=True)
class Domain:
    """Where the values of a corpus lie.

    Attributes:
        means: of each side of the inputs, see :attr:`emoforge.ser.recogniser.Examples.inputs`.
        deviations: likewise, above 0.
    """

    means: tuple[np.ndarray, ...]
    deviations: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, inputs: np.ndarray | list) -> Self:
        """Return the domain of at least one clip.

        Args:
            inputs: (n_clips, …) values, or n_clips tuples of such values, one for each side.
        """
        sides = _sides(inputs)
        deviations = [side.std(axis=0) for side in sides]
        return cls(
            tuple(side.mean(axis=0) for side in sides),
            tuple(np.where(deviation > _TINY, deviation, 1.0) for deviation in deviations),
        )

    def moved(self, inputs: np.ndarray | list, to: "Domain") -> Any:
        """Return *inputs* of this domain, value by value at the mean and the deviation of the domain *to*.

        The first two moments of each value, as in Sun, Feng and Saenko 2016, "Return of frustratingly easy domain
        adaptation", without what the values have in common.
        """
        moved = [
            ((side - mean) / deviation * to_deviation + to_mean).astype(side.dtype)
            for side, mean, deviation, to_mean, to_deviation in zip(
                _sides(inputs), self.means, self.deviations, to.means, to.deviations, strict=True
            )
        ]
        return moved[0] if isinstance(inputs, np.ndarray) else list(zip(*moved, strict=True))


def _sides(inputs: np.ndarray | list) -> list[np.ndarray]:
    return [inputs] if isinstance(inputs, np.ndarray) else [np.stack(side) for side in zip(*inputs, strict=True)]
