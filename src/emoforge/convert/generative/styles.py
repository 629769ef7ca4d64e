"""Styles to speak in: what typical emotional clips of the training speakers have in common."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.convert.generative.pairs import Material
from emoforge.dataset.labels import NEUTRAL

#: Share of the clips of an emotion, the most typical ones, that its style is made of.
_TYPICAL = 0.25


@dataclass(frozen=True)
class Styles:
    """Styles of emotions, one for every corpus and gender.

    The mean of many clips is heard more often as its emotion than any one of them, which is also in a manner of its
    own (studies/conversion/TRIED.md).

    Attributes:
        values: (n_styles, N_STYLE) float32 changes, see :func:`emoforge.convert.generative.voice.change_of`.
        emotions: (n_styles,) names.
        genders: (n_styles,) of who spoke.
        corpora: (n_styles,) that the clips are of.
    """

    values: np.ndarray
    emotions: Sequence[str]
    genders: Sequence[str]
    corpora: Sequence[str]

    def of(self, emotion: str, *, gender: str, corpus: str) -> np.ndarray:
        """Return (N_STYLE,) the style of *emotion*, of clips of *corpus* and by speakers of *gender* if there are any.

        Actors of one corpus were directed alike, so a clip that is of the same corpus says best what is meant.
        """
        rows = [row for row, name in enumerate(self.emotions) if name == emotion]
        rows = [row for row in rows if self.corpora[row] == corpus] or rows
        rows = [row for row in rows if self.genders[row] == gender] or rows
        return self.values[rows].mean(axis=0)

    def beside(self, other: "Styles") -> "Styles":
        """Return these styles and those of *other* for emotions, genders and corpora that these do not tell."""
        own = list(zip(self.emotions, self.genders, self.corpora, strict=True))
        theirs = list(zip(other.emotions, other.genders, other.corpora, strict=True))
        rows = [row for row, name in enumerate(theirs) if name not in own]
        emotions, genders, corpora = zip(*own, *(theirs[row] for row in rows), strict=True)
        return Styles(np.concatenate([self.values, other.values[rows]]), emotions, genders, corpora)


def typical_styles(material: Material) -> Styles:
    """Return the mean style of the most typical quarter of the clips of every emotion, corpus and gender."""
    groups: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in material.changes:
        clip = material.clips[row]
        if clip.emotion != NEUTRAL:
            groups[clip.emotion, clip.gender, clip.corpus].append(row)
    values = []
    for _, rows in sorted(groups.items()):
        typical = sorted(rows, key=lambda row: -material.ranks[row])[: -(-len(rows) // round(1 / _TYPICAL))]
        values.append(np.mean([material.changes[row] for row in typical], axis=0))
    emotions, genders, corpora = zip(*sorted(groups), strict=True)
    return Styles(np.stack(values).astype(np.float32), emotions, genders, corpora)
