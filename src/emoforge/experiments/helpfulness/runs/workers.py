"""What one process does for the training runs of a study: score converted clips, train, and answer.

Kept apart from what plans this work, so that the key of a training run holds no more code than answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import numpy as np

from emoforge.evaluation.arms import SYNTHETIC
from emoforge.experiments.cache import Entry, Part
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.clips.pool import Inputs, Pool, Task
from emoforge.experiments.helpfulness.runs import scores as scoring
from emoforge.experiments.helpfulness.runs.inputs import Audio, ClipInputs, open_pool
from emoforge.experiments.helpfulness.runs.training import predict
from emoforge.experiments.helpfulness.settings import Setting
from emoforge.ser.recogniser import Examples, Recogniser
from emoforge.ser.registry import fit_options, recogniser_class


@dataclass(frozen=True)
class RecogniserChoice:
    """A recogniser of a study.

    Attributes:
        kind: of recogniser.
        options: choices of its training as :func:`emoforge.ser.registry.fit_options` takes them.
        encoder: source of the encoder that it reads, if any.
        encoder_sha256: of its weights.
    """

    kind: str = "svm"
    options: Mapping[str, int | float] = field(default_factory=dict)
    encoder: str = ""
    encoder_sha256: str = ""


@dataclass(frozen=True)
class Run:
    """One training run of a task.

    Attributes:
        key: by which its answer is found again.
        setting: its choices.
        seed: of its draws.
        recogniser: what is trained.
        scores: name of a score → where those of the converted clips are kept.
    """

    key: str
    setting: Setting
    seed: int
    recogniser: RecogniserChoice
    scores: Mapping[str, Part]


@dataclass(frozen=True)
class RunsJob:
    """Training runs of one task that a process does in one go.

    Attributes:
        part: where the answers are kept.
        pool: all clips.
        audio: of all clips.
        task: who is known and who is tested.
        fitted: converter → its numbers in the pool, as it was fitted for the task.
        runs: what to train.
    """

    part: Part
    pool: Entry
    audio: Audio
    task: Task
    fitted: Mapping[str, tuple[int, ...]]
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class ScoresJob:
    """One score of the converted clips of a task.

    Attributes:
        part: where the values are kept.
        pool: all clips.
        audio: of all clips.
        task: who is known.
        fitted: numbers of the converter, as it was fitted for the task.
        score: "confidence", "surprise" or "usefulness", see :mod:`emoforge.experiments.helpfulness.runs.scores`.
        recogniser: whose inputs are scored, and for "surprise" who is surprised.
    """

    part: Part
    pool: Entry
    audio: Audio
    task: Task
    fitted: tuple[int, ...]
    score: str
    recogniser: RecogniserChoice


def train_and_keep(job: RunsJob) -> None:
    """Do the runs of *job* and keep their answers: one row per run."""
    pool, functionals = open_pool(job.pool)
    rows = []
    for run in job.runs:
        setting = run.setting
        scores = {name: _open_scores(part, job.pool) for name, part in run.scores.items()}
        if setting.prefer == "informative":
            scores["informative"] = scores["confidence"] * scores["surprise"]
        fit = partial(
            _fit,
            recogniser=run.recogniser,
            labels=pool.labels,
            seed=run.seed,
            # Probabilities take as long as the training itself, and most runs ask for the most probable emotion only.
            calibrate=setting.use == "ensemble",
        )
        predicted = predict(
            pool,
            ClipInputs(run.recogniser.kind, pool, functionals, job.audio, run.recogniser.encoder),
            job.task,
            setting,
            fitted=job.fitted.get(setting.converter, ()),
            scores=scores,
            fit=fit,
            seed=run.seed,
        )
        rows.append({"run": run.key, "predicted": predicted.astype(np.int16).tolist()})
    job.part.write(rows)


def score_and_keep(job: ScoresJob) -> None:
    """Score the converted clips of a task and keep one row per clip."""
    pool, functionals = open_pool(job.pool)
    rows = pool.converted_rows(job.task, SYNTHETIC, job.fitted)
    inputs = ClipInputs(job.recogniser.kind, pool, functionals, job.audio, job.recogniser.encoder)
    values = _scored(pool, inputs, job.task, rows, job.score, job.recogniser)
    clip_ids = pool.clip_ids[rows].tolist()
    job.part.write([{"clip_id": clip, "value": value} for clip, value in zip(clip_ids, values.tolist(), strict=True)])


def needed_scores(setting: Setting) -> list[str]:
    """Return the scores of converted clips that *setting* ranks or limits them by."""
    if setting.converter == "" or setting.arm == settings.TO_NEUTRAL:
        return []
    names = {"informative": ["surprise"], "surprise": ["surprise"], "usefulness": ["usefulness"]}
    return (["confidence"] if setting.needs_judge else []) + names.get(setting.prefer, [])


def _scored(
    pool: Pool, inputs: Inputs, task: Task, rows: np.ndarray, score: str, recogniser: RecogniserChoice
) -> np.ndarray:
    if not len(rows):
        return np.zeros(0)
    if score == "surprise":
        fit = partial(_fit, recogniser=recogniser, labels=pool.labels, seed=0, calibrate=True)
        return scoring.surprise(pool, inputs, task, rows, fit=fit)
    if score == "usefulness":
        return scoring.usefulness(pool, inputs, task, rows)
    return scoring.confidence(pool, inputs, task, rows)


def _fit(
    train: Examples,
    enrolment: Examples,
    *,
    recogniser: RecogniserChoice,
    labels: Sequence[str],
    seed: int,
    calibrate: bool,
    **learning: Any,
) -> Recogniser:
    choices: dict[str, Any] = dict(recogniser.options)
    options = fit_options(recogniser.kind, calibrate=calibrate, **choices)
    return recogniser_class(recogniser.kind).fit(
        train, labels=labels, enrolment=enrolment, seed=seed, **options, **learning
    )


@lru_cache(maxsize=8)
def _open_scores(part: Part, pool: Entry) -> np.ndarray:
    """Return (n_clips,) scores of the pool's clips, NaN for those that have none."""
    values = {row["clip_id"]: row["value"] for row in part.rows()}
    return np.array([values.get(clip_id, np.nan) for clip_id in open_pool(pool)[0].clip_ids.tolist()])
