"""The recordings of one corpus, as what its conversions are held against."""

import json
from collections.abc import Sequence

import numpy as np

from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.conversion.figures import mean_figures, spread, within_scale
from emoforge.experiments.conversion.measures import PARALLEL, nanmean
from emoforge.quality.speaker import similarity


class References:
    """The recordings of one corpus, as what conversions are held against.

    Args:
        recorded: rows of :func:`emoforge.experiments.conversion.measures.measure_recorded`.
    """

    def __init__(self, recorded: Sequence[dict]) -> None:
        self._rows = {row["clip_id"]: row for row in recorded}
        self._zero_effort = {row["clip_id"]: json.loads(row["zero_effort"]) for row in recorded if row["source"]}
        self._neutral: dict[str, list[dict]] = {}
        for row in recorded:
            if row["emotion"] == NEUTRAL and np.isfinite(row["embedding"]).all():
                self._neutral.setdefault(row["speaker"], []).append(row)
        self._real = self._means_of_real(recorded)
        self._vectors, self._emotions, self._words = self._performances(recorded)
        self._scale = within_scale(self._vectors, self._emotions)
        self._real_spread = spread(self._vectors, list(zip(self._emotions, self._words, strict=True)), self._scale)

    def _voice(self, speaker: str, without: str | None = None) -> np.ndarray:
        """Mean embedding of the speaker's neutral clips but one; NaN where there is no other."""
        own = [row["embedding"] for row in self._neutral.get(speaker, []) if row["clip_id"] != without]
        return np.mean(own, axis=0) if own else np.full(256, np.nan)

    def _means_of_real(self, recorded: Sequence[dict]) -> dict[tuple[str, str], dict[str, float]]:
        real: dict[tuple[str, str], list[dict]] = {}
        for row in recorded:
            if row["rated"] and row["emotion"] != NEUTRAL:
                real.setdefault((row["speaker"], row["emotion"]), []).append(row)
        means = {}
        for (speaker, emotion), rows in real.items():
            alike = similarity(np.array([row["embedding"] for row in rows]), self._voice(speaker))
            means[speaker, emotion] = {
                "speaker_similarity": nanmean(alike),
                "dnsmos": nanmean([row["dnsmos"] for row in rows]),
                "distillmos": nanmean([row["distillmos"] for row in rows]),
            }
        return means

    def _performances(self, recorded: Sequence[dict]) -> tuple[np.ndarray, list[str], list[str]]:
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

    def columns(self, made: Sequence[dict]) -> dict[str, np.ndarray]:
        """Return the columns that are averaged over conversions; a real clip counts as often as what stands for it."""
        columns: dict[str, list[float]] = {}

        def add(name: str, value: float) -> None:
            columns.setdefault(name, []).append(value)

        for row in made:
            source, speaker = self._rows[row["source_clip_id"]], row["speaker"]
            real = self._real.get((speaker, row["emotion"]), {})
            voice = self._voice(speaker, source["clip_id"])
            add("speaker_similarity", float(similarity(np.array([row["embedding"]]), voice)[0]))
            add("speaker_similarity_real", real.get("speaker_similarity", np.nan))
            for rating in ("dnsmos", "distillmos"):
                add(rating, row[rating])
                add(f"{rating}_delta", row[rating] - real.get(rating, np.nan))
                add(f"{rating}_delta_source", row[rating] - source[rating])
            add("content_error", row["content_error"])
            add("content_error_copy", source["content_error_copy"])
            zero = self._zero_effort[source["clip_id"]].get(row["emotion"], {})
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
            values.append(spread(vectors, groups, self._scale) / self._real_spread)
        return mean_figures({"diversity": np.array(values)}, np.array(speakers))
