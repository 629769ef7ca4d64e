"""`emoforge study recognition`: how well emotion is recognised, within corpora and across them, by every recogniser.

See `protocol` for the file that asks, `tasks` for who trains and who is tested, `runs` for the work, `rows` for the
figures and `page` for what is written, all beside this module.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emoforge.base.batch import one_thread
from emoforge.experiments.cache import Cache, Report, silent
from emoforge.experiments.recognition.material import folds_of, materials, prepare, record
from emoforge.experiments.recognition.page import page, plots
from emoforge.experiments.recognition.protocol import (
    OTHERS,
    RecognitionStudy,
    load_recognition_study,
    own_and_others,
)
from emoforge.experiments.recognition.rows import gain_rows, pooled, result_row, summed_up
from emoforge.experiments.recognition.runs import answer
from emoforge.experiments.recognition.tasks import Recorded, Task, across_task, fold_tasks
from emoforge.experiments.studies import Studied, study_path, write_results
from emoforge.project.encoders.places import located
from emoforge.project.params import load_params
from emoforge.project.versions import commit_of


def run(
    name: str, *, root: Path = Path(), output: Path | None = None, command: str = "", report: Report = silent
) -> Studied:
    """Run the study *name*; its results go to ``studies/NAME``: results.json, README.md and a plot.

    Args:
        name: of a file in ``studies/`` without its suffix, or the path of a YAML file.
        root: project folder, which holds params.yaml.
        output: folder of the results, where it is not ``studies/NAME``.
        command: the command line that asked for it, for the results.
        report: told what is computed, before it is.

    Raises:
        EmoforgeError: the study asks for what is not there, or a corpus is missing.
    """
    started = time.monotonic()
    # Asked now: what is committed while the study runs is not what it runs.
    commit = commit_of(root)
    path = study_path(name, root)
    study = load_recognition_study(path)
    heard = study.model_copy(update={"encoder": located(study.encoder, root)})
    params = load_params(root / "params.yaml")
    cache = Cache(root / study.work, study.workers, report)
    with one_thread():
        prepared = prepare(study, params, root=root, cache=cache)
        recorded = record(prepared)
        folds = {item.name: folds_of(item, prepared[item.name], seed=study.seed) for item in study.corpora}
        tasks = tasks_of(study, recorded, folds)
        read = materials(prepared, heard, cache)
        outcomes = pooled(answer(heard, tasks, recorded, read, cache), recorded)
        choices = {"n_draws": study.draws, "seed": study.seed}
        gains = gain_rows(outcomes, reference=study.recognisers[0].name, **choices)
        rows = [result_row(item, **choices) for item in outcomes]
    seconds = time.monotonic() - started
    results = {
        "protocol": study.model_dump(),
        "corpora": {name: described(name, recorded, folds[name]) for name in prepared},
        "rows": rows,
        "gains": gains,
        "mean_gains": summed_up(gains),
        "command": command,
        "commit": commit,
        "seconds": round(seconds),
    }
    output = output or root / "studies" / path.stem
    drawn = plots(results)
    write_results(output, results, page(results, drawn), drawn)
    return Studied(output / "results.json", len(rows), seconds)


def tasks_of(study: RecognitionStudy, recorded: Recorded, folds: dict[str, dict[str, int]]) -> list[Task]:
    """Return the folds of every corpus; every corpus by every other, and by all others together; folds after others.

    Raises:
        EmoforgeError: two corpora share fewer than two emotions.
    """
    names = [item.name for item in study.corpora]
    tasks = [task for name in names for task in fold_tasks(recorded, name, folds[name])]
    if study.across:
        pairs = [(train, test) for test in names for train in names if train != test]
        tasks += [across_task(recorded, [train], test, name=train) for train, test in pairs]
        tasks += [
            across_task(recorded, [name for name in names if name != test], test, name=OTHERS)
            for test in names
            if len(names) > 2
        ]
    if len(names) > 1 and any(item.others_first for item in study.recognisers):
        for test in names:
            others = [name for name in names if name != test]
            tasks += fold_tasks(recorded, test, folds[test], before=others, name=own_and_others(test))
    return tasks


def described(name: str, recorded: Recorded, fold_of: dict[str, int]) -> dict[str, object]:
    """Return what results.json says of a corpus."""
    own = recorded.corpora == name
    genders = recorded.genders[own]
    by_speaker = dict(zip(recorded.speakers[own].tolist(), genders.tolist(), strict=True))
    counted: Sequence[str] = list(by_speaker.values())
    return {
        "clips": int((own & ~recorded.enrolment).sum()),
        "enrolment_clips": int((own & recorded.enrolment).sum()),
        "speakers": len(by_speaker),
        "genders": {gender: counted.count(gender) for gender in sorted(set(counted))},
        "folds": len(set(fold_of.values())),
        "emotions": np.unique(recorded.emotions[own]).tolist(),
    }
