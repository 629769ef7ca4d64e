"""The table of all clips of a study, put together from what was recorded, augmented and converted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.base.batch import chunked
from emoforge.dataset.labels import NEUTRAL
from emoforge.evaluation.arms import CLASSICAL, REAL, SYNTHETIC
from emoforge.experiments.cache import Cache, Part
from emoforge.experiments.helpfulness.clips.augmenting import AugmentationJob, augment_and_keep
from emoforge.experiments.helpfulness.clips.conversions import FittedConverter
from emoforge.experiments.helpfulness.clips.pool import TO_NEUTRAL, Pool
from emoforge.experiments.helpfulness.protocol import Study
from emoforge.experiments.helpfulness.recordings import Table
from emoforge.project.features import Functionals
from emoforge.project.params import Params

#: Recorded clips per part of the augmented ones.
_CHUNK = 64


def recorded_pool(study: Study, table: Table) -> Pool:
    """Return the pool of the recorded clips alone, enough to plan with."""
    return _pool(study, table, [])


def augment_clips(
    study: Study, params: Params, table: Table, cache: Cache, rows: Iterable[int], *, audio: bool
) -> list[Part]:
    """Augment the recorded clips at *rows* that are not augmented yet; return the parts."""
    analysis, options = params.prosody.model_dump(), study.augment
    jobs = []
    for corpus, clip_ids in table.by_corpus(sorted(rows)):
        key = {"corpus": corpus.speech_key, "augment": options.model_dump(), "seed": study.seed, "prosody": analysis}
        entry = cache.entry("augmented", augment_and_keep, key=key)
        jobs += [
            AugmentationJob(
                part=entry.part_of(list(chunk)),
                store=corpus.layout.stage("ingest") / "clips",
                clip_ids=tuple(chunk),
                variants=options.variants,
                kinds=tuple(options.kinds),
                seed=study.seed,
                analysis=analysis,
                audio=audio,
            )
            for chunk in chunked(clip_ids, _CHUNK)
        ]
    todo = [job for job in jobs if not job.part.is_whole(audio=audio)]
    cache.fill(augment_and_keep, todo, description="augment", unit="clip", sizes=[len(job.clip_ids) for job in todo])
    return [job.part for job in jobs]


@dataclass(frozen=True)
class AllClips:
    """All clips of a study.

    Attributes:
        pool: their columns.
        functionals: (n_clips, n_features) float32.
        sounds: (n_clips,) checksums of the audio.
        numbers: fitted converter → its number in the pool.
    """

    pool: Pool
    functionals: np.ndarray
    sounds: np.ndarray
    numbers: Mapping[FittedConverter, int]


def all_clips(
    study: Study, table: Table, augmented: Sequence[Part], converted: Mapping[FittedConverter, Sequence[Part]]
) -> AllClips:
    """Return the recorded clips of *table* with what was made from them."""
    numbers = {fitted: number for number, fitted in enumerate(converted)}
    rows = [row | {"kind": CLASSICAL, "fitted": -1} for part in augmented for row in part.rows()]
    for fitted, parts in converted.items():
        of = {"kind": TO_NEUTRAL if fitted.to_neutral else SYNTHETIC, "fitted": numbers[fitted]}
        for part in dict.fromkeys(parts):
            rows += [row | of for row in part.rows() if not row["reason"]]
    # In this order draws depend on what a task has, not on what other tasks or converters the study holds.
    rows.sort(key=lambda row: (row["clip_id"], row["fitted"]))
    recorded = _recorded_functionals(table)
    made = np.array([row["functionals"] for row in rows], dtype=np.float32).reshape(len(rows), recorded.shape[1])
    return AllClips(
        _pool(study, table, rows),
        np.concatenate([recorded, made]),
        np.array([*table.column("audio_sha256"), *(row["audio_sha256"] for row in rows)]),
        numbers,
    )


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
        kinds=np.array([*[REAL] * len(own_rows), *(row["kind"] for row in made)]),
        speakers=speakers[sources],
        voices=voices[sources],
        emotions=np.concatenate(
            # An augmented clip has the speaker, emotion and so on of its source.
            [
                emotions,
                [position.get(row.get("emotion") or "", emotions[table.row_of[row["source_clip_id"]]]) for row in made],
            ]
        ).astype(int),
        sources=sources,
        styles=np.concatenate(
            [np.full(len(own_rows), -1), [table.row_of.get(row.get("style_clip_id") or "", -1) for row in made]]
        ).astype(int),
        fitted=np.concatenate([np.full(len(own_rows), -1), [row["fitted"] for row in made]]).astype(int),
        enrolment=np.concatenate([table.column("enrolment"), np.zeros(len(made), bool)]),
        labels=table.labels,
        neutral=position[NEUTRAL],
    )
