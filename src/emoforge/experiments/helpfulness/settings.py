"""One way to train a recogniser: which clips are added to the real ones, how many, and how they are used."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import product

from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.evaluation import arms

REAL = arms.IN_STUDIES[arms.REAL]
CLASSICAL = arms.IN_STUDIES[arms.CLASSICAL]
SYNTHETIC = arms.IN_STUDIES[arms.SYNTHETIC]
UNION = arms.IN_STUDIES[arms.UNION]
REAL_NEUTRAL = "real+neutral"
CALIBRATED = "real, neutral calibrates"
ONLY = "synthetic only"
TO_NEUTRAL = "neutral conversion"
UPPER = "upper bound"
#: What a setting may be; the upper bound is the arm of real clips with the labels that a scenario withholds. Two arms
#: add nothing but the neutral clips of speakers who are not labelled: as clips to learn from, or to the normaliser.
ARMS = (REAL, REAL_NEUTRAL, CALIBRATED, CLASSICAL, SYNTHETIC, UNION, ONLY, TO_NEUTRAL)
#: Arms that train on recorded clips alone.
RECORDED = (REAL, REAL_NEUTRAL, CALIBRATED)
#: Arms that train on converted clips.
CONVERTED = (SYNTHETIC, UNION, ONLY, TO_NEUTRAL)
#: Arms that validation chooses among: what the pipeline can train with converted clips.
CANDIDATES = (SYNTHETIC, UNION)

#: Which clips go first where there are more than the ratio asks for. `surprise` is how wrong a recogniser of the real
#: clips alone is about a clip, `informative` that times the judge's confidence, `usefulness` how much a step of
#: training on the clip lowers the loss on training speakers who were left out.
PREFERENCES = ("random", "confidence", "surprise", "informative", "usefulness")

#: What is done with added clips: `plain` trains on them with the others; `own_normaliser` calibrates converted clips by
#: conversions to neutral instead of by recordings; `residual` moves a clip by how far its source lies from the source's
#: conversions to neutral; `difference` moves it by how far its source lies from its speaker's neutral voice, so that
#: what is left is what conversion changed; `ensemble` trains a second recogniser on them and adds up the answers;
#: `pretrain` learns from them first and departs from that as little as the real clips allow; `pairs` learns how a
#: conversion should be heard differently from its source.
USES = ("plain", "own_normaliser", "residual", "difference", "ensemble", "pretrain", "pairs")
#: Uses of the recogniser ``svm`` alone.
OF_SVM = ("residual", "difference", "pretrain", "pairs")
#: Uses that need conversions to neutral.
NEEDING_TO_NEUTRAL = ("own_normaliser", "residual")


@dataclass(frozen=True)
class Setting:
    """The choices of a training run.

    Attributes:
        arm: one of :data:`ARMS`.
        converter: name of the converter in the study, empty for arms without converted clips.
        ratio: added clips for each real one.
        weight: of an added clip against 1 for a real one; of the second recogniser where the use is `ensemble`; share
            of what was learnt first where it is `pretrain`; of a pair where it is `pairs`.
        min_confidence: of the judge in the emotion of a converted clip.
        max_confidence: likewise.
        prefer: one of :data:`PREFERENCES`.
        use: one of :data:`USES`.
        with_neutral: whether the neutral clips of speakers who are not labelled are trained on too.
        recogniser: name of the recogniser in the study.
    """

    arm: str
    converter: str = ""
    ratio: float = 0.0
    weight: float = 1.0
    min_confidence: float = 0.0
    max_confidence: float = 1.0
    prefer: str = "random"
    use: str = "plain"
    with_neutral: bool = True
    recogniser: str = "svm"

    def __post_init__(self) -> None:
        for kind, value, allowed in (
            ("arm", self.arm, ARMS),
            ("preference", self.prefer, PREFERENCES),
            ("use", self.use, USES),
        ):
            if value not in allowed:
                raise EmoforgeError(unknown_value(kind, value, allowed))

    @property
    def needs_judge(self) -> bool:
        ranked = self.prefer in ("confidence", "informative")
        return ranked or self.min_confidence > 0 or self.max_confidence < 1

    @property
    def needs_to_neutral(self) -> bool:
        return self.arm == TO_NEUTRAL or self.use in NEEDING_TO_NEUTRAL

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def expand(grids: Iterable[Mapping[str, Sequence]]) -> list[Setting]:
    """Return every combination of the values of each grid, each once, in the order of the grids.

    Args:
        grids: name of a field of :class:`Setting` → its values; what an arm does not use is left out of its settings,
            so that two grids that differ in nothing else give one setting.
    """
    settings: dict[Setting, None] = {}
    for grid in grids:
        for values in product(*grid.values()):
            settings[_without_unused(dict(zip(grid, values, strict=True)))] = None
    return list(settings)


def _without_unused(values: dict) -> Setting:
    arm = values.get("arm", REAL)
    used = {field.name for field in fields(Setting)}
    if arm in (*RECORDED, ONLY):
        used -= {"with_neutral"}
    if arm not in CONVERTED:
        used -= {"converter", "min_confidence", "max_confidence", "prefer", "use"}
        if arm != CLASSICAL:
            used -= {"ratio", "weight"}
    elif arm == TO_NEUTRAL:
        used -= {"min_confidence", "max_confidence", "prefer"}
    return Setting(**{name: value for name, value in values.items() if name in used})
