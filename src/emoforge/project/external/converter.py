"""An external converter as a project keeps it: what the program said of itself, and what it is asked for."""

import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.errors import ModelError
from emoforge.convert.registry import EXTERNAL
from emoforge.convert.storage import read_description, rebuilding, write_model
from emoforge.dataset.labels import NEUTRAL
from emoforge.project.external.hello import Hello, greet
from emoforge.project.external.program import Command
from emoforge.project.typed_yaml import checked


@dataclass(frozen=True)
class ExternalConverter:
    """A converter that runs as a program in an environment of its own.

    How the program is started is no part of it: that stands in params.yaml and differs between machines.

    Attributes:
        hello: what the program said of itself.
        emotions: what it is asked for, in alphabetical order, without neutral.
    """

    hello: Hello
    emotions: tuple[str, ...]

    @property
    def name(self) -> str:
        """What manifests call it."""
        return f"{EXTERNAL}:{self.hello.name}"

    @property
    def copies_style(self) -> bool:
        """Whether its conversions are made from clips of the corpus besides their source."""
        return self.hello.needs.style

    def provenance(self) -> dict[str, Any]:
        """Return what a published set says of the program."""
        return self.hello.model_dump(include={"name", "version", "checksums", "licences", "deterministic"})

    def save(self, folder: str | PathLike[str]) -> None:
        """Write it to *folder*, which is made if it does not exist."""
        description = {"emotions": list(self.emotions), "hello": self.hello.model_dump()}
        write_model(folder, kind=EXTERNAL, description=description)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        """Return what ``save`` wrote.

        Raises:
            ModelError: there is no external converter in *folder*.
        """
        description = read_description(folder, kind=EXTERNAL)
        with rebuilding(folder):
            hello = checked(description["hello"], Hello, name=f"{Path(folder)}: hello", example="fit it again")
            return cls(hello, tuple(description["emotions"]))


def introduce(command: Command, train: pa.Table) -> ExternalConverter:
    """Ask the program what it is and return it as the converter of a project.

    It is asked for the emotions that it can produce and that training clips have: no judge knows any others.

    Args:
        command: starts the program.
        train: the project's training clips, a manifest.

    Raises:
        ModelError: the program cannot be started or says nothing sensible, or it can do nothing with these clips.
    """
    with tempfile.TemporaryDirectory() as folder:
        program, hello = greet(command, Path(folder) / "log.txt")
        program.end()
    who = f"external converter {hello.name}"
    neutral = train.filter(pc.equal(train.column("emotion"), NEUTRAL)).to_pylist()
    if neutral and not any(is_usable(hello, row["language"], row["text"]) for row in neutral):
        reason = why_not(hello, neutral[0]["language"], neutral[0]["text"])
        raise ModelError(f"{who}: can convert none of {len(neutral)} neutral training clips; the first: {reason}")
    here = set(train.column("emotion").to_pylist()) - {NEUTRAL}
    emotions = tuple(sorted(here if hello.emotions is None else here & set(hello.emotions)))
    if not emotions:
        raise ModelError(
            f"{who}: produces {_listed(hello.emotions)}, the training clips hold {_listed(here)}: no emotion of both; "
            "choose a corpus or `ingest.emotions` with one, or another program"
        )
    return ExternalConverter(hello, emotions)


def is_usable(hello: Hello, language: str | None, text: str | None) -> bool:
    """Return whether the program can convert a clip in *language* that says *text*."""
    return not why_not(hello, language, text)


def why_not(hello: Hello, language: str | None, text: str | None) -> str:
    """Return why the program cannot convert a clip in *language* that says *text*; empty where it can."""
    if hello.languages is not None and language not in hello.languages:
        spoken = f"language {language!r}" if language else "its language is not stated"
        return f"{spoken}; {hello.name} converts {', '.join(hello.languages)}"
    if hello.needs.text and not text:
        return f"its words are not known, which {hello.name} needs"
    return ""


def _listed(emotions: Collection[str] | None) -> str:
    return ", ".join(sorted(emotions)) if emotions else "nothing but neutral" if emotions is not None else "any emotion"
