"""Conversions by a program: jobs become files and messages, answers become signals or reasons."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.audio import decode, resample, write_blocks
from emoforge.base.errors import AudioError
from emoforge.convert import exemplars
from emoforge.convert.base import Conversion, Job
from emoforge.dataset.clips import ClipStore
from emoforge.project.external.batches import Batches
from emoforge.project.external.converter import ExternalConverter, why_not
from emoforge.project.external.program import Command


@dataclass(frozen=True, slots=True)
class _StyleClip:
    """A training clip whose style can be copied."""

    clip_id: str
    speaker: str
    gender: str
    sentence: str | None
    emotion: str


class Session:
    """Converts clips of a project by an external converter.

    Args:
        converter: the converter.
        command: starts its program.
        table: the project's ingested clips, a manifest.
        clips: their audio.
        work: folder for the files that program and session hand each other; it is made if it is not there.
    """

    def __init__(
        self, converter: ExternalConverter, command: Command, table: pa.Table, clips: ClipStore, work: Path
    ) -> None:
        self._hello, self._clips, self._work = converter.hello, clips, work
        self._batches = Batches(command, converter.hello, work / "log.txt")
        self._known = {row["clip_id"]: row for row in table.select(["clip_id", "language", "text"]).to_pylist()}
        train = table.filter(pc.equal(table.column("split"), "train"))
        columns = list(_StyleClip.__slots__)
        self._styles = (
            [_StyleClip(**row) for row in train.select(columns).to_pylist()] if converter.copies_style else []
        )

    def attempt(self, jobs: Sequence[Job]) -> list[Conversion | str]:
        """Return the conversion of every job, in order, or the reason why there is none.

        Raises:
            ModelError: the program cannot be started, is another one now, or stops over one clip after the other.
        """
        self._work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            made: list[Conversion | str] = []
            asked: dict[int, tuple[dict[str, Any], str | None]] = {}
            for number, job in enumerate(jobs):
                made.append(self._why_not(job))
                if not made[number]:
                    style = self._style(job)
                    asked[number] = self._request(str(number), job, style, Path(folder)), style
            answers = self._batches.answers([request for request, _ in asked.values()])
            for number, (request, style) in asked.items():
                made[number] = answers[request["id"]] or self._result(request, jobs[number], style)
        return made

    def _why_not(self, job: Job) -> str:
        """Return why the program can't even be asked for a job; empty where it can."""
        row = self._known[job[0].clip_id]
        if reason := why_not(self._hello, row["language"], row["text"]):
            return reason
        if self._hello.needs.style and self._style(job) is None:
            return f"no other training clip shows the style {job[1]!r}, which {self._hello.name} needs"
        return ""

    def _style(self, job: Job) -> str | None:
        """Return the clip whose style is copied: of another speaker where there is one, as other converters do it."""
        source, emotion, _, seed = job
        others = [clip for clip in self._styles if clip.clip_id != source.clip_id and clip.emotion == emotion]
        return exemplars.choose(others, source, emotion, seed=seed).clip_id if others else None

    def _request(self, number: str, job: Job, style: str | None, folder: Path) -> dict[str, Any]:
        source, emotion, intensity, seed = job
        row = self._known[source.clip_id]
        request = {
            "id": number,
            "source": self._written(source.clip_id, source.signal, source.sampling_rate, folder),
            "result": str(folder / f"result-{number}.wav"),
            "emotion": emotion,
            "intensity": intensity,
            "seed": seed,
            "language": row["language"],
        }
        if self._hello.needs.text:
            request["text"] = row["text"]
        if style is not None:
            request["style"] = self._written(style, *self._clips.read(style), folder)
        return request

    def _written(self, clip_id: str, signal: np.ndarray, sampling_rate: int, folder: Path) -> str:
        """Return where the program finds a clip, at the sampling rate that it reads."""
        path, rate = folder / f"{clip_id}.wav", self._hello.sampling_rates.source
        if not path.exists():
            blocks = [resample(signal, sampling_rate, rate)[:, np.newaxis]]
            write_blocks(path, blocks, rate, n_channels=1, extension=".wav", encoding="PCM_16")
        return str(path)

    def _result(self, request: dict[str, Any], job: Job, style: str | None) -> Conversion | str:
        try:
            signal, sampling_rate = decode(request["result"])
        except AudioError as error:
            return f"the program's result is {error}"
        announced = self._hello.sampling_rates.result
        if sampling_rate != announced:
            return f"the program's result has {sampling_rate} Hz, and it announced {announced} Hz"
        return Conversion(resample(signal, sampling_rate, job[0].sampling_rate), style)
