"""Stage ingest: recordings of a registered corpus → clip store and manifest, with splits fixed for all later stages.

Two passes over the files, so that no more than a chunk of audio is ever in memory: the first measures (is it
usable, how loud, the same as another?), the second writes with the gains that the first found.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoforge import corpora
from emoforge.base.audio import pcm_sha256, to_pcm16
from emoforge.base.batch import chunked, map_chunks
from emoforge.base.errors import CorpusError, EmoforgeWarning
from emoforge.base.outputs import built_aside, write_json
from emoforge.corpora.measuring import (
    Limits,
    MeasuredRecording,
    SameRecording,
    equal_audio,
    measure_all,
    same_recordings,
    signal_of,
)
from emoforge.corpora.recording import Recording, speaker_name
from emoforge.dataset import manifest
from emoforge.dataset.clips import shard_path, write_shard
from emoforge.dataset.duplicates import connected
from emoforge.dataset.intake import Measured, recorded_clip_id
from emoforge.dataset.labels import NEUTRAL
from emoforge.dataset.levels import level_gain
from emoforge.dataset.splits import assign_splits, enrolment_clips, speaker_folds
from emoforge.project.corpus_choice import (
    SharingWarning,
    learning_obstacle,
    limits_of,
    recorded_licence,
    sharing_obstacle,
)
from emoforge.project.layout import Layout
from emoforge.project.params import Params

_CHUNK = 128


@dataclass(frozen=True, slots=True)
class _Clip:
    """A clip to write: its manifest row but for what only the written clip can tell, and the gain of its recording."""

    row: dict
    recording: Recording
    gain: float


@dataclass(frozen=True, slots=True)
class _WriteChunk:
    """Clips that go into one shard."""

    path: Path
    clips: Sequence[_Clip]
    limits: Limits


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics.

    Warns where publishing would be refused, where nothing can be learnt from the recordings alone, and where speakers
    share a recording and so are put into one split.

    Raises:
        CorpusError: the corpus is not where it should be, or nothing in it is usable.
    """
    recordings = _wanted(corpora.read(params.corpus.name, layout.root / params.corpus.root), params)
    if obstacle := sharing_obstacle(params.corpus):
        warnings.warn(SharingWarning(obstacle), stacklevel=2)
    if obstacle := learning_obstacle({recording.emotion for recording in recordings}):
        warnings.warn(EmoforgeWarning(obstacle), stacklevel=2)
    # A fold that doesn't exist is better said now than after everything is decoded.
    _splits(recordings, [], params)
    limits = limits_of(params.ingest)
    measured = measure_all(recordings, limits, workers=params.workers, description="ingest: measure")
    usable, rejected = _without_duplicates(measured)
    if not usable:
        reason, count = Counter(item.found.reason for item in rejected).most_common(1)[0]
        raise CorpusError(f"{params.corpus.root}: none of {len(rejected)} clips is usable; {count} times: {reason}")
    shared = same_recordings(
        usable, limits, across_speakers=True, workers=params.workers, description="ingest: compare"
    )
    together = connected((speaker_name(pair.first), speaker_name(pair.second)) for pair in shared)
    if together:
        warnings.warn(EmoforgeWarning(_said_together(shared, together)), stacklevel=2)
    rows = _rows(usable, together, params)
    with built_aside(layout.stage("ingest")) as folder:
        clips = _write_clips(folder / "clips", usable, rows, params)
        table = manifest.validate(manifest.from_rows(clips), name="ingest")
        manifest.write(table, folder / "manifest.parquet")
        manifest.write(_rejected_table(rejected), folder / "rejected.parquet")
    metrics = _metrics(clips, rejected, shared, together)
    write_json(layout.metrics("ingest"), metrics)
    return metrics


def _wanted(recordings: Sequence[Recording], params: Params) -> list[Recording]:
    """Return the recordings of the emotions asked for, without those of people who withdrew."""
    chosen = [item for item in recordings if not params.ingest.emotions or item.emotion in params.ingest.emotions]
    if not chosen:
        raise CorpusError(f"{params.corpus.root}: no recording of the emotions {', '.join(params.ingest.emotions)}")
    wanted = [item for item in chosen if speaker_name(item) not in params.ingest.withdrawn]
    if not wanted:
        raise CorpusError(f"{params.corpus.root}: every speaker is in `ingest.withdrawn`; import another corpus")
    return wanted


def _without_duplicates(
    measured: Sequence[MeasuredRecording],
) -> tuple[list[MeasuredRecording], list[MeasuredRecording]]:
    """Split into usable and rejected. Of equal recordings the first stays; none if speakers or emotions differ."""
    usable, rejected = [], [item for item in measured if item.found.reason]
    for group in equal_audio(measured):
        first = group[0].recording
        if any((other.recording.speaker, other.recording.emotion) != (first.speaker, first.emotion) for other in group):
            names = ", ".join(item.recording.stem for item in group)
            disagreeing = Measured(f"same audio with different labels: {names}")
            rejected += [MeasuredRecording(item.recording, disagreeing) for item in group]
            continue
        usable.append(group[0])
        rejected += [MeasuredRecording(item.recording, Measured(f"duplicate of {first.stem}")) for item in group[1:]]
    return usable, rejected


def _said_together(shared: Sequence[SameRecording], together: Sequence[tuple[str, ...]]) -> str:
    first = shared[0]
    groups = "; ".join(", ".join(group) for group in together)
    return (
        f"clips of different speakers are one recording ({len(shared)} pairs; the first: {first.first.stem} and "
        f"{first.second.stem}), so these speakers are kept in one split: {groups}"
    )


def _rows(usable: Sequence[MeasuredRecording], together: Sequence[tuple[str, ...]], params: Params) -> list[dict]:
    """Return the manifest rows of *usable*, in its order, but for what only the written clip can tell."""
    recordings = [item.recording for item in usable]
    clip_ids = [
        recorded_clip_id(item.recording.corpus, item.recording.speaker, item.recording.stem, item.found.sha256)
        for item in usable
    ]
    speakers = [speaker_name(recording) for recording in recordings]
    splits = _splits(recordings, together, params)
    enrolment = enrolment_clips(
        clip_ids,
        speakers,
        [recording.emotion for recording in recordings],
        n_clips=params.ingest.enrolment_clips,
        seed=params.seed,
        neutral=NEUTRAL,
    )
    return [
        {
            "clip_id": clip_id,
            "corpus": recording.corpus,
            "speaker": speaker,
            "gender": recording.gender,
            "language": recording.language,
            "text": recording.text,
            "emotion": recording.emotion,
            "intensity": recording.intensity,
            "origin": "recorded",
            "split": splits[speaker],
            "enrolment": bool(enrols),
            "sentence": recording.sentence,
            "sampling_rate": params.ingest.sampling_rate,
            "licence": recorded_licence(recording.corpus, params.corpus.name),
        }
        for recording, clip_id, speaker, enrols in zip(recordings, clip_ids, speakers, enrolment, strict=True)
    ]


def _splits(recordings: Sequence[Recording], together: Sequence[tuple[str, ...]], params: Params) -> dict[str, str]:
    """Return speaker → split: the fold that tests, drawn speakers that validate, and the rest.

    Args:
        recordings: of all speakers.
        together: groups of speakers who share recordings, and so a split.
        params: of the project.
    """
    speakers = [speaker_name(recording) for recording in recordings]
    genders = {speaker: recording.gender for speaker, recording in zip(speakers, recordings, strict=True)}
    published = corpora.info(params.corpus.name).published_folds
    folds = speaker_folds(
        speakers,
        n_folds=len(published) if published else params.ingest.n_folds,
        published=published,
        genders=genders,
        together=together,
        seed=params.seed,
    )
    return assign_splits(
        speakers,
        folds,
        fold=params.ingest.fold,
        n_val_speakers=params.ingest.val_speakers,
        genders=genders,
        together=together,
        seed=params.seed,
    )


def _gains(usable: Sequence[MeasuredRecording], rows: Sequence[dict], level: str) -> np.ndarray:
    """Return one gain per clip.

    A speaker's gain comes from the enrolment clips (all of a monitored person's audio that is known beforehand; where
    there are none, from all of the speaker's clips); every clip of the speaker shares it, so that a shout stays louder
    than a murmur. Only a clip that would be clipped gets less.
    """
    if level == "none":
        return np.ones(len(usable))
    groups = [row["speaker"] if level == "speaker" else row["clip_id"] for row in rows]
    gains = np.empty(len(usable))
    for group in set(groups):
        members = [index for index, name in enumerate(groups) if name == group]
        reference = [index for index in members if rows[index]["enrolment"]] or members
        levels_db = [usable[index].found.level_db for index in reference]
        for index in members:
            gains[index] = level_gain(levels_db, peak=usable[index].found.peak)
    return gains


def _write_clips(folder: Path, usable: Sequence[MeasuredRecording], rows: Sequence[dict], params: Params) -> list[dict]:
    gains = _gains(usable, rows, params.ingest.level)
    order = sorted(range(len(rows)), key=lambda index: rows[index]["clip_id"])
    work = [_Clip(rows[index], usable[index].recording, gains[index]) for index in order]
    limits = limits_of(params.ingest)
    chunks = [
        _WriteChunk(shard_path(folder, number), chunk, limits) for number, chunk in enumerate(chunked(work, _CHUNK))
    ]
    results = map_chunks(
        _write_chunk,
        chunks,
        workers=params.workers,
        description="ingest: write",
        unit="clip",
        sizes=[len(chunk.clips) for chunk in chunks],
    )
    return [row for chunk in results for row in chunk]


def _write_chunk(chunk: _WriteChunk) -> list[dict]:
    sampling_rate = chunk.limits.sampling_rate
    rows, clips = [], []
    for clip in chunk.clips:
        signal = (signal_of(clip.recording, chunk.limits) * clip.gain).astype(np.float32)
        clips.append((clip.row["clip_id"], signal))
        rows.append(
            clip.row
            | {
                "duration_s": len(signal) / sampling_rate,
                "audio_sha256": pcm_sha256(signal, sampling_rate),
                "clipping_share": float(np.mean(np.abs(to_pcm16(signal).astype(np.int32)) >= 32767)),
            }
        )
    write_shard(chunk.path, clips, sampling_rate=sampling_rate)
    return rows


def _rejected_table(rejected: Sequence[MeasuredRecording]):
    ordered = sorted(rejected, key=lambda item: item.recording.stem)
    return manifest.from_rows(
        (
            {
                "corpus": item.recording.corpus,
                "clip": item.recording.stem,
                "emotion": item.recording.emotion,
                "reason": item.found.reason,
            }
            for item in ordered
        ),
        schema=manifest.REJECTED_SCHEMA,
    )


def _metrics(
    rows: Sequence[dict],
    rejected: Sequence[MeasuredRecording],
    shared: Sequence[SameRecording],
    together: Sequence[tuple[str, ...]],
) -> dict:
    splits = {}
    for split in ("train", "val", "test"):
        members = [row for row in rows if row["split"] == split]
        splits[split] = {
            "clips": len(members),
            "speakers": len({row["speaker"] for row in members}),
            "hours": round(sum(row["duration_s"] for row in members) / 3600, 4),
        }
    reasons = Counter(item.found.reason.split(":")[0].split(" of ")[0] for item in rejected)
    # Most corpora hold no shared recordings, and then there is nothing to say.
    said = {"shared_recordings": len(shared), "kept_together": [list(group) for group in together]} if shared else {}
    return {
        "clips_in": len(rows) + len(rejected),
        "clips_out": len(rows),
        **said,
        "rejected": dict(sorted(reasons.items())),
        "emotions": dict(sorted(Counter(row["emotion"] for row in rows).items())),
        "splits": splits,
    }
