"""The neural converter: performances drawn from the network, rendered without a vocoder."""

import copy
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
import torch

from emoforge.base.batch import one_thread
from emoforge.base.training import Point
from emoforge.convert.base import Conversion, Converter, Job, Performance
from emoforge.convert.neural.batches import Scale
from emoforge.convert.neural.model import PerformanceField, Size
from emoforge.convert.neural.pairs import N_TARGETS, POOL, STRETCH, VOICE, examples, manner_between, read, style_of
from emoforge.convert.neural.sampling import Prompt, Sampler
from emoforge.convert.neural.spread import f0_spread
from emoforge.convert.neural.training import Look, TrainingOptions, train_field
from emoforge.convert.neural.typicality import with_typicality
from emoforge.convert.statistics import activity
from emoforge.convert.storage import read_arrays, read_description, rebuilding, write_model
from emoforge.convert.utterance import Utterance
from emoforge.dataset.labels import NEUTRAL

#: Strength of classifier-free guidance: 1 asks for the emotion as it was learnt, more exaggerates it.
GUIDANCE = 2.0
#: Spread of the noise that performances are made of; 0 gives the same one for all seeds.
TEMPERATURE = 0.7


class Neural(Converter):
    """Conditional flow matching over F0 contour, local tempo and envelope difference.

    Attributes:
        voices: (n_speakers, N_STATISTICS) float32, mean statistics of each training speaker's neutral clips.
        f0_spread: (n_emotions,) float32; see :mod:`emoforge.convert.neural.spread`.
    """

    name = "neural"

    def __init__(
        self,
        network: PerformanceField,
        scale: Scale,
        emotions: Sequence[str],
        *,
        voices: np.ndarray,
        f0_spread: np.ndarray | None = None,
        guidance: float = GUIDANCE,
        temperature: float = TEMPERATURE,
        points: Sequence[Point] = (),
        n_examples: int = 0,
    ) -> None:
        self.network = network
        self.scale = scale
        self.emotions = tuple(emotions)
        self.voices = voices
        self.f0_spread = np.ones(len(self.emotions), dtype=np.float32) if f0_spread is None else f0_spread
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
            on_look: called at every validation point, with the point and the converter as it is then.
            guidance: see ``GUIDANCE``.
            temperature: see ``TEMPERATURE``.

        Raises:
            ModelError: the utterances hold nothing to learn from, or see :func:`train_field`.
        """
        found = with_typicality(examples(utterances))
        emotions = sorted({example.emotion for example in found})
        settings: dict[str, Any] = {"voices": _voices(utterances), "guidance": guidance, "temperature": temperature}

        def on_point(look: Look) -> None:
            if on_look is not None:
                on_look(look, cls(look.network, look.scale, emotions, **settings))

        network, scale, points = train_field(
            found,
            emotions,
            options=options or TrainingOptions(),
            seed=seed,
            device=device,
            checkpoint=checkpoint,
            on_point=on_point,
        )
        converter = cls(network, scale, emotions, points=points, n_examples=len(found), **settings)
        with one_thread():
            converter.f0_spread = f0_spread(converter._sampler, found)
        return converter

    def perform(self, source: Utterance, emotion: str, *, intensity: float = 1.0, seed: int = 0) -> Performance:
        self.check(emotion, intensity)
        said = self._draw(source, emotion, None, seed)
        return Performance(style_of(said, source.tracks).scaled(intensity), None)

    def perform_like(
        self, source: Utterance, reference: Utterance, *, intensity: float = 1.0, seed: int = 0
    ) -> Performance:
        """Return how *source* is to be spoken in the emotion of *reference*, with its change of pitch, level and
        timbre.

        How the reference's speaker sounds when neutral is not known, so this is rough: the training speaker whose
        voice is nearest, by the details of the mean envelope, stands for it, and may be of the other sex.

        Raises:
            EmoforgeError: the reference's emotion is unknown, or intensity is outside 0 to 1.
        """
        self.check(reference.emotion, intensity)
        heard = read(reference.tracks).statistics
        asked = manner_between(self._nearest_voice(heard), heard)
        manner = np.append((asked - self.scale.targets[0]) / self.scale.targets[1], 1.0).astype(np.float32)
        # Nothing is known of the speaker's neutral tempo.
        manner[STRETCH] = 0.0
        said = self._draw(source, reference.emotion, manner, seed)
        # The network follows only roughly, and not beyond its training data, so the mean is corrected.
        speech = activity(source.tracks)[::POOL, None]
        moved = (speech * said).sum(axis=0) / max(speech.sum(), 1e-3)
        others = np.arange(N_TARGETS) != STRETCH
        said[:, others] += (asked - moved)[others]
        return Performance(style_of(said, source.tracks).scaled(intensity), reference.clip_id)

    def _nearest_voice(self, heard: np.ndarray) -> np.ndarray:
        """(N_STATISTICS,) neutral speech of the training speaker whose voice is nearest to that of *heard*."""
        distance = np.abs((self.voices - heard) / self.scale.statistics[1])[:, VOICE].mean(axis=1)
        return self.voices[int(distance.argmin())]

    def _draw(self, source: Utterance, emotion: str, manner: np.ndarray | None, seed: int) -> np.ndarray:
        """(n_frames, N_TARGETS) performance of *source*."""
        prompt = Prompt(read(source.tracks), self.emotions.index(emotion), seed, manner)
        with one_thread():
            return self._sampler.draw([prompt])[0].numpy()

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
        return Sampler(self.network, self.scale, self.emotions, self.guidance, self.temperature, self.f0_spread)

    def save(self, folder: str | PathLike[str]) -> None:
        arrays = {f"network.{name}": values.numpy() for name, values in self.network.state_dict().items()}
        arrays |= {f"scale.{name}": getattr(self.scale, name) for name in ("features", "statistics", "targets")}
        arrays |= {"voices": self.voices, "f0_spread": self.f0_spread}
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
                voices=arrays["voices"],
                f0_spread=arrays["f0_spread"],
                guidance=description["guidance"],
                temperature=description["temperature"],
            )


def _voices(utterances: Sequence[Utterance]) -> np.ndarray:
    """(n_speakers, N_STATISTICS) float32 mean statistics of every speaker's neutral utterances."""
    by_speaker: dict[str, list[np.ndarray]] = {}
    for utterance in utterances:
        if utterance.emotion == NEUTRAL:
            by_speaker.setdefault(utterance.speaker, []).append(read(utterance.tracks).statistics)
    return np.stack([np.mean(by_speaker[name], axis=0) for name in sorted(by_speaker)]).astype(np.float32)
