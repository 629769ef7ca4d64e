"""An encoder and functionals together: the answers of both, added with the weight that does best on speakers left out.

What functionals are worth beside an encoder depends on the corpus: they add on RAVDESS and take away on nEMO. So the
weight runs from none of them to nothing else.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
from scipy.special import softmax

from emoforge.base.batch import one_thread
from emoforge.ser.calibration import fit_temperature
from emoforge.ser.choice import likelihood
from emoforge.ser.layered import ENROLLED, EncoderId, EncoderRecogniser, LayeredRecogniser, rows_of_machines
from emoforge.ser.recogniser import FILES, Examples, Pairs

VERSION = 1

#: Shares of functionals that are compared.
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
#: Where nobody can be left out.
_USUAL_SHARE = 0.3
_USUAL_TEMPERATURE = 0.2


class FunctionalsSide(LayeredRecogniser):
    """Reads functionals as if they were the only layer of an encoder."""

    kind = "functionals"


class Join(NamedTuple):
    """How the answers of both sides become one.

    Attributes:
        share: of the functionals; the encoder has the rest.
        temperature: divides the sum.
    """

    share: float
    temperature: float


@dataclass(frozen=True)
class EncoderFunctionalsRecogniser:
    """A :class:`~emoforge.ser.recogniser.Recogniser` of kind ``encoder+functionals``.

    A clip's input is (embedding (n_layers, n_values), functionals (n_features,)).

    Attributes:
        of_encoder: reads embeddings.
        of_functionals: reads functionals.
        joins: how they are added, by the name of the machines.
    """

    kind: ClassVar[str] = "encoder+functionals"

    of_encoder: EncoderRecogniser
    of_functionals: FunctionalsSide
    joins: Mapping[str, Join]

    @property
    def labels(self) -> tuple[str, ...]:
        return self.of_encoder.labels

    @property
    def encoder(self) -> EncoderId | None:
        """Which encoder the embeddings are of; None where nobody said."""
        return self.of_encoder.encoder

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
        layers: Sequence[int] | None = None,
        ridge: float | None = None,
        share: float | None = None,
        encoder: EncoderId | None = None,
    ) -> Self:
        """Train both sides; see :meth:`emoforge.ser.recogniser.Recogniser.fit`.

        Args:
            train: labelled clips; inputs are pairs of an embedding and functionals.
            labels: emotion names.
            enrolment: neutral clips of the speakers.
            validation: clips of other speakers, for the temperature only.
            seed: as for :meth:`emoforge.ser.layered.LayeredRecogniser.fit`, as are the following.
            before: clips to pre-train on.
            kept: share of what pre-training taught.
            pairs: conversions and their sources.
            layers: of the encoder; None to choose.
            ridge: of the encoder's side; None to choose. That of the functionals is always chosen.
            share: of the functionals' answers, 0 to 1; None to choose.
            encoder: which the embeddings are of.

        Raises:
            EmoforgeError: fewer than two labels have training clips of weight above 0; or inputs are of another shape.
        """
        train = train.take(train.sample_weights() > 0)
        learning = [
            {
                "train": own_train,
                "enrolment": own_enrolment,
                "before": own_before,
                "pairs": own_pairs,
                "labels": labels,
                "kept": kept,
                "seed": seed,
            }
            for own_train, own_enrolment, own_before, own_pairs in zip(
                _sides(train),
                _sides(enrolment),
                (None, None) if before is None else _sides(before),
                (None, None) if pairs is None else map(Pairs, _sides(pairs.clips), _sides(pairs.sources)),
                strict=True,
            )
        ]
        of_encoder = EncoderRecogniser.fit(**learning[0], layers=layers, ridge=ridge, encoder=encoder)
        of_functionals = FunctionalsSide.fit(**learning[1])
        truth, weights = train.label_indices(labels), train.sample_weights()
        found = cls(of_encoder, of_functionals, {})
        joins = {}
        for name in of_encoder.machines:
            left_out = [side.machines[name].vectors.left_out for side in (of_encoder, of_functionals)]
            own_share = _USUAL_SHARE if share is None else share
            if share is None and left_out[0] is not None and left_out[1] is not None:
                own_share = max(SHARES, key=lambda tried: likelihood(_added(*left_out, tried), truth, weights))
            temperature = _USUAL_TEMPERATURE
            if validation:
                own = enrolment if name == ENROLLED else enrolment.take([])
                answers = found._scores(validation, own, name, own_share)
                temperature = fit_temperature(answers, validation.label_indices(labels))
            elif left_out[0] is not None and left_out[1] is not None:
                temperature = fit_temperature(_added(*left_out, own_share), truth, weights=weights)
            joins[name] = Join(own_share, temperature)
        return cls(of_encoder, of_functionals, joins)

    @one_thread()
    def predict_proba(self, examples: Examples, enrolment: Examples) -> np.ndarray:
        """Return (n_clips, n_classes); speakers without *enrolment*: by the machines trained without any."""
        answers = np.zeros((len(examples), len(self.labels)))
        for name, rows in rows_of_machines(examples, enrolment, self.joins).items():
            join = self.joins[name]
            answers[rows] = softmax(
                self._scores(examples.take(rows), enrolment, name, join.share) / join.temperature, axis=1
            )
        return answers

    def _scores(self, examples: Examples, enrolment: Examples, name: str, share: float) -> np.ndarray:
        sides = zip((self.of_encoder, self.of_functionals), _sides(examples), _sides(enrolment), strict=True)
        return _added(*(side.scores(own, neutral, name) for side, own, neutral in sides), share)

    def save(self, folder: str | os.PathLike) -> None:
        """Write the model; see :meth:`emoforge.ser.recogniser.Recogniser.save`."""
        description = {"joins": {name: join._asdict() for name, join in self.joins.items()}}
        FILES.write(folder, kind=self.kind, version=VERSION, description=description)
        self.of_encoder.save(f"{os.fspath(folder)}/encoder")
        self.of_functionals.save(f"{os.fspath(folder)}/functionals")

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Self:
        """Read the model; see :meth:`emoforge.ser.recogniser.Recogniser.load`."""
        description = FILES.read_description(folder, kind=cls.kind, version=VERSION)
        with FILES.rebuilding(folder):
            return cls(
                EncoderRecogniser.load(f"{os.fspath(folder)}/encoder"),
                FunctionalsSide.load(f"{os.fspath(folder)}/functionals"),
                {name: Join(**join) for name, join in description["joins"].items()},
            )


def _added(of_encoder: np.ndarray, of_functionals: np.ndarray, share: float) -> np.ndarray:
    return (1 - share) * of_encoder + share * of_functionals


def _sides(examples: Examples) -> tuple[Examples, Examples]:
    """Part (embedding, functionals) into examples of either; functionals are the only layer of theirs."""
    rest = (examples.speakers, examples.labels, examples.weights)
    if not len(examples):
        return Examples(np.zeros((0, 0, 0)), *rest), Examples(np.zeros((0, 0, 0)), *rest)
    embeddings, functionals = (np.stack(side) for side in zip(*examples.inputs, strict=True))
    return Examples(embeddings, *rest), Examples(functionals[:, None], *rest)
