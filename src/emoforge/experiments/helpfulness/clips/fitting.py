"""What one process does for the converters of a study: fit one to recorded clips.

Kept apart from what plans this work and from what converts, so that its key holds no more code than fits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import Any

from emoforge.convert import registry
from emoforge.convert.utterance import Utterance
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.cache import Entry
from emoforge.project.layout import Layout
from emoforge.project.utterances import open_utterances

#: Folder of a fitted converter in its entry of the cache.
MODEL = "model"
#: Label of neutral clips that are to be learnt as a target: no corpus has acted clips with it.
STAND_IN = "other"


@dataclass(frozen=True)
class ConverterJob:
    """One converter to fit.

    Attributes:
        entry: where it is kept.
        method: kind of converter.
        clips: (run, key, clip ids) of every corpus that it learns from.
        seed: of its draws.
        neural: options of the kinds that are trained, :class:`emoforge.project.params.NeuralParams`.
        to_neutral: whether it learns to convert neutral speech to neutral.
    """

    entry: Entry
    method: str
    clips: tuple[tuple[Layout, str, tuple[str, ...]], ...]
    seed: int
    neural: Any
    to_neutral: bool


def fit_and_keep(job: ConverterJob) -> None:
    """Fit a converter and keep it."""
    learnt_from = []
    for layout, corpus_key, clip_ids in job.clips:
        learnt_from += list(open_utterances(layout, corpus_key).stream(clip_ids))
    if job.to_neutral:
        learnt_from = as_neutral_targets(learnt_from)
    if job.method in registry.TRAINED:
        converter = _neural_fitting().fit_trained(job.method, learnt_from, seed=job.seed, neural=job.neural)
    else:
        converter = registry.fit(job.method, learnt_from, seed=job.seed)
    with job.entry.building(MODEL) as folder:
        converter.save(folder)


def makers(method: str) -> tuple[Callable | ModuleType, ...]:
    """Return what makes a converter of kind *method*, for the key of its entry."""
    of_kind = (fit_and_keep, registry.kind_of(method))
    return (*of_kind, _neural_fitting()) if method in registry.TRAINED else of_kind


def _neural_fitting() -> ModuleType:
    # By name: the code of one kind of converter is not part of the keys of the others.
    return import_module("emoforge.project.fitting.converters")


def as_neutral_targets(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Return the neutral ones of *utterances*, half of them (of every speaker, and of every sentence if it was said
    twice) in the place of an emotion.

    A converter that is fitted to these turns neutral speech into other neutral speech: what it then changes comes from
    alignment, coding and rendering, and from how one reading differs from the next.
    """
    neutral = sorted(
        (utterance for utterance in utterances if utterance.emotion == NEUTRAL),
        key=lambda utterance: (utterance.speaker, utterance.sentence or "", utterance.clip_id),
    )
    # A speaker's only neutral clip cannot be a target, but still serves as a reference for the others.
    return [replace(utterance, emotion=STAND_IN) if index % 2 else utterance for index, utterance in enumerate(neutral)]
