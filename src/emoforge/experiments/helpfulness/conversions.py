"""Conversions of a study, kept by content: what is converted once serves every fold, seed and study that asks for it.

A unit is a converter fitted to some clips. Where converters learn from one speaker each, a unit belongs to a speaker
and not to a fold, and all folds in which that speaker is labelled share its conversions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from emoforge.base.batch import chunked
from emoforge.base.outputs import built_aside
from emoforge.convert import registry
from emoforge.convert.base import Converter
from emoforge.convert.utterance import Utterance
from emoforge.dataset import manifest
from emoforge.dataset.clips import shard_path, write_shard
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.helpfulness.pool import Pool
from emoforge.experiments.helpfulness.protocol import StudiedConverter, Study
from emoforge.experiments.helpfulness.recordings import Table
from emoforge.experiments.helpfulness.situations import Task
from emoforge.experiments.work import drain, open_utterances, part_path, write_rows
from emoforge.project.checksums import code_sha256, digest
from emoforge.project.conversions import SAME_AUDIO, ConversionJob, convert_jobs, repeated
from emoforge.project.fitting import fit_converter
from emoforge.project.layout import Layout
from emoforge.project.params import NeuralParams, Params, ProsodyParams
from emoforge.prosody.analysis import describe

#: What stands for neutral where neutral clips are to be learnt as a target: no corpus acts it.
_STAND_IN = "other"
#: Sources of a part.
_CHUNK = 8


@dataclass(frozen=True)
class Unit:
    """A converter and what it learns from.

    Attributes:
        converter: name in the study.
        learnt: rows of recorded clips, in ascending order.
        control: whether it converts neutral speech to neutral.
    """

    converter: str
    learnt: tuple[int, ...]
    control: bool = False


def units_of(task: Task, converter: StudiedConverter, pool: Pool, *, control: bool) -> list[Unit]:
    """Return the units of *converter* for *task*; with *control* those that convert to neutral beside them.

    Speakers without a neutral or without an emotional clip teach no converter of their own; those with a single
    neutral clip no conversion to neutral.
    """
    speakers = pool.speakers[task.labelled]
    names = np.unique(speakers)
    groups = [[name] for name in names] if converter.fit == "each" else [names]
    units = []
    for group in groups:
        own = np.isin(pool.speakers, group)
        enrols = np.flatnonzero(own & pool.enrolment)
        learnt = np.union1d(task.labelled[np.isin(speakers, group)], enrols)
        n_neutral = int((pool.emotions[learnt] == pool.neutral).sum())
        if 0 < n_neutral < len(learnt):
            units.append(Unit(converter.name, tuple(learnt.tolist())))
            if control and n_neutral > 1:
                units.append(replace(units[-1], control=True))
    return units


@dataclass(frozen=True)
class _Fit:
    """How to fit a unit, as a worker needs it; *name* is what its draws hang on, the same with other code."""

    folder: Path
    name: str
    method: str
    clips: tuple[tuple[Layout, str, tuple[str, ...]], ...]
    seed: int
    neural: NeuralParams
    control: bool


def convert_units(
    wanted: Mapping[Unit, Iterable[int]], study: Study, params: Params, table: Table, work: Path, *, audio: bool
) -> dict[Unit, list[Path]]:
    """Fit and convert what is not there yet; return the parts of each unit.

    Args:
        wanted: unit → rows of recorded clips to convert.
        study: the study.
        params: of the project, for what the study does not say.
        table: recorded clips.
        work: the work folder.
        audio: whether the conversions' audio is kept too.
    """
    converters = {converter.name: converter for converter in study.converters}
    fits, todo = [], []
    parts: dict[Unit, list] = {}
    for unit, sources in wanted.items():
        converter = converters[unit.converter]
        fit = _fit_of(unit, converter, study, params, table, work)
        if not (fit.folder / "model").is_dir():
            fits.append(fit)
        parts[unit] = []
        style = table.clip_ids[unit.learnt[0]] if converter.fit == "each" else None
        for corpus, own in table.by_corpus(_sources(unit, converter, sources, table)):
            for chunk in chunked(own, _CHUNK):
                key = digest([chunk, converter.variants, converter.intensity, list(table.labels), style, study.seed])
                number = int(key[:8], 16)
                parts[unit].append(part_path(fit.folder, number))
                done = parts[unit][-1].is_file() and (not audio or shard_path(fit.folder, number).is_file())
                if not done:
                    rows = _planned(chunk, converter, table, fit.name, style, study.seed)
                    todo.append((fit, corpus.layout, corpus.key, number, rows, params.prosody, audio))
    drain(_fit_unit, fits, study, "fit converters", "converter")
    sizes = [len({row["source_clip_id"] for row in rows}) for *_, rows, _, _ in todo]
    drain(_convert_part, todo, study, "convert", "source", sizes=sizes)
    return parts


def _fit_of(unit: Unit, converter: StudiedConverter, study: Study, params: Params, table: Table, work: Path) -> _Fit:
    neural = NeuralParams.model_validate(params.fit_converter.neural.model_dump() | converter.neural)
    clips = tuple((corpus.layout, corpus.key, ids) for corpus, ids in table.by_corpus(unit.learnt))
    key = {
        "method": converter.method,
        "clips": [(corpus_key, list(ids)) for _, corpus_key, ids in clips],
        "control": unit.control,
        "seed": study.seed,
        "neural": neural.model_dump(exclude={"device", "samples"}) if converter.method == "neural" else None,
        "prosody": params.prosody.model_dump(),
        "code": code_sha256(_fit_unit, _convert_part, registry.kind_of(converter.method)),
    }
    folder = work / "units" / digest(key)[:24]
    name = digest([converter.method, [list(ids) for *_, ids in clips], unit.control])[:16]
    return _Fit(folder, name, converter.method, clips, study.seed, neural, unit.control)


def _sources(unit: Unit, converter: StudiedConverter, sources: Iterable[int], table: Table) -> list[int]:
    """Return the sources but those of the only speaker that a unit learnt from: they would become what is there."""
    if converter.fit == "together":
        return sorted(sources)
    own = table.rows[unit.learnt[0]]["speaker"]
    return [row for row in sorted(sources) if table.rows[row]["speaker"] != own]


def _planned(
    sources: Sequence[str], converter: StudiedConverter, table: Table, unit: str, style: str | None, seed: int
) -> list[dict]:
    """Return a row a conversion but for its emotion, which only the fitted converter knows."""
    return [
        {
            "source_clip_id": clip_id,
            "variant": variant,
            "intensity": converter.intensity,
            "unit": unit,
            "style": style,
            "seed": seed,
            "emotions": [name for name in table.labels if name != NEUTRAL],
        }
        for clip_id in sources
        for variant in range(converter.variants)
    ]


def _fit_unit(fit: _Fit) -> None:
    learnt_from = []
    for layout, corpus_key, clip_ids in fit.clips:
        learnt_from += list(open_utterances(layout, corpus_key).stream(clip_ids))
    if fit.control:
        learnt_from = as_neutral_targets(learnt_from)
    converter = fit_converter(fit.method, learnt_from, seed=fit.seed, neural=fit.neural)
    with built_aside(fit.folder / "model") as aside:
        converter.save(aside)


def as_neutral_targets(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Return the neutral ones of *utterances*, half of them (of every speaker, and of every sentence if it was said
    twice) in the place of an emotion.

    A converter that is fitted to these turns neutral speech into other neutral speech: what it then changes is the
    work of alignment, coding and rendering, and of how one reading differs from the next.
    """
    neutral = sorted(
        (utterance for utterance in utterances if utterance.emotion == NEUTRAL),
        key=lambda utterance: (utterance.speaker, utterance.sentence or "", utterance.clip_id),
    )
    # A speaker heard once is nobody's model of neutral, yet a reference for the others.
    return [
        replace(utterance, emotion=_STAND_IN) if index % 2 else utterance for index, utterance in enumerate(neutral)
    ]


@lru_cache(maxsize=4)
def _open_converter(folder: Path) -> Converter:
    return registry.load(folder)


def _convert_part(job: tuple[_Fit, Layout, str, int, list[dict], ProsodyParams, bool]) -> None:
    fit, layout, corpus_key, number, planned, options, audio = job
    converter = _open_converter(fit.folder / "model")
    utterances = open_utterances(layout, corpus_key)
    asked = []
    for row in planned:
        targets = [_STAND_IN] if fit.control else [name for name in row["emotions"] if name in converter.emotions]
        for emotion in targets:
            draw = manifest.seed_from(row["seed"], row["source_clip_id"], emotion, row["variant"], row["unit"])
            shared = {name: row[name] for name in ("source_clip_id", "variant", "intensity")}
            asked.append(
                shared | {"emotion": emotion, "seed": draw, "style_clip_id": row["style"], "unit": row["unit"]}
            )
    results = convert_jobs(converter, utterances, [ConversionJob.of(row) for row in asked])
    again = repeated(
        (row["source_clip_id"], row["emotion"], result.audio_sha256) for row, result in zip(asked, results, strict=True)
    )
    clips, made = [], []
    for row, result, is_repeated in zip(asked, results, again, strict=True):
        unit = row.pop("unit")
        row |= {
            "clip_id": manifest.make_clip_id("studied", unit, row["source_clip_id"], row["emotion"], row["seed"]),
            "emotion": NEUTRAL if fit.control else row["emotion"],
        }
        reason = result.reason or (SAME_AUDIO if is_repeated else "")
        if reason:
            made.append(row | {"reason": reason, "functionals": []})
            continue
        features = describe(result.signal, result.sampling_rate, **options.model_dump())[1]
        made.append(
            row
            | {
                "style_clip_id": result.style_clip_id or row["style_clip_id"],
                "reason": "",
                "functionals": np.asarray(features, dtype=np.float32).tolist(),
            }
        )
        clips.append((row["clip_id"], result.signal))
    if audio:
        write_shard(shard_path(fit.folder, number), clips, sampling_rate=results[0].sampling_rate)
    # The rows come last: where they are, the part is whole.
    write_rows(part_path(fit.folder, number), made)
