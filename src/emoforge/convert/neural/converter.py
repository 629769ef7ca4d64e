"""The neural converter: performances drawn from the network, rendered without a vocoder."""

import copy
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Self

import numpy as np
import torch

from emoforge.batch import one_thread
from emoforge.convert.base import Conversion, Converter, Job, Performance
from emoforge.convert.neural.batches import Scale
from emoforge.convert.neural.checkpoint import Point
from emoforge.convert.neural.model import PerformanceField, Size
from emoforge.convert.neural.pairs import N_TARGETS, Source, examples, read, style_of
from emoforge.convert.neural.sampling import Prompt, Sampler
from emoforge.convert.neural.training import Look, TrainingOptions, train_field
from emoforge.convert.neural.typicality import with_typicality
from emoforge.convert.storage import read_arrays, read_description, rebuilding, write_model
from emoforge.convert.utterance import Utterance

#: How far a performance is led from any emotion's to the emotion's own, which is at 1.
GUIDANCE = 2.0
#: Spread of the noise that performances are made of; 0 gives the same one for all seeds.
TEMPERATURE = 0.7


class Neural(Converter):
    """Conditional flow matching over F0 contour, local tempo and envelope difference."""

    name = "neural"

    def __init__(
        self,
        network: PerformanceField,
        scale: Scale,
        emotions: Sequence[str],
        *,
        guidance: float = GUIDANCE,
        temperature: float = TEMPERATURE,
        points: Sequence[Point] = (),
        n_examples: int = 0,
    ) -> None:
        self.network = network
        self.scale = scale
        self.emotions = tuple(emotions)
        self.guidance = guidance
        self.temperature = temperature
        self.points = tuple(points)
        self.n_examples = n_examples
        self.device = "cpu"

    @classmethod
    def fit(
        cls,
        utterances: Sequence[Utterance],
        *,
        seed: int = 0,
        options: TrainingOptions | None = None,
        device: str = "cpu",
        checkpoint: str | PathLike[str] | None = None,
        on_look: Callable[[Point, Self], None] | None = None,
        guidance: float = GUIDANCE,
        temperature: float = TEMPERATURE,
    ) -> Self:
        """Return a converter learned from *utterances* of training speakers, neutral and emotional.

        Args:
            utterances: of one corpus or several, of any number of speakers.
            seed: of everything that is drawn.
            options: of the training.
            device: where torch trains, "cpu" or "cuda"; conversion is on the CPU.
            checkpoint: file where the training's state is kept, and from which it goes on.
            on_look: called with every look at the training and the converter as it is then.
            guidance: see ``GUIDANCE``.
            temperature: see ``TEMPERATURE``.

        Raises:
            ModelError: the utterances hold nothing to learn from, or see :func:`train_field`.
        """
        found = with_typicality(examples(utterances))
        emotions = sorted({example.emotion for example in found})

        def on_point(look: Look) -> None:
            if on_look is not None:
                on_look(look, cls(look.network, look.scale, emotions, guidance=guidance, temperature=temperature))

        network, scale, points = train_field(
            found,
            emotions,
            options=options or TrainingOptions(),
            seed=seed,
            device=device,
            checkpoint=checkpoint,
            on_point=on_point,
        )
        return cls(
            network,
            scale,
            emotions,
            guidance=guidance,
            temperature=temperature,
            points=points,
            n_examples=len(found),
        )

    def perform(self, source: Utterance, emotion: str, *, intensity: float = 1.0, seed: int = 0) -> Performance:
        self.check(emotion, intensity)
        manner = np.zeros(N_TARGETS + 1, dtype=np.float32)
        said = self._draw(read(source.tracks), self.emotions.index(emotion), manner, seed)
        return Performance(style_of(said, source.tracks).scaled(intensity), None)

    def _draw(self, source: Source, emotion: int, manner: np.ndarray, seed: int) -> np.ndarray:
        """(n_frames, N_TARGETS) performance of *source*."""
        with one_thread():
            return self._sampler.draw([Prompt(source, emotion, seed, manner)])[0].numpy()

    def on(self, device: str) -> Self:
        """Return this converter with its batches on *device*, "cpu" or "cuda"; single clips stay on the CPU."""
        other = copy.copy(self)
        other.device = device
        return other

    def convert_batch(self, jobs: Sequence[Job]) -> list[Conversion]:
        """Return the conversions of *jobs*: on the CPU byte for byte those of ``convert``, elsewhere up to rounding.

        Raises:
            AudioError: on another device than the CPU, a source has several channels: convert it alone.
        """
        if self.device == "cpu":
            return super().convert_batch(jobs)
        for _, emotion, intensity, _ in jobs:
            self.check(emotion, intensity)
        return [Conversion(signal, None) for signal in self._sampler.to(self.device).convert(jobs)]

    @property
    def _sampler(self) -> Sampler:
        return Sampler(self.network, self.scale, self.emotions, self.guidance, self.temperature)

    def save(self, folder: str | PathLike[str]) -> None:
        arrays = {f"network.{name}": values.numpy() for name, values in self.network.state_dict().items()}
        arrays |= {f"scale.{name}": getattr(self.scale, name) for name in ("features", "statistics", "targets")}
        size = self.network.size
        description = {
            "emotions": list(self.emotions),
            "guidance": self.guidance,
            "temperature": self.temperature,
            "size": {"channels": size.channels, "hidden": size.hidden, "blocks": size.blocks},
        }
        write_model(folder, kind=self.name, description=description, arrays=arrays)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        description, arrays = read_description(folder, kind=cls.name), read_arrays(folder)
        with rebuilding(folder):
            network = PerformanceField(len(description["emotions"]), Size(**description["size"]))
            network.load_state_dict(
                {name: torch.from_numpy(arrays[f"network.{name}"]) for name in network.state_dict()}
            )
            scale = Scale(*(arrays[f"scale.{name}"] for name in ("features", "statistics", "targets")))
            return cls(
                network.eval(),
                scale,
                description["emotions"],
                guidance=description["guidance"],
                temperature=description["temperature"],
            )
