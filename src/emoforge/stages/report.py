"""Stage report: a page to look at and listen to."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.outputs import built_aside, read_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.report.page import write_page
from emoforge.report.plots import Plot, plot_arms, plot_confusion, plot_scores, plot_yields
from emoforge.ser.metrics import confusion_matrix

_SCORES = ("emotion_confidence", "naturalness", "speaker_similarity", "content_error")


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return what the page holds."""
    metrics = read_json(layout.metrics("evaluate"))
    selection = read_json(layout.metrics("select"))
    table = manifest.read(layout.manifest("select"))
    converted = table.filter(pc.equal(table.column("origin"), "converted"))
    examples = _examples(converted, layout, n_examples=params.report.examples, seed=params.seed)
    keep = converted.column("keep").to_numpy(zero_copy_only=False)
    plots = [
        plot_arms(metrics),
        plot_yields(selection),
        *(plot_scores(name, converted.column(name).to_numpy(zero_copy_only=False), keep) for name in _SCORES),
        *_confusions(layout),
    ]
    with built_aside(layout.stage("report")) as folder:
        write_page(folder, metrics=metrics, selection=selection, plots=plots, examples=examples)
    return {"plots": len(plots), "examples": len(examples), "page": str(layout.stage("report") / "index.html")}


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


def _examples(converted: pa.Table, layout: Layout, *, n_examples: int, seed: int) -> list[tuple[str, dict[str, bytes]]]:
    """Return kept conversions beside their sources, drawn from the emotions in turn."""
    kept = [row for row in converted.to_pylist() if row["keep"]]
    kept.sort(key=lambda row: manifest.seed_from(seed, row["clip_id"]))
    turns: dict[str, int] = {}
    for row in kept:
        row["turn"] = turns[row["emotion"]] = turns.get(row["emotion"], -1) + 1
    chosen = sorted(kept, key=lambda row: (row["turn"], row["emotion"]))[:n_examples]
    store = ClipStore(layout.stage("ingest") / "clips", layout.stage("convert") / "clips")
    return [
        (
            f"{row['speaker']}, {row['source_emotion']} to {row['emotion']}: confidence "
            f"{row['emotion_confidence']:.2f}, naturalness {row['naturalness']:.2f}, speaker similarity "
            f"{row['speaker_similarity']:.2f}, content error {row['content_error']:.2f}",
            {row["source_emotion"]: store.flac(row["source_clip_id"]), row["emotion"]: store.flac(row["clip_id"])},
        )
        for row in chosen
    ]
