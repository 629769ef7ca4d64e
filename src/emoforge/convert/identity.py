"""The zero-effort converter: the source itself, whatever emotion is asked for."""

from collections.abc import Sequence
from os import PathLike
from typing import Self

import numpy as np

from emoforge.base.errors import ModelError
from emoforge.convert.base import Converter, Performance
from emoforge.convert.generative.parameters import Parameters
from emoforge.convert.storage import read_description, write_model
from emoforge.convert.style import Style, no_change
from emoforge.convert.utterance import Utterance
from emoforge.dataset.labels import NEUTRAL


class Identity(Converter):
    """Returns every source unchanged: the baseline that other converters' scores are compared with."""

    name = "identity"

    def __init__(self, emotions: Sequence[str]) -> None:
        self.emotions = tuple(emotions)

    @classmethod
    def fit(cls, utterances: Sequence[Utterance], *, seed: int = 0) -> Self:
        emotions = sorted({utterance.emotion for utterance in utterances} - {NEUTRAL})
        if not emotions:
            raise ModelError("no emotional utterance to learn the emotions from; choose a corpus that holds some")
        return cls(emotions)

    def perform(self, source: Utterance, emotion: str, *, intensity: float = 1.0, seed: int = 0) -> Performance:
        self.check(emotion, intensity)
        return Performance(no_change(source.tracks), None)

    def synthesise(self, source: Utterance, style: Style | Parameters) -> np.ndarray:
        return source.signal.copy()

    def save(self, folder: str | PathLike[str]) -> None:
        write_model(folder, kind=self.name, description={"emotions": list(self.emotions)})

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        return cls(read_description(folder, kind=cls.name)["emotions"])
