"""What one training run of a study learns from, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from emoforge.base.errors import EmoforgeError
from emoforge.evaluation import arms
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.clips.pool import TO_NEUTRAL, Inputs, Pool, Task
from emoforge.experiments.helpfulness.settings import Setting
from emoforge.quality.gates import Thresholds
from emoforge.quality.gates import select as select_clips
from emoforge.ser.recogniser import Examples, Pairs, Recogniser

#: Trains a recogniser on examples and enrolment examples; with the keywords `before`, `kept` and `pairs` of
#: :meth:`emoforge.ser.machines.svm.VectorRecogniser.fit` where a use asks for them.
Fit = Callable[..., Recogniser]

_CONVERTED_VOICE = "/converted"
_TINY = 1e-12


@dataclass(frozen=True)
class Chosen:
    """Clips that a recogniser is trained on.

    Attributes:
        real: rows of recorded clips, of weight 1.
        added: rows of augmented and converted clips.
        weight: of each added clip.
    """

    real: np.ndarray
    added: np.ndarray
    weight: float


def predict(
    pool: Pool,
    inputs: Inputs,
    task: Task,
    setting: Setting,
    *,
    fitted: tuple[int, ...],
    scores: Mapping[str, np.ndarray],
    fit: Fit,
    seed: int,
) -> np.ndarray:
    """Train as *setting* says on what *task* knows, and return (n_tested,) label indices.

    Args:
        pool: all clips.
        inputs: what a recogniser sees of the clips at rows.
        task: who is known and who is tested.
        setting: the choices of the run.
        fitted: numbers of the setting's converter, as it was fitted for *task*.
        scores: name of a preference or "confidence" → (n_clips,) of the pool, higher first; those that the setting
            needs.
        fit: makes a recogniser.
        seed: of the draw of added clips.
    """
    chosen = choose(pool, task, setting, fitted=fitted, scores=scores, seed=seed)
    enrolling = pool.training_enrolment(task)
    if setting.arm == settings.CALIBRATED:
        enrolling = np.union1d(enrolling, task.neutral)
    enrolment = pool.examples(inputs, enrolling)
    tested = pool.examples(inputs, task.tested), pool.examples(inputs, pool.tested_enrolment(task))
    # Recorded neutral clips anchor what is learnt from conversions alone: converters make no neutral speech.
    anchored = Chosen(chosen.real[pool.emotions[chosen.real] == pool.neutral], chosen.added, 1.0)
    if setting.use == "ensemble" and len(chosen.added):
        answers = np.zeros((len(task.tested), len(pool.labels)))
        for part, share in ((Chosen(chosen.real, chosen.added[:0], 1.0), 1.0), (anchored, setting.weight)):
            model = fit(_training(pool, inputs, part), enrolment)
            answers += share * np.log(np.maximum(model.predict_proba(*tested), _TINY))
        return answers.argmax(axis=1)
    if setting.use == "pretrain" and len(chosen.added):
        train = _training(pool, inputs, Chosen(chosen.real, chosen.added[:0], 1.0))
        before = _training(pool, inputs, anchored)
        return fit(train, enrolment, before=before, kept=setting.weight).predict_proba(*tested).argmax(axis=1)
    if setting.use == "pairs" and len(chosen.added):
        converted = pool.kinds[chosen.added] != arms.CLASSICAL
        train = _training(pool, inputs, Chosen(chosen.real, chosen.added[~converted], setting.weight))
        rows = chosen.added[converted]
        weights = np.full(len(rows), setting.weight)
        pairs = Pairs(pool.examples(inputs, rows, weights), pool.examples(inputs, pool.sources[rows]))
        return fit(train, enrolment, pairs=pairs).predict_proba(*tested).argmax(axis=1)
    train = _training(pool, inputs, chosen)
    if setting.use != "plain" and len(chosen.added):
        train, enrolment = _adapted(pool, inputs, task, chosen, train, enrolment, fitted, setting.use)
    return fit(train, enrolment).predict_proba(*tested).argmax(axis=1)


def choose(
    pool: Pool,
    task: Task,
    setting: Setting,
    *,
    fitted: tuple[int, ...],
    scores: Mapping[str, np.ndarray],
    seed: int,
) -> Chosen:
    """Return the clips that *setting* trains on; arguments as :func:`predict`."""
    alone = setting.arm in (settings.REAL, settings.CALIBRATED) or not setting.with_neutral
    real = task.labelled if alone else np.union1d(task.labelled, task.neutral)
    nothing = real[:0]
    if setting.arm in settings.RECORDED or setting.ratio <= 0:
        return Chosen(real, nothing, 1.0)
    # The budget follows the labelled clips: neutral ones besides are no reason to add more.
    n_asked = round(setting.ratio * len(task.labelled))
    if setting.arm == settings.TO_NEUTRAL:
        rows = pool.converted_rows(task, TO_NEUTRAL, fitted)
        return Chosen(real, _kept(pool, rows, n_asked, setting, scores, seed), setting.weight)
    converted = nothing
    if setting.arm != settings.CLASSICAL:
        rows = pool.converted_rows(task, arms.SYNTHETIC, fitted)
        converted = _kept(pool, rows, n_asked, setting, scores, seed)
    if setting.arm == settings.SYNTHETIC:
        return Chosen(real, converted, setting.weight)
    if setting.arm == settings.ONLY:
        return Chosen(real[pool.emotions[real] == pool.neutral], converted, setting.weight)
    return Chosen(real, _with_classical(pool, task, setting, converted, seed), setting.weight)


def _kept(
    pool: Pool,
    rows: np.ndarray,
    n_asked: int,
    setting: Setting,
    scores: Mapping[str, np.ndarray],
    seed: int,
) -> np.ndarray:
    if setting.min_confidence > 0 or setting.max_confidence < 1:
        confidence = scores["confidence"][rows]
        rows = rows[(confidence >= setting.min_confidence) & (confidence <= setting.max_confidence)]
    if not len(rows):
        return rows
    ranked = {} if setting.prefer == "random" else {"confidence": scores[setting.prefer][rows]}
    keep, _ = select_clips(
        ranked,
        Thresholds(max_confidence=None),
        emotion=pool.emotions[rows].astype(str),
        clip_id=pool.clip_ids[rows],
        ratio=1.0,
        n_real=n_asked,
        prefer="confidence" if ranked else "random",
        seed=seed,
    )
    return rows[keep]


def _with_classical(pool: Pool, task: Task, setting: Setting, converted: np.ndarray, seed: int) -> np.ndarray:
    """Return the added clips of an arm with classical ones, drawn as the stage train draws them."""
    classical = pool.classical_rows(task)
    if setting.arm == settings.UNION and not len(converted):
        return converted
    rows = np.concatenate([task.labelled, classical, converted])
    kinds = np.repeat([arms.REAL, arms.CLASSICAL, arms.SYNTHETIC], [len(task.labelled), len(classical), len(converted)])
    name = arms.IN_PIPELINE[setting.arm]
    arm = arms.build_arms(kinds, pool.emotions[rows], ratio=setting.ratio, arms=(name,), seed=seed)[name]
    return np.sort(rows[arm.rows[len(task.labelled) :]])


def _adapted(
    pool: Pool,
    inputs: Inputs,
    task: Task,
    chosen: Chosen,
    train: Examples,
    enrolment: Examples,
    fitted: tuple[int, ...],
    use: str,
) -> tuple[Examples, Examples]:
    """Return training and enrolment examples with converted clips moved or calibrated as *use* says."""
    converted = np.concatenate([np.zeros(len(chosen.real), bool), pool.kinds[chosen.added] != arms.CLASSICAL])
    rows = np.concatenate([chosen.real, chosen.added])[converted]
    if use == "own_normaliser":
        voices = train.speakers.astype(object)
        voices[converted] = [f"{voice}{_CONVERTED_VOICE}" for voice in voices[converted]]
        to_neutral = pool.converted_rows(task, TO_NEUTRAL, fitted)
        if not len(to_neutral):
            raise EmoforgeError("use own_normaliser needs conversions to neutral, and there is none")
        own = pool.examples(inputs, to_neutral)
        names = np.array([f"{voice}{_CONVERTED_VOICE}" for voice in own.speakers])
        enrolment = Examples(
            _joined(enrolment.inputs, own.inputs), np.concatenate([enrolment.speakers.astype(str), names])
        )
        return Examples(train.inputs, voices.astype(str), train.labels, train.weights), enrolment
    if not isinstance(train.inputs, np.ndarray):
        raise EmoforgeError(
            f"use {use} moves functionals; choose plain, own_normaliser or ensemble for this recogniser"
        )
    moved = np.array(train.inputs, dtype=np.float64)
    sources = pool.sources[rows]
    if use == "residual":
        reference = _mean_to_neutral(pool, inputs, task, fitted, sources)
        moved[converted] += np.asarray(inputs(sources)) - reference
    else:
        moved[converted] += _neutral_voices(pool, inputs, task, rows) - np.asarray(inputs(sources))
    return Examples(moved, train.speakers, train.labels, train.weights), enrolment


def _mean_to_neutral(
    pool: Pool, inputs: Inputs, task: Task, fitted: tuple[int, ...], sources: np.ndarray
) -> np.ndarray:
    """Return the mean of the conversions to neutral of each of *sources*: (n, n_features)."""
    to_neutral = pool.converted_rows(task, TO_NEUTRAL, fitted)
    if not len(to_neutral):
        raise EmoforgeError("use residual needs conversions to neutral, and there is none")
    values = np.asarray(inputs(to_neutral), dtype=np.float64)
    own = pool.sources[to_neutral]
    # A source whose own conversion failed is moved as sources are on average.
    average = values.mean(axis=0) - np.asarray(inputs(own), dtype=np.float64).mean(axis=0)
    means = {}
    for source in np.unique(sources):
        mine = own == source
        means[source] = values[mine].mean(axis=0) if mine.any() else np.asarray(inputs(np.array([source])))[0] + average
    return np.stack([means[source] for source in sources])


def _neutral_voices(pool: Pool, inputs: Inputs, task: Task, rows: np.ndarray) -> np.ndarray:
    """Return the mean of the recorded neutral clips of each row's voice that *task* knows: (n, n_features)."""
    known = pool.source_rows(task)
    values = np.asarray(inputs(known), dtype=np.float64)
    voices = pool.voices[known]
    means = {name: values[voices == name].mean(axis=0) for name in np.unique(pool.voices[rows])}
    return np.stack([means[name] for name in pool.voices[rows]])


def _training(pool: Pool, inputs: Inputs, chosen: Chosen) -> Examples:
    rows = np.concatenate([chosen.real, chosen.added])
    weights = np.concatenate([np.ones(len(chosen.real)), np.full(len(chosen.added), chosen.weight)])
    return pool.examples(inputs, rows, weights)


def _joined(first: np.ndarray | list, second: np.ndarray | list) -> np.ndarray | list:
    if isinstance(first, np.ndarray):
        return np.concatenate([first, second])
    return [*first, *second]
