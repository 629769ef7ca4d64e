"""A recogniser on functionals: a support vector machine and a linear discriminant, added up.

The two err differently (one on distances to single clips, the other on a global covariance), so that their summed
log-probabilities recognise better than either, and better than logistic regression or a small perceptron. scikit-learn
trains; what is saved and what predicts is plain arrays.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import solve
from scipy.special import log_expit, log_softmax, softmax
from sklearn.covariance import ledoit_wolf
from sklearn.model_selection import GroupKFold
from sklearn.svm import SVC

from emoforge.errors import EmoforgeError
from emoforge.ser.calibration import SpeakerNormaliser, fit_temperature
from emoforge.ser.recogniser import FILES, Examples

KIND = "svm"
VERSION = 1

#: Score of a label without a training clip: never the most probable, yet finite.
_ABSENT = -30.0


@dataclass(frozen=True)
class RbfSvm:
    """Support vector machines for every pair of classes with a kernel ``exp(-gamma |x - v|²)``.

    Attributes:
        support_vectors: (n_vectors, n_features), class after class.
        n_support: (n_classes,) vectors of each class.
        dual_coefficients: (n_classes - 1, n_vectors) in libsvm's layout.
        intercepts: (n_pairs,).
        gamma: of the kernel.
    """

    support_vectors: np.ndarray
    n_support: np.ndarray
    dual_coefficients: np.ndarray
    intercepts: np.ndarray
    gamma: float

    @classmethod
    def fit(cls, features: np.ndarray, labels: np.ndarray, weights: np.ndarray, *, c: float, gamma: float) -> Self:
        """Train on (n_clips, n_features) with (n_clips,) labels 0 … n_classes - 1 and weights that multiply *c*."""
        machine = SVC(C=c, gamma=gamma, decision_function_shape="ovo").fit(features, labels, sample_weight=weights)
        return cls(
            machine.support_vectors_,
            machine.n_support_.astype(np.int64),
            np.asarray(machine.dual_coef_),
            machine.intercept_,
            float(gamma),
        )

    def decision_function(self, features: np.ndarray) -> np.ndarray:
        """Decision of each pair (0, 1), (0, 2), … (1, 2), …: (n_clips, n_pairs).

        Positive for the first class of a pair, and with two classes, as scikit-learn has it, for the second.
        """
        squares = (features**2).sum(axis=1)[:, None] + (self.support_vectors**2).sum(axis=1)
        distances = np.maximum(squares - 2 * features @ self.support_vectors.T, 0.0)
        kernel = np.exp(-self.gamma * distances)
        ends = np.cumsum(self.n_support)
        own = [slice(end - n, end) for end, n in zip(ends, self.n_support, strict=True)]
        # A vector of class i has one coefficient for each other class: row j - 1 for a later one, row j for an earlier.
        pairs = [
            kernel[:, own[i]] @ self.dual_coefficients[j - 1, own[i]]
            + kernel[:, own[j]] @ self.dual_coefficients[i, own[j]]
            for i in range(len(own))
            for j in range(i + 1, len(own))
        ]
        return np.stack(pairs, axis=1) + self.intercepts

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Score of each class, (n_clips, n_classes): the log-probability of winning against all others.

        Each pair's decision becomes a probability by a logistic curve of slope 2 (Platt 1999 fits the slope; a common
        one serves since the temperature scales afterwards), and pairs count as independent (Price et al. 1995,
        "Pairwise neural network classifiers with probabilistic outputs").
        """
        decisions = self.decision_function(features)
        n_classes = len(self.n_support)
        if n_classes == 2:
            decisions = -decisions
        scores = np.zeros((len(features), n_classes))
        first, second = np.triu_indices(n_classes, k=1)
        for pair, (i, j) in enumerate(zip(first, second, strict=True)):
            scores[:, i] += log_expit(2 * decisions[:, pair])
            scores[:, j] += log_expit(-2 * decisions[:, pair])
        return scores


@dataclass(frozen=True)
class LinearDiscriminant:
    """Gaussian classes of one covariance and equal priors: scores are linear in the features.

    Attributes:
        coefficients: (n_features, n_classes).
        intercepts: (n_classes,).
    """

    coefficients: np.ndarray
    intercepts: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Self:
        """Estimate weighted means and a covariance shrunk by Ledoit and Wolf 2004. Arguments as :meth:`RbfSvm.fit`."""
        n_classes = int(labels.max()) + 1
        means = np.array(
            [np.average(features[labels == k], axis=0, weights=weights[labels == k]) for k in range(n_classes)]
        )
        residuals = (features - means[labels]) * np.sqrt(weights / weights.mean())[:, None]
        covariance, _ = ledoit_wolf(residuals, assume_centered=True)
        # Without any spread the covariance is zero; a trace of the identity keeps it solvable.
        covariance[np.diag_indices_from(covariance)] += 1e-9
        coefficients = solve(covariance, means.T, assume_a="pos")
        return cls(coefficients, -0.5 * np.einsum("kf,fk->k", means, coefficients))

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Log-likelihood of each class up to a constant a clip: (n_clips, n_classes)."""
        return features @ self.coefficients + self.intercepts


@dataclass(frozen=True)
class SvmRecogniser:
    """The functionals recogniser: a :class:`~emoforge.ser.recogniser.Recogniser` of kind ``svm``.

    Attributes:
        labels: emotion names, in the order of the columns of probabilities.
        classes: (n_trained,) indices of the labels that had training clips.
        normaliser: calibrates features to the speaker.
        svm: reads normalised features.
        discriminant: reads normalised features.
        temperature: divides the summed scores.
    """

    labels: tuple[str, ...]
    classes: np.ndarray
    normaliser: SpeakerNormaliser
    svm: RbfSvm
    discriminant: LinearDiscriminant
    temperature: float = 1.0

    @classmethod
    def fit(
        cls,
        train: Examples,
        *,
        labels: Sequence[str],
        enrolment: Examples,
        validation: Examples | None = None,
        seed: int = 0,
        c: float = 3.0,
        gamma_scale: float = 1.0,
    ) -> Self:
        """Train on functionals; see :meth:`emoforge.ser.recogniser.Recogniser.fit`.

        Training is deterministic without a draw: *seed* is there for the interface. Without *validation* the
        temperature comes from scores of training speakers left out in turn.

        Args:
            train: labelled clips with (n_clips, n_features) functionals.
            labels: emotion names.
            enrolment: neutral clips of the speakers.
            validation: clips of other speakers, for the temperature only.
            seed: without effect.
            c: cost of a training error of a clip of weight 1 in a class of average size.
            gamma_scale: kernel width, in units of 1 / n_features (features have a variance of about 1).

        Raises:
            EmoforgeError: fewer than two labels have training clips of weight above 0.
        """
        train = train.take(train.sample_weights() > 0)
        recogniser = cls._fit_uncalibrated(train, labels, enrolment, c, gamma_scale)
        if validation is not None and len(validation):
            scores = recogniser.scores(validation, enrolment)
            temperature = fit_temperature(scores, validation.label_indices(labels))
        else:
            temperature = cls._left_out_temperature(train, labels, enrolment, c, gamma_scale)
        return cls(
            recogniser.labels,
            recogniser.classes,
            recogniser.normaliser,
            recogniser.svm,
            recogniser.discriminant,
            temperature,
        )

    @classmethod
    def _fit_uncalibrated(
        cls, train: Examples, labels: Sequence[str], enrolment: Examples, c: float, gamma_scale: float
    ) -> Self:
        classes, truth = np.unique(train.label_indices(labels), return_inverse=True)
        if len(classes) < 2:
            raise EmoforgeError(f"training needs clips of at least 2 emotions, not {len(classes)}: add recordings")
        weights = train.sample_weights()
        normaliser = SpeakerNormaliser.fit(
            train.inputs, train.speakers, enrolment.inputs, enrolment.speakers, weights=weights
        )
        features = normaliser.transform(train.inputs, train.speakers, enrolment.inputs, enrolment.speakers)
        mass = np.bincount(truth, weights=weights)
        # A clip of weight 1 in a class of average size keeps the cost c.
        balanced = weights * (mass.mean() / mass)[truth]
        return cls(
            tuple(labels),
            classes.astype(np.int64),
            normaliser,
            RbfSvm.fit(features, truth, balanced, c=c, gamma=gamma_scale / features.shape[1]),
            LinearDiscriminant.fit(features, truth, balanced),
        )

    @classmethod
    def _left_out_temperature(
        cls, train: Examples, labels: Sequence[str], enrolment: Examples, c: float, gamma_scale: float
    ) -> float:
        speakers = np.asarray(train.speakers)
        truth = train.label_indices(labels)
        n_folds = min(5, len(np.unique(speakers)))
        enrolled = np.asarray(enrolment.speakers)
        scores, rows = [], []
        for kept, left_out in GroupKFold(n_folds).split(truth, groups=speakers) if n_folds > 1 else []:
            if len(np.unique(truth[kept])) < 2:
                continue
            # Left-out speakers enrol to be scored, as strangers do, but not in the fit.
            known = enrolment.take(~np.isin(enrolled, speakers[left_out]))
            recogniser = cls._fit_uncalibrated(train.take(kept), labels, known, c, gamma_scale)
            scores.append(recogniser.scores(train.take(left_out), enrolment))
            rows.append(left_out)
        if not rows:
            return 1.0
        rows = np.concatenate(rows)
        return fit_temperature(np.concatenate(scores), truth[rows], weights=train.sample_weights()[rows])

    def scores(self, examples: Examples, enrolment: Examples) -> np.ndarray:
        """Summed log-probabilities before the temperature: (n_clips, n_classes)."""
        features = self.normaliser.transform(examples.inputs, examples.speakers, enrolment.inputs, enrolment.speakers)
        both = log_softmax(self.svm.scores(features), axis=1) + log_softmax(self.discriminant.scores(features), axis=1)
        scores = np.full((len(features), len(self.labels)), _ABSENT)
        scores[:, self.classes] = np.maximum(both, _ABSENT)
        return scores

    def predict_proba(self, examples: Examples, enrolment: Examples) -> np.ndarray:
        """Return (n_clips, n_classes); see :meth:`emoforge.ser.recogniser.Recogniser.predict_proba`."""
        return softmax(self.scores(examples, enrolment) / self.temperature, axis=1)

    def save(self, folder: str | os.PathLike) -> None:
        """Write the model; see :meth:`emoforge.ser.recogniser.Recogniser.save`."""
        arrays = {
            "classes": self.classes,
            "svm.support_vectors": self.svm.support_vectors,
            "svm.n_support": self.svm.n_support,
            "svm.dual_coefficients": self.svm.dual_coefficients,
            "svm.intercepts": self.svm.intercepts,
            "discriminant.coefficients": self.discriminant.coefficients,
            "discriminant.intercepts": self.discriminant.intercepts,
        } | self.normaliser.tensors("normaliser.")
        description = {
            "labels": list(self.labels),
            "shrink": self.normaliser.shrink,
            "gamma": self.svm.gamma,
            "temperature": self.temperature,
        }
        FILES.write(folder, kind=KIND, version=VERSION, description=description, arrays=arrays)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Self:
        """Read the model; see :meth:`emoforge.ser.recogniser.Recogniser.load`."""
        description = FILES.read_description(folder, kind=KIND, version=VERSION)
        arrays = FILES.read_arrays(folder)
        with FILES.rebuilding(folder):
            return cls(
                tuple(description["labels"]),
                arrays["classes"],
                SpeakerNormaliser.from_tensors(arrays, "normaliser.", shrink=description["shrink"]),
                RbfSvm(
                    arrays["svm.support_vectors"],
                    arrays["svm.n_support"],
                    arrays["svm.dual_coefficients"],
                    arrays["svm.intercepts"],
                    description["gamma"],
                ),
                LinearDiscriminant(arrays["discriminant.coefficients"], arrays["discriminant.intercepts"]),
                description["temperature"],
            )
