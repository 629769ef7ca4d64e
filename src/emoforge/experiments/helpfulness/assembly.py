"""The table of all clips of a study, put together from what was recorded, augmented and converted."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from emoforge.base.batch import chunked
from emoforge.base.outputs import written_aside
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore, open_clips, shard_path, write_shard
from emoforge.dataset.labels import NEUTRAL
from emoforge.evaluation.arms import CLASSICAL, REAL, SYNTHETIC
from emoforge.experiments.helpfulness.conversions import Unit
from emoforge.experiments.helpfulness.pool import CONTROL, Pool
from emoforge.experiments.helpfulness.protocol import Study
from emoforge.experiments.helpfulness.recordings import Table
from emoforge.experiments.work import drain, part_path, read_part, write_rows
from emoforge.project.checksums import code_sha256, digest
from emoforge.project.examples import clip_inputs
from emoforge.project.features import Functionals
from emoforge.project.params import AugmentParams, Params, ProsodyParams
from emoforge.prosody.analysis import describe
from emoforge.ser.augment import augment

_CHUNK = 64


def recorded_pool(study: Study, table: Table) -> Pool:
    """Return the pool of the recorded clips alone, enough to plan with."""
    return _pool(study, table, [])


def augment_clips(
    study: Study, params: Params, table: Table, work: Path, rows: Iterable[int], *, audio: bool
) -> list[Path]:
    """Augment the recorded clips at *rows* that are not augmented yet; return the parts."""
    options = study.augment
    todo, parts = [], []
    for corpus, clip_ids in table.by_corpus(sorted(rows)):
        key = {
            "corpus": corpus.key,
            "augment": options.model_dump(),
            "seed": study.seed,
            "prosody": params.prosody.model_dump(),
            "code": code_sha256(_augment_part),
        }
        folder = work / "augmented" / digest(key)[:24]
        for chunk in chunked(clip_ids, _CHUNK):
            number = int(digest(chunk)[:8], 16)
            parts.append(part_path(folder, number))
            if not parts[-1].is_file() or (audio and not shard_path(folder, number).is_file()):
                store = corpus.layout.stage("ingest") / "clips"
                todo.append((store, folder, number, chunk, options, params.prosody, study.seed, audio))
    drain(_augment_part, todo, study, "augment", "clip", sizes=[len(job[3]) for job in todo])
    return parts


def _augment_part(job: tuple[Path, Path, int, Sequence[str], AugmentParams, ProsodyParams, int, bool]) -> None:
    store, folder, number, clip_ids, options, prosody, seed, audio = job
    clips = open_clips(store)
    rows, made = [], []
    for source in clip_ids:
        signal, sampling_rate = clips.read(source)
        for variant in range(options.variants):
            draw = manifest.seed_from(seed, "augmented", source, variant)
            augmented, kind = augment(signal, sampling_rate, kinds=options.kinds, seed=draw)
            clip_id = manifest.make_clip_id("augmented", source, variant, draw)
            features = describe(augmented, sampling_rate, **prosody.model_dump())[1]
            rows.append(
                {
                    "clip_id": clip_id,
                    "source_clip_id": source,
                    "kind": kind,
                    "reason": "",
                    "functionals": np.asarray(features, dtype=np.float32).tolist(),
                }
            )
            made.append((clip_id, augmented))
    if audio:
        write_shard(shard_path(folder, number), made, sampling_rate=sampling_rate)
    write_rows(part_path(folder, number), rows)


def full_pool(
    study: Study, table: Table, augmented: Sequence[Path], converted: Mapping[Unit, Sequence[Path]]
) -> tuple[Pool, tuple[Unit, ...], np.ndarray]:
    """Return the pool of all clips, its units in the order of their indices, and functionals (n_clips, n_features)."""
    units = tuple(converted)
    rows = [row | {"kind": CLASSICAL, "unit": -1} for path in augmented for row in read_part(path)]
    for index, (unit, parts) in enumerate(converted.items()):
        kind = CONTROL if unit.control else SYNTHETIC
        for path in dict.fromkeys(parts):
            rows += [row | {"kind": kind, "unit": index} for row in read_part(path) if not row["reason"]]
    # In this order draws hang on what a task has, not on what other tasks or converters the study holds.
    rows.sort(key=lambda row: (row["clip_id"], row["unit"]))
    pool = _pool(study, table, rows)
    recorded = _recorded_functionals(table)
    made = np.array([row["functionals"] for row in rows], dtype=np.float32).reshape(len(rows), recorded.shape[1])
    return pool, units, np.concatenate([recorded, made])


def save_pool(pool: Pool, functionals: np.ndarray, folder: Path) -> Path:
    """Write pool and functionals for the processes that train on them; return the file, named by its content."""
    columns = {field.name: np.asarray(getattr(pool, field.name)) for field in fields(Pool)} | {"inputs": functionals}
    checksum = hashlib.sha256()
    for name, values in columns.items():
        checksum.update(f"{name} {values.dtype} {values.shape}".encode() + np.ascontiguousarray(values).tobytes())
    path = folder / f"{checksum.hexdigest()[:24]}.npz"
    if not path.is_file():
        with written_aside(path) as aside, aside.open("wb") as file:
            np.savez(file, **cast("dict[str, Any]", columns))
    return path


@lru_cache(maxsize=1)
def open_pool(path: Path) -> tuple[Pool, np.ndarray]:
    """Return what :func:`save_pool` wrote: pool and functionals."""
    with np.load(path, allow_pickle=False) as file:
        columns = dict(file)
    functionals = columns.pop("inputs")
    columns["labels"], columns["neutral"] = tuple(columns["labels"].tolist()), int(columns["neutral"])
    return Pool(**columns), functionals


def _recorded_functionals(table: Table) -> np.ndarray:
    stores = Functionals(*(corpus.layout.functionals("prosody") for corpus in table.corpora.values()))
    return stores(table.clip_ids.tolist())


def _pool(study: Study, table: Table, made: Sequence[dict]) -> Pool:
    by_corpus = {corpus.name for corpus in (study.corpus, *study.foreign) if corpus.calibrate == "corpus"}
    own_rows = np.arange(len(table.rows))
    sources = np.concatenate([own_rows, np.array([table.row_of[row["source_clip_id"]] for row in made], dtype=int)])
    speakers = table.column("speaker")
    voices = np.where(np.isin(table.column("corpus"), list(by_corpus)), table.column("corpus"), speakers)
    position = {label: index for index, label in enumerate(table.labels)}
    emotions = np.array([position[name] for name in table.column("emotion")])
    return Pool(
        clip_ids=np.concatenate(
            [table.clip_ids, np.array([row["clip_id"] for row in made], dtype=table.clip_ids.dtype)]
        ),
        kinds=np.concatenate([np.full(len(own_rows), REAL, dtype="<U9"), [row["kind"] for row in made]]).astype("<U9"),
        speakers=speakers[sources],
        voices=voices[sources],
        emotions=np.concatenate(
            # An augmented clip is what its source is.
            [
                emotions,
                [position.get(row.get("emotion", ""), emotions[table.row_of[row["source_clip_id"]]]) for row in made],
            ]
        ).astype(int),
        sources=sources,
        styles=np.concatenate(
            [np.full(len(own_rows), -1), [table.row_of.get(row.get("style_clip_id") or "", -1) for row in made]]
        ).astype(int),
        units=np.concatenate([np.full(len(own_rows), -1), [row["unit"] for row in made]]).astype(int),
        enrolment=np.concatenate([table.column("enrolment"), np.zeros(len(made), bool)]),
        labels=table.labels,
        neutral=position[NEUTRAL],
    )


@dataclass(frozen=True)
class ClipInputs:
    """What a recogniser of *kind* sees of the clips at rows of the pool, see :class:`emoforge.ser.recogniser.Examples`.

    Attributes:
        kind: of the recogniser.
        clip_ids: (n_clips,) of the pool.
        functionals: (n_clips, n_features) of the pool.
        folders: of the shards with the audio.
    """

    kind: str
    clip_ids: np.ndarray
    functionals: np.ndarray
    folders: tuple[Path, ...]

    def __call__(self, rows: np.ndarray) -> np.ndarray | list:
        rows = np.asarray(rows)
        return clip_inputs(
            self.kind,
            rows,
            functionals=lambda asked: self.functionals[asked],
            read=lambda row: _store(self.folders).read(str(self.clip_ids[row])),
            frames=lambda row: _frames(self.folders, str(self.clip_ids[row])),
        )


@lru_cache(maxsize=1)
def _store(folders: tuple[Path, ...]) -> ClipStore:
    return ClipStore(*folders)


@lru_cache(maxsize=8192)
def _frames(folders: tuple[Path, ...], clip_id: str) -> np.ndarray:
    from emoforge.ser.logmel import logmel

    return logmel(*_store(folders).read(clip_id))
