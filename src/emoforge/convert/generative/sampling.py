"""Draw a time line and then speech from the networks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from emoforge.convert.generative.network import N_SPEECH, Field, Networks
from emoforge.convert.generative.pairs import known_of
from emoforge.convert.generative.timeline import frames, position_of, tokens
from emoforge.convert.generative.training import Scale
from emoforge.convert.generative.voice import APERIODICITY, VOICING, changed, shaped, style_of

_STEPS = 10
#: Share of what the network draws; the rest is the source itself, moved to the style. With all of it the voice suffers,
#: with none of it the emotion (studies/conversion/TRIED.md). Voicing and aperiodicity are always those of the source:
#: drawn ones sound rough, and are heard as fear.
_GENERATED = 0.5
#: Guidance of the time line: what the emotion asks for, a little more.
_TIMING_GUIDANCE = 1.2


@dataclass(frozen=True)
class Prompt:
    """What is to be spoken, and how.

    Attributes:
        source: (n_frames, N_VALUES) relative parameters.
        voice: (N_VOICE,) of the speaker.
        emotion: index among the networks' emotions.
        change: (N_STYLE,) of the style of the source that is asked for; None for none.
        intensity: above 0 to 1.
        seed: of the noise.
    """

    source: np.ndarray
    voice: np.ndarray
    emotion: int
    change: np.ndarray | None
    intensity: float
    seed: int


@dataclass(frozen=True)
class Sampler:
    """Follows the velocities of both networks in steps of equal length.

    Attributes:
        networks: in evaluation mode.
        scale: of the training.
        guidance: strength of classifier-free guidance (Ho and Salimans 2022): 1 asks for the emotion as it was learnt,
            more exaggerates what tells it from any other.
        temperature: spread of the noise; 0 gives the same performance for all seeds.
    """

    networks: Networks
    scale: Scale
    guidance: float
    temperature: float

    @torch.inference_mode()
    def draw(self, prompt: Prompt) -> np.ndarray:
        """Return (n_target_frames, N_VALUES): *prompt* spoken, relative parameters."""
        generator = torch.Generator().manual_seed(prompt.seed % 2**63)
        own = style_of(prompt.source, 0.0)
        style = own if prompt.change is None else changed(own, prompt.intensity * prompt.change)
        given = {
            "emotion": torch.tensor([prompt.emotion, self.networks.speech.n_emotions]),
            "voice": _twice(self.scale.standardised(prompt.voice)[None]),
            "style": _twice(np.append(style, 1.0)[None]),
        }
        stretch = self._follow(
            self.networks.timing,
            tokens(prompt.source),
            given,
            generator,
            _TIMING_GUIDANCE * prompt.intensity,
            self.temperature,
        )
        position = position_of(stretch[:, 0] * self.scale.stretch * prompt.intensity, len(prompt.source))
        known = known_of(prompt.source, position)
        speech = frames(
            self._follow(
                self.networks.speech, known, given, generator, self.guidance * prompt.intensity, self.temperature
            )
        )
        there = frames(known[:, :N_SPEECH])
        result = _GENERATED * speech + (1 - _GENERATED) * shaped(there, style)
        result[:, [APERIODICITY, VOICING]] = there[:, [APERIODICITY, VOICING]]
        return shaped(result, style)

    def _follow(
        self,
        network: Field,
        known: np.ndarray,
        given: dict[str, torch.Tensor],
        generator: torch.Generator,
        guidance: float,
        temperature: float,
    ) -> np.ndarray:
        """Return (T, n_generated): noise after the way that *network* sends it."""
        both = _twice(known[None])
        mask = torch.ones(both.shape[:2])
        x = temperature * torch.randn(1, len(known), network.write.out_features, generator=generator)
        for step in range(_STEPS):
            time = torch.full((2,), step / _STEPS)
            asked, any_emotion = network(x.expand(2, -1, -1), time, known=both, mask=mask, **given).split(1)
            x = x + (any_emotion + guidance * (asked - any_emotion)) / _STEPS
        return x[0].numpy()


def _twice(values: Sequence | np.ndarray) -> torch.Tensor:
    """(1, ...) → (2, ...): once for the emotion and once for any."""
    return torch.from_numpy(np.asarray(values, dtype=np.float32)).repeat(2, *[1] * (np.ndim(values) - 1))
