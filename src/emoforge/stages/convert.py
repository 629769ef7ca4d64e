"""Stage convert: neutral clips of training speakers → every target emotion, several variants each.

A killed run goes on where it was: a chunk that is written is not converted again, as long as converter, clips and
params are the same.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.audio import pcm_sha256
from emoforge.base.batch import chunked, map_chunks
from emoforge.base.errors import EmoforgeError, ManifestError
from emoforge.base.outputs import built_aside, read_json, write_json
from emoforge.convert import registry
from emoforge.convert.base import Conversion, Converter, Performer
from emoforge.convert.utterance import Utterance
from emoforge.dataset import manifest
from emoforge.dataset.clips import shard_path, write_shard
from emoforge.dataset.labels import NEUTRAL
from emoforge.dataset.licences import combine
from emoforge.project.checksums import code_sha256, folder_sha256
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.project.utterances import UtteranceStore

_CHUNK = 32


@dataclass(frozen=True, slots=True)
class Job:
    """One conversion that is to be made; *row* is its manifest row but for what only the audio can tell."""

    row: dict
    seed: int


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Where a worker reads, and the checksums of what it finds there."""

    root: Path
    checksums: tuple[tuple[str, str], ...]


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics.

    Raises:
        ManifestError: no training speaker has a neutral clip to convert.
    """
    table = manifest.validate(manifest.read(layout.manifest("ingest")), name="ingest")
    converter_folder = layout.stage("converter")
    converter = registry.load(converter_folder)
    checksum = folder_sha256(converter_folder)
    provenance = read_json(converter_folder / "provenance.json")
    _check_speakers(provenance["speakers"], table)
    jobs = plan(
        table,
        emotions=converter.emotions,
        method=params.fit_converter.method,
        checksum=checksum,
        learnt_from=provenance["licences"],
        params=params,
    )
    if not jobs:
        raise ManifestError("no neutral clip of a training speaker to convert; import neutral speech first")
    inputs = {
        "jobs": hashlib.sha256(repr([job.row["clip_id"] for job in jobs]).encode()).hexdigest(),
        "manifest": hashlib.sha256(layout.manifest("ingest").read_bytes()).hexdigest(),
        "tracks": folder_sha256(layout.stage("prosody")),
        "converter": checksum,
    }
    # What an older version of this code began is not what this one would go on with.
    key = inputs | {"chunk": _CHUNK, "code": code_sha256(run, type(converter))}
    with built_aside(layout.stage("convert"), key=key) as folder:
        results = _convert_all(jobs, folder, inputs, params, layout)
        clips, duplicates = _without_duplicates(manifest.concatenate([rows for rows, _ in results]))
        rejected = pa.concat_tables([duplicates, *(rows for _, rows in results)]).sort_by(
            [("clip", "ascending"), ("emotion", "ascending")]
        )
        if not len(clips):
            reason = rejected.column("reason")[0].as_py()
            raise ManifestError(f"none of {len(jobs)} conversions could be made; the first: {reason}")
        manifest.validate(manifest.concatenate([table, clips]), name="convert")
        manifest.write(clips, folder / "manifest.parquet")
        manifest.write(rejected, folder / "rejected.parquet")
        shutil.rmtree(folder / "parts")
    metrics = {
        "sources": len({job.row["source_clip_id"] for job in jobs}),
        "clips_in": len(jobs),
        "clips_out": len(clips),
        "rejected": dict(sorted(Counter(rejected.column("reason").to_pylist()).items())),
        "emotions": dict(sorted(Counter(clips.column("emotion").to_pylist()).items())),
    }
    write_json(layout.metrics("convert"), metrics)
    return metrics


def plan(
    table: pa.Table,
    *,
    emotions: Sequence[str],
    method: str,
    checksum: str,
    learnt_from: Sequence[str],
    params: Params,
) -> list[Job]:
    """Return a job for every neutral training clip, emotion and variant, sorted by the id of the clip to be."""
    neutral = pc.and_(pc.equal(table.column("emotion"), NEUTRAL), pc.equal(table.column("split"), "train"))
    sources = table.filter(pc.and_(neutral, pc.equal(table.column("origin"), "recorded"))).to_pylist()
    jobs = []
    for source in sources:
        for emotion in emotions:
            if emotion == NEUTRAL:
                continue
            for variant in range(params.convert.variants):
                seed = manifest.seed_from(params.seed, source["clip_id"], emotion, variant)
                clip_id = manifest.make_clip_id(
                    "converted", source["clip_id"], emotion, params.convert.intensity, checksum, seed
                )
                inherited = ("corpus", "speaker", "gender", "language", "text", "split", "sentence")
                row = {name: source[name] for name in inherited} | {
                    "clip_id": clip_id,
                    "source_clip_id": source["clip_id"],
                    "emotion": emotion,
                    "source_emotion": source["emotion"],
                    "intensity": params.convert.intensity,
                    "origin": "converted",
                    "enrolment": False,
                    "licence": _derived_licence({source["licence"], *learnt_from}),
                    "converter": method,
                    "converter_sha256": checksum,
                    "seed": seed,
                }
                jobs.append(Job(row, seed))
    return sorted(jobs, key=lambda job: job.row["clip_id"])


def _derived_licence(licences: set[str]) -> str:
    """Return the licence of a clip made from sources under all of *licences*.

    Where no single one satisfies them all, the clip may still be made and trained on, only not shared: it carries
    all of them, and publish refuses that.
    """
    if len(licences) == 1:
        return next(iter(licences))
    try:
        return combine(("", licence) for licence in sorted(licences))
    except EmoforgeError:
        return " AND ".join(sorted(licences))


def _convert_all(
    jobs: Sequence[Job], folder: Path, inputs: dict[str, str], params: Params, layout: Layout
) -> list[tuple[pa.Table, pa.Table]]:
    (folder / "parts").mkdir(exist_ok=True)
    opened = _Inputs(layout.root.resolve(), tuple(sorted(inputs.items())))
    chunks = [(opened, folder, number, chunk) for number, chunk in enumerate(chunked(jobs, _CHUNK))]
    todo = [
        chunk for chunk in chunks if not all(_part(folder, kind, chunk[2]).is_file() for kind in ("clips", "rejected"))
    ]
    for _ in map_chunks(
        _convert_chunk,
        todo,
        workers=params.workers,
        description="convert",
        unit="clip",
        sizes=[len(chunk) for *_, chunk in todo],
    ):
        pass
    return [
        (
            manifest.read(_part(folder, "clips", number)),
            manifest.read(_part(folder, "rejected", number), schema=manifest.REJECTED_SCHEMA),
        )
        for _, _, number, _ in chunks
    ]


def _part(folder: Path, kind: str, number: int) -> Path:
    return folder / "parts" / f"{kind}-{number:05d}.parquet"


@lru_cache(maxsize=1)
def _open(inputs: _Inputs) -> tuple[Converter, UtteranceStore]:
    """Return what conversion reads; once a process, and anew where the checksums are others."""
    layout = Layout(inputs.root)
    return registry.load(layout.stage("converter")), UtteranceStore(layout, manifest.read(layout.manifest("ingest")))


def _convert_chunk(work: tuple[_Inputs, Path, int, Sequence[Job]]) -> None:
    inputs, folder, number, jobs = work
    converter, utterances = _open(inputs)
    sources = [utterances[job.row["source_clip_id"]] for job in jobs]
    rows, clips, rejected = [], [], []
    for job, source, conversion in zip(jobs, sources, conversions(converter, jobs, sources), strict=True):
        if isinstance(conversion, str):
            rejected.append(_rejection(job.row, conversion))
            continue
        clips.append((job.row["clip_id"], conversion.signal))
        rows.append(
            job.row
            | {
                "style_clip_id": conversion.style_clip_id,
                "sampling_rate": source.sampling_rate,
                "duration_s": len(conversion.signal) / source.sampling_rate,
                "audio_sha256": pcm_sha256(conversion.signal, source.sampling_rate),
            }
        )
    write_shard(shard_path(folder / "clips", number), clips, sampling_rate=sources[0].sampling_rate)
    manifest.write(manifest.from_rows(rejected, schema=manifest.REJECTED_SCHEMA), _part(folder, "rejected", number))
    # The rows come last: where they are, the chunk is whole.
    manifest.write(manifest.from_rows(rows), _part(folder, "clips", number))


def conversions(converter: Performer, jobs: Sequence[Job], sources: Sequence[Utterance]) -> list[Conversion | str]:
    """Return a conversion a job, or why there is none; one that fails does not take its batch along."""
    batch = [
        (source, job.row["emotion"], job.row["intensity"], job.seed) for job, source in zip(jobs, sources, strict=True)
    ]
    try:
        made: list[Conversion | str] = list(converter.convert_batch(batch))
    except EmoforgeError:
        made = []
        for source, emotion, intensity, seed in batch:
            try:
                made.append(converter.convert(source, emotion, intensity=intensity, seed=seed))
            except EmoforgeError as error:
                made.append(str(error))
    return [
        conversion
        if isinstance(conversion, str) or (len(conversion.signal) and np.isfinite(conversion.signal).all())
        else "conversion gave no finite samples"
        for conversion in made
    ]


def _without_duplicates(clips: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Split off clips that sound as another variant of theirs does: they would count twice and teach once."""
    seen: set[tuple] = set()
    first, rejected = [], []
    for row in clips.select(["source_clip_id", "emotion", "audio_sha256", "corpus"]).to_pylist():
        key = (row["source_clip_id"], row["emotion"], row["audio_sha256"])
        first.append(key not in seen)
        if key in seen:
            rejected.append(_rejection(row, "same audio as another variant"))
        seen.add(key)
    return clips.filter(pa.array(first, pa.bool_())), manifest.from_rows(rejected, schema=manifest.REJECTED_SCHEMA)


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
