"""Recognisers on the layers of a frozen encoder of speech: least-squares machines on what the layers say of a clip.

There are two machines. One reads distances from the speaker's neutral voice and answers for speakers with enrolment
clips; the other was trained as if nobody had any, and answers for the rest. Each chooses its layers and its ridge when
it is fitted, see :mod:`emoforge.ser.machines.choice`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from scipy.special import softmax

from emoforge.base.batch import one_thread
from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.ser.calibration import SpeakerNormaliser
from emoforge.ser.machines.choice import Choice, choose, n_varying
from emoforge.ser.machines.svm import SvmRecogniser, balanced
from emoforge.ser.machines.vectors import distances
from emoforge.ser.recogniser import FILES, Examples, Pairs

VERSION = 1

_NO_ROWS = np.zeros(0, dtype=np.int64)

ENROLLED = "enrolled"
NOT_ENROLLED = "not_enrolled"


class EncoderId(NamedTuple):
    """Which encoder embeddings are of.

    Attributes:
        name: such as ``whisper-tiny.en``.
        sha256: of its weights.
    """

    name: str
    sha256: str


@dataclass(frozen=True)
class Machine:
    """What answers for speakers with enrolment clips, or for those without.

    Attributes:
        choice: layers that it reads, and its ridge.
        vectors: reads these layers side by side.
    """

    choice: Choice
    vectors: SvmRecogniser


@dataclass(frozen=True)
class LayeredRecogniser:
    """A :class:`~emoforge.ser.recogniser.Recogniser` on (n_clips, n_layers, n_values), whatever the values are.

    Attributes:
        labels: emotion names, in the order of the columns of probabilities.
        shape: (n_layers, n_values) of a clip.
        machines: :data:`NOT_ENROLLED`, and :data:`ENROLLED` where training speakers were enrolled.
        encoder: which the layers are of; None where nobody said.
    """

    kind: ClassVar[str]

    labels: tuple[str, ...]
    shape: tuple[int, int]
    machines: Mapping[str, Machine]
    encoder: EncoderId | None = None

    @classmethod
    @one_thread()
    def fit(
        cls,
        train: Examples,
        *,
        labels: Sequence[str],
        enrolment: Examples,
        validation: Examples | None = None,
        seed: int = 0,
        before: Examples | None = None,
        kept: float = 1.0,
        pairs: Pairs | None = None,
        calibrate: bool = True,
        layers: Sequence[int] | None = None,
        ridge: float | None = None,
        encoder: EncoderId | None = None,
    ) -> Self:
        """Train both machines; see :meth:`emoforge.ser.recogniser.Recogniser.fit`.

        Args:
            train: labelled clips with (n_clips, n_layers, n_values) inputs: mean and standard deviation over time of
                each layer.
            labels: emotion names.
            enrolment: neutral clips of the speakers; without any, there is one machine only.
            validation: clips of other speakers, for the temperature only.
            seed: draws the clips that a solution is made of, or compared on, where there are more than it may hold.
            before: as for :meth:`~emoforge.ser.machines.svm.VectorRecogniser.fit`, as are *kept*, *pairs*, *calibrate*.
            kept: share of what pre-training taught.
            pairs: conversions and their sources.
            calibrate: whether the temperature is fitted.
            layers: numbers of the layers to read, the front end being 0; None to choose.
            ridge: how much the solution is held back; None to choose.
            encoder: which the layers are of.

        Raises:
            EmoforgeError: fewer than two labels have training clips of weight above 0; or inputs are of another shape;
                or there is no such layer.
        """
        shape = shape_of(train)
        train = train.take(train.sample_weights() > 0)
        if layers is not None and not (len(layers) and set(layers) <= set(range(shape[0]))):
            raise EmoforgeError(f"layers {list(layers)}: the encoder has layers 0 to {shape[0] - 1}")
        known = np.concatenate([clips.speakers for clips in (train, before) if clips is not None and len(clips)])
        enrolments = {NOT_ENROLLED: enrolment.take(_NO_ROWS)}
        if np.isin(np.asarray(enrolment.speakers), known).any():
            enrolments[ENROLLED] = enrolment
        machines = {}
        for name, own in enrolments.items():
            choice = _chosen(train, own, shape, labels, layers=layers, ridge=ridge, seed=seed)

            def read(clips: Examples, at: Sequence[int] = choice.layers) -> Examples:
                return side_by_side(clips, at, shape)

            machines[name] = Machine(
                choice,
                SvmRecogniser.fit(
                    read(train),
                    labels=labels,
                    enrolment=read(own),
                    validation=None if validation is None else read(validation),
                    seed=seed,
                    before=None if before is None else read(before),
                    kept=kept,
                    pairs=None if pairs is None else Pairs(read(pairs.clips), read(pairs.sources)),
                    calibrate=calibrate,
                    ridge=choice.ridge,
                    n_directions=choice.n_directions,
                    gains=_gains(choice, train),
                    single=True,
                ),
            )
        return cls(tuple(labels), shape, machines, encoder)

    def scores(self, examples: Examples, enrolment: Examples, name: str) -> np.ndarray:
        """Answers before the temperature of the machine *name*: (n_clips, n_labels)."""
        machine = self.machines[name]
        own = enrolment if name == ENROLLED else enrolment.take(_NO_ROWS)
        read = [side_by_side(clips, machine.choice.layers, self.shape) for clips in (examples, own)]
        return machine.vectors.scores(*read)

    @one_thread()
    def predict_proba(self, examples: Examples, enrolment: Examples) -> np.ndarray:
        """Return (n_clips, n_classes); speakers without *enrolment* are answered by the machine trained without any."""
        answers = np.zeros((len(examples), len(self.labels)))
        for name, rows in rows_of_machines(examples, enrolment, self.machines).items():
            scores = self.scores(examples.take(rows), enrolment, name)
            answers[rows] = softmax(scores / self.machines[name].vectors.temperature, axis=1)
        return answers

    def save(self, folder: str | os.PathLike) -> None:
        """Write the model; see :meth:`emoforge.ser.recogniser.Recogniser.save`."""
        description = {
            "labels": list(self.labels),
            "shape": list(self.shape),
            "encoder": None if self.encoder is None else self.encoder._asdict(),
            "machines": {name: asdict(machine.choice) for name, machine in self.machines.items()},
        }
        FILES.write(folder, kind=self.kind, version=VERSION, description=description)
        for name, machine in self.machines.items():
            machine.vectors.save(f"{os.fspath(folder)}/{name}")

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Self:
        """Read the model; see :meth:`emoforge.ser.recogniser.Recogniser.load`."""
        description = FILES.read_description(folder, kind=cls.kind, version=VERSION)
        with FILES.rebuilding(folder):
            encoder = description["encoder"]
            machines = {
                name: Machine(
                    _choice(choice),
                    SvmRecogniser.load(f"{os.fspath(folder)}/{name}"),
                )
                for name, choice in description["machines"].items()
            }
            return cls(
                tuple(description["labels"]),
                tuple(description["shape"]),
                machines,
                None if encoder is None else EncoderId(**encoder),
            )


class EncoderRecogniser(LayeredRecogniser):
    """The recogniser on embeddings, of kind ``encoder``."""

    kind = "encoder"


def rows_of_machines(examples: Examples, enrolment: Examples, machines: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the name of each machine that is asked → indices of the clips that it answers for."""
    enrolled = np.isin(np.asarray(examples.speakers), np.asarray(enrolment.speakers)) & (ENROLLED in machines)
    rows = {ENROLLED: np.flatnonzero(enrolled), NOT_ENROLLED: np.flatnonzero(~enrolled)}
    return {name: own for name, own in rows.items() if len(own)}


def shape_of(examples: Examples) -> tuple[int, int]:
    """Return (n_layers, n_values) of clips.

    Raises:
        EmoforgeError: inputs are not (n_clips, n_layers, n_values).
    """
    shape = np.shape(examples.inputs)
    if len(shape) != 3 or not shape[1] * shape[2]:
        raise EmoforgeError(f"embeddings must be (n_clips, n_layers, n_values), not of shape {shape}")
    return shape[1], shape[2]


def side_by_side(examples: Examples, layers: Sequence[int], shape: tuple[int, int]) -> Examples:
    """Return *examples* with the values of *layers* as one vector per clip: (n_clips, n_chosen * n_values).

    Raises:
        ModelError: clips are not of *shape*.
    """
    vectors = np.zeros((0, len(layers) * shape[1]))
    if len(examples):
        inputs = np.asarray(examples.inputs)
        if inputs.shape[1:] != shape:
            found = " x ".join(map(str, inputs.shape[1:]))
            raise ModelError(
                f"the recogniser reads embeddings of {shape[0]} x {shape[1]} values (layers x values), not {found}: "
                "ask it with the encoder that it was trained with"
            )
        vectors = inputs[:, list(layers)].reshape(len(inputs), -1)
    return Examples(vectors, examples.speakers, examples.labels, examples.weights)


def _gains(choice: Choice, train: Examples) -> np.ndarray:
    """Return what features are multiplied by, so that each layer counts by its weight whatever its width."""
    inputs = np.asarray(train.inputs)
    n_values = inputs.shape[2]
    gains = [
        np.sqrt(weight * len(choice.layers) * n_values / n_varying(inputs[:, number]))
        for number, weight in zip(choice.layers, choice.weights, strict=True)
    ]
    return np.repeat(gains, n_values)


def _choice(description: Mapping[str, Any]) -> Choice:
    return Choice(**{**description, **{key: tuple(description[key]) for key in ("layers", "weights")}})


def _chosen(
    train: Examples,
    enrolment: Examples,
    shape: tuple[int, int],
    labels: Sequence[str],
    *,
    layers: Sequence[int] | None,
    ridge: float | None,
    seed: int,
) -> Choice:
    classes, truth = np.unique(train.label_indices(labels), return_inverse=True)
    weights = balanced(train.sample_weights(), truth, len(classes))

    def layer(number: int) -> np.ndarray:
        clips, own = (side_by_side(examples, [number], shape) for examples in (train, enrolment))
        normaliser = SpeakerNormaliser.fit(
            clips.inputs, clips.speakers, own.inputs, own.speakers, weights=train.sample_weights()
        )
        return distances(normaliser, clips, own)

    return choose(
        layer,
        truth,
        weights,
        np.asarray(train.speakers),
        n_layers=shape[0],
        n_classes=max(2, len(classes)),
        layers=layers,
        ridge=ridge,
        seed=seed,
    )
