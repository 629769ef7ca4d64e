"""What is worth adding: scores of converted clips, by what the training clips of one task alone can tell."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from emoforge.base.errors import EmoforgeError
from emoforge.evaluation.judge import out_of_fold_judge
from emoforge.experiments.helpfulness.clips.pool import Inputs, Pool, Task
from emoforge.experiments.helpfulness.runs.training import Fit
from emoforge.ser.calibration import SpeakerNormaliser
from emoforge.ser.recogniser import Examples

#: Groups of labelled speakers, each left out once; the judge's recognisers grow with the square of this number.
_GROUPS = 4
#: Cost of the logistic regression whose gradient measures usefulness; small, so that gradients are not all zero.
_C = 0.02


def confidence(pool: Pool, inputs: Inputs, task: Task, rows: np.ndarray) -> np.ndarray:
    """Return (n_rows,) the probability of the wanted emotion to judges that heard neither source nor style speaker.

    Speakers of whom *task* knows neutral clips only are heard by no judge. What was learnt from all labelled speakers
    together has no style speaker; there the judge has not heard the source's speaker only.
    """
    train = pool.examples(inputs, task.labelled)
    enrolled = pool.training_enrolment(task)
    unheard = np.setdiff1d(pool.voices[np.union1d(rows, enrolled)], train.speakers)
    judge = out_of_fold_judge(
        train,
        splits=np.full(len(train), "train"),
        origins=np.full(len(train), "recorded"),
        labels=pool.labels,
        enrolment=pool.examples(inputs, enrolled),
        n_folds=_GROUPS,
        unheard=unheard.tolist(),
        seed=0,
    )
    styles = [pool.voices[style] if style >= 0 else None for style in pool.styles[rows]]
    answers = judge.judge(inputs(rows), pool.voices[rows], styles)
    return answers[np.arange(len(rows)), pool.emotions[rows]]


def surprise(pool: Pool, inputs: Inputs, task: Task, rows: np.ndarray, *, fit: Fit) -> np.ndarray:
    """Return (n_rows,) how improbable the wanted emotion is to a recogniser of the real clips alone: 0 to 1."""
    enrolment = pool.examples(inputs, pool.training_enrolment(task))
    real = np.union1d(task.labelled, task.neutral)
    answers = fit(pool.examples(inputs, real), enrolment).predict_proba(
        Examples(inputs(rows), pool.voices[rows]), enrolment
    )
    return 1.0 - answers[np.arange(len(rows)), pool.emotions[rows]]


def usefulness(pool: Pool, inputs: Inputs, task: Task, rows: np.ndarray) -> np.ndarray:
    """Return (n_rows,) how much a small step of training on each clip lowers the loss on speakers left out.

    Groups of labelled speakers are left out in turn. For a multinomial logistic regression of the others' clips, the
    loss on those left out changes, to first order, by minus the product of its gradient with the gradient of the loss
    on the clip (Pruthi et al. 2020, "Estimating training data influence by tracing gradient descent").

    Raises:
        EmoforgeError: *task* has a single labelled speaker.
    """
    train = pool.examples(inputs, task.labelled)
    enrolment = pool.examples(inputs, pool.training_enrolment(task))
    normaliser = SpeakerNormaliser.fit(train.inputs, train.speakers, enrolment.inputs, enrolment.speakers)

    def normalised(examples: Examples) -> np.ndarray:
        values = normaliser.transform(examples.inputs, examples.speakers, enrolment.inputs, enrolment.speakers)
        return np.hstack([values, np.ones((len(values), 1))])

    real, clips = normalised(train), normalised(Examples(inputs(rows), pool.voices[rows]))
    total = np.zeros(len(rows))
    labels = np.asarray(train.labels)
    n_speakers = len(np.unique(train.speakers))
    if n_speakers < 2:
        raise EmoforgeError(
            "usefulness is measured on labelled speakers left out; it needs at least 2, also in validation"
        )
    groups = GroupKFold(min(_GROUPS, n_speakers))
    for known, left_out in groups.split(real, groups=train.speakers):
        model = LogisticRegression(C=_C, max_iter=300, class_weight="balanced").fit(real[known], labels[known])
        errors = _errors(model, real[left_out], labels[left_out])
        gradient = real[left_out].T @ errors / len(left_out)
        own = np.zeros((len(rows), errors.shape[1]))
        seen = np.isin(pool.emotions[rows], model.classes_)
        own[seen] = _errors(model, clips[seen], pool.emotions[rows][seen])
        total += ((clips @ gradient) * own).sum(axis=1)
    return total


def _errors(model: LogisticRegression, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (n, n_classes) probabilities less the truth: the gradient of the log loss by the scores."""
    errors = model.predict_proba(features)
    known = np.isin(labels, model.classes_)
    errors[np.flatnonzero(known), np.searchsorted(model.classes_, labels[known])] -= 1.0
    return errors
