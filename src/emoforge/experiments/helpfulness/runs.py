"""The cells of a study: one training each, over processes, kept by content.

A cell's key holds its task's clips, its setting, its draw, what converted its clips and the code: a study that is run
again, or another one that asks for the same cell, reads the answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from emoforge.base.batch import chunked
from emoforge.base.outputs import written_aside
from emoforge.evaluation.arms import SYNTHETIC
from emoforge.experiments.helpfulness import scores as scoring
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.assembly import ClipInputs, open_pool
from emoforge.experiments.helpfulness.pool import Inputs, Pool
from emoforge.experiments.helpfulness.protocol import StudiedRecogniser, Study
from emoforge.experiments.helpfulness.settings import Setting
from emoforge.experiments.helpfulness.situations import Task
from emoforge.experiments.helpfulness.training import predict
from emoforge.experiments.work import drain, part_path, read_rows, write_rows
from emoforge.project.checksums import code_sha256, digest
from emoforge.ser.recogniser import Examples, Pairs, Recogniser
from emoforge.ser.registry import fit_options, recogniser_class

#: Cells of a part: what a killed process loses.
_CHUNK = 16


@dataclass(frozen=True)
class CellKey:
    """One training: a task (by number), a setting and the seed of its draws."""

    task: int
    setting: Setting
    seed: int


@dataclass(frozen=True)
class Bench:
    """What cells are trained on.

    Attributes:
        pool: file of :func:`emoforge.experiments.helpfulness.assembly.save_pool`.
        tasks: by number.
        units: (task, converter) → numbers of its units in the pool.
        content: (task, converter) → checksum of what these are; (task, "") of what was augmented.
        folders: of shards with audio.
        clip_ids: of the recorded clips, by which tasks are told apart.
    """

    pool: Path
    tasks: tuple[Task, ...]
    units: Mapping[tuple[int, str], tuple[int, ...]]
    content: Mapping[tuple[int, str], str]
    folders: tuple[Path, ...]
    clip_ids: np.ndarray

    def task_digest(self, number: int) -> str:
        task = self.tasks[number]
        return digest([self.clip_ids[rows].tolist() for rows in (task.labelled, task.neutral, task.tested)])


@dataclass(frozen=True)
class _Job:
    """Cells of one task that a process trains in one go."""

    folder: Path
    cells: tuple[tuple[str, Setting, int], ...]
    pool: Path
    task: Task
    units: Mapping[str, tuple[int, ...]]
    scores: Mapping[tuple[str, str, str], Path]
    recognisers: Mapping[str, StudiedRecogniser]
    folders: tuple[Path, ...]


def run_cells(wanted: Iterable[CellKey], bench: Bench, study: Study, work: Path) -> dict[CellKey, np.ndarray]:
    """Train the cells that are not there yet; return (n_tested,) label indices for each."""
    wanted = list(dict.fromkeys(wanted))
    recognisers = {recogniser.name: recogniser for recogniser in study.recognisers}
    digests = {number: bench.task_digest(number) for number in {key.task for key in wanted}}
    scores = _score_tasks(wanted, bench, digests, study, recognisers, work)
    names, jobs = {}, []
    folders = {number: work / "cells" / digests[number][:24] for number in digests}
    known = {number: {row["cell"]: row["predicted"] for row in read_rows(folders[number])} for number in digests}
    missing: dict[int, list[tuple[str, Setting, int]]] = {}
    for key in wanted:
        names[key] = _cell_digest(key, digests[key.task], bench, recognisers[key.setting.recogniser])
        if names[key] not in known[key.task]:
            missing.setdefault(key.task, []).append((names[key], key.setting, key.seed))
    for number, cells in missing.items():
        converters = {setting.converter for _, setting, _ in cells if setting.converter}
        for chunk in chunked(cells, _CHUNK):
            jobs.append(
                _Job(
                    folders[number],
                    tuple(chunk),
                    bench.pool,
                    bench.tasks[number],
                    {name: bench.units[number, name] for name in converters},
                    {of[1:]: path for of, path in scores.items() if of[0] == number},
                    recognisers,
                    bench.folders,
                )
            )
    drain(_train_cells, jobs, study, "train", "cell", sizes=[len(job.cells) for job in jobs])
    for number in missing:
        known[number] = {row["cell"]: row["predicted"] for row in read_rows(folders[number])}
    return {key: np.array(known[key.task][names[key]], dtype=int) for key in wanted}


def fidelity(
    tasks: Sequence[int], converters: Sequence[str], bench: Bench, study: Study, work: Path
) -> dict[str, float]:
    """Return the mean confidence of the judges in the conversions of each converter, over *tasks*."""
    found = {}
    for name in converters:
        judged = Setting(settings.SYNTHETIC, converter=name, ratio=1.0, prefer="confidence")
        keys = [CellKey(number, judged, 0) for number in tasks]
        paths = _score_tasks(keys, bench, {number: bench.task_digest(number) for number in tasks}, study, {}, work)
        means = []
        for path in paths.values():
            with np.load(path, allow_pickle=False) as file:
                means.append(float(file["values"].mean()))
        found[name] = round(float(np.mean(means)), 4)
    return found


def _cell_digest(key: CellKey, task: str, bench: Bench, recogniser: StudiedRecogniser) -> str:
    content = [bench.content[key.task, key.setting.converter]] if key.setting.converter else []
    if key.setting.arm in (settings.CLASSICAL, settings.UNION):
        content.append(bench.content[key.task, ""])
    choices = key.setting.as_dict() | {"converter": "", "recogniser": ""}
    described = recogniser.model_dump(exclude={"name"})
    return digest([task, choices, described, _draw(key, recogniser), content, code_sha256(_train_cells)])


def _draw(key: CellKey, recogniser: StudiedRecogniser) -> int:
    """Return the cell's seed, or 0 where nothing is drawn: such cells are the same for every seed."""
    return key.seed if key.setting.ratio > 0 or recogniser.kind != "svm" else 0


def _train_cells(job: _Job) -> None:
    pool, functionals = open_pool(job.pool)
    rows = []
    for name, setting, seed in job.cells:
        recogniser = job.recognisers[setting.recogniser]
        inputs = ClipInputs(recogniser.kind, pool.clip_ids, functionals, job.folders)
        scores = {}
        for score in _needed_scores(setting):
            path = job.scores[setting.converter, score, setting.recogniser if score == "surprise" else ""]
            scores[score] = _open_scores(path, job.pool)
        if setting.prefer == "informative":
            scores["informative"] = scores["confidence"] * scores["surprise"]
        predicted = predict(
            pool,
            inputs,
            job.task,
            setting,
            units=job.units.get(setting.converter, ()),
            scores=scores,
            fit=partial(
                _fit, recogniser=recogniser, labels=pool.labels, seed=seed, calibrate=setting.use == "ensemble"
            ),
            seed=seed,
        )
        rows.append({"cell": name, "predicted": predicted.astype(np.int16).tolist()})
    number = int(digest([name for name, _, _ in job.cells])[:12], 16)
    write_rows(part_path(job.folder, number), rows)


def _fit(
    train: Examples,
    enrolment: Examples,
    *,
    recogniser: StudiedRecogniser,
    labels: Sequence[str],
    seed: int,
    calibrate: bool,
    **learning: Examples | Pairs | float,
) -> Recogniser:
    # Probabilities take as long as the machine itself, and most cells ask for the most probable emotion only.
    options = fit_options(recogniser.kind, calibrate=calibrate, **recogniser.options)
    return recogniser_class(recogniser.kind).fit(
        train, labels=labels, enrolment=enrolment, seed=seed, **options, **learning
    )


def _needed_scores(setting: Setting) -> list[str]:
    if setting.converter == "" or setting.arm == settings.CONTROL:
        return []
    names = {"informative": ["surprise"], "surprise": ["surprise"], "usefulness": ["usefulness"]}
    return (["confidence"] if setting.needs_judge else []) + names.get(setting.prefer, [])


def _score_tasks(
    wanted: Sequence[CellKey],
    bench: Bench,
    digests: Mapping[int, str],
    study: Study,
    recognisers: Mapping[str, StudiedRecogniser],
    work: Path,
) -> dict[tuple[int, str, str, str], Path]:
    """Score the converted clips of the tasks that settings rank or limit; return the file of each score.

    Returns:
        (task, converter, score, recogniser, which is empty for scores that hang on none) → file.
    """
    paths, todo = {}, []
    for key in wanted:
        for score in _needed_scores(key.setting):
            name = key.setting.recogniser if score == "surprise" else ""
            of = key.task, key.setting.converter, score, name
            if of in paths:
                continue
            recogniser = recognisers[name].model_dump(exclude={"name"}) if name else None
            checksum = digest(
                [
                    digests[key.task],
                    bench.content[key.task, key.setting.converter],
                    score,
                    recogniser,
                    code_sha256(_score_task),
                ]
            )
            paths[of] = work / "scores" / f"{checksum[:24]}.npz"
            if not paths[of].is_file():
                task, units = bench.tasks[key.task], bench.units[key.task, key.setting.converter]
                todo.append((paths[of], bench.pool, task, units, score, recognisers.get(name), bench.folders))
    drain(_score_task, todo, study, "score", "task")
    return paths


def _score_task(
    job: tuple[Path, Path, Task, tuple[int, ...], str, StudiedRecogniser | None, tuple[Path, ...]],
) -> None:
    path, pool_path, task, units, score, recogniser, folders = job
    pool, functionals = open_pool(pool_path)
    rows = pool.converted_rows(task, SYNTHETIC, units)
    kind = recogniser.kind if recogniser else "svm"
    inputs: Inputs = ClipInputs(kind, pool.clip_ids, functionals, folders)
    values = _scored(pool, inputs, task, rows, score, recogniser)
    with written_aside(path) as aside, aside.open("wb") as file:
        np.savez(file, clip_ids=pool.clip_ids[rows], values=values)


def _scored(
    pool: Pool, inputs: Inputs, task: Task, rows: np.ndarray, score: str, recogniser: StudiedRecogniser | None
) -> np.ndarray:
    if not len(rows):
        return np.zeros(0)
    if score == "surprise":
        fit = partial(_fit, recogniser=recogniser, labels=pool.labels, seed=0, calibrate=True)
        return scoring.surprise(pool, inputs, task, rows, fit=fit)
    if score == "usefulness":
        return scoring.usefulness(pool, inputs, task, rows)
    return scoring.confidence(pool, inputs, task, rows)


@lru_cache(maxsize=8)
def _open_scores(path: Path, pool_path: Path) -> np.ndarray:
    """Return (n_clips,) scores of the pool's clips, NaN for those that have none."""
    with np.load(path, allow_pickle=False) as file:
        values = dict(zip(file["clip_ids"].tolist(), file["values"].tolist(), strict=True))
    return np.array([values.get(clip_id, np.nan) for clip_id in open_pool(pool_path)[0].clip_ids.tolist()])
