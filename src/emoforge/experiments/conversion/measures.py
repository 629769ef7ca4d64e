"""What is measured on the clips of an evaluation of conversion, converted and real ones alike."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from emoforge.base.batch import chunked
from emoforge.convert.alignment import speech_span
from emoforge.convert.exemplars import summarise
from emoforge.convert.style import Style
from emoforge.convert.world import World
from emoforge.dataset.clips import ClipStore
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.conversion.figures import Rotation
from emoforge.experiments.conversion.protocol import Protocol
from emoforge.experiments.work import (
    CHUNK,
    Cell,
    Corpus,
    drain,
    keyed_folder,
    open_utterances,
    part_path,
    read_rows,
    write_rows,
)
from emoforge.project.checksums import code_sha256, digest
from emoforge.project.features import TrackStore
from emoforge.project.layout import Layout
from emoforge.project.params import ProsodyParams
from emoforge.project.utterances import UtteranceStore
from emoforge.prosody.analysis import analyse
from emoforge.prosody.functionals import functionals
from emoforge.prosody.tracks import Tracks
from emoforge.quality.content import content_error
from emoforge.quality.naturalness import Distillmos
from emoforge.quality.parallel import parallel_errors
from emoforge.quality.scoring import shared_dnsmos, shared_encoder

PARALLEL = ("mcd", "f0_rmse_st", "f0_correlation", "duration_error")


def takes_of(rows: Sequence[dict]) -> dict[tuple, list[str]]:
    """Return (speaker, sentence, emotion) → ids of the recordings; sentences that are not named have none."""
    takes: dict[tuple, list[str]] = {}
    for row in rows:
        if row["sentence"] is not None:
            takes.setdefault((row["speaker"], row["sentence"], row["emotion"]), []).append(row["clip_id"])
    return takes


@lru_cache(maxsize=1)
def _shared_distillmos() -> Distillmos:
    return Distillmos()


@lru_cache(maxsize=2)
def _open_recorded(layout: Layout, key: str) -> tuple[ClipStore, TrackStore]:
    return ClipStore(layout.stage("ingest") / "clips"), TrackStore(layout.stage("prosody") / "tracks")


def measure_converted(
    cells: Sequence[tuple[Cell, Corpus, Path]], options: ProsodyParams, protocol: Protocol, work: Path
) -> dict[Cell, list[dict]]:
    """Measure converted clips that are not measured yet; return the rows of each cell with their measures.

    Args:
        cells: (cell, corpus of the sources, folder of the converted clips).
        options: of the analysis.
        protocol: of the evaluation.
        work: the work folder.
    """
    folders, todo = {}, []
    for cell, corpus, clips in cells:
        rows = read_rows(clips)
        key = {
            "corpus": corpus.key,
            # The sound, not the converter: what was measured holds as long as the same samples come out.
            "clips": digest([(row["clip_id"], row["audio_sha256"]) for row in rows]),
            "chunk": CHUNK,
            "prosody": options.model_dump(),
            "code": code_sha256(_measure_chunk),
        }
        folders[cell] = folder = keyed_folder(work / "measured" / cell.name, key)
        takes = takes_of(corpus.table.select(["clip_id", "speaker", "sentence", "emotion"]).to_pylist())
        for number, chunk in enumerate(chunked(rows, CHUNK)):
            if not part_path(folder, number).is_file():
                own = [takes.get((row["speaker"], row["sentence"], row["emotion"]), []) for row in chunk]
                todo.append((corpus.layout, corpus.key, clips, options, part_path(folder, number), own, chunk))
    drain(_measure_chunk, todo, protocol, "measure", "clip", sizes=[len(job[-1]) for job in todo])
    return {cell: read_rows(folder) for cell, folder in folders.items()}


def _measure_chunk(job: tuple[Layout, str, Path, ProsodyParams, Path, list[list[str]], list[dict]]) -> None:
    layout, corpus_key, clips, options, path, takes, rows = job
    recorded, tracks = _open_recorded(layout, corpus_key)
    converted = ClipStore(clips)
    # Systems that ignore emotion or seed make the same clip several times; it is measured once.
    known: dict[tuple[str, str], tuple[Tracks, dict]] = {}
    measured = []
    for row, own in zip(rows, takes, strict=True):
        if row["reason"]:
            measured.append(row)
            continue
        sound = (row["source_clip_id"], row["audio_sha256"])
        if sound not in known:
            signal, sampling_rate = converted.read(row["clip_id"])
            source, _ = recorded.read(row["source_clip_id"])
            own_tracks = analyse(signal, sampling_rate, **options.model_dump())
            values = functionals(signal, sampling_rate, f0_hz=own_tracks.f0_hz, hop_s=options.hop_s)
            known[sound] = (
                own_tracks,
                naturalness_and_voice(signal, sampling_rate)
                | {
                    "content_error": content_error(source, signal, sampling_rate),
                    "performance": performance(own_tracks),
                    "functionals": values.tolist(),
                },
            )
        own_tracks, measures = known[sound]
        measured.append(row | measures | _against_takes(own_tracks, [tracks[clip_id] for clip_id in own]))
    write_rows(path, measured)


def naturalness_and_voice(signal: np.ndarray, sampling_rate: int) -> dict:
    """Return what is measured on converted and on real clips alike."""
    return {
        "dnsmos": float(shared_dnsmos().score([signal], sampling_rate)[0, 2]),
        "distillmos": float(_shared_distillmos().score([signal], sampling_rate)[0]),
        "embedding": shared_encoder().embed([signal], sampling_rate)[0].tolist(),
    }


def performance(tracks: Tracks) -> list[float]:
    """Return how a clip is performed: F0 mean, range and slope (st), log2 duration, level (dB) and tilt (dB)."""
    summary = summarise(tracks)
    envelope_db = summary.envelope_db.astype(np.float64)
    falling = np.cos(np.pi * (np.arange(len(envelope_db)) + 0.5) / len(envelope_db))
    return [
        summary.f0_st,
        summary.f0_range_st,
        summary.f0_slope_st,
        float(np.log2(summary.duration_s)),
        float(envelope_db.mean()),
        float((envelope_db * falling).mean()),
    ]


def _against_takes(tracks: Tracks, takes: Sequence[Tracks]) -> dict:
    """Return the mean errors against all real takes, NaN where there is none."""
    span = speech_span(tracks.energy_db)
    errors = []
    for take in takes:
        other = speech_span(take.energy_db)
        errors.append(
            parallel_errors(tracks.envelope_db[span], tracks.f0_hz[span], take.envelope_db[other], take.f0_hz[other])
        )
    return {name: nanmean([getattr(error, name) for error in errors]) for name in PARALLEL}


def measure_recorded(
    wanted: Sequence[tuple[Corpus, int, Rotation, list[dict], list[dict]]],
    options: ProsodyParams,
    protocol: Protocol,
    work: Path,
) -> dict[tuple[str, int], list[dict]]:
    """Measure the recordings that conversions are held against, once for all systems.

    Args:
        wanted: (corpus, rotation number, rotation, sources, real clips).
        options: of the analysis.
        protocol: of the evaluation.
        work: the work folder.

    Returns:
        (corpus, rotation number) → a row a recording of the rotation's source speakers: performance of all; embedding
        of sources, real and neutral clips; dnsmos and distillmos of sources and real clips; of sources also
        content_error_copy and, as zero_effort, a JSON object: emotion → errors against the real takes.
    """
    folders, todo = {}, []
    for corpus, number, roles, sources, real in wanted:
        rows = corpus.rows(roles.sources)
        source_ids, rated = {row["clip_id"] for row in sources}, {row["clip_id"] for row in [*sources, *real]}
        key = {
            "corpus": corpus.key,
            "speakers": roles.sources,
            "sources": sorted(source_ids),
            "rated": sorted(rated),
            "chunk": CHUNK,
            "code": code_sha256(_measure_recorded_chunk),
        }
        folder = keyed_folder(work / "recorded" / f"{corpus.name}-{number}", key)
        folders[corpus.name, number] = folder
        takes = takes_of(rows)
        emotions = sorted({row["emotion"] for row in rows} - {NEUTRAL})
        for number_of_part, chunk in enumerate(chunked(rows, CHUNK)):
            path = part_path(folder, number_of_part)
            if not path.is_file():
                todo.append((corpus.layout, corpus.key, path, source_ids, rated, takes, emotions, chunk))
    drain(_measure_recorded_chunk, todo, protocol, "measure recordings", "clip", sizes=[len(job[-1]) for job in todo])
    return {name: read_rows(folder) for name, folder in folders.items()}


def _measure_recorded_chunk(
    job: tuple[Layout, str, Path, set[str], set[str], dict[tuple, list[str]], list[str], list[dict]],
) -> None:
    layout, corpus_key, path, source_ids, rated, takes, emotions, rows = job
    clips, tracks = _open_recorded(layout, corpus_key)
    utterances = open_utterances(layout, corpus_key)
    measured = []
    for row in rows:
        clip_id = row["clip_id"]
        own = {name: row[name] for name in ("clip_id", "speaker", "sentence", "emotion", "enrolment")}
        own |= {"source": clip_id in source_ids, "rated": clip_id in rated, "zero_effort": ""}
        own["performance"] = performance(tracks[clip_id])
        if clip_id in rated:
            own |= naturalness_and_voice(*clips.read(clip_id))
        elif row["emotion"] == NEUTRAL:
            signal, sampling_rate = clips.read(clip_id)
            own["embedding"] = shared_encoder().embed([signal], sampling_rate)[0].tolist()
        if clip_id in source_ids:
            own["content_error_copy"] = _copy_error(utterances, clip_id)
            of_emotion = {name: takes.get((row["speaker"], row["sentence"], name), []) for name in emotions}
            own["zero_effort"] = json.dumps(
                {
                    emotion: _against_takes(tracks[clip_id], [tracks[take] for take in own_takes])
                    | {"content_error": _mean_content_error(clips, clip_id, own_takes)}
                    for emotion, own_takes in of_emotion.items()
                }
            )
        measured.append(own)
    write_rows(path, measured)


def _mean_content_error(clips: ClipStore, clip_id: str, takes: Sequence[str]) -> float:
    """Return what the same words get when the speaker really says them with the emotion."""
    source, sampling_rate = clips.read(clip_id)
    return nanmean([content_error(source, clips.read(take)[0], sampling_rate) for take in takes])


def _copy_error(utterances: UtteranceStore, clip_id: str) -> float:
    """Return the content error of analysis and resynthesis by WORLD with nothing changed in between."""
    source = utterances[clip_id]
    zeros = np.zeros(source.tracks.n_frames)
    copy = World([]).synthesise(source, Style(zeros, zeros, np.zeros_like(source.tracks.envelope_db)))
    return content_error(source.signal, copy, source.sampling_rate)


def nanmean(values: Sequence[float]) -> float:
    """Return the mean of the finite values, NaN without one."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
