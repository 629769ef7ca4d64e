"""Which conversions a study needs: what is converted once serves every fold, seed and study that asks for it.

Where converters learn from one speaker each, a fitted converter belongs to a speaker and not to a fold, and all folds
in which that speaker is labelled share its conversions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emoforge.base.batch import chunked
from emoforge.convert import registry
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.cache import Cache, Part
from emoforge.experiments.helpfulness.clips.converting import ConversionsJob, Planned, convert_and_keep
from emoforge.experiments.helpfulness.clips.fitting import MODEL, ConverterJob, fit_and_keep, makers
from emoforge.experiments.helpfulness.clips.pool import Pool, Task
from emoforge.experiments.helpfulness.protocol import StudiedConverter, Study
from emoforge.experiments.helpfulness.recordings import Table
from emoforge.project.checksums import digest
from emoforge.project.fitting.bases import base_key, check_base, for_method
from emoforge.project.params import NeuralParams, Params

#: Sources of a part.
_CHUNK = 8


@dataclass(frozen=True)
class FittedConverter:
    """A converter and what it learns from.

    Attributes:
        converter: name in the study.
        learnt: rows of recorded clips, in ascending order.
        to_neutral: whether it converts neutral speech to neutral.
    """

    converter: str
    learnt: tuple[int, ...]
    to_neutral: bool = False


def fitted_converters(
    task: Task, converter: StudiedConverter, pool: Pool, *, to_neutral: bool
) -> list[FittedConverter]:
    """Return how *converter* is fitted for *task*; with *to_neutral* also those that convert to neutral.

    Speakers without a neutral or without an emotional clip teach no converter of their own; those with a single
    neutral clip no conversion to neutral.
    """
    speakers = pool.speakers[task.labelled]
    names = np.unique(speakers)
    groups = [[name] for name in names] if converter.fit == "each" else [names]
    fitted = []
    for group in groups:
        own = np.isin(pool.speakers, group)
        enrols = np.flatnonzero(own & pool.enrolment)
        learnt = np.union1d(task.labelled[np.isin(speakers, group)], enrols)
        n_neutral = int((pool.emotions[learnt] == pool.neutral).sum())
        if 0 < n_neutral < len(learnt):
            fitted.append(FittedConverter(converter.name, tuple(learnt.tolist())))
            if to_neutral and n_neutral > 1:
                fitted.append(replace(fitted[-1], to_neutral=True))
    return fitted


def convert_clips(
    wanted: Mapping[FittedConverter, Iterable[int]],
    study: Study,
    params: Params,
    table: Table,
    cache: Cache,
    *,
    audio: bool,
) -> dict[FittedConverter, list[Part]]:
    """Fit and convert what is not there yet; return the parts of each fitted converter.

    Args:
        wanted: fitted converter → rows of recorded clips to convert.
        study: the study.
        params: of the project, for what the study does not say.
        table: recorded clips.
        cache: where converters and conversions are kept.
        audio: whether the conversions' audio is kept too.
    """
    converters = {converter.name: converter for converter in study.converters}
    fits, todo = [], []
    parts: dict[FittedConverter, list[Part]] = {}
    for fitted, sources in wanted.items():
        converter = converters[fitted.converter]
        fit = _converter_job(fitted, converter, study, params, table, cache)
        if not fit.entry.holds(MODEL):
            fits.append(fit)
        parts[fitted] = []
        for job in _conversions_jobs(fitted, converter, fit, sources, study, params, table, cache, audio=audio):
            parts[fitted].append(job.part)
            if not job.part.is_whole(audio=audio):
                todo.append(job)
    cache.fill(fit_and_keep, fits, description="fit converters", unit="converter")
    cache.fill(convert_and_keep, todo, description="convert", unit="source", sizes=[job.n_sources for job in todo])
    return parts


def _converter_job(
    fitted: FittedConverter, converter: StudiedConverter, study: Study, params: Params, table: Table, cache: Cache
) -> ConverterJob:
    asked = NeuralParams.model_validate(params.fit_converter.neural.model_dump() | converter.neural)
    neural = for_method(asked, converter.method)
    clips, speakers = table.by_corpus(fitted.learnt), table.column("speaker")
    check_base(neural.base, withheld=set(speakers.tolist()) - set(speakers[list(fitted.learnt)].tolist()))
    entry = cache.entry(
        "converters",
        *makers(converter.method),
        key={
            "method": converter.method,
            "clips": [[corpus.speech_key, list(ids)] for corpus, ids in clips],
            "to_neutral": fitted.to_neutral,
            "seed": study.seed,
            "neural": neural.model_dump(exclude={"base", "device", "samples"})
            if converter.method in registry.TRAINED
            else None,
            **base_key(neural.base),
        },
    )
    return ConverterJob(
        entry,
        converter.method,
        tuple((corpus.layout, corpus.speech_key, ids) for corpus, ids in clips),
        study.seed,
        neural,
        fitted.to_neutral,
    )


def _conversions_jobs(
    fitted: FittedConverter,
    converter: StudiedConverter,
    fit: ConverterJob,
    sources: Iterable[int],
    study: Study,
    params: Params,
    table: Table,
    cache: Cache,
    *,
    audio: bool,
) -> Iterable[ConversionsJob]:
    emotions = tuple(name for name in table.labels if name != NEUTRAL)
    style = str(table.clip_ids[fitted.learnt[0]]) if converter.fit == "each" else None
    analysis = params.prosody.model_dump()
    # Not the key of the converter, which changes with the code: the draws must not.
    draws = digest([converter.method, [list(ids) for *_, ids in fit.clips], fitted.to_neutral])[:16]
    for corpus, own in table.by_corpus(_sources(fitted, converter, sources, table)):
        entry = cache.entry(
            "conversions",
            convert_and_keep,
            registry.kind_of(converter.method),
            key={
                "converter": fit.entry.checksum,
                "sources": corpus.speech_key,
                "prosody": analysis,
                # Conversions of one name at two intensities may not share an entry.
                "intensity": converter.intensity,
            },
        )
        for chunk in chunked(own, _CHUNK):
            content = [list(chunk), converter.variants, list(emotions), style, study.seed]
            yield ConversionsJob(
                part=entry.part_of(content),
                model=fit.entry.path(MODEL),
                draws=draws,
                to_neutral=fitted.to_neutral,
                layout=corpus.layout,
                corpus_key=corpus.speech_key,
                planned=_planned(chunk, converter.variants, emotions),
                intensity=converter.intensity,
                style=style,
                seed=study.seed,
                analysis=analysis,
                audio=audio,
            )


def _sources(fitted: FittedConverter, converter: StudiedConverter, sources: Iterable[int], table: Table) -> list[int]:
    """Return the sources without those of the converter's only training speaker, whose own clips they would become."""
    if converter.fit == "together":
        return sorted(sources)
    own = table.rows[fitted.learnt[0]]["speaker"]
    return [row for row in sorted(sources) if table.rows[row]["speaker"] != own]


def _planned(sources: Sequence[str], variants: int, emotions: tuple[str, ...]) -> tuple[Planned, ...]:
    return tuple(Planned(clip_id, variant, emotions) for clip_id in sources for variant in range(variants))
