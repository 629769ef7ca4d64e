"""`emoforge study`: when does synthetic emotion help? Folds × seeds × settings, every choice made on training speakers.

See `protocol` for the file that asks, `answers` for the work and `rows` for the figures, all beside this module.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from emoforge.base.batch import one_thread
from emoforge.experiments.cache import Cache, Report, silent
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.answers import Answers, answer
from emoforge.experiments.helpfulness.choice import advise, best_setting
from emoforge.experiments.helpfulness.page import page, plots
from emoforge.experiments.helpfulness.protocol import Study, load_study
from emoforge.experiments.helpfulness.recordings import read_table, situations
from emoforge.experiments.helpfulness.rows import ADVICE, FIXED, HINDSIGHT, VALIDATION, Outcome, mean_uar, measured_rows
from emoforge.experiments.helpfulness.settings import Setting
from emoforge.experiments.studies import Studied, study_path, write_results
from emoforge.project.encoders.places import located
from emoforge.project.fitting.bases import with_located_base
from emoforge.project.params import load_params
from emoforge.project.versions import commit_of

SELECTED, RECOMMENDED, BEST = "selected", "recommended", "best in hindsight"


def run(
    name: str, *, root: Path = Path(), output: Path | None = None, command: str = "", report: Report = silent
) -> Studied:
    """Run the study *name*; its results go to ``studies/NAME``: results.json, README.md and plots.

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
    study = load_study(path)
    recognisers = [item.model_copy(update={"encoder": located(item.encoder, root)}) for item in study.recognisers]
    heard = study.model_copy(update={"recognisers": recognisers})
    params = with_located_base(load_params(root / "params.yaml"), root)
    cache = Cache(root / study.work, study.workers, report)
    with one_thread():
        table = read_table(study, params, root=root, cache=cache)
        asked = situations(study, table)
        if not study.nested:
            asked = [replace(situation, inner=()) for situation in asked]
        answers = answer(heard, params, table, asked, cache)
        rows = result_rows(study, answers)
    seconds = time.monotonic() - started
    results = {
        "corpus": study.corpus.name,
        "protocol": study.model_dump(),
        "labels": list(table.labels),
        "rows": rows,
        **({"quality": answers.fidelity} if study.quality else {}),
        "command": command,
        "commit": commit,
        "seconds": round(seconds),
    }
    output = output or root / "studies" / path.stem
    drawn = plots(results)
    write_results(output, results, page(results, drawn), drawn)
    return Studied(output / "results.json", len(rows), seconds)


def result_rows(study: Study, answers: Answers) -> list[dict]:
    """Return the rows of results.json: every setting, and for every recogniser what was chosen in which way."""
    # Every seed tests the same clips.
    rows = answers.over_folds(lambda item: item.task.tested)[0]
    folds = answers.over_folds(lambda item: np.full(len(item.task.tested), item.fold))[0]
    truth, speakers = answers.truth[rows], answers.speakers[rows]
    validations = {id(situation): answers.validation(situation) for situation in answers.situations if situation.inner}
    outcomes: list[Outcome] = []
    upper = None
    for recogniser in (item.name for item in study.recognisers):
        own = [setting for setting in answers.settings if setting.recogniser == recogniser]
        reference = Setting(study.reference, recogniser=recogniser)
        predicted = {setting: answers.over_folds(lambda item, s=setting: answers.tested(item, s)) for setting in own}  # type: ignore[misc]
        base = predicted[reference]
        outcomes += [Outcome(describe(setting), FIXED, predicted[setting], base) for setting in own]
        if answers.situations[0].upper is not None:
            # Shares of the gap are measured with the first recogniser's.
            bound = answers.over_folds(lambda item, name=recogniser: answers.upper(item, name))  # type: ignore[misc]
            upper = bound if upper is None else upper
            named = describe(Setting(settings.REAL, recogniser=recogniser)) | {"arm": settings.UPPER}
            outcomes.append(Outcome(named, FIXED, bound, base))
        groups = {arm: [setting for setting in own if setting.arm == arm] for arm in settings.ARMS}
        for converter in study.converters if len(study.converters) > 1 else ():
            groups[f"{settings.SYNTHETIC}, {converter.name}"] = [
                item for item in groups[settings.SYNTHETIC] if item.converter == converter.name
            ]
        candidates = [setting for setting in own if setting.arm in settings.CANDIDATES]
        for name, members in (groups | {SELECTED: candidates}).items() if validations else ():
            if len(members) > 1 or (name == SELECTED and members):
                picks = {key: best_setting(validation, members) for key, validation in validations.items()}
                selected = name == SELECTED and recogniser == study.recognisers[0].name
                outcomes.append(_picked(answers, name, picks, VALIDATION, base, recogniser, selected=selected))
        if candidates and validations:
            picks = {
                key: advise(validation, candidates, reference, n_draws=min(study.draws, 2000), seed=study.seed).setting
                or reference
                for key, validation in validations.items()
            }
            outcomes.append(_picked(answers, RECOMMENDED, picks, ADVICE, base, recogniser))
        if candidates:
            best = max(candidates, key=lambda setting: mean_uar(truth, predicted[setting]))
            outcomes.append(Outcome(describe(best) | {"arm": BEST}, HINDSIGHT, predicted[best], base))
    return measured_rows(
        outcomes, truth=truth, speakers=speakers, folds=folds, upper=upper, n_draws=study.draws, seed=study.seed
    )


def describe(setting: Setting) -> dict[str, object]:
    """Return a setting as it stands in a row; null what it does not use."""
    converted = setting.arm in settings.CONVERTED
    return {
        "arm": setting.arm,
        "ratio": setting.ratio or None,
        "threshold": setting.min_confidence if converted else None,
        "converter": setting.converter or None,
        "weight": setting.weight if setting.ratio else None,
        "max_confidence": setting.max_confidence if converted else None,
        "prefer": setting.prefer if converted else None,
        "use": setting.use if converted else None,
        "with_neutral": setting.with_neutral if setting.ratio else None,
        "recogniser": setting.recogniser,
    }


def _picked(
    answers: Answers,
    name: str,
    picks: dict[int, Setting],
    choice: str,
    base: np.ndarray,
    recogniser: str,
    *,
    selected: bool = False,
) -> Outcome:
    predicted = answers.over_folds(lambda item: answers.tested(item, picks[id(item)]))
    # What was picked stands in `picks`; the row itself has no setting.
    named = describe(Setting(settings.REAL, recogniser=recogniser)) | {"arm": name}
    return Outcome(named | {"picks": _counted(picks.values())}, choice, predicted, base, selected)


def _counted(picks: Iterable[Setting]) -> list[dict]:
    """Return which settings were picked in how many situations, the most frequent first."""
    return [describe(setting) | {"situations": count} for setting, count in Counter(picks).most_common()]
