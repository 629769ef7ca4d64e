"""The training runs of a study: which are needed, and which are kept already.

The key of a run is made from what goes into it: the clips that its task and its arm hold, with labels, voices and
functionals or sound, its choices, its draw and the code. How the clips came about does not matter: a study that is run
again, or another one that asks for the same run, reads the answer; and whatever would change the answer is in the key.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from emoforge.base.batch import chunked
from emoforge.evaluation.arms import SYNTHETIC
from emoforge.experiments.cache import Cache, Entry
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.clips.assembly import AllClips
from emoforge.experiments.helpfulness.clips.pool import TO_NEUTRAL, Task
from emoforge.experiments.helpfulness.runs.inputs import Audio
from emoforge.experiments.helpfulness.runs.workers import (
    RecogniserChoice,
    Run,
    RunsJob,
    ScoresJob,
    needed_scores,
    score_and_keep,
    train_and_keep,
)
from emoforge.experiments.helpfulness.settings import Setting
from emoforge.project.checksums import digest
from emoforge.ser.registry import FUNCTIONALS, KINDS

#: Training runs of a part: what a killed process loses.
_CHUNK = 16
#: Judges and measures of usefulness are recognisers of this kind.
_SCORING = RecogniserChoice()


@dataclass(frozen=True)
class TrainingRun:
    """One training run: a task (by number), a setting and the seed of its draws."""

    task: int
    setting: Setting
    seed: int


@dataclass(frozen=True)
class Material:
    """What training runs are made from.

    Attributes:
        clips: all clips.
        pool: where they are kept for the processes that train.
        audio: of the clips.
        tasks: by number.
        fitted: (task, converter) → numbers of the converter in the pool, as it was fitted for the task.
        recognisers: by name in the study.
    """

    clips: AllClips
    pool: Entry
    audio: Audio
    tasks: tuple[Task, ...]
    fitted: Mapping[tuple[int, str], tuple[int, ...]]
    recognisers: Mapping[str, RecogniserChoice]

    def recorded(self, number: int, kind: str) -> list:
        """Return what a recogniser of *kind* sees of the recorded clips of a task."""
        task, pool = self.tasks[number], self.clips.pool
        rows = (
            task.labelled,
            task.neutral,
            task.tested,
            pool.source_rows(task),
            pool.training_enrolment(task),
            pool.tested_enrolment(task),
        )
        return [list(pool.labels), *(self._seen(of, kind) for of in rows)]

    def added(self, number: int, setting: Setting, kind: str) -> list:
        """Return what a recogniser of *kind* sees of the clips that the arm of *setting* may add to a task."""
        task, pool = self.tasks[number], self.clips.pool
        fitted = self.fitted[number, setting.converter] if setting.converter else ()
        rows = []
        if setting.arm in (settings.CLASSICAL, settings.UNION):
            rows.append(pool.classical_rows(task))
        if setting.arm in settings.CONVERTED and setting.arm != settings.TO_NEUTRAL:
            rows.append(pool.converted_rows(task, SYNTHETIC, fitted))
        if setting.needs_to_neutral:
            rows.append(pool.converted_rows(task, TO_NEUTRAL, fitted))
        return [self._seen(of, kind) for of in rows]

    def _seen(self, rows: np.ndarray, kind: str) -> str:
        return digest([self._clips_by_input[KINDS[kind].reads][row] for row in rows.tolist()])

    @cached_property
    def _clips_by_input(self) -> Mapping[tuple[str, ...], list[str]]:
        """What kinds of recogniser read → checksum of every clip of the pool, with all that is known of it."""
        pool = self.clips.pool
        kinds = {KINDS[choice.kind].reads for choice in (*self.recognisers.values(), _SCORING)}
        values = [row.tobytes().hex() for row in np.ascontiguousarray(self.clips.functionals)]
        found = {}
        for reads in kinds:
            found[reads] = [
                digest(
                    [
                        str(pool.clip_ids[row]),
                        str(pool.kinds[row]),
                        str(pool.speakers[row]),
                        str(pool.voices[row]),
                        pool.labels[pool.emotions[row]],
                        bool(pool.enrolment[row]),
                        str(pool.clip_ids[pool.sources[row]]),
                        self._style(row),
                        values[row] if FUNCTIONALS in reads else "",
                        str(self.clips.sounds[row]) if reads != (FUNCTIONALS,) else "",
                    ]
                )
                for row in range(len(pool.clip_ids))
            ]
        return found

    def _style(self, row: int) -> list[str]:
        pool = self.clips.pool
        style = pool.styles[row]
        return [str(pool.clip_ids[style]), str(pool.voices[style])] if style >= 0 else []


def run_all(wanted: Iterable[TrainingRun], material: Material, cache: Cache) -> dict[TrainingRun, np.ndarray]:
    """Do the training runs that are not kept yet; return (n_tested,) label indices for each."""
    wanted = list(dict.fromkeys(wanted))
    scores = _score(wanted, material, cache)
    keys: dict[TrainingRun, str] = {}
    entries: dict[TrainingRun, Entry] = {}
    known: dict[Entry, dict[str, list[int]]] = {}
    missing: dict[tuple[int, Entry], list[Run]] = {}
    of_task: dict[tuple[int, str], Entry] = {}
    added: dict[tuple, list] = {}
    for run in wanted:
        choice = material.recognisers[run.setting.recogniser]
        if (run.task, choice.kind) not in of_task:
            clips = material.recorded(run.task, choice.kind)
            of_task[run.task, choice.kind] = cache.entry("runs", train_and_keep, key={"clips": clips})
        entry = entries[run] = of_task[run.task, choice.kind]
        if entry not in known:
            known[entry] = _answers(entry)
        own = {name: scores[_score_of(run, name)] for name in needed_scores(run.setting)}
        clips_of = run.task, run.setting.arm, run.setting.converter, run.setting.needs_to_neutral, choice.kind
        if clips_of not in added:
            added[clips_of] = material.added(run.task, run.setting, choice.kind)
        keys[run] = _run_key(run, choice, added[clips_of], own)
        if keys[run] not in known[entry]:
            parts = {name: score.part(0) for name, score in own.items()}
            missing.setdefault((run.task, entry), []).append(Run(keys[run], run.setting, run.seed, choice, parts))
    jobs = [
        RunsJob(
            part=entry.part_of([run.key for run in chunk]),
            pool=material.pool,
            audio=material.audio,
            task=material.tasks[number],
            fitted={
                run.setting.converter: material.fitted[number, run.setting.converter]
                for run in chunk
                if run.setting.converter
            },
            runs=tuple(chunk),
        )
        for (number, entry), runs in missing.items()
        for chunk in chunked(runs, _CHUNK)
    ]
    cache.fill(train_and_keep, jobs, description="train", unit="run", sizes=[len(job.runs) for job in jobs])
    known |= {entry: _answers(entry) for _, entry in missing}
    return {run: np.array(known[entries[run]][keys[run]], dtype=int) for run in wanted}


def mean_confidences(
    tasks: Sequence[int], converters: Sequence[str], material: Material, cache: Cache
) -> dict[str, float]:
    """Return the mean confidence of the judges in the conversions of each converter, over *tasks*."""
    found = {}
    for name in converters:
        judged = Setting(settings.SYNTHETIC, converter=name, ratio=1.0, prefer="confidence")
        entries = _score([TrainingRun(number, judged, 0) for number in tasks], material, cache).values()
        means = [np.mean([row["value"] for row in entry.part(0).rows()]) for entry in entries]
        found[name] = round(float(np.mean(means)), 4)
    return found


def _answers(entry: Entry) -> dict[str, list[int]]:
    return {row["run"]: row["predicted"] for row in entry.rows()}


def _run_key(run: TrainingRun, choice: RecogniserChoice, added: list, scores: Mapping[str, Entry]) -> str:
    choices = run.setting.as_dict() | {"converter": "", "recogniser": ""}
    # Without added clips nothing is drawn for an svm: such runs are the same for every seed.
    draw = run.seed if run.setting.ratio > 0 or choice.kind != "svm" else 0
    used = {name: entry.checksum for name, entry in scores.items()}
    return digest([added, choices, choice.kind, dict(choice.options), draw, used, *_encoder(choice)])


def _encoder(choice: RecogniserChoice) -> list[str]:
    return [choice.encoder_sha256] if choice.encoder else []


def _score_of(run: TrainingRun, score: str) -> tuple[int, str, str, str]:
    """Return what a score depends on: task, converter, score, and the recogniser that is surprised."""
    return run.task, run.setting.converter, score, run.setting.recogniser if score == "surprise" else ""


def _score(wanted: Sequence[TrainingRun], material: Material, cache: Cache) -> dict[tuple[int, str, str, str], Entry]:
    """Score the converted clips that settings rank or limit; return the entry of each score."""
    entries, todo = {}, []
    for run in wanted:
        for score in needed_scores(run.setting):
            of = _score_of(run, score)
            if of in entries:
                continue
            choice = material.recognisers[of[3]] if of[3] else _SCORING
            fitted = material.fitted[run.task, run.setting.converter]
            key = {
                "recorded": material.recorded(run.task, choice.kind),
                "converted": material.added(run.task, _all_of(run.setting.converter), choice.kind),
                "score": score,
                "recogniser": [choice.kind, dict(choice.options), *_encoder(choice)],
            }
            entries[of] = entry = cache.entry("scores", score_and_keep, key=key)
            if not entry.part(0).is_whole():
                todo.append(
                    ScoresJob(
                        entry.part(0), material.pool, material.audio, material.tasks[run.task], fitted, score, choice
                    )
                )
    cache.fill(score_and_keep, todo, description="score", unit="task")
    return entries


def _all_of(converter: str) -> Setting:
    return Setting(settings.SYNTHETIC, converter=converter, ratio=1.0)
