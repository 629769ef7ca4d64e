"""The generative converter: what the speech would be, on its own time line, drawn from networks and spoken by WORLD."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
import torch

from emoforge.base.audio import mono_mix, resample
from emoforge.base.batch import one_thread
from emoforge.base.training import Point
from emoforge.convert.base import Converter, Performance
from emoforge.convert.generative.network import Networks, Size
from emoforge.convert.generative.pairs import gather
from emoforge.convert.generative.parameters import N_CEPSTRA, SAMPLING_RATE, Parameters, analyse, synthesise
from emoforge.convert.generative.sampling import Prompt, Sampler
from emoforge.convert.generative.styles import Styles, typical_styles
from emoforge.convert.generative.training import Base, Look, Scale, TrainingOptions, train_networks
from emoforge.convert.generative.voice import Voice, absolute, change_of, relative, style_of, voice_of
from emoforge.convert.rendering.render import below_peak
from emoforge.convert.storage import read_arrays, read_description, rebuilding, write_model
from emoforge.convert.style import Style, no_change, render_style
from emoforge.convert.utterance import Utterance
from emoforge.dataset.labels import NEUTRAL

GUIDANCE = 4.0
TEMPERATURE = 0.5


class Generative(Converter):
    """Conditional flow matching of cepstra, aperiodicity, F0 and voicing on a time line that is generated too.

    Attributes:
        networks: that speak.
        scale: of their training.
        spread: unit of each column of the envelope.
        styles: of the emotions, made of typical clips.
        voices: (n_speakers, N_VOICE) of the training speakers.
    """

    name = "generative"
    says_neutral = True

    def __init__(
        self,
        networks: Networks,
        scale: Scale,
        emotions: Sequence[str],
        *,
        spread: np.ndarray,
        styles: Styles,
        voices: np.ndarray,
        guidance: float = GUIDANCE,
        temperature: float = TEMPERATURE,
        points: Sequence[Point] = (),
        n_examples: int = 0,
    ) -> None:
        self.networks = networks
        self.scale = scale
        self.spread = spread
        self.styles = styles
        self.voices = voices
        self.guidance = guidance
        self.temperature = temperature
        self.points = tuple(points)
        self.n_examples = n_examples
        # Neutral comes first among those of the networks, and is learnt but not asked for.
        self._known = (NEUTRAL, *(emotion for emotion in emotions if emotion != NEUTRAL))
        self.emotions = self._known[1:]

    @property
    def network(self) -> Networks:
        """The networks as one, for whoever counts parameters."""
        return self.networks

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
        base: Self | None = None,
        guidance: float = GUIDANCE,
        temperature: float = TEMPERATURE,
    ) -> Self:
        """Return a converter learned from *utterances* of training speakers, neutral and emotional.

        Args:
            utterances: of one corpus or several; emotional clips are learnt from where a neutral one says the same.
            seed: of everything that is drawn.
            options: of the training.
            device: where torch trains, "cpu" or "cuda"; conversion is on the CPU.
            checkpoint: file where the training's state is kept, and from which it goes on.
            on_look: called at every validation point, with the point and the converter as it is then.
            base: converter whose networks the training goes on from; its scale, and its emotions beside those of
                *utterances*, are kept.
            guidance: see :class:`~emoforge.convert.generative.sampling.Sampler`.
            temperature: the same.

        Raises:
            ModelError: the utterances hold nothing to learn from, or see :func:`train_networks`.
        """
        material = gather(utterances, seed=seed, spread=base.spread if base else None)
        styles = typical_styles(material)
        voices = np.stack([voice.vector() for voice in material.voices.values()])
        if base:
            styles, voices = styles.beside(base.styles), np.concatenate([voices, base.voices])
        emotions = [NEUTRAL, *sorted(set(styles.emotions))]

        settings: dict[str, Any] = {
            "spread": material.spread,
            "styles": styles,
            "voices": voices,
            "guidance": guidance,
            "temperature": temperature,
            "n_examples": len(material.pairs),
        }

        def on_point(look: Look, scale: Scale) -> None:
            if on_look is not None:
                on_look(look, cls(look.networks, scale, emotions, **settings))

        networks, scale, points = train_networks(
            material,
            emotions,
            options=options or TrainingOptions(),
            seed=seed,
            device=device,
            checkpoint=checkpoint,
            base=Base(base.networks, base.scale, base._known) if base else None,
            on_point=on_point,
        )
        # What is kept on disk takes half the room, and speaks as what was fitted does.
        return cls(networks.half().float(), scale, emotions, points=points, **settings)

    def perform(self, source: Utterance, emotion: str, *, intensity: float = 1.0, seed: int = 0) -> Performance:
        self.check(emotion, intensity)
        if intensity == 0.0:
            return Performance(no_change(source.tracks), None)
        change = None
        if emotion != NEUTRAL:
            change = self.styles.of(emotion, gender=source.gender, corpus=source.corpus)
        values, voice = self._heard(source)
        return Performance(self._said(values, voice, emotion, change, intensity, seed), None)

    def perform_like(
        self, source: Utterance, reference: Utterance, *, intensity: float = 1.0, seed: int = 0
    ) -> Performance:
        """Return how *source* is to be spoken in the emotion of *reference*, and as that clip differs from *source*.

        How the reference's speaker sounds when neutral is not known, so this is rough: the training speaker with the
        nearest voice stands for it, and may be of the other sex.

        Raises:
            EmoforgeError: the reference's emotion is unknown, or intensity is outside 0 to 1.
        """
        self.check(reference.emotion, intensity)
        if intensity == 0.0:
            return Performance(no_change(source.tracks), reference.clip_id)
        shown = analyse(reference)
        style = style_of(relative(shown, self._nearest_voice(voice_of([shown])), self.spread), 0.0)
        values, voice = self._heard(source)
        change = change_of(style, style_of(values, 0.0))
        said = self._said(values, voice, reference.emotion, change, intensity, seed)
        return Performance(said, reference.clip_id)

    def _nearest_voice(self, heard: Voice) -> Voice:
        """The voice of the training speaker whose mean envelope is nearest, level and aperiodicity left aside."""
        distance = np.abs((self.voices - heard.vector()) / self.scale.voice[1])[:, 1:N_CEPSTRA].mean(axis=1)
        nearest = self.voices[int(distance.argmin())].astype(np.float64)
        return Voice(nearest[:-1], float(nearest[-1]))

    def _heard(self, source: Utterance) -> tuple[np.ndarray, Voice]:
        """Return *source*, (n_frames, N_VALUES) relative parameters, and the voice that they are told beside."""
        heard = analyse(source)
        voice = voice_of([heard])
        return relative(heard, voice, self.spread), voice

    def _said(
        self, values: np.ndarray, voice: Voice, emotion: str, change: np.ndarray | None, intensity: float, seed: int
    ) -> Parameters:
        prompt = Prompt(values, voice.vector(), self._known.index(emotion), change, intensity, seed)
        with one_thread():
            said = Sampler(self.networks, self.scale, self.guidance, self.temperature).draw(prompt)
        return absolute(said, voice, self.spread)

    def synthesise(self, source: Utterance, style: Style | Parameters) -> np.ndarray:
        if isinstance(style, Style):
            return render_style(source, style)
        speech = below_peak(resample(synthesise(style).astype(np.float32), SAMPLING_RATE, source.sampling_rate))
        if source.signal.ndim == 1:
            return speech
        # The channels differ in level as those of the source do.
        mix = np.sqrt(np.mean(mono_mix(source.signal).astype(np.float64) ** 2))
        levels = np.sqrt(np.mean(source.signal.astype(np.float64) ** 2, axis=0)) / max(float(mix), 1e-9)
        return (speech[:, None] * levels).astype(np.float32)

    def save(self, folder: str | PathLike[str]) -> None:
        # Half precision: the weights were rounded to it when they were trained.
        arrays = {f"networks.{name}": values.half().numpy() for name, values in self.networks.state_dict().items()}
        arrays |= {"spread": self.spread, "voices": self.voices, "styles": self.styles.values}
        arrays |= {"scale.voice": self.scale.voice}
        size = self.networks.size
        description = {
            "emotions": list(self.emotions),
            "guidance": self.guidance,
            "temperature": self.temperature,
            "stretch": self.scale.stretch,
            "styles": {
                "emotions": list(self.styles.emotions),
                "genders": list(self.styles.genders),
                "corpora": list(self.styles.corpora),
            },
            "size": {"channels": size.channels, "blocks": size.blocks, "widening": size.widening},
        }
        write_model(folder, kind=self.name, description=description, arrays=arrays)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        description, arrays = read_description(folder, kind=cls.name), read_arrays(folder)
        with rebuilding(folder):
            networks = Networks(1 + len(description["emotions"]), Size(**description["size"]))
            networks.load_state_dict(
                {name: torch.from_numpy(arrays[f"networks.{name}"]).float() for name in networks.state_dict()}
            )
            return cls(
                networks.eval(),
                Scale(arrays["scale.voice"], description["stretch"]),
                description["emotions"],
                spread=arrays["spread"],
                styles=Styles(arrays["styles"], **description["styles"]),
                voices=arrays["voices"],
                guidance=description["guidance"],
                temperature=description["temperature"],
            )
