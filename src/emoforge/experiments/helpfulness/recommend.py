"""`emoforge recommend`: whether synthetic clips would help on the project's own corpus, by its training speakers alone.

Training speakers are left out in turn, converters and recognisers are fitted to the others, and every setting answers
for those left out. Nothing of another split is read. The rule is that of
:func:`emoforge.experiments.helpfulness.choice.advise`.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from emoforge.base.batch import one_thread
from emoforge.base.errors import EmoforgeError, ManifestError
from emoforge.base.outputs import write_json
from emoforge.dataset import manifest
from emoforge.evaluation import arms
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.answers import Answers, answer
from emoforge.experiments.helpfulness.choice import (
    CONFIDENCE,
    LEAST_SPEAKERS,
    Advice,
    Validation,
    advise,
    best_setting,
    validation_uar,
)
from emoforge.experiments.helpfulness.protocol import Study
from emoforge.experiments.helpfulness.recordings import situations, table_of
from emoforge.experiments.helpfulness.settings import Setting
from emoforge.experiments.work import Corpus
from emoforge.project.layout import Layout
from emoforge.project.params import AUTO, Params, edited, load_params

_DIGITS = 4
_FOLDS = 5
_MIN_SPEAKERS = 4
#: Settings that are tried: few, so that the best of them is little flattered.
_RATIOS = (0.5, 1.0, 2.0)
_WEIGHTS = (0.3, 1.0)
_CONFIDENCES = (0.0, 0.3)
#: Converters that replay clips of single speakers are fitted to one at a time, which folds share.
_REPLAYING = ("statistics", "transplant", "world")


def run(*, root: Path = Path(), write: bool = False) -> list[str]:
    """Write ``metrics/recommend.json`` and return lines to print.

    Args:
        root: project folder, in which ingest and prosody are done.
        write: also write the advice into params.yaml.

    Raises:
        EmoforgeError: ingest or prosody is not done, or there are too few training speakers to tell.
    """
    params = load_params(root / "params.yaml")
    layout = Layout(root)
    with one_thread():
        table = table_of({params.corpus.name: _training_corpus(params, layout)}, [])
        n_speakers = len(np.unique(table.column("speaker")))
        if n_speakers < _MIN_SPEAKERS:
            raise EmoforgeError(
                f"{n_speakers} training speakers are too few to validate on; {_MIN_SPEAKERS} are needed, and below "
                "that choose select.ratio yourself"
            )
        study = _study(params, n_folds=min(_FOLDS, n_speakers))
        # The folds validate here, and within them nothing more is chosen.
        asked = [replace(situation, inner=()) for situation in situations(study, table)]
        answers = answer(study, params, table, asked, root / study.work)
        validation = _validation(answers)
        candidates = [setting for setting in answers.settings if setting.arm in settings.CANDIDATES]
        reference = answers.settings[0]
        advice = advise(validation, candidates, reference, n_draws=params.evaluate.draws, seed=params.seed)
    result = _result(validation, advice, candidates, reference, n_speakers)
    write_json(layout.metrics("recommend"), result)
    if write:
        with edited(root / "params.yaml") as values:
            for section, found in result["params"].items():
                values[section].update(found)
    return _lines(result, params, write=write)


def _training_corpus(params: Params, layout: Layout) -> Corpus:
    path, functionals = layout.manifest("ingest"), layout.functionals("prosody")
    table = manifest.read(path)
    if not functionals.is_file():
        raise ManifestError(f"{functionals}: not there; run the stage that writes it (`dvc repro prosody`)")
    key = hashlib.sha256(path.read_bytes() + functionals.read_bytes()).hexdigest()
    return Corpus(params.corpus.name, layout, key, table.filter(pc.equal(table.column("split"), "train")))


def _study(params: Params, *, n_folds: int) -> Study:
    """Return the study that is asked of the training speakers, with the project's converter and recogniser."""
    method, model = params.fit_converter.method, params.train.model
    if model == "pretrained":
        raise EmoforgeError("train.model = 'pretrained': no advice for this kind; choose svm, logmel or fusion")
    confidences = {"min_confidence": list(_CONFIDENCES)}
    counts = {"ratio": list(_RATIOS), "weight": list(_WEIGHTS)}
    return Study.model_validate(
        {
            "title": "recommend",
            "scenario": "full",
            "corpus": {"name": params.corpus.name, "root": params.corpus.root},
            "n_folds": n_folds,
            "seed": params.seed,
            "seeds": 2 if model == "svm" else 1,
            "augment": params.augment.model_dump(),
            "converters": [
                {
                    "name": method,
                    "method": method,
                    "fit": "each" if method in _REPLAYING else "together",
                    "variants": params.convert.variants,
                    "intensity": params.convert.intensity,
                }
            ],
            "recognisers": [
                {"name": model, "kind": model, "options": {} if model == "svm" else {"steps": params.train.steps}}
            ],
            "grids": [
                {"arm": [settings.SYNTHETIC], "converter": [method], **counts, **confidences},
                {"arm": [settings.UNION], "converter": [method], **counts},
                {"arm": [settings.CLASSICAL], **counts},
            ],
            "workers": params.workers,
        }
    )


def _validation(answers: Answers) -> Validation:
    rows = answers.over_folds(lambda situation: situation.task.tested)[0]
    predicted = {
        setting: answers.over_folds(lambda situation, asked=setting: answers.tested(situation, asked))
        for setting in answers.settings
    }
    return Validation(answers.truth[rows], answers.speakers[rows], predicted)


def _result(
    validation: Validation, advice: Advice, candidates: list[Setting], reference: Setting, n_speakers: int
) -> dict:
    setting, gain = advice.setting, advice.gain
    classical = [found for found in validation.predicted if found.arm == settings.CLASSICAL]
    return {
        "arm": arms.IN_PIPELINE[setting.arm] if setting else arms.REAL,
        "params": {
            "select": {
                "ratio": setting.ratio if setting else 0.0,
                "min_confidence": setting.min_confidence if setting else 0.0,
            },
            "train": {"added_weight": setting.weight if setting else 1.0},
        },
        "expected_gain": {
            "uar": _rounded(gain.value) if setting and gain else 0.0,
            "ci_low": _rounded(gain.ci_low) if setting and gain else 0.0,
            "ci_high": _rounded(gain.ci_high) if setting and gain else 0.0,
        },
        "best_candidate": {
            **(advice.best.as_dict() if advice.best else {}),
            "gain": _rounded(gain.value) if gain else None,
            "ci_low": _rounded(gain.ci_low) if gain else None,
            "ci_high": _rounded(gain.ci_high) if gain else None,
        },
        "real_uar": _rounded(validation_uar(validation, reference)),
        "classical_uar": _rounded(validation_uar(validation, best_setting(validation, classical))),
        "speakers": n_speakers,
        "tried": [
            candidate.as_dict() | {"uar": _rounded(validation_uar(validation, candidate))} for candidate in candidates
        ],
    }


def _lines(result: dict, params: Params, *, write: bool) -> list[str]:
    best, chosen = result["best_candidate"], result["params"]
    measured = "with so few speakers no gain can be measured"
    if best["gain"] is not None:
        measured = (
            f"{100 * best['gain']:+.1f} points of UAR, {100 * CONFIDENCE:.0f} % interval "
            f"{100 * best['ci_low']:+.1f} to {100 * best['ci_high']:+.1f}, over {result['real_uar']:.3f} on "
            f"{result['speakers']} training speakers"
        )
    if result["arm"] == arms.REAL:
        lines = [f"recommend: use no synthetic data here; the best setting gains {measured}"]
        if result["speakers"] < LEAST_SPEAKERS:
            lines.append(f"below {LEAST_SPEAKERS} training speakers nothing is advised, whatever the interval")
    else:
        lines = [
            f"recommend: arm {result['arm']}, select.ratio {chosen['select']['ratio']:g}, select.min_confidence "
            f"{chosen['select']['min_confidence']:g}, train.added_weight {chosen['train']['added_weight']:g}; "
            f"expect {measured}"
        ]
    automatic = AUTO in (params.select.ratio, params.select.min_confidence, params.train.added_weight)
    if write:
        lines.append("params.yaml now says so; `dvc repro` runs what changes")
    elif automatic:
        # DVC sees that a key is `auto`, not what it stands for.
        lines.append("`dvc repro --force select train evaluate report` runs what it changes")
    return lines


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
