"""One clip as converters see it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.base.errors import ModelError
from emoforge.dataset.labels import NEUTRAL
from emoforge.prosody.tracks import Tracks


@dataclass(frozen=True)
class Utterance:
    """A clip with its tracks and what is known about it.

    Attributes:
        clip_id: name of the clip.
        speaker: name of the speaker.
        sentence: name of the sentence, equal for every clip that says the same words; ``None`` if unknown.
        emotion: what the clip is heard as, a name of ``emoforge.dataset.labels.EMOTIONS``.
        signal: (n_samples,) float32 in [-1, 1].
        sampling_rate: in Hz.
        tracks: frame tracks of *signal*.
        gender: a name of ``emoforge.dataset.labels.GENDERS``.
        corpus: that the clip is of; sentences of two corpora are never the same.
    """

    clip_id: str
    speaker: str
    sentence: str | None
    emotion: str
    signal: np.ndarray
    sampling_rate: int
    tracks: Tracks
    gender: str = "unknown"
    corpus: str = ""


def neutral_and_emotional(utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[Utterance]]:
    """Return the neutral and the emotional ones of *utterances*, each in the order of clip_id.

    Raises:
        ModelError: there are none of one kind.
    """
    ordered = sorted(utterances, key=lambda utterance: utterance.clip_id)
    neutral = [utterance for utterance in ordered if utterance.emotion == NEUTRAL]
    emotional = [utterance for utterance in ordered if utterance.emotion != NEUTRAL]
    if not neutral or not emotional:
        raise ModelError(
            f"{len(neutral)} neutral and {len(emotional)} emotional utterances: a converter learns from both; "
            "choose a corpus or split that holds both"
        )
    return neutral, emotional
