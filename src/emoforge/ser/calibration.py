"""Calibration to the speaker by enrolment, and of probabilities by temperature.

A speaker's voice moves every acoustic feature by about as much as an emotion does. A few neutral clips recorded at
enrolment tell where that speaker's neutral voice lies; what a recogniser then sees is the distance from it. Enrolment
clips are never scored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from emoforge.base.errors import EmoforgeError

#: How far from the neutral voice a feature may lie, in standard deviations.
CLIP = 4.0

_FITTED = ("centre", "scale", "within", "between")


@dataclass(frozen=True)
class SpeakerNormaliser:
    """Subtracts a speaker's neutral voice and divides by how much training clips differ in their distance from theirs.

    With few enrolment clips a speaker's mean is itself uncertain. Empirical Bayes (Efron and Morris 1973, "Stein's
    estimation rule and its competitors") shrinks it towards the mean of all training speakers' neutral clips by
    ``between / (between + within / n)``, feature by feature: a feature that varies more from clip to clip than from
    speaker to speaker trusts the enrolment less.

    Attributes:
        centre: (n_features,) mean of the training speakers' neutral means.
        scale: (n_features,) weighted standard deviation of all training clips' distances from their speaker's neutral
            voice, around the mean distance: emotions as a whole lie to one side of neutral, and that side is no spread.
        within: (n_features,) variance of a speaker's neutral clips around their mean.
        between: (n_features,) variance of neutral means from speaker to speaker.
        shrink: whether enrolment means are shrunk.
    """

    centre: np.ndarray
    scale: np.ndarray
    within: np.ndarray
    between: np.ndarray
    shrink: bool = True

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        speakers: np.ndarray,
        enrolment_features: np.ndarray,
        enrolment_speakers: np.ndarray,
        *,
        weights: np.ndarray | None = None,
        shrink: bool = True,
    ) -> Self:
        """Learn from training speakers.

        Args:
            features: (n_clips, n_features), finite.
            speakers: (n_clips,) names.
            enrolment_features: (n_enrolment, n_features) of neutral clips; none means no calibration at all.
            enrolment_speakers: (n_enrolment,) names.
            weights: (n_clips,) sample weights, 1 where None; of all clips in :attr:`scale` and, where nobody is
                enrolled, in :attr:`centre`.
            shrink: shrink enrolment means towards :attr:`centre`.

        Raises:
            EmoforgeError: there is no training clip of weight above 0, or a feature is not finite.
        """
        features, enrolment = _finite(features), _finite(enrolment_features)
        weights = np.ones(len(features)) if weights is None else np.asarray(weights, dtype=np.float64)
        if not weights.sum() > 0:
            raise EmoforgeError("there is no training clip to normalise by: the training split is empty or weightless")
        enrolment_speakers = np.asarray(enrolment_speakers)
        names = np.unique(enrolment_speakers)
        groups = [enrolment[enrolment_speakers == name] for name in names]
        n_features = features.shape[1]
        within, between = np.zeros(n_features), np.full(n_features, np.inf)
        centre = np.average(features, axis=0, weights=weights)
        if groups:
            means = np.array([group.mean(axis=0) for group in groups])
            centre = means.mean(axis=0)
            degrees = len(enrolment) - len(groups)
            if degrees > 0:
                within = sum(((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in groups) / degrees
            if len(groups) > 1:
                # The variance of means holds their own sampling error; what is left is the speakers' difference.
                error = within * np.mean([1 / len(group) for group in groups])
                between = np.maximum(means.var(axis=0, ddof=1) - error, 0.0)
        unscaled = cls(centre, np.full(n_features, 1.0), within, between, shrink)
        distances = unscaled._distances(features, speakers, enrolment, enrolment_speakers)
        deviations = distances - np.average(distances, axis=0, weights=weights)
        scale = np.sqrt(np.average(deviations**2, axis=0, weights=weights))
        # A constant feature carries nothing; dividing by 1 keeps it at 0 instead of at noise.
        scale = np.where(scale > 1e-8 * (1 + np.abs(centre)), scale, 1.0)
        return cls(centre, scale, within, between, shrink)

    def transform(
        self,
        features: np.ndarray,
        speakers: np.ndarray,
        enrolment_features: np.ndarray,
        enrolment_speakers: np.ndarray,
    ) -> np.ndarray:
        """Return *features* as distances from their speakers' neutral voice, in units of :attr:`scale`.

        Speakers without enrolment clips are measured from :attr:`centre`. Distances are held within ±:data:`CLIP`:
        functionals have heavy tails, and one outlying feature must not decide.

        Args:
            features: (n_clips, n_features), finite.
            speakers: (n_clips,) names.
            enrolment_features: (n_enrolment, n_features) of neutral clips of any speakers.
            enrolment_speakers: (n_enrolment,) names.

        Returns:
            (n_clips, n_features) float64.

        Raises:
            EmoforgeError: a feature is not finite, or there are more or fewer features than in training.
        """
        features, enrolment = _finite(features), _finite(enrolment_features)
        if features.shape[1] != len(self.centre):
            raise EmoforgeError(
                f"the normaliser was fitted on {len(self.centre)} features and cannot read {features.shape[1]}: "
                "extract features with the set that it was trained on"
            )
        distances = self._distances(features, speakers, enrolment, enrolment_speakers) / self.scale
        return np.clip(distances, -CLIP, CLIP)

    def _distances(
        self, features: np.ndarray, speakers: np.ndarray, enrolment: np.ndarray, enrolment_speakers: np.ndarray
    ) -> np.ndarray:
        speakers, enrolment_speakers = np.asarray(speakers), np.asarray(enrolment_speakers)
        distances = np.empty_like(features)
        for speaker in np.unique(speakers):
            voice = self.neutral_voice(enrolment[enrolment_speakers == speaker])
            distances[speakers == speaker] = features[speakers == speaker] - voice
        return distances

    def tensors(self, prefix: str) -> dict[str, np.ndarray]:
        """Return the fitted arrays under names that begin with *prefix*, for a model file."""
        return {prefix + name: getattr(self, name) for name in _FITTED}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], prefix: str, *, shrink: bool) -> Self:
        """Rebuild what :meth:`tensors` returned; a missing array is a KeyError."""
        return cls(**{name: tensors[prefix + name] for name in _FITTED}, shrink=shrink)

    def neutral_voice(self, enrolment_features: np.ndarray) -> np.ndarray:
        """Estimate where one speaker's neutral voice lies, (n_features,), from (n_enrolment, n_features) of theirs.

        Without an enrolment clip that is :attr:`centre`.
        """
        if not len(enrolment_features):
            return self.centre
        offset = enrolment_features.mean(axis=0) - self.centre
        if not self.shrink:
            return self.centre + offset
        error = self.within / len(enrolment_features)
        spread = self.between + error
        # One enrolled speaker says nothing of how speakers differ (the variance is infinite): trust the clips.
        known = (spread > 0) & np.isfinite(spread)
        return self.centre + np.divide(self.between, spread, out=np.ones_like(spread), where=known) * offset


def fit_temperature(scores: np.ndarray, truth: np.ndarray, *, weights: np.ndarray | None = None) -> float:
    """Find the temperature T that makes ``softmax(scores / T)`` most likely (Guo et al. 2017, section 4.2).

    Fit it on speakers that the recogniser was not trained on. It moves no decision, only the confidence.

    Args:
        scores: (n_clips, n_classes) logits or decision scores.
        truth: (n_clips,) label indices.
        weights: (n_clips,) sample weights, 1 where None.

    Returns:
        a temperature from 0.01 to 100.

    Raises:
        EmoforgeError: there is no clip to fit on.
    """
    scores, truth = np.asarray(scores, dtype=np.float64), np.asarray(truth)
    if not len(truth):
        raise EmoforgeError("there is no validation clip to fit a temperature on: choose more validation speakers")
    rows = np.arange(len(truth))

    def negative_log_likelihood(log_temperature: float) -> float:
        likelihood = log_softmax(scores / np.exp(log_temperature), axis=1)[rows, truth]
        return float(-np.average(likelihood, weights=weights))

    found = minimize_scalar(negative_log_likelihood, bounds=(np.log(0.01), np.log(100.0)), method="bounded")
    return float(np.exp(found.x))


def _finite(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features, dtype=np.float64)
    if features.ndim != 2:
        raise EmoforgeError(f"features must have one row per clip, not be of shape {features.shape}")
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise EmoforgeError(
            f"{len(bad)} of {len(features)} clips have a feature that is not a number (the first is row {bad[0]}): "
            "reject them before training"
        )
    return features
