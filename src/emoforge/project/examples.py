"""Clips as recognisers take them: inputs, speakers and label indices, for every kind of recogniser."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.dataset.clips import ClipStore
from emoforge.project.features import Functionals
from emoforge.project.layout import Layout
from emoforge.ser.recogniser import Examples


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


class ExampleSource:
    """Turns clip ids into :class:`Examples`.

    Args:
        layout: the run.
        model: kind of recogniser, which decides what a clip's input is.
        stages: whose clips can be asked for.
        encoder: of the kind `pretrained`: a bundle of torchaudio.pipelines or a folder, see
            :func:`emoforge.project.encoder.load_encoder`.
    """

    def __init__(self, layout: Layout, model: str, stages: Sequence[str], *, encoder: str = "") -> None:
        self._model = model
        self._encoder = encoder
        if model in ("svm", "fusion"):
            tables = [layout.functionals("prosody" if stage == "ingest" else stage) for stage in stages]
            self._functionals = Functionals(*tables)
        if model != "svm":
            folders = {"score": "convert"}
            self._clips = ClipStore(*(layout.stage(folders.get(stage, stage)) / "clips" for stage in stages))

    def inputs(self, clip_ids: Sequence[str]) -> np.ndarray | list:
        """Return what the recogniser reads of each clip, see :class:`Examples`."""
        if self._model == "svm":
            return self._functionals(clip_ids)
        if self._model == "logmel":
            return self._frames(clip_ids)
        if self._model == "fusion":
            return list(zip(self._functionals(clip_ids), self._frames(clip_ids), strict=True))
        from emoforge.project.encoder import load_encoder

        encoder = load_encoder(self._encoder)
        if not len(clip_ids):
            return np.zeros((0, encoder.n_features), dtype=np.float32)
        return np.stack([encoder.embed(*self._clips.read(clip_id)) for clip_id in self._counted(clip_ids)])

    def _frames(self, clip_ids: Sequence[str]) -> list[np.ndarray]:
        from emoforge.ser.logmel import logmel

        return [logmel(*self._clips.read(clip_id)) for clip_id in self._counted(clip_ids)]

    def _counted(self, clip_ids: Sequence[str]) -> Iterable[str]:
        from tqdm import tqdm

        return tqdm(clip_ids, desc=f"inputs of {self._model}", unit="clip", disable=None)

    def examples(self, table: pa.Table, labels: Sequence[str] | None = None) -> Examples:
        """Return the clips of *table*, in its order; label indices are given when *labels* are."""
        indices = None
        if labels is not None:
            position = {label: index for index, label in enumerate(labels)}
            indices = np.array([position[emotion] for emotion in table.column("emotion").to_pylist()])
        return Examples(
            self.inputs(table.column("clip_id").to_pylist()), np.asarray(table.column("speaker").to_pylist()), indices
        )
