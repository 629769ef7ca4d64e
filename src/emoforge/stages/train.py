"""Stage train: one recogniser per arm, with the same budget, from training speakers only."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.errors import EmoforgeWarning
from emoforge.base.outputs import built_aside, write_json
from emoforge.dataset import manifest
from emoforge.evaluation.arms import CLASSICAL, REAL, SYNTHETIC, build_arms
from emoforge.evaluation.certainty import write_certainty
from emoforge.project.checksums import code_sha256, file_sha256
from emoforge.project.encoders.places import located
from emoforge.project.examples import (
    ExampleSource,
    emotions_of,
    enrolment_of,
    scored_clips,
    tuned_encoder,
    usable_kind,
)
from emoforge.project.features import encoder_of_run
from emoforge.project.intake_options import options_of, write_intake
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.ser.metrics import uar
from emoforge.ser.recogniser import Examples, Recogniser
from emoforge.ser.registry import fit_options, recogniser_class

_CHECKPOINT = ".checkpoint.safetensors"


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics."""
    table = manifest.validate(manifest.read(layout.manifest("select")), name="select")
    encoder = encoder_of_run(params.encoder, layout)
    kind = usable_kind(params.train.model, encoder)
    if kind != params.train.model:
        line = f"train.model = {params.train.model!r} needs an encoder, and stage embed had none: {kind} is trained"
        warnings.warn(line, EmoforgeWarning, stacklevel=2)
    hearing = located(params.encoder, layout.root)
    source = ExampleSource(layout, kind, ["ingest", "score", "augment"], encoder=hearing)
    base = tuned_encoder(kind, hearing)
    options = fit_options(kind, steps=params.train.steps, encoder=source.encoder, base=base)
    labels = emotions_of(table)
    clip_ids, kinds, emotions, speakers = training_pool(table, layout)
    pool = Examples(source.inputs(clip_ids), speakers, np.array([labels.index(emotion) for emotion in emotions]))
    validation = source.examples(scored_clips(table, "val", labels), labels)
    enrolment = source.examples(enrolment_of(table, "train", "val"))
    arms = build_arms(
        kinds,
        np.asarray(pool.labels),
        ratio=float(params.select.ratio),
        added_weight=float(params.train.added_weight),
        seed=params.seed,
    )
    models: dict[str, Recogniser] = {}
    scores: dict[str, float] = {}
    with built_aside(layout.models, key=None if base is None else _key(params, layout, base.sha256)) as folder:
        for name, arm in arms.items():
            if base is not None:
                options["checkpoint"] = folder / f"{name}{_CHECKPOINT}"
            train = pool.take(arm.rows)
            models[name] = recogniser_class(kind).fit(
                Examples(train.inputs, train.speakers, train.labels, arm.weights),
                labels=labels,
                enrolment=enrolment,
                validation=validation,
                seed=params.seed,
                **options,
            )
            models[name].save(folder / name)
            write_intake(folder / name, options_of(params))
            answers = models[name].predict_proba(validation, enrolment)
            scores[name] = float(uar(np.asarray(validation.labels), answers.argmax(axis=1)))
            alone = models[name].predict_proba(validation, enrolment.take(np.zeros(len(enrolment), dtype=bool)))
            write_certainty(folder / name, np.asarray(validation.labels), enrolled=answers, not_enrolled=alone)
        # Not before all arms are there: a stage that is killed goes on from these.
        for name in arms:
            (folder / f"{name}{_CHECKPOINT}").unlink(missing_ok=True)
    metrics = {
        name: {
            "real": len(arm.rows) - arm.n_added,
            "added": arm.n_added,
            "asked": arm.n_asked,
            "weight": params.train.added_weight,
            "val_uar": round(scores[name], 4),
        }
        for name, arm in arms.items()
    }
    _log_live(layout.root / "metrics" / "dvclive", models, metrics, seed=params.seed)
    write_json(layout.metrics("train"), metrics)
    return {"recogniser": kind, "arms": len(arms), "added": max(arm.n_added for arm in arms.values())} | {
        f"val {name}": score for name, score in scores.items()
    }


def _key(params: Params, layout: Layout, encoder: str) -> dict:
    """Return what a fine-tuning depends on: one that depends on anything else starts from the beginning."""
    return {
        "train": params.train.model_dump(),
        "ratio": params.select.ratio,
        "seed": params.seed,
        "encoder": encoder,
        "code": code_sha256(run),
        "clips": [
            file_sha256(layout.manifest("select")),
            file_sha256(layout.stage("augment") / "sources.parquet"),
            file_sha256(layout.embeddings("augment")),
        ],
    }


def training_pool(table: pa.Table, layout: Layout) -> tuple[list[str], np.ndarray, list[str], np.ndarray]:
    """Return clip ids, kinds (real, classical, synthetic), emotions and speakers of all that arms choose from."""
    real = scored_clips(table, "train").select(["clip_id", "emotion", "speaker"]).to_pylist()
    kept = table.filter((pc.field("origin") == "converted") & (pc.field("split") == "train") & pc.field("keep"))
    synthetic = kept.select(["clip_id", "emotion", "speaker"]).to_pylist()
    of_source = {row["clip_id"]: row for row in real}
    augmented = manifest.read_table(layout.stage("augment") / "sources.parquet").to_pylist()
    classical = [of_source[row["source_clip_id"]] | {"clip_id": row["clip_id"]} for row in augmented]
    rows = [*real, *classical, *synthetic]
    kinds = np.repeat([REAL, CLASSICAL, SYNTHETIC], [len(real), len(classical), len(synthetic)])
    return (
        [row["clip_id"] for row in rows],
        kinds,
        [row["emotion"] for row in rows],
        np.array([row["speaker"] for row in rows]),
    )


def _log_live(folder: Path, models: Mapping[str, Recogniser], metrics: Mapping[str, dict], *, seed: int) -> None:
    """Log every arm's curve, where its training has one, and its summary, where `dvc plots` finds them."""
    from dvclive import Live

    for name, model in models.items():
        with Live(str(folder / name), dvcyaml=False, save_dvc_exp=False) as live:
            live.log_params({"model": model.kind, "arm": name, "seed": seed})
            for point in getattr(model, "history", ()):
                live.step = point["step"]
                for key in ("loss", "val_uar"):
                    live.log_metric(key, point[key])
                live.make_summary()
            live.summary |= metrics[name]
