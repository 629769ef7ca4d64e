"""Stage prosody: frame tracks and functionals of every ingested clip."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emoforge.base.batch import chunked, map_chunks
from emoforge.base.outputs import built_aside, write_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import open_clips
from emoforge.project.features import write_functionals, write_tracks
from emoforge.project.layout import Layout
from emoforge.project.params import Params, ProsodyParams
from emoforge.prosody.analysis import analyse
from emoforge.prosody.functionals import FUNCTIONAL_NAMES, functionals

_CHUNK = 64


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics."""
    table = manifest.read(layout.manifest("ingest"))
    store = layout.stage("ingest") / "clips"
    clip_ids = table.column("clip_id").to_pylist()
    with built_aside(layout.stage("prosody")) as folder:
        tracks = folder / "tracks"
        chunks = [
            (store, tracks / f"tracks-{number:05d}.parquet", chunk, params.prosody)
            for number, chunk in enumerate(chunked(clip_ids, _CHUNK))
        ]
        results = map_chunks(
            _analyse_chunk,
            chunks,
            workers=params.workers,
            description="prosody",
            unit="clip",
            sizes=[len(chunk) for _, _, chunk, _ in chunks],
        )
        parts = list(results)
        features = np.concatenate([part for part, _ in parts])
        write_functionals(folder / "functionals.parquet", clip_ids, features, FUNCTIONAL_NAMES)
    voiced_share = np.concatenate([share for _, share in parts])
    metrics = {
        "clips": len(clip_ids),
        "functionals": len(FUNCTIONAL_NAMES),
        "voiced_share": round(float(voiced_share.mean()), 4),
        "unvoiced_clips": int((voiced_share == 0).sum()),
    }
    write_json(layout.metrics("prosody"), metrics)
    return metrics


def _analyse_chunk(job: tuple[Path, Path, Sequence[str], ProsodyParams]) -> tuple[np.ndarray, np.ndarray]:
    store, path, clip_ids, options = job
    clips = open_clips(store)
    tracks, features = [], []
    for clip_id in clip_ids:
        signal, sampling_rate = clips.read(clip_id)
        clip_tracks = analyse(signal, sampling_rate, **options.model_dump())
        tracks.append((clip_id, clip_tracks))
        features.append(functionals(signal, sampling_rate, f0_hz=clip_tracks.f0_hz, hop_s=options.hop_s))
    write_tracks(path, tracks)
    return np.stack(features), np.array([clip_tracks.voiced.mean() for _, clip_tracks in tracks])
