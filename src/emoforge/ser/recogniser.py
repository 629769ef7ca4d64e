"""What every emotion recogniser can do, whatever it is made of; :mod:`emoforge.ser.registry` lists the kinds.

A recogniser is trained on :class:`Examples` of labelled clips, calibrated to each speaker by enrolment examples
(neutral clips that are never scored), and answers with one probability per emotion.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from emoforge.base.errors import EmoforgeError
from emoforge.base.models import ModelFiles

#: How every recogniser is saved: ``recogniser.json``, and ``recogniser.safetensors`` beside it.
FILES = ModelFiles(
    noun="recogniser",
    missing="not found; train a recogniser first",
    again="train the recogniser again",
    version_key="version",
    indent=2,
)


@dataclass(frozen=True)
class Examples:
    """Clips as a recogniser sees them.

    Attributes:
        inputs: (n_clips, n_features) functionals; (n_clips, n_layers, n_values) embeddings; n_clips arrays (n_rows,
            n_frames) of mel spectra; n_clips arrays (n_frames, width) of an encoder's layer; or n_clips pairs of two
            of these.
        speakers: (n_clips,) names.
        labels: (n_clips,) indices into the recogniser's labels; None where they are what is asked for.
        weights: (n_clips,) sample weights, 1 where None.
    """

    inputs: Any
    speakers: np.ndarray
    labels: np.ndarray | None = None
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        columns = {"speakers": self.speakers, "labels": self.labels, "weights": self.weights}
        for name, column in columns.items():
            if column is not None and len(column) != len(self.inputs):
                raise EmoforgeError(f"{len(self.inputs)} clips came with {len(column)} {name}: every clip needs one")

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: np.ndarray) -> Self:
        """Return the clips at *rows*, indices or a mask."""
        rows = np.arange(len(self))[rows if len(rows) else slice(0)]
        inputs = self.inputs[rows] if isinstance(self.inputs, np.ndarray) else [self.inputs[row] for row in rows]
        return type(self)(
            inputs,
            np.asarray(self.speakers)[rows],
            None if self.labels is None else np.asarray(self.labels)[rows],
            None if self.weights is None else np.asarray(self.weights)[rows],
        )

    @classmethod
    def joined(cls, parts: Sequence["Examples"]) -> Self:
        """Return the clips of all *parts*, at least one of which has clips; parts without any are left out.

        Raises:
            EmoforgeError: some clips have labels and others have none.
        """
        parts = [part for part in parts if len(part)] or list(parts[:1])
        if len({part.labels is None for part in parts}) > 1:
            raise EmoforgeError("some of these clips have emotion labels and others have none")
        inputs = [part.inputs for part in parts]
        arrays = all(isinstance(of_part, np.ndarray) for of_part in inputs)
        weighted = any(part.weights is not None for part in parts)
        return cls(
            np.concatenate(inputs) if arrays else [of_clip for of_part in inputs for of_clip in of_part],
            np.concatenate([np.asarray(part.speakers) for part in parts]),
            None if parts[0].labels is None else np.concatenate([np.asarray(part.labels) for part in parts]),
            np.concatenate([part.sample_weights() for part in parts]) if weighted else None,
        )

    def label_indices(self, labels: Sequence[str]) -> np.ndarray:
        """Return the labels, checked to be indices into the names *labels*.

        Raises:
            EmoforgeError: there are no labels, or one is out of range.
        """
        if self.labels is None:
            raise EmoforgeError("these clips have no emotion labels: training and validation need them")
        indices = np.asarray(self.labels)
        if len(indices) and not (indices.min() >= 0 and indices.max() < len(labels)):
            raise EmoforgeError(
                f"label indices run from {indices.min()} to {indices.max()}, allowed: 0 to {len(labels) - 1}"
            )
        return indices

    def sample_weights(self) -> np.ndarray:
        """Return the weights, (n_clips,) float64."""
        return np.ones(len(self)) if self.weights is None else np.asarray(self.weights, dtype=np.float64)


@dataclass(frozen=True)
class Pairs:
    """Conversions beside their sources, one row per pair: two clips of one voice and the same words.

    Attributes:
        clips: conversions, labelled with their target emotion; their weights are those of the pairs.
        sources: the labelled recordings that they were made of, in the same order.

    Raises:
        EmoforgeError: conversions and sources differ in number, or a label is missing.
    """

    clips: Examples
    sources: Examples

    def __post_init__(self) -> None:
        if len(self.clips) != len(self.sources):
            raise EmoforgeError(f"{len(self.clips)} conversions came with {len(self.sources)} sources: each needs one")
        if self.clips.labels is None or self.sources.labels is None:
            raise EmoforgeError("pairs need the labels of conversions and sources")


@runtime_checkable
class Recogniser(Protocol):
    """A trained recogniser.

    Attributes:
        kind: one of :data:`emoforge.ser.registry.KINDS`; it says what :attr:`Examples.inputs` have to be.
        labels: emotion names, in the order of the columns of probabilities.
    """

    kind: ClassVar[str]

    @property
    def labels(self) -> tuple[str, ...]: ...

    @classmethod
    def fit(
        cls,
        train: Examples,
        *,
        labels: Sequence[str],
        enrolment: Examples,
        validation: Examples | None = None,
        seed: int = 0,
    ) -> Self:
        """Train on labelled clips.

        Args:
            train: labelled clips.
            labels: emotion names that the label indices point into.
            enrolment: neutral clips that calibrate the speakers of *train* and *validation*; may be empty.
            validation: labelled clips of other speakers, for early stopping and the temperature.
            seed: of every draw in training.

        Raises:
            EmoforgeError: there is nothing to train on.
        """
        ...

    def predict_proba(self, examples: Examples, enrolment: Examples) -> np.ndarray:
        """Return (n_clips, n_classes) probabilities; speakers without *enrolment* count as the mean speaker."""
        ...

    def save(self, folder: str | os.PathLike) -> None:
        """Write the model to *folder*: the same bytes for the same model."""
        ...

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            ModelError: a file is missing, damaged, or of another kind or version.
        """
        ...
