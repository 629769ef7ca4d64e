"""Stage report: a page to look at and listen to.

It is written twice. ``data/report/index.html`` is an output of DVC: equal inputs give equal bytes, so that a run in a
fresh clone reproduces it. Commit and date of the run differ between equal runs; they stand in ``data/report.html``, the
same page beside that output.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge import __version__
from emoforge.base.errors import ManifestError
from emoforge.base.outputs import built_aside, read_json
from emoforge.base.tables import flat
from emoforge.convert import registry
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.dataset.labels import NEUTRAL, SPLITS
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.project.versions import commit_of
from emoforge.report.page import Confidence, Example, write_page
from emoforge.report.plots import Plot, plot_arms, plot_confusion, plot_coverage, plot_scores, plot_yields
from emoforge.ser.metrics import confusion_matrix

_SCORES = (
    "emotion_confidence",
    "emotion_confidence_functionals",
    "naturalness",
    "speaker_similarity",
    "content_error",
)
_SHOWN_SHA256 = 12


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return what the page holds."""
    metrics = read_json(layout.metrics("evaluate"))
    selection, scored = read_json(layout.metrics("select")), read_json(layout.metrics("score"))
    if "judge" not in scored or "encoder" not in scored:
        raise ManifestError(f"{layout.metrics('score')}: does not say who judged; run the stage score again")
    table = manifest.read(layout.manifest("select"))
    recorded = table.filter(pc.equal(table.column("origin"), "recorded"))
    converted = table.filter(pc.equal(table.column("origin"), "converted"))
    keep = converted.column("keep").to_numpy(zero_copy_only=False)
    content: dict[str, Any] = {
        "metrics": metrics,
        "selection": selection,
        "plots": [
            plot_arms(metrics),
            plot_coverage(metrics),
            plot_yields(selection),
            *(
                plot_scores(name, converted.column(name).to_numpy(zero_copy_only=False), keep)
                for name in _SCORES
                if converted.column(name).null_count < len(converted)
            ),
            *_confusions(layout),
        ],
        "examples": _examples(recorded, converted, layout, n_examples=params.report.examples, seed=params.seed),
        "parameters": _parameters(params),
        "confidence": _confidence(converted, scored),
        "judge": f"{scored['judge']}, on {scored['encoder']}" if scored["encoder"] else scored["judge"],
    }
    subject = _subject(recorded, converted)
    with built_aside(layout.stage("report")) as folder:
        write_page(folder / "index.html", subject=subject, **content)
    made = {"commit": commit_of(layout.root), "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}
    page = write_page(layout.report_of_run, subject=subject | made, **content)
    return {"plots": len(content["plots"]), "examples": len(content["examples"]), "page": str(page)}


def _subject(recorded: pa.Table, converted: pa.Table) -> dict[str, str]:
    """Return which corpus and clips the page is about, read from the clips themselves."""

    def values(table: pa.Table, column: str) -> list[str]:
        return sorted(set(table.column(column).drop_null().to_pylist()))

    checksums = values(converted, "converter_sha256")
    splits = {split: recorded.filter(pc.equal(recorded.column("split"), split)) for split in SPLITS}
    speakers = {split: len(values(rows, "speaker")) for split, rows in splits.items()}
    return {
        "corpus": ", ".join(values(recorded, "corpus")),
        "speakers": ", ".join(f"{count} {split}" for split, count in speakers.items()),
        "clips": f"{len(recorded):,} recorded, {len(converted):,} converted",
        "language": ", ".join(values(recorded, "language")) or "not stated",
        "licence": ", ".join(licence for licence in values(recorded, "licence") if licence) or "not stated",
        "converter": ", ".join(values(converted, "converter")),
        "checksum": ", ".join(checksum[:_SHOWN_SHA256] for checksum in checksums),
        "emoforge": __version__,
    }


def _parameters(params: Params) -> dict[str, object]:
    """Return the parameters to show: those of the converter, and of the stages that follow it."""
    converter = {"method": params.fit_converter.method}
    if params.fit_converter.method in registry.TRAINED:
        converter |= params.fit_converter.neural.model_dump()
    sections = {name: getattr(params, name).model_dump() for name in ("convert", "score", "select", "train")}
    return dict(flat({"seed": params.seed, "fit_converter": converter} | sections))


def _confidence(converted: pa.Table, scored: Mapping[str, Any]) -> dict[str, Confidence]:
    """Return the judges' confidence by emotion; no conversion is neutral, so neutral clips are left out.

    Args:
        converted: conversions.
        scored: the contents of ``metrics/score.json``.
    """

    def mean(rows: pa.Table, column: str = "emotion_confidence") -> float | None:
        return pc.mean(rows.column(column)).as_py()

    real, second = scored["emotion_confidence_real"], scored.get("functionals")
    found = {}
    for emotion in sorted({*real, *converted.column("emotion").to_pylist()} - {NEUTRAL}):
        rows = converted.filter(pc.equal(converted.column("emotion"), emotion))
        found[emotion] = Confidence(
            real.get(emotion),
            mean(rows),
            mean(rows.filter(rows.column("keep"))),
            second and (second["emotion_confidence_real"].get(emotion), mean(rows, "emotion_confidence_functionals")),
        )
    return found


def _confusions(layout: Layout) -> list[Plot]:
    predictions = manifest.read_table(layout.stage("evaluate") / "predictions.parquet")
    labels = predictions.schema.metadata[b"labels"].decode().split(",")
    truth = np.array([labels.index(emotion) for emotion in predictions.column("emotion").to_pylist()])
    plots = []
    for arm in predictions.column_names[3:]:
        predicted = np.array(predictions.column(arm).to_pylist()).argmax(axis=1)
        counts = confusion_matrix(truth, predicted, n_classes=len(labels))
        plots.append(plot_confusion(counts, labels, title=f"Trained on {arm}"))
    return plots


def _examples(recorded: pa.Table, converted: pa.Table, layout: Layout, *, n_examples: int, seed: int) -> list[Example]:
    """Return kept conversions, drawn from the emotions in turn, each beside its source and a real clip."""

    def draw(row: dict) -> int:
        return manifest.seed_from(seed, row["clip_id"])

    kept = sorted((row for row in converted.to_pylist() if row["keep"]), key=draw)
    turns: dict[str, int] = {}
    for row in kept:
        row["turn"] = turns[row["emotion"]] = turns.get(row["emotion"], -1) + 1
    chosen = sorted(kept, key=lambda row: (row["turn"], row["emotion"]))[:n_examples]
    store = ClipStore(layout.stage("ingest") / "clips", layout.stage("convert") / "clips")
    # Recordings of tested speakers stay out of the page.
    real = sorted(recorded.filter(pc.equal(recorded.column("split"), "train")).to_pylist(), key=draw)
    examples = []
    for row in chosen:
        clips = {
            f"source, {row['source_emotion']}": store.flac(row["source_clip_id"]),
            f"conversion, {row['emotion']}": store.flac(row["clip_id"]),
        }
        alike = _nearest_real(row, real)
        if alike is not None:
            clips[f"real {row['emotion']}, {_likeness(row, alike)}"] = store.flac(alike["clip_id"])
        caption = (
            f"{row['speaker']}, {row['source_emotion']} to {row['emotion']}: confidence "
            f"{row['emotion_confidence']:.2f}, naturalness {row['naturalness']:.2f}, speaker similarity "
            f"{row['speaker_similarity']:.2f}, content error {row['content_error']:.2f}"
        )
        examples.append(Example(caption, clips))
    return examples


def _nearest_real(row: dict, real: Sequence[dict]) -> dict | None:
    """Return the first of *real* in the emotion of *row* of the same speaker and sentence, else speaker, else any."""
    same_emotion = (clip for clip in real if clip["emotion"] == row["emotion"])
    return max(same_emotion, key=lambda clip: (_same(row, clip, "speaker"), _same(row, clip, "sentence")), default=None)


def _same(row: dict, clip: dict, column: str) -> bool:
    return row[column] is not None and row[column] == clip[column]


def _likeness(row: dict, clip: dict) -> str:
    speaker = "same speaker" if _same(row, clip, "speaker") else f"speaker {clip['speaker']}"
    return f"{speaker}, {'same sentence' if _same(row, clip, 'sentence') else 'another sentence'}"
