"""The recordings of one corpus, which its conversions are compared with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.conversion.figures import mean_figures, spread, within_scale
from emoforge.experiments.conversion.measures import PARALLEL, nanmean
from emoforge.quality.speaker import similarity


@dataclass(frozen=True)
class References:
    """The recordings of one corpus, which its conversions are compared with.

    Attributes:
        recordings: clip_id → row of :func:`emoforge.experiments.conversion.measures.measure_recorded`.
        zero_effort: source clip_id → emotion → errors of the unchanged source.
        neutral: speaker → rows of the neutral clips whose voice could be measured.
        real: (speaker, emotion) → speaker_similarity, dnsmos and distillmos, means over the real clips.
        scale: (n_parameters,) standard deviation of each parameter of a performance, around the emotion's mean.
        real_spread: distance between real performances of the same emotion and words, in units of *scale*.
    """

    recordings: Mapping[str, dict]
    zero_effort: Mapping[str, dict]
    neutral: Mapping[str, Sequence[dict]]
    real: Mapping[tuple[str, str], Mapping[str, float]]
    scale: np.ndarray
    real_spread: float

    def columns(self, made: Sequence[dict]) -> dict[str, np.ndarray]:
        """Return the columns that are averaged over conversions; a real clip counts as often as what stands for it."""
        columns: dict[str, list[float]] = {}

        def add(name: str, value: float) -> None:
            columns.setdefault(name, []).append(value)

        for row in made:
            source, speaker = self.recordings[row["source_clip_id"]], row["speaker"]
            real = self.real.get((speaker, row["emotion"]), {})
            voice = _voice(self.neutral, speaker, source["clip_id"])
            add("speaker_similarity", float(similarity(np.array([row["embedding"]]), voice)[0]))
            add("speaker_similarity_real", real.get("speaker_similarity", np.nan))
            for rating in ("dnsmos", "distillmos"):
                add(rating, row[rating])
                add(f"{rating}_delta", row[rating] - real.get(rating, np.nan))
                add(f"{rating}_delta_source", row[rating] - source[rating])
            add("content_error", row["content_error"])
            add("content_error_copy", source["content_error_copy"])
            zero = self.zero_effort[source["clip_id"]].get(row["emotion"], {})
            add("content_error_real", zero.get("content_error", np.nan))
            for name in PARALLEL:
                add(name, row[name])
                add(f"{name}_zero_effort", zero.get(name, np.nan))
        return {name: np.array(values, dtype=float) for name, values in columns.items()}

    def diversity(self, made: Sequence[dict]) -> dict[str, object]:
        """Return how far performances by different seeds lie apart, over how far real ones of an emotion do."""
        speakers = sorted({row["speaker"] for row in made})
        values = []
        for speaker in speakers:
            own = [row for row in made if row["speaker"] == speaker]
            groups = [(row["source_clip_id"], row["emotion"]) for row in own]
            vectors = np.array([row["performance"] for row in own], dtype=float)
            values.append(spread(vectors, groups, self.scale) / self.real_spread)
        return mean_figures({"diversity": np.array(values)}, np.array(speakers))


def references_of(recorded: Sequence[dict]) -> References:
    """Return the measured recordings of a corpus as references.

    Args:
        recorded: rows of :func:`emoforge.experiments.conversion.measures.measure_recorded`.
    """
    neutral: dict[str, list[dict]] = {}
    for row in recorded:
        if row["emotion"] == NEUTRAL and np.isfinite(row["embedding"]).all():
            neutral.setdefault(row["speaker"], []).append(row)
    vectors, emotions, words = _performances(recorded)
    scale = within_scale(vectors, emotions)
    return References(
        recordings={row["clip_id"]: row for row in recorded},
        zero_effort={row["clip_id"]: json.loads(row["zero_effort"]) for row in recorded if row["source"]},
        neutral=neutral,
        real=_means_of_real(recorded, neutral),
        scale=scale,
        real_spread=spread(vectors, list(zip(emotions, words, strict=True)), scale),
    )


def _voice(neutral: Mapping[str, Sequence[dict]], speaker: str, without: str | None = None) -> np.ndarray:
    """(256,) mean embedding of the speaker's neutral clips but one; NaN where there is no other."""
    own = [row["embedding"] for row in neutral.get(speaker, []) if row["clip_id"] != without]
    return np.mean(own, axis=0) if own else np.full(256, np.nan)


def _means_of_real(
    recorded: Sequence[dict], neutral: Mapping[str, Sequence[dict]]
) -> dict[tuple[str, str], dict[str, float]]:
    real: dict[tuple[str, str], list[dict]] = {}
    for row in recorded:
        if row["rated"] and row["emotion"] != NEUTRAL:
            real.setdefault((row["speaker"], row["emotion"]), []).append(row)
    means = {}
    for (speaker, emotion), rows in real.items():
        alike = similarity(np.array([row["embedding"] for row in rows]), _voice(neutral, speaker))
        means[speaker, emotion] = {
            "speaker_similarity": nanmean(alike),
            "dnsmos": nanmean([row["dnsmos"] for row in rows]),
            "distillmos": nanmean([row["distillmos"] for row in rows]),
        }
    return means


def _performances(recorded: Sequence[dict]) -> tuple[np.ndarray, list[str], list[str]]:
    """Performances of the real emotional clips less the speaker's neutral one of the same words, or their mean."""
    neutral: dict[tuple[str, str | None], list] = {}
    for row in recorded:
        if row["emotion"] == NEUTRAL:
            for words in (row["sentence"], ""):
                neutral.setdefault((row["speaker"], words), []).append(row["performance"])
    vectors, emotions, words = [], [], []
    for row in recorded:
        own = neutral.get((row["speaker"], row["sentence"])) or neutral.get((row["speaker"], ""))
        if row["emotion"] == NEUTRAL or not own:
            continue
        vectors.append(np.array(row["performance"], dtype=float) - np.mean(np.array(own, dtype=float), axis=0))
        emotions.append(row["emotion"])
        words.append(row["sentence"] or "")
    return np.array(vectors), emotions, words
