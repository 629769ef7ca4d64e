"""Stage select: thresholds, ratio and class balance decide which converted clips are kept, and say why others not."""

import pyarrow as pa
import pyarrow.compute as pc

from emoforge import manifest
from emoforge.outputs import built_aside, write_json
from emoforge.params import Params
from emoforge.pipeline.layout import Layout
from emoforge.quality.gates import Thresholds, select, yields


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics."""
    recorded = manifest.read(layout.manifest("ingest"))
    scored = manifest.read(layout.manifest("score"))
    emotions = scored.column("emotion").to_pylist()
    real = pc.and_(pc.equal(recorded.column("split"), "train"), pc.invert(recorded.column("enrolment")))
    options = params.select
    thresholds = Thresholds(
        min_confidence=options.min_confidence,
        max_confidence=options.max_confidence,
        min_naturalness=options.min_naturalness,
        min_speaker_similarity=options.min_speaker_similarity,
        max_content_error=options.max_content_error,
        max_clipping_share=options.max_clipping_share,
    )
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
        ratio=options.ratio,
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
