"""Stage augment: classical augmentation of the real training clips, the arm that synthetic speech has to beat."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emoforge.base.batch import chunked, map_chunks
from emoforge.base.outputs import built_aside, write_json, written_aside
from emoforge.dataset import manifest
from emoforge.dataset.clips import open_clips, shard_path, write_shard
from emoforge.project.encoders.places import located
from emoforge.project.encoders.tables import write_embedded
from emoforge.project.features import encoder_of_run, write_functionals
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.prosody.analysis import describe
from emoforge.prosody.functionals import FUNCTIONAL_NAMES
from emoforge.ser.augment import augment

_CHUNK = 64


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What a worker augments: pairs of new and source clip_id, with the shard that the new clips go to."""

    store: Path
    clips: Sequence[tuple[str, str]]
    params: Params
    path: Path


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics."""
    encoder = encoder_of_run(params.encoder, layout)
    table = manifest.read(layout.manifest("ingest"))
    train = table.filter(pc.and_(pc.equal(table.column("split"), "train"), pc.invert(table.column("enrolment"))))
    jobs = sorted(
        (manifest.make_clip_id("augmented", clip_id, variant, params.seed), clip_id)
        for clip_id in train.column("clip_id").to_pylist()
        for variant in range(params.augment.variants)
    )
    with built_aside(layout.stage("augment")) as folder:
        chunks = [
            _Chunk(layout.stage("ingest") / "clips", chunk, params, shard_path(folder / "clips", number))
            for number, chunk in enumerate(chunked(jobs, _CHUNK))
        ]
        parts = list(
            map_chunks(
                _augment_chunk,
                chunks,
                workers=params.workers,
                description="augment",
                unit="clip",
                sizes=[len(chunk.clips) for chunk in chunks],
            )
        )
        kinds = [kind for part, _ in parts for kind in part]
        features = np.concatenate([part for _, part in parts])
        clip_ids = [clip_id for clip_id, _ in jobs]
        write_functionals(folder / "functionals.parquet", clip_ids, features, FUNCTIONAL_NAMES)
        sources = pa.table({"clip_id": clip_ids, "source_clip_id": [source for _, source in jobs], "kind": kinds})
        if encoder is not None:
            path = folder / layout.embeddings("augment").name
            source = located(params.encoder, layout.root)
            write_embedded(path, folder / "clips", clip_ids, source, like=encoder, workers=params.workers)
        with written_aside(folder / "sources.parquet") as aside:
            pq.write_table(sources, aside, compression="zstd")
    metrics = {"clips": len(jobs), "kinds": dict(sorted(Counter(kinds).items()))}
    write_json(layout.metrics("augment"), metrics)
    return metrics


def _augment_chunk(chunk: _Chunk) -> tuple[list[str], np.ndarray]:
    """Write the augmented clips; return their kinds of augmentation and functionals (n_clips, n_functionals)."""
    params, recorded = chunk.params, open_clips(chunk.store)
    kinds, features, augmented = [], [], []
    for clip_id, source_id in chunk.clips:
        signal, sampling_rate = recorded.read(source_id)
        seed = manifest.seed_from(params.seed, clip_id)
        signal, kind = augment(signal, sampling_rate, kinds=params.augment.kinds, seed=seed)
        features.append(describe(signal, sampling_rate, **params.prosody.model_dump())[1])
        augmented.append((clip_id, signal))
        kinds.append(kind)
    write_shard(chunk.path, augmented, sampling_rate=sampling_rate)
    return kinds, np.stack(features)
