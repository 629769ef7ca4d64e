"""From a study to the answers of its training runs: which clips are made, what is trained, for whom."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoforge.experiments.cache import Cache, Part
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.choice import Validation
from emoforge.experiments.helpfulness.clips.assembly import AllClips, all_clips, augment_clips, recorded_pool
from emoforge.experiments.helpfulness.clips.conversions import FittedConverter, convert_clips, fitted_converters
from emoforge.experiments.helpfulness.clips.pool import Pool, Task
from emoforge.experiments.helpfulness.protocol import StudiedRecogniser, Study
from emoforge.experiments.helpfulness.recordings import Table
from emoforge.experiments.helpfulness.runs.inputs import Audio, keep_pool
from emoforge.experiments.helpfulness.runs.plan import Material, TrainingRun, mean_confidences, run_all
from emoforge.experiments.helpfulness.runs.workers import RecogniserChoice
from emoforge.experiments.helpfulness.settings import Setting
from emoforge.experiments.helpfulness.situations import Situation
from emoforge.project.checksums import digest
from emoforge.project.params import Params


@dataclass(frozen=True)
class Answers:
    """The answers of all training runs of a study.

    Attributes:
        settings: the study's settings, references first.
        situations: who is known and tested.
        truth: (n_recorded,) label indices.
        speakers: (n_recorded,) names.
        fidelity: converter → how confident judges are of its conversions on average, where the study asks for it.
    """

    settings: tuple[Setting, ...]
    situations: tuple[Situation, ...]
    truth: np.ndarray
    speakers: np.ndarray
    fidelity: Mapping[str, float]
    _tasks: Mapping[int, int]
    _predicted: Mapping[TrainingRun, np.ndarray]
    _inner_seeds: Mapping[int, tuple[int, ...]]

    def tested(self, situation: Situation, setting: Setting) -> np.ndarray:
        """Return (n_tested,) label indices for the tested clips of *situation*."""
        return self._predicted[TrainingRun(self._tasks[id(situation.task)], setting, situation.seed)]

    def upper(self, situation: Situation, recogniser: str) -> np.ndarray:
        """Return (n_tested,) label indices by a recogniser that had the labels that the scenario withholds."""
        setting = Setting(settings.REAL, recogniser=recogniser)
        return self._predicted[TrainingRun(self._tasks[id(situation.upper)], setting, situation.seed)]

    def over_folds(self, of: Callable[[Situation], np.ndarray]) -> np.ndarray:
        """Return *of* for every situation, (n_seeds, n_clips): the folds of a seed one after the other."""
        by_seed: dict[int, list[np.ndarray]] = {}
        for situation in self.situations:
            by_seed.setdefault(situation.seed, []).append(of(situation))
        return np.stack([np.concatenate(parts) for parts in by_seed.values()])

    def validation(self, situation: Situation) -> Validation:
        """Return what all settings answered to the clips that validate in *situation*."""
        truth, speakers = [], []
        predicted: dict[Setting, list[np.ndarray]] = {setting: [] for setting in self.settings}
        for task, rows in situation.inner:
            own = np.isin(task.tested, rows)
            truth.append(self.truth[task.tested[own]])
            speakers.append(self.speakers[task.tested[own]])
            number, seeds = self._tasks[id(task)], self._inner_seeds[id(situation)]
            for setting in self.settings:
                draws = [self._predicted[TrainingRun(number, setting, seed)][own] for seed in seeds]
                predicted[setting].append(np.stack(draws))
        return Validation(
            np.concatenate(truth),
            np.concatenate(speakers),
            {setting: np.concatenate(parts, axis=1) for setting, parts in predicted.items()},
        )


def answer(study: Study, params: Params, table: Table, situations: Sequence[Situation], cache: Cache) -> Answers:
    """Convert, augment, score and train whatever *situations* need and *cache* does not hold."""
    found = tuple(study.settings())
    pool = recorded_pool(study, table)
    tasks = _numbered(situations)
    trained = {tasks.of[id(task)] for item in situations for task in (item.task, *(task for task, _ in item.inner))}
    chosen = {number: tasks.distinct[number] for number in sorted(trained)}
    material = _material(study, params, table, pool, found, chosen, tasks.distinct, cache)
    inner_seeds = {id(situation): _inner_seeds(study, situation) for situation in situations}
    runs = []
    for situation in situations:
        number = tasks.of[id(situation.task)]
        runs += [TrainingRun(number, setting, situation.seed) for setting in found]
        if situation.upper is not None:
            number = tasks.of[id(situation.upper)]
            runs += [
                TrainingRun(number, Setting(settings.REAL, recogniser=recogniser.name), situation.seed)
                for recogniser in study.recognisers
            ]
        for task, _ in situation.inner:
            number = tasks.of[id(task)]
            runs += [TrainingRun(number, setting, seed) for setting in found for seed in inner_seeds[id(situation)]]
    predicted = run_all(runs, material, cache)
    outer = sorted({tasks.of[id(situation.task)] for situation in situations})
    converters = sorted({name for _, name in material.fitted})
    judged = mean_confidences(outer, converters, material, cache) if study.quality else {}
    return Answers(
        found,
        tuple(situations),
        pool.emotions,
        pool.speakers,
        judged,
        tasks.of,
        predicted,
        inner_seeds,
    )


@dataclass(frozen=True)
class _Tasks:
    distinct: tuple[Task, ...]
    of: Mapping[int, int]


def _numbered(situations: Sequence[Situation]) -> _Tasks:
    """Number tasks by their content: two folds that validate each other share one."""
    numbers: dict[bytes, int] = {}
    of: dict[int, int] = {}
    distinct: list[Task] = []
    for task in _all_tasks(situations):
        content = b"|".join(rows.tobytes() for rows in (task.labelled, task.neutral, task.tested))
        if content not in numbers:
            numbers[content] = len(distinct)
            distinct.append(task)
        of[id(task)] = numbers[content]
    return _Tasks(tuple(distinct), of)


def _all_tasks(situations: Sequence[Situation]) -> Iterable[Task]:
    for situation in situations:
        yield situation.task
        yield from (task for task, _ in situation.inner)
        if situation.upper is not None:
            yield situation.upper


def _inner_seeds(study: Study, situation: Situation) -> tuple[int, ...]:
    """Return the seeds that validate; where every seed labels other speakers, a situation has its own only."""
    if study.scenario == "scarce":
        return (situation.seed,)
    return tuple(range(study.seed, study.seed + study.inner_seeds))


def _material(
    study: Study,
    params: Params,
    table: Table,
    pool: Pool,
    found: Sequence[Setting],
    tasks: Mapping[int, Task],
    all_tasks: Sequence[Task],
    cache: Cache,
) -> Material:
    """Make the clips that *tasks* train on; the others are upper bounds, which train on recordings alone."""
    used = {setting.converter for setting in found if setting.converter}
    to_neutral = {setting.converter for setting in found if setting.needs_to_neutral}
    converters = [converter for converter in study.converters if converter.name in used]
    audio = any(recogniser.kind != "svm" for recogniser in study.recognisers)
    limits = {corpus.name: corpus.sources for corpus in (study.corpus, *study.foreign)}
    fitted: dict[tuple[int, str], list[FittedConverter]] = {}
    wanted: dict[FittedConverter, set[int]] = {}
    for number, task in tasks.items():
        sources = _limited(pool.source_rows(task), table, limits)
        for converter in converters:
            own = fitted_converters(task, converter, pool, to_neutral=converter.name in to_neutral)
            fitted[number, converter.name] = own
            for item in own:
                wanted.setdefault(item, set()).update(sources)
    converted = convert_clips(wanted, study, params, table, cache, audio=audio)
    augmented = []
    if any(setting.arm in (settings.CLASSICAL, settings.UNION) for setting in found):
        rows = {row for task in tasks.values() for row in task.labelled.tolist()}
        augmented = augment_clips(study, params, table, cache, rows, audio=audio)
    clips = all_clips(study, table, augmented, converted)
    return Material(
        clips=clips,
        pool=keep_pool(clips.pool, clips.functionals, cache),
        audio=_audio(table, augmented, converted, clips) if audio else Audio((), (), ""),
        tasks=tuple(all_tasks),
        fitted={of: tuple(clips.numbers[item] for item in own) for of, own in fitted.items()},
        recognisers={item.name: _choice(item) for item in study.recognisers},
    )


def _choice(item: StudiedRecogniser) -> RecogniserChoice:
    sha256 = ""
    if item.encoder:
        from emoforge.project.encoders import load_encoder

        sha256 = load_encoder(item.encoder).sha256
    options = {str(name): value for name, value in item.options.items()}
    return RecogniserChoice(item.kind, options, item.encoder, sha256)


def _audio(
    table: Table, augmented: Sequence[Part], converted: Mapping[FittedConverter, Sequence[Part]], clips: AllClips
) -> Audio:
    recorded = [corpus.layout.stage("ingest") / "clips" for corpus in table.corpora.values()]
    return Audio(
        (*recorded, *_folders(augmented)),
        tuple(_folders(parts) for parts in converted.values()),
        digest([clips.pool.clip_ids.tolist(), clips.sounds.tolist()]),
    )


def _folders(parts: Sequence[Part]) -> tuple[Path, ...]:
    return tuple(sorted({part.folder for part in parts}))


def _limited(rows: np.ndarray, table: Table, limits: Mapping[str, int]) -> list[int]:
    """Return at most as many of a speaker's clips as the corpus allows, in an order of their names."""
    kept: list[int] = []
    taken: dict[str, int] = {}
    for row in sorted(rows.tolist(), key=lambda row: digest(str(table.clip_ids[row]))):
        clip = table.rows[row]
        taken[clip["speaker"]] = taken.get(clip["speaker"], 0) + 1
        if not limits[clip["corpus"]] or taken[clip["speaker"]] <= limits[clip["corpus"]]:
            kept.append(row)
    return sorted(kept)
