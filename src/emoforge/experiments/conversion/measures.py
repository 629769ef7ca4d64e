"""What is measured on the clips of an evaluation of conversion, converted and real ones alike."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from emoforge.experiments.cache import Cache, Entry, Part
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.conversion.sources import choose_real, takes_of
from emoforge.project.checksums import digest
from emoforge.project.features import TrackStore
from emoforge.project.layout import Layout
from emoforge.project.params import ProsodyParams
from emoforge.project.utterances import UtteranceStore, open_utterances
from emoforge.prosody.analysis import analyse
from emoforge.prosody.functionals import functionals
from emoforge.prosody.tracks import Tracks
from emoforge.quality.content import content_error
from emoforge.quality.naturalness import Distillmos
from emoforge.quality.parallel import parallel_errors
from emoforge.quality.scoring import shared_dnsmos, shared_encoder

#: Clips per part: what a killed process loses.
_CHUNK = 16
#: Errors against recordings of the same words, see :class:`emoforge.quality.parallel.ParallelErrors`.
PARALLEL = ("mcd", "f0_rmse_st", "f0_correlation", "duration_error")


@lru_cache(maxsize=1)
def _shared_distillmos() -> Distillmos:
    return Distillmos()


@lru_cache(maxsize=2)
def _open_recorded(layout: Layout, key: str) -> tuple[ClipStore, TrackStore]:
    return ClipStore(layout.stage("ingest") / "clips"), TrackStore(layout.stage("prosody") / "tracks")


@dataclass(frozen=True, slots=True)
class _ConvertedChunk:
    """Converted clips that a worker measures.

    Attributes:
        layout: of the corpus of their sources.
        corpus_key: checksum of the corpus.
        clips: folder of their audio.
        options: of the prosody analysis.
        takes: for each row the ids of the recordings of the same words by the same speaker with the target emotion.
        rows: of the conversions.
        part: where the measured rows are kept.
    """

    layout: Layout
    corpus_key: str
    clips: Path
    options: ProsodyParams
    takes: Sequence[Sequence[str]]
    rows: Sequence[dict]
    part: Part


def measure_converted(
    design: Design, conversions: Mapping[Condition, Entry], cache: Cache
) -> dict[Condition, list[dict]]:
    """Measure converted clips that are not measured yet.

    Args:
        design: of the evaluation.
        conversions: what :func:`emoforge.experiments.conversion.conversions.convert_all` made.
        cache: of the evaluation.

    Returns:
        condition → the rows of the conversions with dnsmos, distillmos, embedding (256,), content_error, performance,
        functionals and the errors of :data:`PARALLEL`; those that could not be made as they are.
    """
    options = design.params.prosody
    entries, todo = {}, []
    for condition, converted in conversions.items():
        corpus, rows = design.corpora[condition.corpus], converted.rows()
        entries[condition] = entry = cache.entry(
            "measured",
            _measure_converted,
            name=condition.name,
            key={
                "corpus": corpus.key,
                # The sound, not the converter: what was measured holds as long as the same samples come out.
                "clips": digest([(row["clip_id"], row["audio_sha256"]) for row in rows]),
                "chunk": _CHUNK,
                "prosody": options.model_dump(),
            },
        )
        takes = takes_of(corpus.table.select(["clip_id", "speaker", "sentence", "emotion"]).to_pylist())
        for number, chunk in enumerate(chunked(rows, _CHUNK)):
            part = entry.part(number)
            if not part.is_whole():
                own = [takes.get((row["speaker"], row["sentence"], row["emotion"]), []) for row in chunk]
                todo.append(_ConvertedChunk(corpus.layout, corpus.key, converted.folder, options, own, chunk, part))
    sizes = [len(chunk.rows) for chunk in todo]
    cache.fill(_measure_converted, todo, description="measure", unit="clip", sizes=sizes)
    return {condition: entry.rows() for condition, entry in entries.items()}


def _measure_converted(chunk: _ConvertedChunk) -> None:
    recorded, tracks = _open_recorded(chunk.layout, chunk.corpus_key)
    converted = ClipStore(chunk.clips)
    # Systems that ignore emotion or seed make the same clip several times; it is measured once.
    known: dict[tuple[str, str], tuple[Tracks, dict]] = {}
    measured = []
    for row, takes in zip(chunk.rows, chunk.takes, strict=True):
        if row["reason"]:
            measured.append(row)
            continue
        sound = (row["source_clip_id"], row["audio_sha256"])
        if sound not in known:
            signal, sampling_rate = converted.read(row["clip_id"])
            source, _ = recorded.read(row["source_clip_id"])
            known[sound] = _measured_alone(signal, source, sampling_rate, chunk.options)
        own_tracks, measures = known[sound]
        measured.append(row | measures | _against_takes(own_tracks, [tracks[clip_id] for clip_id in takes]))
    chunk.part.write(measured)


def _measured_alone(
    signal: np.ndarray, source: np.ndarray, sampling_rate: int, options: ProsodyParams
) -> tuple[Tracks, dict]:
    """Return a conversion's tracks and what is measured on it without other recordings than its source."""
    tracks = analyse(signal, sampling_rate, **options.model_dump())
    values = functionals(signal, sampling_rate, f0_hz=tracks.f0_hz, hop_s=options.hop_s)
    return tracks, naturalness_and_voice(signal, sampling_rate) | {
        "content_error": content_error(source, signal, sampling_rate),
        "performance": performance(tracks),
        "functionals": values.tolist(),
    }


def naturalness_and_voice(signal: np.ndarray, sampling_rate: int) -> dict:
    """Return dnsmos and distillmos (1 to 5) and the voice's embedding (256,), measured on converted and real clips."""
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


@dataclass(frozen=True, slots=True)
class _RecordedChunk:
    """Recordings that a worker measures.

    Attributes:
        layout: of their corpus.
        corpus_key: checksum of the corpus.
        rows: of the manifest.
        source_ids: clips that are converted.
        rated_ids: clips whose naturalness and voice are measured.
        takes: see :func:`takes_of`.
        emotions: of the corpus's speakers, without neutral.
        part: where the measured rows are kept.
    """

    layout: Layout
    corpus_key: str
    rows: Sequence[dict]
    source_ids: frozenset[str]
    rated_ids: frozenset[str]
    takes: Mapping[tuple, Sequence[str]]
    emotions: Sequence[str]
    part: Part


def measure_recorded(design: Design, cache: Cache) -> dict[tuple[str, int], list[dict]]:
    """Measure the recordings that conversions are compared with, once for all systems.

    Args:
        design: of the evaluation.
        cache: of the evaluation.

    Returns:
        (corpus, number of the rotation) → one row per recording of the rotation's source speakers: performance of all;
        embedding (256,) of sources, real and neutral clips; dnsmos and distillmos of sources and real clips; of sources
        also content_error_copy and, as zero_effort, a JSON object: emotion → errors against the real takes.
    """
    entries, todo = {}, []
    for (name, number), sources in design.sources.items():
        corpus, speakers = design.corpora[name], design.rotations[name][number].sources
        rows = corpus.rows(speakers)
        real = choose_real(rows, sources, n_clips=design.protocol.real_clips, seed=design.protocol.seed)
        source_ids = frozenset(row["clip_id"] for row in sources)
        rated_ids = source_ids | {row["clip_id"] for row in real}
        entries[name, number] = entry = cache.entry(
            "recorded",
            _measure_recorded,
            name=f"{name}-{number}",
            key={
                "corpus": corpus.key,
                "speakers": speakers,
                "sources": sorted(source_ids),
                "rated": sorted(rated_ids),
                "chunk": _CHUNK,
            },
        )
        takes = takes_of(rows)
        emotions = sorted({row["emotion"] for row in rows} - {NEUTRAL})
        for index, chunk in enumerate(chunked(rows, _CHUNK)):
            part = entry.part(index)
            if not part.is_whole():
                todo.append(
                    _RecordedChunk(corpus.layout, corpus.key, chunk, source_ids, rated_ids, takes, emotions, part)
                )
    sizes = [len(chunk.rows) for chunk in todo]
    cache.fill(_measure_recorded, todo, description="measure recordings", unit="clip", sizes=sizes)
    return {name: entry.rows() for name, entry in entries.items()}


def _measure_recorded(chunk: _RecordedChunk) -> None:
    clips, tracks = _open_recorded(chunk.layout, chunk.corpus_key)
    utterances = open_utterances(chunk.layout, chunk.corpus_key)
    measured = []
    for row in chunk.rows:
        clip_id = row["clip_id"]
        is_source, is_rated = clip_id in chunk.source_ids, clip_id in chunk.rated_ids
        own = {name: row[name] for name in ("clip_id", "speaker", "sentence", "emotion", "enrolment")}
        own |= {"source": is_source, "rated": is_rated, "zero_effort": "", "performance": performance(tracks[clip_id])}
        if is_rated:
            own |= naturalness_and_voice(*clips.read(clip_id))
        elif row["emotion"] == NEUTRAL:
            signal, sampling_rate = clips.read(clip_id)
            own["embedding"] = shared_encoder().embed([signal], sampling_rate)[0].tolist()
        if is_source:
            own["content_error_copy"] = _copy_error(utterances, clip_id)
            of_emotion = {name: chunk.takes.get((row["speaker"], row["sentence"], name), []) for name in chunk.emotions}
            own["zero_effort"] = json.dumps(
                {
                    emotion: _against_takes(tracks[clip_id], [tracks[take] for take in takes])
                    | {"content_error": _mean_content_error(clips, clip_id, takes)}
                    for emotion, takes in of_emotion.items()
                }
            )
        measured.append(own)
    chunk.part.write(measured)


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


def nanmean(values: Iterable[float]) -> float:
    """Return the mean of the finite values, NaN without one."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
