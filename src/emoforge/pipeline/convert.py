"""Stage convert: neutral clips of training speakers → every target emotion, several variants each.

A killed run goes on where it was: a chunk that is written is not converted again, as long as converter, clips and
params are the same.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge import manifest
from emoforge.audio import pcm_sha256
from emoforge.batch import chunked, map_chunks
from emoforge.clips import shard_path, write_shard
from emoforge.convert import registry
from emoforge.convert.base import Converter
from emoforge.errors import EmoforgeError, ManifestError
from emoforge.labels import NEUTRAL
from emoforge.outputs import built_aside, write_json
from emoforge.params import Params
from emoforge.pipeline.layout import Layout
from emoforge.pipeline.utterances import open_utterances
from emoforge.publish.licences import combine

_CHUNK = 32


@dataclass(frozen=True, slots=True)
class Job:
    """One conversion that is to be made; *row* is its manifest row but for what only the audio can tell."""

    row: dict
    seed: int


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics.

    Raises:
        ManifestError: no training speaker has a neutral clip to convert.
    """
    table = manifest.validate(manifest.read(layout.manifest("ingest")), name="ingest")
    converter_folder = layout.stage("converter")
    converter = registry.load(converter_folder)
    checksum = folder_sha256(converter_folder)
    provenance = json.loads((converter_folder / "provenance.json").read_text("utf-8"))
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
    key = {"jobs": hashlib.sha256(repr([job.row["clip_id"] for job in jobs]).encode()).hexdigest()}
    with built_aside(layout.stage("convert"), key=key) as folder:
        results = _convert_all(jobs, folder, params, layout)
        clips = manifest.concatenate([rows for rows, _ in results])
        rejected = pa.concat_tables([rows for _, rows in results]).sort_by("clip")
        for part in (folder / "parts").glob("*.parquet"):
            part.unlink()
        (folder / "parts").rmdir()
        manifest.validate(manifest.concatenate([table, clips]), name="convert")
        manifest.write(clips, folder / "manifest.parquet")
        manifest.write(rejected, folder / "rejected.parquet")
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


def folder_sha256(folder: Path) -> str:
    """Return the SHA-256 of a model folder: of the names and bytes of its files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _convert_all(jobs: Sequence[Job], folder: Path, params: Params, layout: Layout) -> list[tuple[pa.Table, pa.Table]]:
    (folder / "parts").mkdir(exist_ok=True)
    chunks = [(layout.root.resolve(), folder, number, chunk) for number, chunk in enumerate(chunked(jobs, _CHUNK))]
    todo = [chunk for chunk in chunks if not _part(folder, "clips", chunk[2]).is_file()]
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
def _open_converter(folder: Path) -> Converter:
    return registry.load(folder)


def _convert_chunk(job: tuple[Path, Path, int, Sequence[Job]]) -> None:
    root, folder, number, jobs = job
    utterances = open_utterances(root)
    converter = _open_converter(Layout(root).stage("converter"))
    rows, clips, rejected = [], [], []
    for item in jobs:
        source = utterances[item.row["source_clip_id"]]
        try:
            conversion = converter.convert(source, item.row["emotion"], intensity=item.row["intensity"], seed=item.seed)
            if not (len(conversion.signal) and np.isfinite(conversion.signal).all()):
                raise EmoforgeError("conversion gave no finite samples")
        except EmoforgeError as error:
            rejected.append(
                {
                    "corpus": item.row["corpus"],
                    "clip": item.row["source_clip_id"],
                    "emotion": item.row["emotion"],
                    "reason": str(error),
                }
            )
            continue
        clips.append((item.row["clip_id"], conversion.signal))
        rows.append(
            item.row
            | {
                "style_clip_id": conversion.style_clip_id,
                "sampling_rate": source.sampling_rate,
                "duration_s": len(conversion.signal) / source.sampling_rate,
                "audio_sha256": pcm_sha256(conversion.signal, source.sampling_rate),
            }
        )
    sampling_rate = rows[0]["sampling_rate"] if rows else 16000
    write_shard(shard_path(folder / "clips", number), clips, sampling_rate=sampling_rate)
    manifest.write(manifest.from_rows(rejected, schema=manifest.REJECTED_SCHEMA), _part(folder, "rejected", number))
    # The rows come last: where they are, the chunk is whole.
    manifest.write(manifest.from_rows(rows), _part(folder, "clips", number))
