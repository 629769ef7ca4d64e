"""Stage prosody: frame tracks and functionals of every ingested clip."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What a worker analyses: clips of a store, with the file that their tracks go to."""

    store: Path
    clip_ids: Sequence[str]
    options: ProsodyParams
    path: Path


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics."""
    table = manifest.read(layout.manifest("ingest"))
    store = layout.stage("ingest") / "clips"
    clip_ids = table.column("clip_id").to_pylist()
    with built_aside(layout.stage("prosody")) as folder:
        tracks = folder / "tracks"
        chunks = [
            _Chunk(store, chunk, params.prosody, tracks / f"tracks-{number:05d}.parquet")
            for number, chunk in enumerate(chunked(clip_ids, _CHUNK))
        ]
        results = map_chunks(
            _analyse_chunk,
            chunks,
            workers=params.workers,
            description="prosody",
            unit="clip",
            sizes=[len(chunk.clip_ids) for chunk in chunks],
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


def _analyse_chunk(chunk: _Chunk) -> tuple[np.ndarray, np.ndarray]:
    """Write the tracks; return functionals (n_clips, n_functionals) and shares of voiced frames (n_clips,)."""
    clips = open_clips(chunk.store)
    tracks, features = [], []
    for clip_id in chunk.clip_ids:
        signal, sampling_rate = clips.read(clip_id)
        clip_tracks = analyse(signal, sampling_rate, **chunk.options.model_dump())
        tracks.append((clip_id, clip_tracks))
        features.append(functionals(signal, sampling_rate, f0_hz=clip_tracks.f0_hz, hop_s=chunk.options.hop_s))
    write_tracks(chunk.path, tracks)
    return np.stack(features), np.array([clip_tracks.voiced.mean() for _, clip_tracks in tracks])
