"""Clips as recognisers take them: inputs, speakers and label indices, for every kind of recogniser."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.errors import ModelError
from emoforge.dataset.clips import ClipStore
from emoforge.project.features import Embeddings, Functionals
from emoforge.project.layout import Layout
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import EMBEDDING, FRAMES, FUNCTIONALS, KINDS, LAYER_FRAMES

if TYPE_CHECKING:
    from emoforge.ser.encoders.encoder import Encoder

ClipKey = TypeVar("ClipKey")

#: Clips whose samples are held at once while they are embedded.
_AT_ONCE = 256
#: Kind of recogniser that stands in where there is no encoder.
FALLBACK = "svm"
# What only an encoder gives.
_READS_ENCODER = frozenset({EMBEDDING, LAYER_FRAMES})


def emotions_of(table: pa.Table) -> list[str]:
    """Return the emotions of the recorded training clips: what a recogniser can learn, in alphabetical order."""
    train = scored_clips(table, "train")
    return sorted(set(train.column("emotion").to_pylist()))


def scored_clips(table: pa.Table, split: str, labels: Sequence[str] | None = None) -> pa.Table:
    """Return the recorded clips of *split* that train or test a recogniser: all but those that enrol a speaker.

    With *labels*, only clips of these emotions: what no training speaker acts cannot be recognised, and is not what
    the arms differ in.
    """
    wanted = (pc.field("origin") == "recorded") & (pc.field("split") == split) & ~pc.field("enrolment")
    if labels is not None:
        wanted &= pc.field("emotion").isin(list(labels))
    return table.filter(wanted)


def enrolment_of(table: pa.Table, *splits: str) -> pa.Table:
    """Return the recorded clips that enrol the speakers of *splits*."""
    return table.filter((pc.field("origin") == "recorded") & pc.field("split").isin(splits) & pc.field("enrolment"))


def usable_kind(kind: str, encoder: tuple[str, str] | None) -> str:
    """Return *kind*, or that of functionals where it needs an encoder and there is none."""
    return kind if encoder or not reads_encoder(kind) else FALLBACK


def reads_encoder(kind: str) -> bool:
    """Return whether a recogniser of *kind* reads what an encoder makes of a clip."""
    return not _READS_ENCODER.isdisjoint(KINDS[kind].reads)


def clip_inputs(
    kind: str,
    clips: Sequence[ClipKey],
    *,
    functionals: Callable[[Sequence[ClipKey]], np.ndarray],
    read: Callable[[ClipKey], tuple[np.ndarray, int]],
    frames: Callable[[ClipKey], np.ndarray] | None = None,
    embeddings: Callable[[Sequence[ClipKey]], np.ndarray] | None = None,
    encoder: str = "",
) -> np.ndarray | list:
    """Return what a recogniser of *kind* reads of *clips*: the one place where a kind meets its inputs.

    Args:
        kind: a name of :data:`emoforge.ser.registry.KINDS`; only what it reads is asked for.
        clips: clip ids, or whatever else *functionals* and *read* know clips by.
        functionals: n clips → (n, n_features).
        read: a clip → (n_samples,) float32 and its sampling rate, 16,000 Hz.
        frames: a clip → its input for the network, for callers who keep these; made of what *read* returns when
            omitted.
        embeddings: n clips → (n, n_layers, n_values), for callers who keep these; made of what *read* returns when
            omitted.
        encoder: of kinds that read an embedding or a layer's frames, see
            :func:`emoforge.project.encoders.load_encoder`.

    Returns:
        inputs in the order of *clips*, see :attr:`emoforge.ser.recogniser.Examples.inputs`.
    """
    makers: dict[str, Callable[[Sequence[ClipKey]], Any]] = {
        FUNCTIONALS: functionals,
        FRAMES: lambda clips: [(frames or partial(_frames, read))(clip) for clip in clips],
        EMBEDDING: embeddings or partial(_embeddings, read, encoder),
        LAYER_FRAMES: partial(_layer_frames, read, encoder),
    }
    sides = [makers[name](clips) for name in KINDS[kind].reads]
    return sides[0] if len(sides) == 1 else list(zip(*sides, strict=True))


def _frames(read: Callable[[ClipKey], tuple[np.ndarray, int]], clip: ClipKey) -> np.ndarray:
    from emoforge.ser.logmel import logmel

    return logmel(*read(clip))


def _embeddings(
    read: Callable[[ClipKey], tuple[np.ndarray, int]], encoder_name: str, clips: Sequence[ClipKey]
) -> np.ndarray:
    from emoforge.project.encoders import load_encoder

    encoder = load_encoder(encoder_name)
    found = [np.zeros((0, encoder.n_layers, 2 * encoder.width), dtype=np.float32)]
    for first in range(0, len(clips), _AT_ONCE):
        heard = [read(clip) for clip in clips[first : first + _AT_ONCE]]
        found.append(encoder.embed([signal for signal, _ in heard], heard[0][1]))
    return np.concatenate(found)


def _layer_frames(
    read: Callable[[ClipKey], tuple[np.ndarray, int]], encoder_name: str, clips: Sequence[ClipKey]
) -> list[np.ndarray]:
    from emoforge.ser.finetuned.network import kept_frames

    encoder = _one_encoder(encoder_name)
    return [kept_frames(encoder, *read(clip)) for clip in clips]


def tuned_encoder(kind: str, source: str) -> "Encoder | None":
    """Return the encoder whose blocks a recogniser of *kind* tunes; None for kinds that tune none.

    Args:
        kind: a name of :data:`emoforge.ser.registry.KINDS`.
        source: see :func:`emoforge.project.encoders.load_encoder`.

    Raises:
        ModelError: it names several encoders.
    """
    return _one_encoder(source) if LAYER_FRAMES in KINDS[kind].reads else None


def _one_encoder(source: str) -> "Encoder":
    from emoforge.project.encoders import load_encoder
    from emoforge.ser.encoders.encoder import Encoder

    encoder = load_encoder(source)
    if not isinstance(encoder, Encoder):
        raise ModelError(f"encoder {source!r}: several, and only one can be fine-tuned; choose whisper-tiny.en")
    return encoder


#: Where functionals, embeddings and audio of a stage's clips are, if not in the stage's own folder.
_ANALYSED = {"ingest": "prosody"}
_EMBEDDED = {"ingest": "embed"}
_RECORDED = {"score": "convert"}


class ExampleSource:
    """Turns clip ids of a run into :class:`Examples`.

    Args:
        layout: the run.
        kind: of the recogniser, which decides what a clip's input is.
        stages: whose clips can be asked for.
        embeddings: n clips → (n, n_layers, n_values), where they are not in the run.
        encoder: of kinds that read its frames, see :func:`emoforge.project.encoders.load_encoder`.

    Raises:
        ManifestError: what the kind reads was not computed, or by different encoders.
    """

    def __init__(
        self,
        layout: Layout,
        kind: str,
        stages: Sequence[str],
        *,
        embeddings: Callable[[Sequence[str]], np.ndarray] | None = None,
        encoder: str = "",
    ) -> None:
        self._kind = kind
        self._encoder = encoder
        reads = KINDS[kind].reads
        # What the kind does not read is not opened.
        self._functionals: Any = None
        self._embeddings: Any = embeddings
        self._clips: Any = None
        if FUNCTIONALS in reads:
            self._functionals = Functionals(*(layout.functionals(_ANALYSED.get(stage, stage)) for stage in stages))
        if EMBEDDING in reads and embeddings is None:
            self._embeddings = Embeddings(*(layout.embeddings(_EMBEDDED.get(stage, stage)) for stage in stages))
        if not set(reads) <= {FUNCTIONALS, EMBEDDING}:
            self._clips = ClipStore(*(layout.stage(_RECORDED.get(stage, stage)) / "clips" for stage in stages))

    @property
    def encoder(self) -> tuple[str, str] | None:
        """Name and SHA-256 of the encoder that the run's embeddings are of; None where the kind reads none of them."""
        found = self._embeddings
        return (found.encoder, found.sha256) if isinstance(found, Embeddings) else None

    def inputs(self, clip_ids: Sequence[str]) -> np.ndarray | list:
        """Return what the recogniser reads of each clip, see :func:`clip_inputs`."""
        from tqdm import tqdm

        # Tables are read in one go; only work on audio takes long enough for a bar.
        quiet = None if self._clips is not None else True
        with tqdm(total=len(clip_ids), desc=f"inputs of {self._kind}", unit="clip", disable=quiet) as bar:

            def read(clip_id: str) -> tuple[np.ndarray, int]:
                bar.update()
                return self._clips.read(clip_id)

            return clip_inputs(
                self._kind,
                clip_ids,
                functionals=self._functionals,
                embeddings=self._embeddings,
                read=read,
                encoder=self._encoder,
            )

    def examples(self, table: pa.Table, labels: Sequence[str] | None = None) -> Examples:
        """Return the clips of *table*, in its order; label indices are given when *labels* are."""
        indices = None
        if labels is not None:
            position = {label: index for index, label in enumerate(labels)}
            indices = np.array([position[emotion] for emotion in table.column("emotion").to_pylist()])
        return Examples(
            self.inputs(table.column("clip_id").to_pylist()), np.asarray(table.column("speaker").to_pylist()), indices
        )
