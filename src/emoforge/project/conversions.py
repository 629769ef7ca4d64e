"""The one loop that converts clips: jobs in, signals or reasons out, for the stage convert and for every experiment.

What becomes of a result (which shard, which row) is the caller's business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self, runtime_checkable

import numpy as np

from emoforge.base.audio import pcm_sha256
from emoforge.base.errors import EmoforgeError
from emoforge.convert.base import Conversion, Job, Performer
from emoforge.project.utterances import UtteranceStore

#: The reason given for conversions that :func:`repeated` marks.
SAME_AUDIO = "same audio as another variant"


@dataclass(frozen=True, slots=True)
class ConversionJob:
    """One conversion to make.

    Attributes:
        source_clip_id: the neutral clip to convert.
        emotion: what it is to be heard as, one of the converter's emotions.
        intensity: 0 (the source's own prosody) to 1 (all of the style).
        seed: of the converter's draws.
    """

    source_clip_id: str
    emotion: str
    intensity: float
    seed: int

    @classmethod
    def of(cls, row: Mapping) -> Self:
        """Return the job of a planned row, which has these columns among others."""
        return cls(row["source_clip_id"], row["emotion"], row["intensity"], row["seed"])


@dataclass(frozen=True, slots=True)
class Converted:
    """A converted clip, or why there is none.

    Attributes:
        signal: (n_samples,) float32 in [-1, 1]; empty where *reason* is given.
        sampling_rate: of the source, in Hz.
        style_clip_id: the training clip whose style was used, None if none was.
        audio_sha256: checksum of the samples as they are stored; "" where *reason* is given.
        reason: why there is no signal; "" where there is one.
    """

    signal: np.ndarray = field(repr=False)
    sampling_rate: int
    style_clip_id: str | None = None
    audio_sha256: str = ""
    reason: str = ""

    @property
    def duration_s(self) -> float:
        return len(self.signal) / self.sampling_rate


@runtime_checkable
class Attempts(Protocol):
    """Makes conversions and keeps those that fail apart itself, as a converter in another process has to."""

    def attempt(self, jobs: Sequence[Job]) -> Sequence[Conversion | str]:
        """Return the conversion of every job, in order, or the reason why there is none.

        Raises:
            EmoforgeError: no clip can be converted any more.
        """


def convert_jobs(
    converter: Performer | Attempts, utterances: UtteranceStore, jobs: Sequence[ConversionJob]
) -> list[Converted]:
    """Return the result of every job, in order.

    The jobs are converted as one batch. Where that fails they are converted one by one, so that a clip that cannot be
    converted does not take the others along.

    Args:
        converter: makes the conversions.
        utterances: holds the sources.
        jobs: (n_jobs,) what to make; each source is read once.

    Raises:
        ManifestError: a source is not among *utterances*.
        EmoforgeError: the converter is one that :class:`Attempts`, and can go on no more.
    """
    sources = {clip_id: utterances[clip_id] for clip_id in dict.fromkeys(job.source_clip_id for job in jobs)}
    batch = [(sources[job.source_clip_id], job.emotion, job.intensity, job.seed) for job in jobs]
    made = converter.attempt(batch) if isinstance(converter, Attempts) else _made(converter, batch)
    return [_checked(conversion, source.sampling_rate) for conversion, (source, *_) in zip(made, batch, strict=True)]


def _made(converter: Performer, batch: Sequence[Job]) -> list[Conversion | str]:
    try:
        return list(converter.convert_batch(batch))
    except EmoforgeError:
        made: list[Conversion | str] = []
        for source, emotion, intensity, seed in batch:
            try:
                made.append(converter.convert(source, emotion, intensity=intensity, seed=seed))
            except EmoforgeError as error:
                made.append(str(error))
        return made


def _checked(conversion: Conversion | str, sampling_rate: int) -> Converted:
    if isinstance(conversion, str):
        return Converted(np.zeros(0, np.float32), sampling_rate, reason=conversion)
    signal = conversion.signal
    if not len(signal) or not np.isfinite(signal).all():
        return Converted(np.zeros(0, np.float32), sampling_rate, reason="conversion gave no finite samples")
    return Converted(signal, sampling_rate, conversion.style_clip_id, pcm_sha256(signal, sampling_rate))


def repeated(sounds: Iterable[tuple[str, str, str]]) -> list[bool]:
    """Return for each clip whether an earlier one is the same: a copy would count twice and teach nothing new.

    Args:
        sounds: source_clip_id, emotion and audio_sha256 of every clip.
    """
    seen: set[tuple[str, str, str]] = set()
    marks = []
    for sound in sounds:
        marks.append(sound in seen)
        seen.add(sound)
    return marks
