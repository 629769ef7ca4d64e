"""What one process does for the conversions of a study: convert some sources with a fitted converter."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from emoforge.convert import registry
from emoforge.convert.base import Converter
from emoforge.dataset import manifest
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.cache import Part
from emoforge.experiments.helpfulness.clips.fitting import STAND_IN
from emoforge.project.conversions import SAME_AUDIO, ConversionJob, convert_jobs, repeated
from emoforge.project.layout import Layout
from emoforge.project.utterances import open_utterances
from emoforge.prosody.analysis import describe


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
        draws: what their seeds depend on besides the source; does not change with the code.
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


@lru_cache(maxsize=4)
def _open_converter(folder: Path) -> Converter:
    return registry.load(folder)


def convert_and_keep(job: ConversionsJob) -> None:
    """Convert some sources and keep one row per conversion, with functionals or why there are none."""
    converter = _open_converter(job.model)
    asked: list[dict[str, Any]] = []
    for planned in job.planned:
        targets = [STAND_IN] if job.to_neutral else [name for name in planned.emotions if name in converter.emotions]
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
