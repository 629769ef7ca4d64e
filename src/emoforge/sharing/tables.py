"""The Markdown tables of a dataset card, each from the clips or from how they were made."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from emoforge.base.tables import flat, markdown_table
from emoforge.sharing.formats.shards import SPLIT_NAMES

_COMPOSITION = ("emotion", "gender", "language", "corpus", "speaker")
_SCORES = (
    "emotion_confidence",
    "emotion_confidence_functionals",
    "naturalness",
    "speaker_similarity",
    "content_error",
)


def composition(clips: pa.Table) -> str:
    """Return one table each for emotion, gender, language, source corpus and speaker: clips in every split."""
    splits = present_splits(clips)
    tables = []
    for column in _COMPOSITION:
        values = ["unknown" if value is None else value for value in clips.column(column).to_pylist()]
        counts = Counter(zip(values, clips.column("split").to_pylist(), strict=True))
        rows = []
        for value in sorted({value for value, _ in counts}):
            by_split = [counts[value, split] for split in splits]
            rows.append((value, *by_split, sum(by_split)))
        tables.append(markdown_table([column, *(SPLIT_NAMES[split] for split in splits), "clips"], rows))
    return "\n".join(tables)


def present_splits(clips: pa.Table) -> list[str]:
    """Return the manifest's names of the splits that have clips, training first."""
    present = set(clips.column("split").to_pylist())
    return [split for split in SPLIT_NAMES if split in present]


def converters(clips: pa.Table) -> str:
    """Return one row per converter: checksum, clips and seeds."""
    columns = [clips.column(name).to_pylist() for name in ("converter", "converter_sha256", "seed")]
    seeds: dict[tuple[str | None, str | None], Counter] = {}
    for converter, checksum, seed in zip(*columns, strict=True):
        seeds.setdefault((converter, checksum), Counter())[seed] += 1
    rows = [
        (converter or "", f"`{checksum or ''}`", sum(counts.values()), _seeds(counts))
        for (converter, checksum), counts in sorted(seeds.items(), key=str)
    ]
    return markdown_table(["converter", "SHA-256", "clips", "seeds"], rows)


def _seeds(counts: Mapping[int | None, int]) -> str:
    seeds = sorted(seed for seed in counts if seed is not None)
    return ", ".join(map(str, seeds)) if len(seeds) <= 5 else f"{len(seeds)} different, one in each row's `seed`"


def parameters(params: Mapping[str, Any]) -> str:
    """Return one row per parameter, nested ones with dots in their names."""
    return markdown_table(["parameter", "value"], [(f"`{name}`", f"`{value}`") for name, value in flat(params)])


def yields(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Return one row per outcome: how many conversions of each emotion were kept, or rejected for a reason."""
    emotions = sorted({emotion for by_emotion in counts.values() for emotion in by_emotion})
    rows = [
        (outcome, *(by_emotion.get(emotion, 0) for emotion in emotions), sum(by_emotion.values()))
        for outcome, by_emotion in counts.items()
    ]
    return markdown_table(["outcome", *emotions, "all"], rows)


def scores(clips: pa.Table) -> str:
    """Return one row per score: its 5th, 50th and 95th percentile over the clips; empty where nothing was scored."""
    rows = []
    for name in _SCORES:
        values = clips.column(name).drop_null().to_numpy()
        if len(values):
            field = clips.schema.field(name)
            percentiles = (f"{value:.2f}" for value in np.percentile(values, [5, 50, 95]))
            rows.append((name, field.metadata[b"description"].decode(), *percentiles))
    return markdown_table(["score", "meaning", "5 %", "median", "95 %"], rows) if rows else ""


def recognised(clips: pa.Table) -> str:
    """Return one row per emotion: the share of its clips in which the judge finds it the most probable; empty without
    a judge."""
    hits: dict[str, list[bool]] = {}
    columns = (clips.column(name).to_pylist() for name in ("emotion", "emotion_probabilities"))
    for emotion, entries in zip(*columns, strict=True):
        if entries:
            best = max(entries, key=lambda entry: entry[1])[0]
            hits.setdefault(emotion, []).append(best == emotion)
    rows = [(emotion, f"{np.mean(found):.2f}", len(found)) for emotion, found in sorted(hits.items())]
    return markdown_table(["target emotion", "share recognised", "clips judged"], rows) if rows else ""


def judge(clips: pa.Table) -> str:
    """Return what the judge of the clips works on."""
    second = clips.column("emotion_confidence_functionals")
    return "functionals" if second.null_count == len(clips) else "what a pretrained encoder makes of a clip"


def arms(results: Mapping[str, Mapping]) -> str:
    """Return one row per arm of the evaluation on real speakers."""
    rows = [
        (
            arm,
            f"{scores['uar']:.3f}",
            f"{scores['uar_ci_low']:.3f} to {scores['uar_ci_high']:.3f}",
            # Runs of before did not measure it.
            f"{scores['not_enrolled']['uar']:.3f}" if "not_enrolled" in scores else "",
            f"{scores['wa']:.3f}",
            scores["n_clips"],
            scores["n_speakers"],
        )
        for arm, scores in results.items()
        if arm != "gain"
    ]
    columns = ["trained on", "UAR", "95 % interval", "UAR, not enrolled", "accuracy", "test clips", "test speakers"]
    return markdown_table(columns, rows)


def recogniser(results: Mapping[str, Mapping]) -> str:
    """Return which recogniser the arms of the evaluation are of; empty where nobody said."""
    arm = next(values for name, values in results.items() if name != "gain")
    names = [f"`{arm[key]}`" for key in ("recogniser", "encoder") if arm.get(key)]
    return " on ".join(names)


def fields(clips: pa.Table) -> str:
    """Return one row per field: meaning and unit."""
    rows = [("audio", "16-bit mono FLAC", "")]
    for field in clips.schema:
        metadata = field.metadata or {}
        rows.append((field.name, metadata.get(b"description", b"").decode(), metadata.get(b"unit", b"").decode()))
    return markdown_table(["field", "meaning", "unit"], rows)
