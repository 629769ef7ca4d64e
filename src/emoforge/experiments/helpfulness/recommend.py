"""`emoforge recommend`: whether synthetic clips would help on the project's own corpus, by its training speakers alone.

Training speakers are left out in turn, converters and recognisers are fitted to the others, and every setting answers
for those left out. Nothing of another split is read. The rule is that of
:func:`emoforge.experiments.helpfulness.choice.advise`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from emoforge.base.batch import one_thread
from emoforge.base.errors import EmoforgeError
from emoforge.base.outputs import write_json
from emoforge.convert.registry import EXTERNAL
from emoforge.evaluation import arms
from emoforge.evaluation.statistics import Gain
from emoforge.experiments.cache import Cache, Report, silent
from emoforge.experiments.corpora import Corpus, open_corpus
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.answers import Answers, answer
from emoforge.experiments.helpfulness.choice import Validation, advise, best_setting, validation_uar
from emoforge.experiments.helpfulness.protocol import Study
from emoforge.experiments.helpfulness.recordings import situations, table_of
from emoforge.experiments.helpfulness.settings import Setting
from emoforge.project.encoders.places import located
from emoforge.project.examples import usable_kind
from emoforge.project.features import encoder_of
from emoforge.project.fitting.bases import with_located_base
from emoforge.project.layout import Layout
from emoforge.project.params import Params, edited, load_params
from emoforge.ser.registry import EMBEDDING, KINDS

_DIGITS = 4
_FOLDS = 5
_MIN_SPEAKERS = 4
#: Settings that are tried: few, since the more there are, the more the best of them is overestimated.
_RATIOS = (0.5, 1.0, 2.0)
_WEIGHTS = (0.3, 1.0)
_CONFIDENCES = (0.0, 0.3)
#: Converters that replay clips of single speakers are fitted to one at a time, which folds share.
_REPLAYING = ("statistics", "transplant", "world")


@dataclass(frozen=True)
class Recommendation:
    """What validation on the training speakers found.

    Attributes:
        advised: the setting to use; None advises against any converted clip.
        best: the best setting with converted clips, advised or not.
        best_uar: its unweighted average recall.
        gain: of picking the best setting over real clips alone, measured on speakers that did not pick; None where
            that cannot be measured.
        real_uar: of real clips alone.
        classical: the best setting with classically augmented clips.
        classical_uar: its unweighted average recall.
        n_speakers: training speakers.
        recogniser: kind that validated.
    """

    advised: Setting | None
    best: Setting
    best_uar: float
    gain: Gain | None
    real_uar: float
    classical: Setting
    classical_uar: float
    n_speakers: int
    recogniser: str


def run(*, root: Path = Path(), write: bool = False, report: Report = silent) -> Recommendation:
    """Write ``metrics/recommend.json`` and return what it says.

    Args:
        root: project folder, in which ingest and prosody are done.
        write: also write the advice into params.yaml.
        report: told what is computed, before it is.

    Raises:
        EmoforgeError: ingest or prosody is not done, there are too few training speakers to tell, or the converter is
            none that can be fitted on some of them.
    """
    params = with_located_base(load_params(root / "params.yaml"), root)
    if params.fit_converter.method == EXTERNAL:
        raise EmoforgeError(
            "fit_converter.method = 'external': advice comes from converters fitted on some speakers at a time, which "
            "a program of somebody else cannot be; choose select.ratio, or try several with `dvc exp run -S`"
        )
    layout = Layout(root)
    with one_thread():
        table = table_of({params.corpus.name: _training_corpus(params, layout)}, [])
        n_speakers = len(np.unique(table.column("speaker")))
        if n_speakers < _MIN_SPEAKERS:
            raise EmoforgeError(
                f"{n_speakers} training speakers are too few to validate on; {_MIN_SPEAKERS} are needed, and below "
                "that choose select.ratio yourself"
            )
        study = _study(params, layout, n_folds=min(_FOLDS, n_speakers))
        # The folds validate here, and within them nothing more is chosen.
        asked = [replace(situation, inner=()) for situation in situations(study, table)]
        answers = answer(study, params, table, asked, Cache(root / study.work, study.workers, report))
        validation = _validation(answers)
        candidates = [setting for setting in answers.settings if setting.arm in settings.CANDIDATES]
        reference = answers.settings[0]
        advice = advise(validation, candidates, reference, n_draws=params.evaluate.draws, seed=params.seed)
    best = best_setting(validation, candidates)
    classical = best_setting(validation, [found for found in answers.settings if found.arm == settings.CLASSICAL])
    found = Recommendation(
        advised=advice.setting,
        best=best,
        best_uar=validation_uar(validation, best),
        gain=advice.gain,
        real_uar=validation_uar(validation, reference),
        classical=classical,
        classical_uar=validation_uar(validation, classical),
        n_speakers=n_speakers,
        recogniser=_recogniser(params, layout),
    )
    result = _result(found, {candidate: validation_uar(validation, candidate) for candidate in candidates})
    write_json(layout.metrics("recommend"), result)
    if write:
        with edited(root / "params.yaml") as values:
            for section, chosen in result["params"].items():
                values[section].update(chosen)
    return found


def _training_corpus(params: Params, layout: Layout) -> Corpus:
    corpus = open_corpus(params.corpus.name, layout)
    return replace(corpus, table=corpus.table.filter(pc.equal(corpus.table.column("split"), "train")))


def _recogniser(params: Params, layout: Layout) -> str:
    """Return the kind that validates: the project's own, but of functionals where no encoder has embedded its clips.

    Blocks that are tuned take minutes for every setting: there, functionals validate too.
    """
    path, model = layout.embeddings("embed"), params.train.model
    encoder = encoder_of(path) if path.is_file() and EMBEDDING in KINDS[model].reads else None
    return usable_kind(model, encoder)


def _study(params: Params, layout: Layout, *, n_folds: int) -> Study:
    """Return the study that is asked of the training speakers, with the project's converter and recogniser."""
    method, model = params.fit_converter.method, _recogniser(params, layout)
    kind = KINDS[model]
    recogniser = {
        "name": model,
        "kind": model,
        "encoder": located(params.encoder, layout.root) if EMBEDDING in kind.reads else "",
        "options": {"steps": params.train.steps} if "steps" in kind.options else {},
    }
    confidences = {"min_confidence": list(_CONFIDENCES)}
    counts = {"ratio": list(_RATIOS), "weight": list(_WEIGHTS)}
    return Study.model_validate(
        {
            "title": "recommend",
            "scenario": "full",
            "corpus": {"name": params.corpus.name, "root": params.corpus.root},
            "n_folds": n_folds,
            "seed": params.seed,
            "seeds": 1 if "steps" in kind.options else 2,
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
            "recognisers": [recogniser],
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
        setting: answers.over_folds(lambda situation, asked=setting: answers.tested(situation, asked))  # type: ignore[misc]
        for setting in answers.settings
    }
    return Validation(answers.truth[rows], answers.speakers[rows], predicted)


def _result(found: Recommendation, tried: Mapping[Setting, float]) -> dict:
    """Return what metrics/recommend.json holds, *tried* with the validation UAR of every candidate."""
    setting, gain = found.advised, found.gain
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
            **found.best.as_dict(),
            "gain": _rounded(gain.value) if gain else None,
            "ci_low": _rounded(gain.ci_low) if gain else None,
            "ci_high": _rounded(gain.ci_high) if gain else None,
        },
        "real_uar": _rounded(found.real_uar),
        "classical_uar": _rounded(found.classical_uar),
        "speakers": found.n_speakers,
        "recogniser": found.recogniser,
        "tried": [candidate.as_dict() | {"uar": _rounded(uar)} for candidate, uar in tried.items()],
    }


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
