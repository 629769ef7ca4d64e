"""The fitted converters of an evaluation of conversion: one per system, corpus and set of speakers to learn from."""

from dataclasses import dataclass
from pathlib import Path

from emoforge.convert import registry
from emoforge.experiments.cache import Cache, Entry
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.conversion.protocol import BASE
from emoforge.project.fitting.bases import base_key, check_base, for_method
from emoforge.project.fitting.converters import fit_converter
from emoforge.project.layout import Layout
from emoforge.project.params import NeuralParams
from emoforge.project.utterances import open_utterances

_MODEL = "model"


@dataclass(frozen=True, slots=True)
class _Fit:
    """What a worker fits: a converter of a kind, to some clips of a corpus, into an entry of the cache."""

    kind: str
    layout: Layout
    corpus_key: str
    clip_ids: tuple[str, ...]
    entry: Entry
    seed: int
    neural: NeuralParams


def fit_converters(design: Design, cache: Cache) -> dict[Condition, Path]:
    """Fit the converters that are not there yet and return the model's folder of each condition but references.

    Of its own corpus a converter learns from the rotation's speakers for it; of another corpus from all speakers, once
    for all rotations. A system without a part is that part taken from the whole, which is fitted once for both. Where
    the base is asked for as it is, nothing is fitted.
    """
    settings = design.params.fit_converter
    entries: dict[tuple[str, str], Entry] = {}
    folders, todo = {}, []
    for condition in design.conditions():
        if condition.system.reference:
            continue
        kind, rotation = condition.system.kind, design.rotation_of(condition)
        neural = for_method(settings.neural.model_copy(update={"base": design.base_of(condition.corpus)}), kind)
        check_base(neural.base, withheld=(*rotation.sources, *rotation.judges))
        if condition.trained_on == BASE:
            folders[condition] = Path(neural.base)
            continue
        corpus = design.corpora[condition.trained_on]
        if condition.trained_on == condition.corpus:
            speakers, group = rotation.converter, str(condition.rotation)
        else:
            speakers, group = tuple(sorted(set(corpus.table.column("speaker").to_pylist()))), "all"
        name = f"{kind}-{condition.trained_on}-{group}"
        if (name, neural.base) not in entries:
            entries[name, neural.base] = entry = cache.entry(
                "converters",
                _fit,
                registry.kind_of(kind),
                name=name,
                key={
                    "system": kind,
                    "corpus": corpus.key,
                    "speakers": list(speakers),
                    "seed": design.protocol.seed,
                    "fit_converter": {**settings.model_dump(exclude={"neural": {"base"}}), "method": kind},
                    **base_key(neural.base),
                },
            )
            if not entry.holds(_MODEL):
                clip_ids = tuple(row["clip_id"] for row in corpus.rows(speakers))
                todo.append(_Fit(kind, corpus.layout, corpus.key, clip_ids, entry, design.protocol.seed, neural))
        folders[condition] = entries[name, neural.base].path(_MODEL)
    cache.fill(_fit, todo, description="fit converters", unit="converter")
    return folders


def _fit(job: _Fit) -> None:
    utterances = open_utterances(job.layout, job.corpus_key)
    # On the CPU whatever the params say: several are fitted at once.
    converter = fit_converter(job.kind, list(utterances.stream(job.clip_ids)), seed=job.seed, neural=job.neural)
    with job.entry.building(_MODEL) as folder:
        converter.save(folder)
