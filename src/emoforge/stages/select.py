"""Stage select: thresholds, ratio and class balance decide which converted clips are kept, and why others are not."""

from dataclasses import fields

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.outputs import built_aside, write_json
from emoforge.dataset import manifest
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.quality.gates import Thresholds, select, yields


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics."""
    recorded = manifest.read(layout.manifest("ingest"))
    scored = manifest.read(layout.manifest("score"))
    emotions = scored.column("emotion").to_pylist()
    real = pc.and_(pc.equal(recorded.column("split"), "train"), pc.invert(recorded.column("enrolment")))
    options = params.select
    # Every limit of Thresholds is a key of the section, by the same name.
    thresholds = Thresholds(**{field.name: getattr(options, field.name) for field in fields(Thresholds)})
    scores = {
        name: scored.column(name).to_numpy(zero_copy_only=False)
        for name, field in zip(scored.schema.names, scored.schema, strict=True)
        if pa.types.is_floating(field.type) and scored.column(name).null_count < len(scored)
    }
    scores["confidence"] = scores.pop("emotion_confidence")
    keep, reasons = select(
        scores,
        thresholds,
        emotion=emotions,
        clip_id=scored.column("clip_id").to_pylist(),
        ratio=float(options.ratio),
        n_real=pc.sum(real).as_py(),
        balance=options.balance,
        prefer=options.prefer,
        seed=params.seed,
    )
    selected = manifest.set_columns(scored, {"keep": keep, "reject_reason": reasons})
    recorded = manifest.set_columns(recorded, {"keep": [True] * len(recorded), "reject_reason": [""] * len(recorded)})
    with built_aside(layout.stage("select")) as folder:
        table = manifest.validate(manifest.concatenate([recorded, selected]), name="select")
        manifest.write(table, folder / "manifest.parquet")
    metrics = yields(emotions, keep, reasons)
    write_json(layout.metrics("select"), metrics)
    return {"clips_in": metrics["all"]["in"], "kept": metrics["all"]["out"]}
