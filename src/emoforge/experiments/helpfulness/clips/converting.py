"""What one process does for the conversions of a study: fit a converter, convert some sources with it.

Kept apart from what plans this work, so that the key of a conversion holds no more code than makes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from emoforge.convert import registry
from emoforge.convert.base import Converter
from emoforge.convert.utterance import Utterance
from emoforge.dataset import manifest
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.cache import Entry, Part
from emoforge.experiments.fitting import NeuralOptions, fit_converter
from emoforge.project.conversions import SAME_AUDIO, ConversionJob, convert_jobs, repeated
from emoforge.project.layout import Layout
from emoforge.project.utterances import open_utterances
from emoforge.prosody.analysis import describe

#: Folder of a fitted converter in its entry of the cache.
MODEL = "model"
#: What stands for neutral where neutral clips are to be learnt as a target: no corpus acts it.
_STAND_IN = "other"


@dataclass(frozen=True)
class ConverterJob:
    """One converter to fit.

    Attributes:
        entry: where it is kept.
        method: kind of converter.
        clips: (run, key, clip ids) of every corpus that it learns from.
        seed: of its draws.
        neural: options of the kind `neural`.
        to_neutral: whether it learns to convert neutral speech to neutral.
    """

    entry: Entry
    method: str
    clips: tuple[tuple[Layout, str, tuple[str, ...]], ...]
    seed: int
    neural: NeuralOptions
    to_neutral: bool


@dataclass(frozen=True)
class Planned:
    """Conversions of one source with one draw, into every emotion of *emotions* that the converter knows."""

    source_clip_id: str
    variant: int
    emotions: tuple[str, ...]


@dataclass(frozen=True)
class ConversionsJob:
    """A part of the conversions by one fitted converter.

    Attributes:
        part: where they are kept.
        model: folder of the fitted converter.
        draws: what their seeds hang on besides the source, the same with other code.
        to_neutral: whether the converter converts neutral speech to neutral.
        layout: run of the sources' corpus.
        corpus_key: of that corpus.
        planned: what to convert.
        intensity: 0 to 1.
        style: clip_id that stands for the style, where one speaker taught the converter.
        seed: of the study.
        analysis: keywords of :func:`emoforge.prosody.analysis.describe`.
        audio: whether the audio is kept.
    """

    part: Part
    model: Path
    draws: str
    to_neutral: bool
    layout: Layout
    corpus_key: str
    planned: tuple[Planned, ...]
    intensity: float
    style: str | None
    seed: int
    analysis: Mapping[str, float]
    audio: bool

    @property
    def n_sources(self) -> int:
        return len({planned.source_clip_id for planned in self.planned})


def fit_and_keep(job: ConverterJob) -> None:
    """Fit a converter and keep it."""
    learnt_from = []
    for layout, corpus_key, clip_ids in job.clips:
        learnt_from += list(open_utterances(layout, corpus_key).stream(clip_ids))
    if job.to_neutral:
        learnt_from = as_neutral_targets(learnt_from)
    converter = fit_converter(job.method, learnt_from, seed=job.seed, neural=job.neural)
    with job.entry.building(MODEL) as folder:
        converter.save(folder)


def as_neutral_targets(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Return the neutral ones of *utterances*, half of them (of every speaker, and of every sentence if it was said
    twice) in the place of an emotion.

    A converter that is fitted to these turns neutral speech into other neutral speech: what it then changes is the
    work of alignment, coding and rendering, and of how one reading differs from the next.
    """
    neutral = sorted(
        (utterance for utterance in utterances if utterance.emotion == NEUTRAL),
        key=lambda utterance: (utterance.speaker, utterance.sentence or "", utterance.clip_id),
    )
    # A speaker heard once is nobody's model of neutral, yet a reference for the others.
    return [
        replace(utterance, emotion=_STAND_IN) if index % 2 else utterance for index, utterance in enumerate(neutral)
    ]


@lru_cache(maxsize=4)
def _open_converter(folder: Path) -> Converter:
    return registry.load(folder)


def convert_and_keep(job: ConversionsJob) -> None:
    """Convert some sources and keep one row per conversion, with functionals or why there are none."""
    converter = _open_converter(job.model)
    asked = []
    for planned in job.planned:
        targets = [_STAND_IN] if job.to_neutral else [name for name in planned.emotions if name in converter.emotions]
        for emotion in targets:
            draw = manifest.seed_from(job.seed, planned.source_clip_id, emotion, planned.variant, job.draws)
            asked.append(
                {
                    "source_clip_id": planned.source_clip_id,
                    "variant": planned.variant,
                    "intensity": job.intensity,
                    "emotion": emotion,
                    "seed": draw,
                    "style_clip_id": job.style,
                }
            )
    utterances = open_utterances(job.layout, job.corpus_key)
    results = convert_jobs(converter, utterances, [ConversionJob.of(row) for row in asked])
    again = repeated(
        (row["source_clip_id"], row["emotion"], result.audio_sha256) for row, result in zip(asked, results, strict=True)
    )
    clips, rows = [], []
    for row, result, is_repeated in zip(asked, results, again, strict=True):
        clip_id = manifest.make_clip_id("studied", job.draws, row["source_clip_id"], row["emotion"], row["seed"])
        row |= {"clip_id": clip_id, "emotion": NEUTRAL if job.to_neutral else row["emotion"]}
        row |= {"audio_sha256": result.audio_sha256, "reason": result.reason or (SAME_AUDIO if is_repeated else "")}
        if row["reason"]:
            rows.append(row | {"functionals": []})
            continue
        features = describe(result.signal, result.sampling_rate, **job.analysis)[1]
        rows.append(
            row
            | {
                "style_clip_id": result.style_clip_id or row["style_clip_id"],
                "functionals": np.asarray(features, dtype=np.float32).tolist(),
            }
        )
        clips.append((clip_id, result.signal))
    job.part.write(rows, clips=clips if job.audio else None, sampling_rate=results[0].sampling_rate if results else 0)
