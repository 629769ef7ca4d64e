"""What one process does for a study of recognition: train one recogniser and keep what it answers.

Kept apart from what plans this work, so that the key of a training run holds no more code than answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from emoforge.experiments.cache import Part
from emoforge.experiments.recognition.inputs import Inputs, Material
from emoforge.project.examples import tuned_encoder
from emoforge.ser.domains import Domain
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import fit_options, recogniser_class


@dataclass(frozen=True)
class Clips:
    """Clips of one role, each with its speaker, and with its label index where it is learnt from."""

    clip_ids: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    labels: tuple[int, ...] | None = None


@dataclass(frozen=True)
class TrainingRun:
    """One recogniser that is trained and asked.

    Attributes:
        labels: emotion names.
        learnt: clips to learn from.
        learnt_enrolment: that enrol their speakers; empty where nobody is enrolled.
        tested: clips to recognise.
        tested_enrolment: likewise.
        before: clips of other corpora that learning sets out from, by corpus, each with those that enrol its speakers;
            moved to where the values of *learnt* lie.
        kind: of the recogniser.
        options: of its training, see :func:`emoforge.ser.registry.fit_options`.
        seed: of its draws.
    """

    labels: tuple[str, ...]
    learnt: Clips
    learnt_enrolment: Clips
    tested: Clips
    tested_enrolment: Clips
    kind: str
    seed: int
    options: Mapping[str, int | float] = field(default_factory=dict)
    before: tuple[tuple[Clips, Clips], ...] = ()


@dataclass(frozen=True)
class Job:
    """A training run with what it reads.

    Attributes:
        part: where the answers are kept.
        run: what to train.
        materials: the corpora that its clips are of.
        encoder: source of the pretrained encoder; empty for kinds that read none.
    """

    part: Part
    run: TrainingRun
    materials: tuple[Material, ...]
    encoder: str


def train_and_keep(job: Job) -> None:
    """Train the recogniser of *job* and keep what it answers: one row per tested clip, with its probabilities."""
    run = job.run
    inputs = Inputs(run.kind, job.materials, job.encoder)
    choices: dict[str, Any] = dict(run.options)
    learnt, enrolment = _examples(run.learnt, inputs), _examples(run.learnt_enrolment, inputs)
    first = {}
    if run.before:
        moved = [
            _moved(_examples(clips, inputs), _examples(enrolling, inputs), learnt) for clips, enrolling in run.before
        ]
        first["before"] = Examples.joined([clips for clips, _ in moved])
        enrolment = Examples.joined([enrolment, *(enrolling for _, enrolling in moved)])
    model = recogniser_class(run.kind).fit(
        learnt,
        labels=run.labels,
        enrolment=enrolment,
        seed=run.seed,
        **fit_options(run.kind, base=tuned_encoder(run.kind, job.encoder), **choices),
        **first,
    )
    found = model.predict_proba(_examples(run.tested, inputs), _examples(run.tested_enrolment, inputs))
    rows = zip(run.tested.clip_ids, np.asarray(found, dtype=np.float64).tolist(), strict=True)
    job.part.write([{"clip_id": clip_id, "probabilities": values} for clip_id, values in rows])


def _moved(clips: Examples, enrolling: Examples, to: Examples) -> tuple[Examples, Examples]:
    """Move *clips* of one corpus, and those that enrol their speakers, to where the values of *to* lie."""
    domain, own = Domain.of(clips.inputs), Domain.of(to.inputs)
    moved = replace(clips, inputs=domain.moved(clips.inputs, own))
    return moved, replace(enrolling, inputs=domain.moved(enrolling.inputs, own)) if len(enrolling) else enrolling


def _examples(clips: Clips, inputs: Inputs) -> Examples:
    labels = None if clips.labels is None else np.array(clips.labels, dtype=np.int64)
    return Examples(inputs(clips.clip_ids), np.array(clips.speakers, dtype=str), labels)
