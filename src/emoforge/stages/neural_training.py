"""The training of a converter with networks, as the stage fit_converter runs it: progress, checkpoint, samples."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import torch
from tqdm import tqdm

from emoforge.base.audio import encode_flac
from emoforge.base.errors import ParamsError
from emoforge.base.outputs import written_aside
from emoforge.base.training import Point
from emoforge.convert.base import Converter
from emoforge.convert.generative.converter import Generative
from emoforge.convert.neural.converter import Neural
from emoforge.convert.utterance import Utterance
from emoforge.dataset import manifest
from emoforge.dataset.labels import NEUTRAL
from emoforge.project.fitting.converters import fit_trained, steps_of
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.project.utterances import UtteranceStore


def fit(
    utterances: Sequence[Utterance], params: Params, *, checkpoint: Path, samples: "Samples"
) -> Neural | Generative:
    """Return the converter learned from *utterances*, with a progress bar.

    Args:
        utterances: of training speakers.
        params: of the project.
        checkpoint: file from which a killed training goes on.
        samples: written at every validation point.

    Raises:
        ModelError: see :meth:`Neural.fit`.
        ParamsError: a GPU is asked for and there is none.
    """
    neural = params.fit_converter.neural
    method = params.fit_converter.method
    with tqdm(total=steps_of(method, neural), desc="fit_converter", unit="step", disable=None) as bar:

        def on_look(point: Point, converter: Converter) -> None:
            bar.set_postfix(loss=f"{point.loss:.3f}", validation=f"{point.validation_loss:.3f}", refresh=False)
            bar.update(point.step - bar.n)
            samples.write(point, converter)

        return fit_trained(
            method,
            utterances,
            seed=params.seed,
            neural=neural,
            device=_device(neural.device),
            checkpoint=checkpoint,
            on_look=on_look,
        )


def figures(converter: Neural | Generative) -> dict[str, int | float | None]:
    """Return the figures of a training for the metrics: the loss is the best of the validation speakers, if any."""
    losses = [point.validation_loss for point in converter.points if point.validation_loss == point.validation_loss]
    return {
        "n_examples": converter.n_examples,
        "n_parameters": sum(values.numel() for values in converter.network.parameters()),
        "steps": converter.points[-1].step,
        "validation_loss": round(min(losses), 6) if losses else None,
    }


class Samples:
    """Conversions to listen to while a training goes on, one folder per validation point.

    Args:
        table: rows of the project's clips; neutral ones of validation speakers are converted, or where there are
            none of training speakers.
        layout: of the project.
        params: how many.
        folder: where they go.
    """

    def __init__(self, table: pa.Table, layout: Layout, params: Params, *, folder: Path) -> None:
        self.folder = folder
        self._seed = params.seed
        neutral = table.filter(pc.equal(table.column("emotion"), NEUTRAL))
        rows = neutral.filter(pc.equal(neutral.column("split"), "val"))
        if not len(rows):
            rows = neutral.filter(pc.equal(neutral.column("split"), "train"))
        clip_ids = sorted(
            rows.column("clip_id").to_pylist(), key=lambda clip_id: manifest.seed_from(self._seed, "sample", clip_id)
        )
        self._clip_ids = clip_ids[: params.fit_converter.neural.samples]
        self._rows, self._layout = rows, layout

    def write(self, point: Point, converter: Converter) -> None:
        """Write the clips as *converter* makes them now, into a folder named by the step."""
        if not self._clip_ids:
            return
        utterances = UtteranceStore(self._layout, self._rows)
        for number, clip_id in enumerate(self._clip_ids):
            source = utterances[clip_id]
            emotion = converter.emotions[number % len(converter.emotions)]
            seed = manifest.seed_from(self._seed, clip_id, emotion)
            signal = converter.convert(source, emotion, seed=seed).signal
            with written_aside(self.folder / f"step-{point.step:06d}" / f"{clip_id}-{emotion}.flac") as aside:
                aside.write_bytes(encode_flac(signal, source.sampling_rate))


def _device(name: str) -> str:
    if name == "cuda" and not torch.cuda.is_available():
        raise ParamsError(
            "fit_converter.neural.device = 'cuda': torch finds no GPU here; choose 'auto' or 'cpu', or install a "
            "torch that is built for this GPU"
        )
    return name if name != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
