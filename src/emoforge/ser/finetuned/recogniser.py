"""A recogniser whose encoder goes on learning: upper blocks of Whisper, tuned on frames of a lower layer.

The blocks are shared by two heads, one on distances from the speaker's neutral voice and one for speakers who have no
enrolment clips. Beside them stands the machine of kind ``encoder`` on the same layers of the frozen encoder, and the
probabilities of both are averaged: with few speakers the machine is the better half, with many the blocks are.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.special import softmax
from torch import nn

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.base.training import held_out_speakers
from emoforge.ser.calibration import SpeakerNormaliser, fit_temperature
from emoforge.ser.encoders.encoder import Encoder, torch_device
from emoforge.ser.finetuned.clips import Clips, embeddings_of, logits_of
from emoforge.ser.finetuned.network import Shape, TunedNetwork, arrays_of, n_heads_of, restore, upper_blocks
from emoforge.ser.finetuned.training import TunedPoint, TuningOptions, tune
from emoforge.ser.machines.layered import ENROLLED, NOT_ENROLLED, EncoderId, EncoderRecogniser, rows_of_machines
from emoforge.ser.recogniser import FILES, Examples

VERSION = 1

_NORMALISERS = "normaliser."
_NO_ROWS = np.arange(0)
# A held-out speaker who is recognised without a mistake would make every answer certain.
_LEAST_TEMPERATURE = 0.5


@dataclass(frozen=True)
class FinetunedRecogniser:
    """A :class:`~emoforge.ser.recogniser.Recogniser` of kind ``finetuned``.

    Attributes:
        labels: emotion names, in the order of the columns of probabilities.
        classes: (n_trained,) indices of the labels that had training clips.
        network: tuned blocks and a head per machine, in evaluation mode.
        frozen: the encoder's own blocks in their place: enrolment clips and the machine are read with these.
        normalisers: of what the frozen blocks make of a clip, one per head.
        temperatures: divide each head's logits.
        machine: that of kind ``encoder`` on the same layers.
        encoder: which the blocks are of.
        history: of the training, one row per validation point; empty in a model that was loaded.
    """

    kind: ClassVar[str] = "finetuned"

    labels: tuple[str, ...]
    classes: np.ndarray
    network: TunedNetwork
    frozen: nn.ModuleList
    normalisers: Mapping[str, SpeakerNormaliser]
    temperatures: Mapping[str, float]
    machine: EncoderRecogniser
    encoder: EncoderId
    history: tuple[dict[str, float], ...] = ()

    @classmethod
    def fit(
        cls,
        train: Examples,
        *,
        labels: Sequence[str],
        enrolment: Examples,
        validation: Examples | None = None,
        seed: int = 0,
        base: Encoder | None = None,
        options: TuningOptions | None = None,
        device: str = "auto",
        checkpoint: str | os.PathLike[str] | None = None,
        on_point: Callable[[TunedPoint], None] | None = None,
    ) -> Self:
        """Train on frames of the lower layer; see :meth:`emoforge.ser.recogniser.Recogniser.fit`.

        Early stopping and the temperatures need speakers that the blocks do not learn from: those of *validation*, or
        else a share of the training speakers. Of fewer than five training speakers none can be spared; then training
        runs all its steps and the temperatures are 1. The frozen machine learns from all training speakers.

        On a CPU the same arguments give the same bytes, whether the training was interrupted or not.

        Args:
            train: labelled clips with inputs (n_frames, width), frames of layer
                :func:`~emoforge.ser.finetuned.network.lower_layer` of *base*.
            labels: emotion names.
            enrolment: neutral clips of the speakers; without any, there is one head only.
            validation: clips of other speakers, for early stopping and the temperatures.
            seed: of every draw in training.
            base: the encoder whose blocks are tuned, a Whisper; needed.
            options: see :class:`TuningOptions`.
            device: where torch computes: cpu, cuda, or auto for cuda where there is one.
            checkpoint: file where the state is kept at every validation point; a training found there goes on.
            on_point: called at every validation point, after its state is kept.

        Raises:
            EmoforgeError: fewer than two labels have training clips of weight above 0, or *base* is not given.
            ModelError: *base* cannot be tuned, or inputs are not its frames; the checkpoint is damaged or of another
                training; the loss is not finite.
        """
        if base is None:
            raise EmoforgeError("fine-tuning needs the encoder whose blocks it tunes: name `base`")
        options, device = options or TuningOptions(), torch_device(device)
        train = train.take(train.sample_weights() > 0)
        classes = np.unique(train.label_indices(labels)).astype(np.int64)
        if len(classes) < 2:
            raise EmoforgeError(f"training needs clips of at least 2 emotions, not {len(classes)}: add recordings")
        frozen = upper_blocks(base, options.n_blocks)
        for examples in (train, enrolment, validation):
            _check_frames(examples, base.width)
        embedded = _embedded(frozen, train)
        enrolled = _embedded(frozen, enrolment)
        enrolments = {NOT_ENROLLED: enrolled.take(_NO_ROWS)}
        if np.isin(np.asarray(enrolment.speakers), np.asarray(train.speakers)).any():
            enrolments = {ENROLLED: enrolled} | enrolments
        normalisers = {
            name: SpeakerNormaliser.fit(
                _flat(embedded), train.speakers, _flat(own), own.speakers, weights=train.sample_weights()
            )
            for name, own in enrolments.items()
        }
        scales = {name: normaliser.scale for name, normaliser in normalisers.items()}

        def clips(examples: Examples) -> Clips:
            truth = np.searchsorted(classes, examples.label_indices(labels))
            return Clips(examples.inputs, truth, examples.sample_weights(), _voices(normalisers, examples, enrolled))

        known, held_out = clips(train), clips(train.take(_NO_ROWS))
        if validation is not None and len(validation):
            held_out = clips(validation.take(np.isin(validation.label_indices(labels), classes)))
        else:
            held = held_out_speakers([str(s) for s in train.speakers], options.validation_share, seed)
            apart = np.isin(np.asarray(train.speakers, dtype=str), sorted(held))
            # A class that only held-out speakers show would not be learnt at all.
            if held and len(np.unique(known.truth[~apart])) == len(classes):
                known, held_out = known.take(~apart), known.take(apart)
        shape = Shape(base.width, n_heads_of(frozen), options.n_blocks, len(classes))
        network = TunedNetwork(shape, tuple(normalisers))
        network.blocks.load_state_dict(frozen.state_dict())
        network, points = tune(
            network,
            known,
            held_out,
            scales,
            options=options,
            seed=seed,
            device=device,
            checkpoint=checkpoint,
            on_point=on_point,
        )
        temperatures = dict.fromkeys(normalisers, 1.0)
        if len(held_out.frames):
            answers = logits_of(network, held_out, scales)
            temperatures = {
                name: max(_LEAST_TEMPERATURE, fit_temperature(logits, held_out.truth))
                for name, logits in answers.items()
            }
        encoder = EncoderId(base.name, base.sha256)
        machine = EncoderRecogniser.fit(
            embedded,
            labels=labels,
            enrolment=enrolled,
            validation=None if validation is None else _embedded(frozen, validation),
            seed=seed,
            layers=range(1 + options.n_blocks),
            encoder=encoder,
        )
        history = tuple(
            {"step": p.step, "loss": p.loss, "val_loss": p.validation_loss, "val_uar": p.validation_uar} for p in points
        )
        return cls(tuple(labels), classes, network, frozen, normalisers, temperatures, machine, encoder, history)

    def predict_proba(self, examples: Examples, enrolment: Examples) -> np.ndarray:
        """Return (n_clips, n_classes); speakers without *enrolment* are answered by the head trained without any."""
        for clips in (examples, enrolment):
            _check_frames(clips, self.network.shape.width)
        answers = np.zeros((len(examples), len(self.labels)))
        enrolled = _embedded(self.frozen, enrolment)
        scales = {name: normaliser.scale for name, normaliser in self.normalisers.items()}
        for name, rows in rows_of_machines(examples, enrolment, self.normalisers).items():
            own = examples.take(rows)
            voices = _voices(self.normalisers, own, enrolled)
            nothing = np.zeros(len(own))
            logits = logits_of(self.network, Clips(own.inputs, nothing, nothing, voices), scales)[name]
            answers[np.ix_(rows, self.classes)] = softmax(logits / self.temperatures[name], axis=1)
        return (answers + self.machine.predict_proba(_embedded(self.frozen, examples), enrolled)) / 2

    def save(self, folder: str | os.PathLike) -> None:
        """Write the model; see :meth:`emoforge.ser.recogniser.Recogniser.save`."""
        arrays = {"classes": self.classes}
        arrays |= arrays_of(self.network, "network.") | arrays_of(self.frozen, "frozen.")
        for name, normaliser in self.normalisers.items():
            arrays |= normaliser.tensors(f"{_NORMALISERS}{name}.")
        description = {
            "labels": list(self.labels),
            "shape": asdict(self.network.shape),
            "shrink": {name: normaliser.shrink for name, normaliser in self.normalisers.items()},
            "temperatures": dict(self.temperatures),
            "encoder": {"name": self.encoder.name, "sha256": self.encoder.sha256},
        }
        FILES.write(folder, kind=self.kind, version=VERSION, description=description, arrays=arrays)
        self.machine.save(f"{os.fspath(folder)}/machine")

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Self:
        """Read the model; see :meth:`emoforge.ser.recogniser.Recogniser.load`."""
        description = FILES.read_description(folder, kind=cls.kind, version=VERSION)
        arrays = FILES.read_arrays(folder)
        with FILES.rebuilding(folder):
            network = TunedNetwork(Shape(**description["shape"]), sorted(description["shrink"]))
            frozen = TunedNetwork(network.shape, ()).blocks
            restore(network, arrays, "network.")
            restore(frozen, arrays, "frozen.")
            return cls(
                tuple(description["labels"]),
                arrays["classes"],
                network.eval(),
                frozen.eval(),
                {
                    name: SpeakerNormaliser.from_tensors(arrays, f"{_NORMALISERS}{name}.", shrink=shrink)
                    for name, shrink in description["shrink"].items()
                },
                description["temperatures"],
                EncoderRecogniser.load(f"{os.fspath(folder)}/machine"),
                EncoderId(description["encoder"]["name"], description["encoder"]["sha256"]),
            )


def _embedded(blocks: nn.ModuleList, examples: Examples) -> Examples:
    """Return *examples* with what frozen *blocks* make of their frames, (n_clips, n_layers, n_values)."""
    embeddings = embeddings_of(blocks, examples.inputs)
    layers = embeddings.reshape(len(examples), 1 + len(blocks), embeddings.shape[1] // (1 + len(blocks)))
    return Examples(layers, examples.speakers, examples.labels, examples.weights)


def _flat(embedded: Examples) -> np.ndarray:
    return embedded.inputs.reshape(len(embedded), math.prod(embedded.inputs.shape[1:]))


def _voices(
    normalisers: Mapping[str, SpeakerNormaliser], examples: Examples, enrolled: Examples
) -> dict[str, np.ndarray]:
    """Return head → (n_clips, n_values) where the neutral voice of each clip's speaker lies."""
    found = {}
    for name, normaliser in normalisers.items():
        own = enrolled if name == ENROLLED else enrolled.take(_NO_ROWS)
        values, speakers = _flat(own), np.asarray(own.speakers)
        voices = np.zeros((len(examples), len(normaliser.centre)), dtype=np.float32)
        for speaker in np.unique(examples.speakers):
            voices[np.asarray(examples.speakers) == speaker] = normaliser.neutral_voice(values[speakers == speaker])
        found[name] = voices
    return found


def _check_frames(examples: Examples | None, width: int) -> None:
    """Refuse clips that are not (n_frames, width), or have no frame."""
    for clip in () if examples is None else examples.inputs:
        if np.ndim(clip) != 2 or clip.shape[1] != width or not len(clip):
            raise ModelError(
                f"fine-tuning reads frames of {width} values, not clips of shape {np.shape(clip)}: ask it with the "
                "encoder that it was trained with"
            )
