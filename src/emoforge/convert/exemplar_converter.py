"""What converters that hold exemplars share: fitting, the draw of a style, files."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np

from emoforge.convert.base import Converter, Performance
from emoforge.convert.exemplars import Exemplar, Frames, choose, collect
from emoforge.convert.storage import read_arrays, read_description, write_model
from emoforge.convert.style import Style
from emoforge.convert.utterance import Utterance

_TEXTS = ("clip_id", "speaker", "gender", "sentence", "emotion")
_NUMBERS = ("f0_shift_st", "f0_range_ratio", "f0_slope_st", "stretch_log2")


class ExemplarConverter(Converter):
    """Lays the style of one training clip, drawn by the seed, on the source."""

    with_frames: ClassVar[bool] = False

    def __init__(self, exemplars: Sequence[Exemplar]) -> None:
        self.exemplars = tuple(exemplars)
        self.emotions = tuple(sorted({exemplar.emotion for exemplar in exemplars}))

    @classmethod
    def fit(cls, utterances: Sequence[Utterance], *, seed: int = 0) -> Self:
        return cls(collect(utterances, with_frames=cls.with_frames))

    @abstractmethod
    def style(self, source: Utterance, exemplar: Exemplar) -> Style:
        """Return the changes that *exemplar* asks of *source*, at full intensity."""

    def perform(self, source: Utterance, emotion: str, *, intensity: float = 1.0, seed: int = 0) -> Performance:
        self.check(emotion, intensity)
        exemplar = choose(self.exemplars, source, emotion, seed=seed)
        return Performance(self.style(source, exemplar).scaled(intensity), exemplar.clip_id)

    def save(self, folder: str | PathLike[str]) -> None:
        exemplars = self.exemplars
        arrays = {
            "numbers": np.array([[getattr(item, name) for name in _NUMBERS] for item in exemplars], dtype=np.float64),
            "envelope_difference_db": np.stack([item.envelope_difference_db for item in exemplars]),
            "n_frames": np.array([0 if item.frames is None else len(item.frames.f0_st) for item in exemplars]),
        }
        framed = [item.frames for item in exemplars if item.frames is not None]
        if framed:
            for field in fields(Frames):
                arrays[f"frames.{field.name}"] = np.concatenate([getattr(frames, field.name) for frames in framed])
        description = {name: [getattr(item, name) for item in exemplars] for name in _TEXTS}
        write_model(folder, kind=self.name, description={"exemplars": description}, arrays=arrays)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        texts = read_description(folder, kind=cls.name)["exemplars"]
        arrays = read_arrays(folder)
        ends = np.cumsum(arrays["n_frames"])
        exemplars = []
        for i, n_frames in enumerate(arrays["n_frames"]):
            rows = slice(ends[i] - n_frames, ends[i])
            numbers: dict[str, Any] = dict(zip(_NUMBERS, map(float, arrays["numbers"][i]), strict=True))
            exemplars.append(
                Exemplar(
                    **{name: texts[name][i] for name in _TEXTS},
                    **numbers,
                    envelope_difference_db=arrays["envelope_difference_db"][i],
                    frames=_read_frames(arrays, rows) if n_frames else None,
                )
            )
        return cls(exemplars)


def _read_frames(arrays: dict[str, np.ndarray], rows: slice) -> Frames:
    return Frames(**{field.name: arrays[f"frames.{field.name}"][rows] for field in fields(Frames)})
