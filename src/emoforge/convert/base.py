"""What every converter is: fitted on training speakers, asked for one emotion, saved without pickle."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Self

import numpy as np

from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.convert.generative.parameters import Parameters
from emoforge.convert.style import Style, render_style
from emoforge.convert.utterance import Utterance
from emoforge.dataset.labels import NEUTRAL


@dataclass(frozen=True)
class Performance:
    """How a source is to be spoken, before anything is heard.

    Attributes:
        style: the changes on the frames of the source, or what is to be heard as parameters of a vocoder.
        style_clip_id: the clip whose style is used, ``None`` if none is.
    """

    style: Style | Parameters
    style_clip_id: str | None


@dataclass(frozen=True)
class Conversion:
    """A converted clip.

    Attributes:
        signal: (n_samples,) float32, at the sampling rate of the source.
        style_clip_id: the training clip whose style was used, ``None`` if none was.
    """

    signal: np.ndarray
    style_clip_id: str | None


Job = tuple[Utterance, str, float, int]


class Performer(ABC):
    """Speaks a neutral utterance in an emotion, in the same voice.

    It decides how the source is to be spoken (:meth:`perform`); what makes a waveform of it (:meth:`synthesise`) is the
    same for all converters except those with a vocoder of their own.

    Attributes:
        name: used in messages.
        emotions: what it can produce, in alphabetical order.
        says_neutral: whether it can be asked for neutral too, as a control: what of a conversion is not the emotion.
    """

    name: str
    emotions: tuple[str, ...]
    says_neutral: bool = False

    @abstractmethod
    def perform(self, source: Utterance, emotion: str, *, intensity: float = 1.0, seed: int = 0) -> Performance:
        """Return how *source* is to be spoken as *emotion*.

        Args:
            source: a neutral utterance of any speaker.
            emotion: one of ``emotions``.
            intensity: 0 (the source's own parameters) to 1 (all of the style).
            seed: chooses among the styles; the same seed gives the same bytes.

        Raises:
            EmoforgeError: unknown emotion, or intensity outside 0 to 1.
        """

    def synthesise(self, source: Utterance, style: Style | Parameters) -> np.ndarray:
        """Return *source* spoken in *style*, float32.

        Args:
            source: what :meth:`perform` was given, or the recording that it was made of: its signal may then have
                several channels, shape (n_samples, n_channels), and another sampling rate than its tracks.
            style: what :meth:`perform` decided.

        Returns:
            (n_target_samples,) or (n_target_samples, n_channels), at the source's sampling rate.
        """
        return render_style(source, changes(style, self.name))

    def convert(self, source: Utterance, emotion: str, *, intensity: float = 1.0, seed: int = 0) -> Conversion:
        """Return *source* as *emotion*; arguments and errors are those of :meth:`perform`."""
        performance = self.perform(source, emotion, intensity=intensity, seed=seed)
        return Conversion(self.synthesise(source, performance.style), performance.style_clip_id)

    def convert_batch(self, jobs: Sequence[Job]) -> list[Conversion]:
        """Return the conversions of *jobs* (source, emotion, intensity, seed), byte for byte those of ``convert``."""
        return [
            self.convert(source, emotion, intensity=intensity, seed=seed) for source, emotion, intensity, seed in jobs
        ]

    def check(self, emotion: str, intensity: float) -> None:
        """Raise EmoforgeError unless *emotion* can be produced and *intensity* lies within 0 to 1."""
        if emotion not in self.emotions and not (self.says_neutral and emotion == NEUTRAL):
            raise EmoforgeError(f"converter {self.name}: {unknown_value('emotion', emotion, self.emotions)}")
        check_intensity(intensity)


class Converter(Performer):
    """A performer that learns from training speakers and is kept on disk.

    Attributes:
        name: of this kind of converter in the registry and in manifests.
    """

    name: str

    @classmethod
    @abstractmethod
    def fit(cls, utterances: Sequence[Utterance], *, seed: int = 0) -> Self:
        """Return a converter learned from *utterances* of training speakers, neutral and emotional.

        Raises:
            ModelError: the utterances hold nothing to learn from.
        """

    def perform_like(
        self, source: Utterance, reference: Utterance, *, intensity: float = 1.0, seed: int = 0
    ) -> Performance:
        """Return how *source* is to be spoken in the style of *reference*, an utterance of any speaker.

        Raises:
            EmoforgeError: intensity outside 0 to 1, or this kind of converter takes no reference.
        """
        raise EmoforgeError(
            f"converter {self.name}: takes no style reference; leave the reference out, or use a converter that does"
        )

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


def changes(style: Style | Parameters, name: str) -> Style:
    """Return *style* if it says what changes in the source.

    Args:
        style: what a performer decided.
        name: of the performer that is to use it.

    Raises:
        EmoforgeError: it is told as parameters of a vocoder.
    """
    if isinstance(style, Style):
        return style
    raise EmoforgeError(
        f"converter {name}: needs to know what changes in the source, and was given speech as a whole; use the "
        "converter that performed it"
    )


def check_intensity(intensity: float) -> None:
    """Raise EmoforgeError unless *intensity* lies within 0 to 1."""
    if not 0.0 <= intensity <= 1.0:
        raise EmoforgeError(f"intensity {intensity!r} is out of range; choose a value from 0 to 1")
