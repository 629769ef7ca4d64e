"""Styles to speak in: summaries of typical emotional clips of the training speakers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.convert.generative.pairs import Material
from emoforge.convert.typicality import typicality
from emoforge.dataset.labels import NEUTRAL

#: Share of the clips of an emotion, the most typical ones, whose styles are kept.
_TYPICAL = 0.25


@dataclass(frozen=True)
class Styles:
    """Styles of the training speakers' clips.

    Attributes:
        values: (n_styles, N_STYLE) float32, see :func:`emoforge.convert.generative.voice.style_of`.
        emotions: (n_styles,) names.
        genders: (n_styles,) of who spoke.
    """

    values: np.ndarray
    emotions: Sequence[str]
    genders: Sequence[str]

    def draw(self, emotion: str, gender: str, rng: np.random.Generator) -> np.ndarray:
        """Return (N_STYLE,) a style of *emotion*, by somebody of *gender* where there is one."""
        rows = [row for row, name in enumerate(self.emotions) if name == emotion]
        rows = [row for row in rows if self.genders[row] == gender] or rows
        return self.values[rows[rng.integers(len(rows))]]


def typical_styles(material: Material) -> Styles:
    """Return the styles of the most typical quarter of the clips of every emotion, in the order of the clips."""
    # A target has several sources; its style is told beside the first, which is of its own speaker if one is.
    of_clip = {pair.target: pair.style for pair in reversed(material.pairs)}
    rows = sorted(of_clip)
    emotions = [material.clips[row].emotion for row in rows]
    values = np.stack([of_clip[row] for row in rows])
    ranks = typicality(values, emotions, [material.clips[row].speaker for row in rows])
    kept = []
    for emotion in sorted(set(emotions) - {NEUTRAL}):
        for gender in sorted({material.clips[row].gender for row in rows}):
            of_both = [
                at for at, row in enumerate(rows) if emotions[at] == emotion and material.clips[row].gender == gender
            ]
            n_kept = -(-len(of_both) // round(1 / _TYPICAL))
            kept += sorted(sorted(of_both, key=lambda at: -ranks[at])[:n_kept])
    return Styles(
        values[kept].astype(np.float32),
        [emotions[at] for at in kept],
        [material.clips[rows[at]].gender for at in kept],
    )
