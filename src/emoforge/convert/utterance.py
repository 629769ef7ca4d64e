"""One clip as converters see it."""

from dataclasses import dataclass

import numpy as np

from emoforge.prosody.tracks import Tracks


@dataclass(frozen=True)
class Utterance:
    """A clip with its tracks and what is known about it.

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
