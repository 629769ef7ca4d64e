"""Stage convert: neutral clips of training speakers → every target emotion, several variants each.

A killed run goes on where it was: a chunk that is written is not converted again, as long as converter, clips and
params are the same.

An external converter also converts some neutral clips to neutral. This control lies in ``control/``, where no other
stage looks for clips.
"""

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.batch import chunked, map_chunks
from emoforge.base.errors import ManifestError, ParamsError
from emoforge.base.outputs import built_aside, read_json, write_json
from emoforge.convert import registry
from emoforge.convert.base import Converter
from emoforge.convert.registry import EXTERNAL
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore, shard_path, write_shard
from emoforge.dataset.labels import NEUTRAL
from emoforge.dataset.licences import derived
from emoforge.project.checksums import code_sha256, file_sha256, folder_sha256
from emoforge.project.conversions import SAME_AUDIO, ConversionJob, convert_jobs, repeated
from emoforge.project.external import Command, ExternalConverter, Session, control_sources, ended_afterwards
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.project.utterances import UtteranceStore

_CHUNK = 32


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Where a worker reads, and the checksums of what it finds there.

    Attributes:
        root: of the project.
        checksums: of what is read.
        program: starts an external converter; None for any other.
        work: folder for the files of external converters.
    """

    root: Path
    checksums: tuple[tuple[str, str], ...]
    program: Command | None
    work: Path


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What a worker converts in one go, and the stage's folder that it writes to.

    Attributes:
        inputs: where converter and sources are.
        folder: of the stage.
        number: of the chunk, from 0.
        rows: planned, see :func:`plan`.
    """

    inputs: _Inputs
    folder: Path
    number: int
    rows: Sequence[dict]

    def part(self, kind: str) -> Path:
        """Return where this chunk's rows of *kind* (clips, rejected) are kept until every chunk is done."""
        return self.folder / "parts" / f"{kind}-{self.number:05d}.parquet"

    @property
    def done(self) -> bool:
        return self.part("clips").is_file() and self.part("rejected").is_file()


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics.

    Raises:
        ManifestError: no training speaker has a neutral clip to convert.
    """
    table = manifest.validate(manifest.read(layout.manifest("ingest")), name="ingest")
    converter_folder = layout.stage("converter")
    kind, _ = registry.describe(converter_folder)
    program = _program(params, layout) if kind == EXTERNAL else None
    converter = ExternalConverter.load(converter_folder) if program else registry.load(converter_folder)
    checksum = folder_sha256(converter_folder)
    provenance = read_json(converter_folder / "provenance.json")
    _check_speakers(provenance["speakers"], table)
    made_by = {"method": converter.name, "checksum": checksum, "learnt_from": provenance["licences"], "params": params}
    planned = plan(table, emotions=converter.emotions, **made_by)
    if not planned:
        raise ManifestError("no neutral clip of a training speaker to convert; import neutral speech first")
    control = plan_control(table, **made_by) if program else []
    checksums = {
        "jobs": hashlib.sha256(repr([row["clip_id"] for row in planned]).encode()).hexdigest(),
        "manifest": file_sha256(layout.manifest("ingest")),
        "tracks": folder_sha256(layout.stage("prosody")),
        "converter": checksum,
    }
    # Chunks that an older version of this code wrote must not be mixed with those of this one.
    key = checksums | {"chunk": _CHUNK, "code": code_sha256(run, type(converter))}
    if control:
        key["control"] = [row["clip_id"] for row in control]
    with built_aside(layout.stage("convert"), key=key) as folder, ended_afterwards():
        work = folder.resolve() / "work"
        inputs = _Inputs(layout.root.resolve(), tuple(sorted(checksums.items())), program, work)
        workers = params.fit_converter.external.processes if program else params.workers
        # The control comes first: without it the rest is not worth its time.
        control_counts = _convert_control(control, table, folder / "control", inputs, workers) if control else None
        results = _convert_all(planned, folder, inputs, workers)
        clips, duplicates = _without_duplicates(manifest.concatenate([rows for rows, _ in results]))
        rejected = _sorted([duplicates, *(rows for _, rows in results)])
        if not len(clips):
            reason = rejected.column("reason")[0].as_py()
            raise ManifestError(f"none of {len(planned)} conversions could be made; the first: {reason}")
        manifest.validate(manifest.concatenate([table, clips]), name="convert")
        manifest.write(clips, folder / "manifest.parquet")
        manifest.write(rejected, folder / "rejected.parquet")
        for leftover in (folder / "parts", folder / "control" / "parts", work):
            shutil.rmtree(leftover, ignore_errors=True)
    metrics = {
        "sources": len({row["source_clip_id"] for row in planned}),
        "clips_in": len(planned),
        "clips_out": len(clips),
        "rejected": _reasons(rejected),
        "emotions": dict(sorted(Counter(clips.column("emotion").to_pylist()).items())),
    }
    if control_counts:
        metrics["control"] = control_counts
    write_json(layout.metrics("convert"), metrics)
    return metrics


def _program(params: Params, layout: Layout) -> Command:
    if not params.fit_converter.external.command:
        raise ParamsError(
            f"params.yaml: fit_converter.external.command is empty, and {layout.stage('converter')} holds an external "
            "converter; name its program, or fit another converter"
        )
    return Command.of(params.fit_converter.external, layout.root.resolve())


def plan(
    table: pa.Table,
    *,
    emotions: Sequence[str],
    method: str,
    checksum: str,
    learnt_from: Sequence[str],
    params: Params,
) -> list[dict]:
    """Return a row for every neutral training clip, emotion and variant, sorted by the clip_id of the conversion.

    A row is that of the manifest without the columns that only the audio can fill.
    """
    planned = [
        _planned(source, emotion, variant, method=method, checksum=checksum, learnt_from=learnt_from, params=params)
        for source in _sources(table)
        for emotion in emotions
        if emotion != NEUTRAL
        for variant in range(params.convert.variants)
    ]
    return sorted(planned, key=lambda row: row["clip_id"])


def plan_control(
    table: pa.Table, *, method: str, checksum: str, learnt_from: Sequence[str], params: Params
) -> list[dict]:
    """Return a row like those of :func:`plan` for every neutral training clip that is converted to neutral."""
    sources = control_sources(_sources(table), params.fit_converter.external.control_clips, seed=params.seed)
    planned = [
        _planned(source, NEUTRAL, 0, method=method, checksum=checksum, learnt_from=learnt_from, params=params)
        for source in sources
    ]
    return sorted(planned, key=lambda row: row["clip_id"])


def _sources(table: pa.Table) -> list[dict]:
    neutral = pc.and_(pc.equal(table.column("emotion"), NEUTRAL), pc.equal(table.column("split"), "train"))
    return table.filter(pc.and_(neutral, pc.equal(table.column("origin"), "recorded"))).to_pylist()


def _planned(
    source: Mapping,
    emotion: str,
    variant: int,
    *,
    method: str,
    checksum: str,
    learnt_from: Sequence[str],
    params: Params,
) -> dict:
    seed = manifest.seed_from(params.seed, source["clip_id"], emotion, variant)
    clip_id = manifest.make_clip_id("converted", source["clip_id"], emotion, params.convert.intensity, checksum, seed)
    inherited = ("corpus", "speaker", "gender", "language", "text", "split", "sentence")
    return {name: source[name] for name in inherited} | {
        "clip_id": clip_id,
        "source_clip_id": source["clip_id"],
        "emotion": emotion,
        "source_emotion": source["emotion"],
        "intensity": params.convert.intensity,
        "origin": "converted",
        "enrolment": False,
        "licence": derived([source["licence"], *learnt_from]),
        "converter": method,
        "converter_sha256": checksum,
        "seed": seed,
    }


def _convert_control(
    planned: Sequence[dict], table: pa.Table, folder: Path, inputs: _Inputs, workers: int
) -> dict[str, Any]:
    """Convert neutral clips to neutral, keep them apart in *folder*, and return how many came out."""
    # Programs side by side run in other processes than the only one that the control may need.
    with ended_afterwards() if workers > 1 else nullcontext():
        results = _convert_all(planned, folder, inputs, workers)
    clips, rejected = manifest.concatenate([rows for rows, _ in results]), _sorted([rows for _, rows in results])
    if not len(clips):
        reason = rejected.column("reason")[0].as_py()
        raise ManifestError(
            f"none of {len(planned)} neutral clips could be converted to neutral, and without this control nothing can "
            f"be said of the emotional ones; the first: {reason}"
        )
    manifest.validate(manifest.concatenate([table, clips]), name="control")
    manifest.write(clips, folder / "manifest.parquet")
    manifest.write(rejected, folder / "rejected.parquet")
    return {"clips_in": len(planned), "clips_out": len(clips), "rejected": _reasons(rejected)}


def _convert_all(
    planned: Sequence[dict], folder: Path, inputs: _Inputs, workers: int
) -> list[tuple[pa.Table, pa.Table]]:
    """Convert what is not converted yet and return each chunk's manifest rows and rejected rows."""
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    chunks = [_Chunk(inputs, folder, number, rows) for number, rows in enumerate(chunked(planned, _CHUNK))]
    todo = [chunk for chunk in chunks if not chunk.done]
    sizes = [len(chunk.rows) for chunk in todo]
    for _ in map_chunks(_convert_chunk, todo, workers=workers, description="convert", unit="clip", sizes=sizes):
        pass
    return [
        (
            manifest.read(chunk.part("clips")),
            manifest.read(chunk.part("rejected"), schema=manifest.REJECTED_SCHEMA),
        )
        for chunk in chunks
    ]


@lru_cache(maxsize=1)
def _open(inputs: _Inputs) -> tuple[Converter | Session, UtteranceStore]:
    """Return what conversion reads; opened once per process, and again when the checksums change."""
    layout = Layout(inputs.root)
    folder, table = layout.stage("converter"), manifest.read(layout.manifest("ingest"))
    if inputs.program is None:
        return registry.load(folder), UtteranceStore(layout, table)
    session = Session(
        ExternalConverter.load(folder),
        inputs.program,
        table,
        ClipStore(layout.stage("ingest") / "clips"),
        inputs.work / str(os.getpid()),
    )
    return session, UtteranceStore(layout, table)


def _convert_chunk(chunk: _Chunk) -> None:
    converter, utterances = _open(chunk.inputs)
    results = convert_jobs(converter, utterances, [ConversionJob.of(row) for row in chunk.rows])
    rows, clips, rejected = [], [], []
    for row, result in zip(chunk.rows, results, strict=True):
        if result.reason:
            rejected.append(_rejection(row, result.reason))
            continue
        clips.append((row["clip_id"], result.signal))
        rows.append(
            row
            | {
                "style_clip_id": result.style_clip_id,
                "sampling_rate": result.sampling_rate,
                "duration_s": result.duration_s,
                "audio_sha256": result.audio_sha256,
            }
        )
    write_shard(shard_path(chunk.folder / "clips", chunk.number), clips, sampling_rate=results[0].sampling_rate)
    manifest.write(manifest.from_rows(rejected, schema=manifest.REJECTED_SCHEMA), chunk.part("rejected"))
    # The rows come last: where they are, the chunk is whole.
    manifest.write(manifest.from_rows(rows), chunk.part("clips"))


def _without_duplicates(clips: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Split off clips that sound as another variant of theirs does."""
    rows = clips.select(["source_clip_id", "emotion", "audio_sha256", "corpus"]).to_pylist()
    again = repeated((row["source_clip_id"], row["emotion"], row["audio_sha256"]) for row in rows)
    rejected = [_rejection(row, SAME_AUDIO) for row, is_repeated in zip(rows, again, strict=True) if is_repeated]
    return (
        clips.filter(pc.invert(pa.array(again, pa.bool_()))),
        manifest.from_rows(rejected, schema=manifest.REJECTED_SCHEMA),
    )


def _sorted(rejected: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(rejected).sort_by([("clip", "ascending"), ("emotion", "ascending")])


def _reasons(rejected: pa.Table) -> dict[str, int]:
    return dict(sorted(Counter(rejected.column("reason").to_pylist()).items()))


def _rejection(row: dict, reason: str) -> dict:
    return {"corpus": row["corpus"], "clip": row["source_clip_id"], "emotion": row["emotion"], "reason": reason}


def _check_speakers(speakers: Sequence[str], table: pa.Table) -> None:
    """Refuse a converter that learnt from a speaker who validates or tests."""
    split_of = dict(zip(table.column("speaker").to_pylist(), table.column("split").to_pylist(), strict=True))
    for speaker in speakers:
        if split_of.get(speaker, "train") != "train":
            raise ManifestError(
                f"the converter learnt from speaker {speaker!r}, who is in the {split_of[speaker]} split; fit it again"
            )
