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
from emoforge.ser.machines.choice import likelihood
from emoforge.ser.machines.layered import EncoderId, EncoderRecogniser, LayeredRecogniser, rows_of_machines
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
            seed: as for :meth:`emoforge.ser.machines.layered.LayeredRecogniser.fit`, as are the following.
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
        befores: Sequence[Examples | None] = (None, None) if before is None else _sides(before)
        both_pairs: Sequence[Pairs | None] = (None, None)
        if pairs is not None:
            both_pairs = [Pairs(*of_side) for of_side in zip(_sides(pairs.clips), _sides(pairs.sources), strict=True)]
        embeddings, functionals = _sides(train)
        own_embeddings, own_functionals = _sides(enrolment)
        of_encoder = EncoderRecogniser.fit(
            embeddings,
            labels=labels,
            enrolment=own_embeddings,
            seed=seed,
            before=befores[0],
            kept=kept,
            pairs=both_pairs[0],
            layers=layers,
            ridge=ridge,
            encoder=encoder,
        )
        of_functionals = FunctionalsSide.fit(
            functionals,
            labels=labels,
            enrolment=own_functionals,
            seed=seed,
            before=befores[1],
            kept=kept,
            pairs=both_pairs[1],
        )
        truth, weights = train.label_indices(labels), train.sample_weights()
        sides = cls(of_encoder, of_functionals, {})
        joins = {}
        for name in of_encoder.machines:
            answers = (of_encoder.machines[name].vectors.left_out, of_functionals.machines[name].vectors.left_out)
            join = _joined(*answers, truth, weights, share)
            if validation:
                scores = sides._scores(validation, enrolment, name, join.share)
                join = Join(join.share, fit_temperature(scores, validation.label_indices(labels)))
            joins[name] = join
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
        (embeddings, functionals), (own_embeddings, own_functionals) = _sides(examples), _sides(enrolment)
        return _added(
            self.of_encoder.scores(embeddings, own_embeddings, name),
            self.of_functionals.scores(functionals, own_functionals, name),
            share,
        )

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


def _joined(
    of_encoder: np.ndarray | None,
    of_functionals: np.ndarray | None,
    truth: np.ndarray,
    weights: np.ndarray,
    share: float | None,
) -> Join:
    """Choose by the answers of both for speakers left out, (n_clips, n_labels); the usual join where there are none."""
    if of_encoder is None or of_functionals is None:
        return Join(_USUAL_SHARE if share is None else share, _USUAL_TEMPERATURE)
    if share is None:
        tried = [(likelihood(_added(of_encoder, of_functionals, own), truth, weights), own) for own in SHARES]
        share = max(tried, key=lambda found: found[0])[1]
    return Join(share, fit_temperature(_added(of_encoder, of_functionals, share), truth, weights=weights))


def _added(of_encoder: np.ndarray, of_functionals: np.ndarray, share: float) -> np.ndarray:
    return (1 - share) * of_encoder + share * of_functionals


def _sides(examples: Examples) -> tuple[Examples, Examples]:
    """Part (embedding, functionals) into examples of either; functionals are the only layer of theirs."""
    rest = (examples.speakers, examples.labels, examples.weights)
    if not len(examples):
        return Examples(np.zeros((0, 0, 0)), *rest), Examples(np.zeros((0, 0, 0)), *rest)
    embeddings, functionals = (np.stack(side) for side in zip(*examples.inputs, strict=True))
    return Examples(embeddings, *rest), Examples(functionals[:, None], *rest)
