"""Two recognisers that err differently, added up: machines on functionals and the network on frames.

Both answer with calibrated probabilities, whose logarithms count the same: there is no weight to learn, and none to
learn wrongly from a few speakers (Kittler et al. 1998, "On combining classifiers", the product rule).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.special import softmax

from emoforge.ser.calibration import fit_temperature
from emoforge.ser.logmel import LogmelRecogniser
from emoforge.ser.machines.svm import SvmRecogniser
from emoforge.ser.recogniser import FILES, Examples, Recogniser
from emoforge.ser.training import TrainingOptions

VERSION = 1

#: The two are neither independent (a temperature of 1 would be right) nor the same (2 would be).
_USUAL_TEMPERATURE = 1.5
_TINY = 1e-12


@dataclass(frozen=True)
class FusionRecogniser:
    """A :class:`~emoforge.ser.recogniser.Recogniser` of kind ``fusion``; a clip's input is (functionals, frames).

    Attributes:
        machines: reads functionals.
        network: reads frames.
        temperature: divides the summed log-probabilities.
    """

    kind: ClassVar[str] = "fusion"

    machines: SvmRecogniser
    network: LogmelRecogniser
    temperature: float = _USUAL_TEMPERATURE

    @property
    def labels(self) -> tuple[str, ...]:
        return self.machines.labels

    @property
    def history(self) -> tuple[dict[str, float], ...]:
        """The network's, see :class:`~emoforge.ser.logmel.LogmelRecogniser`."""
        return self.network.history

    @classmethod
    def fit(
        cls,
        train: Examples,
        *,
        labels: Sequence[str],
        enrolment: Examples,
        validation: Examples | None = None,
        seed: int = 0,
        options: TrainingOptions | None = None,
    ) -> Self:
        """Train both; see :meth:`emoforge.ser.recogniser.Recogniser.fit`.

        Args:
            train: labelled clips; inputs are pairs of functionals (n_features,) and frames (n_rows, n_frames).
            labels: emotion names.
            enrolment: neutral clips of the speakers.
            validation: clips of other speakers, for early stopping and temperatures.
            seed: of every draw.
            options: of the network's training.

        Raises:
            EmoforgeError: one of the two has nothing to train on.
        """
        (own, other), (own_enrolment, other_enrolment) = _sides(train), _sides(enrolment)
        own_validation, other_validation = (None, None) if validation is None else _sides(validation)
        machines = SvmRecogniser.fit(own, labels=labels, enrolment=own_enrolment, validation=own_validation, seed=seed)
        network = LogmelRecogniser.fit(
            other, labels=labels, enrolment=other_enrolment, validation=other_validation, seed=seed, options=options
        )
        fused = cls(machines, network)
        if validation is None or not len(validation):
            return fused
        scores = fused._scores(validation, enrolment)
        return cls(machines, network, fit_temperature(scores, validation.label_indices(labels)))

    def predict_proba(self, examples: Examples, enrolment: Examples) -> np.ndarray:
        """Return (n_clips, n_classes); see :meth:`emoforge.ser.recogniser.Recogniser.predict_proba`."""
        if not len(examples):
            return np.zeros((0, len(self.labels)))
        return softmax(self._scores(examples, enrolment) / self.temperature, axis=1)

    def _scores(self, examples: Examples, enrolment: Examples) -> np.ndarray:
        asked, enrolled = _sides(examples), _sides(enrolment)
        models: tuple[Recogniser, Recogniser] = (self.machines, self.network)
        answers = [
            np.log(np.maximum(model.predict_proba(part, own), _TINY))
            for model, part, own in zip(models, asked, enrolled, strict=True)
        ]
        return answers[0] + answers[1]

    def save(self, folder: str | os.PathLike) -> None:
        """Write the model; see :meth:`emoforge.ser.recogniser.Recogniser.save`."""
        FILES.write(folder, kind=self.kind, version=VERSION, description={"temperature": self.temperature})
        self.machines.save(f"{os.fspath(folder)}/machines")
        self.network.save(f"{os.fspath(folder)}/network")

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Self:
        """Read the model; see :meth:`emoforge.ser.recogniser.Recogniser.load`."""
        description = FILES.read_description(folder, kind=cls.kind, version=VERSION)
        with FILES.rebuilding(folder):
            return cls(
                SvmRecogniser.load(f"{os.fspath(folder)}/machines"),
                LogmelRecogniser.load(f"{os.fspath(folder)}/network"),
                description["temperature"],
            )


def _sides(examples: Examples) -> tuple[Examples, Examples]:
    """Part (functionals, frames) into examples of either."""
    functionals = [pair[0] for pair in examples.inputs]
    rest = (examples.speakers, examples.labels, examples.weights)
    # Nobody enrolled: a matrix without rows still needs its two axes.
    matrix = np.stack(functionals) if functionals else np.zeros((0, 0))
    return Examples(matrix, *rest), Examples([pair[1] for pair in examples.inputs], *rest)
