"""What every converter is: fitted on training speakers, asked for one emotion, saved without pickle."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import ClassVar, Self

import numpy as np

from emoforge.errors import EmoforgeError, unknown_value
from emoforge.prosody.tracks import Tracks


@dataclass(frozen=True)
class Utterance:
    """One clip as converters see it.

    Attributes:
        clip_id: name of the clip.
        speaker: name of the speaker.
        sentence: name of the sentence, equal for every clip that says the same words; ``None`` if unknown.
        emotion: what the clip is heard as, a name of ``emoforge.labels.EMOTIONS``.
        signal: (n_samples,) float32 in [-1, 1].
        sampling_rate: in Hz.
        tracks: frame tracks of *signal*.
        gender: a name of ``emoforge.labels.GENDERS``.
    """

    clip_id: str
    speaker: str
    sentence: str | None
    emotion: str
    signal: np.ndarray
    sampling_rate: int
    tracks: Tracks
    gender: str = "unknown"


@dataclass(frozen=True)
class Conversion:
    """A converted clip.

    Attributes:
        signal: (n_samples,) float32, at the sampling rate of the source.
        style_clip_id: the training clip whose manner of speaking was used, ``None`` if none was.
    """

    signal: np.ndarray
    style_clip_id: str | None


Job = tuple[Utterance, str, float, int]


class Converter(ABC):
    """Turns a neutral utterance into an emotional one in the same voice.

    Attributes:
        name: what the registry and manifests call this kind.
        emotions: what it can produce, in alphabetical order.
    """

    name: ClassVar[str]
    emotions: tuple[str, ...]

    @classmethod
    @abstractmethod
    def fit(cls, utterances: Sequence[Utterance], *, seed: int = 0) -> Self:
        """Return a converter learned from *utterances* of training speakers, neutral and emotional.

        Raises:
            ModelError: the utterances hold nothing to learn from.
        """

    @abstractmethod
    def convert(self, source: Utterance, emotion: str, *, intensity: float = 1.0, seed: int = 0) -> Conversion:
        """Return *source* as *emotion*.

        Args:
            source: a neutral utterance of any speaker.
            emotion: one of ``emotions``.
            intensity: 0 (the source's own parameters) to 1 (all of the style).
            seed: chooses among the styles; the same seed gives the same bytes.

        Raises:
            EmoforgeError: unknown emotion, or intensity outside 0 to 1.
        """

    def convert_batch(self, jobs: Sequence[Job]) -> list[Conversion]:
        """Return the conversions of *jobs* (source, emotion, intensity, seed), byte for byte those of ``convert``."""
        return [
            self.convert(source, emotion, intensity=intensity, seed=seed) for source, emotion, intensity, seed in jobs
        ]

    @abstractmethod
    def save(self, folder: str | PathLike[str]) -> None:
        """Write the model to *folder*, which is made if it does not exist: JSON and, for arrays, safetensors."""

    @classmethod
    @abstractmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        """Return the model that ``save`` wrote.

        Raises:
            ModelError: *folder* holds no model of this kind.
        """

    def check(self, emotion: str, intensity: float) -> None:
        """Raise EmoforgeError unless *emotion* can be produced and *intensity* lies within 0 to 1."""
        if emotion not in self.emotions:
            raise EmoforgeError(f"converter {self.name}: {unknown_value('emotion', emotion, self.emotions)}")
        if not 0.0 <= intensity <= 1.0:
            raise EmoforgeError(f"intensity {intensity!r} is out of range; choose a value from 0 to 1")
