"""A converter without one of its parts: what is each of them worth?"""

import copy

import numpy as np

from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.convert.base import Converter, Performance, Performer, changes
from emoforge.convert.generative.parameters import Parameters
from emoforge.convert.style import Style
from emoforge.convert.utterance import Utterance

#: Parts, and what is left out with each: changes of duration; all changes of F0; changes of its contour, while its mean
#: over the voiced frames still changes; changes of the envelope, level included; the noise that performances are drawn
#: from.
DURATIONS, F0, CONTOUR, ENVELOPE, NOISE = PARTS = ("durations", "f0", "contour", "envelope", "noise")


def without(converter: Converter, part: str) -> Performer:
    """Return *converter* without *part*, one of ``PARTS``.

    Raises:
        EmoforgeError: unknown part, or a converter that draws from no noise is to go without it.
    """
    if part not in PARTS:
        raise EmoforgeError(unknown_value("part of a converter", part, PARTS))
    if part != NOISE:
        return _Without(converter, part)
    if not hasattr(converter, "temperature"):
        raise EmoforgeError(f"converter {converter.name}: draws from no noise; leave the part {NOISE!r} out")
    certain = copy.copy(converter)
    certain.temperature = 0.0
    return certain


class _Without(Performer):
    def __init__(self, converter: Converter, part: str) -> None:
        self._converter, self._part = converter, part
        self.name, self.emotions = f"{converter.name} without {part}", converter.emotions

    def perform(self, source: Utterance, emotion: str, *, intensity: float = 1.0, seed: int = 0) -> Performance:
        performance = self._converter.perform(source, emotion, intensity=intensity, seed=seed)
        return Performance(
            _reduced(changes(performance.style, self.name), self._part, source), performance.style_clip_id
        )

    def synthesise(self, source: Utterance, style: Style | Parameters) -> np.ndarray:
        return self._converter.synthesise(source, style)


def _reduced(style: Style, part: str, source: Utterance) -> Style:
    f0, stretch, envelope = style.f0_difference_st, style.stretch_log2, style.envelope_difference_db
    match part:
        case "durations":
            stretch = np.zeros_like(stretch)
        case "f0":
            f0 = np.zeros_like(f0)
        case "contour":
            voiced = source.tracks.f0_hz > 0
            f0 = np.full_like(f0, f0[voiced].mean() if voiced.any() else 0.0)
        case "envelope":
            envelope = np.zeros_like(envelope)
    return Style(f0, stretch, envelope)
