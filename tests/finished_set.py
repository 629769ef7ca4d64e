"""A project as the stages leave it, made in seconds: real clips, manifests, stores, published set."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from tests.small_run import small_params

from emoforge.base.audio import pcm_sha256, resample, to_pcm16
from emoforge.base.outputs import write_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import shard_path, write_shard
from emoforge.project.checksums import folder_sha256
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.stages import ingest, publish, select

#: Emotion that every neutral training clip is converted into.
TARGET = "anger"


def params_of(corpus: Path, **changes: Mapping) -> Params:
    return small_params(corpus, ingest={"emotions": ["neutral", TARGET]} | changes.pop("ingest", {}), **changes)


def make_project(root: Path, corpus: Path) -> Layout:
    """Write a project of which all but the converter is real: conversions are their sources, spoken faster."""
    import yaml

    params = params_of(corpus)
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump(params.model_dump()), "utf-8")
    layout = Layout(root)
    ingest.run(params, layout)
    recorded = manifest.read(layout.manifest("ingest"))
    fit(layout, recorded)
    convert(layout, recorded)
    select.run(params, layout)
    publish.run(params, layout)
    return layout


def fit(layout: Layout, recorded) -> None:
    train = recorded.filter(pc.equal(recorded["split"], "train"))
    write_json(
        layout.stage("converter") / "provenance.json",
        {
            "corpora": ["demo"],
            "speakers": sorted(set(train["speaker"].to_pylist())),
            "licences": ["CC0-1.0"],
            "clips": len(train),
        },
    )


def convert(layout: Layout, recorded) -> None:
    """Write a conversion of every neutral training clip, in the manner of the next speaker's angry clip."""
    from emoforge.dataset.clips import open_clips

    shutil.rmtree(layout.stage("convert"), ignore_errors=True)
    store = open_clips(layout.stage("ingest") / "clips")
    rows = [row for row in recorded.to_pylist() if row["split"] == "train"]
    speakers = sorted({row["speaker"] for row in rows})
    styles = {row["speaker"]: row["clip_id"] for row in rows if row["emotion"] == TARGET}
    made, clips = [], []
    for row in rows:
        if row["emotion"] != "neutral":
            continue
        signal, rate = store.read(row["clip_id"])
        faster = resample(signal, 100, 83)
        style = styles[speakers[(speakers.index(row["speaker"]) + 1) % len(speakers)]]
        clip_id = manifest.make_clip_id("converted", row["clip_id"])
        clips.append((clip_id, faster))
        made.append(
            row
            | {
                "clip_id": clip_id,
                "source_clip_id": row["clip_id"],
                "style_clip_id": style,
                "emotion": TARGET,
                "source_emotion": "neutral",
                "intensity": 1.0,
                "origin": "converted",
                "enrolment": False,
                "duration_s": len(faster) / rate,
                "audio_sha256": pcm_sha256(faster, rate),
                "clipping_share": float(np.mean(np.abs(to_pcm16(faster).astype(int)) >= 32767)),
                "converter": "faster",
                "converter_sha256": folder_sha256(layout.stage("converter")),
                "seed": manifest.seed_from(clip_id),
                "naturalness": 3.0,
                "speaker_similarity": 0.8,
                "content_error": 0.1,
                "silence_share": 0.1,
                "duration_ratio": 0.83,
                "f0_range_st": 6.0,
                "emotion_confidence": 0.5 + 0.4 * (int(clip_id[0], 16) / 15),
                "emotion_probabilities": [(TARGET, 0.7), ("neutral", 0.3)],
            }
        )
    clips.sort()
    write_shard(shard_path(layout.stage("convert") / "clips", 0), clips, sampling_rate=16000)
    table = manifest.from_rows(made)
    for stage in ("convert", "score"):
        manifest.write(table, layout.manifest(stage))


def clip_of(layout: Layout, **wanted: object) -> dict:
    """Return the first row of select's manifest that has the *wanted* values."""
    rows = manifest.read(layout.manifest("select")).to_pylist()
    return next(row for row in rows if all(row[name] == value for name, value in wanted.items()))


def rewrite(path: Path, change) -> None:
    """Let *change* alter the rows (a list of dicts) of the manifest *path* in place."""
    rows = manifest.read(path).to_pylist()
    change(rows)
    manifest.write(manifest.from_rows(rows), path)
