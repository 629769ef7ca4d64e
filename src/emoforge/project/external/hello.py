"""What a program says of itself when it is greeted, checked before any clip is sent to it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.dataset.labels import NEUTRAL, canonical_emotion
from emoforge.dataset.licences import spelt
from emoforge.project.external.program import Command, Program, StoppedError
from emoforge.project.params import AtLeastOne
from emoforge.project.typed_yaml import Section, checked

PROTOCOL = 1

_Text = Annotated[str, Field(min_length=1)]
_Rate = Annotated[int, Field(ge=8000, le=192000)]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Checksums(Section):
    """SHA-256 of what the program runs, in hexadecimal digits; no weights are ``None``."""

    code: _Sha256
    weights: _Sha256 | None


class Licences(Section):
    """SPDX identifiers, or the words of other terms; no weights are ``None``."""

    code: _Text
    weights: _Text | None
    outputs: _Text

    @field_validator("outputs")
    @classmethod
    def _spelt(cls, licence: str) -> str:
        return spelt(licence)


class SamplingRates(Section):
    """In Hz: of the files that the program reads, and of those that it writes."""

    source: _Rate
    result: _Rate


class Needs(Section):
    """What a job must hold besides its source: the words, a clip to copy the style of."""

    text: bool
    style: bool


class Hello(Section):
    """The first message of a program.

    Attributes:
        type: of the message.
        protocol: version of the protocol.
        name: of the converter, which the manifest will hold.
        version: of the converter.
        checksums: of code and weights.
        licences: of code, weights and outputs.
        emotions: what it can be asked for, neutral among them; ``None`` for whatever a style clip shows.
        languages: ISO 639-1 codes; ``None`` for any.
        sampling_rates: of sources and results.
        needs: what a job must hold.
        deterministic: the same job gives the same samples on the same machine.
        batch: most jobs that it takes at once.
    """

    type: Literal["hello"]
    protocol: Literal[1]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")]
    version: _Text
    checksums: Checksums
    licences: Licences
    emotions: list[str] | None
    languages: list[_Text] | None
    sampling_rates: SamplingRates
    needs: Needs
    deterministic: bool
    batch: AtLeastOne

    @field_validator("emotions")
    @classmethod
    def _known(cls, emotions: list[str] | None) -> list[str] | None:
        if emotions is None:
            return None
        try:
            known = sorted({canonical_emotion(emotion) for emotion in emotions})
        except EmoforgeError as error:
            raise ValueError(str(error)) from error
        if NEUTRAL not in known:
            raise ValueError("'neutral' is missing, which the control needs: neutral clips are converted to neutral")
        return known


def greet(command: Command, log: Path) -> tuple[Program, Hello]:
    """Start the program and return it with what it says of itself.

    Args:
        command: starts it.
        log: file that its standard error is added to.

    Raises:
        ModelError: it cannot be started, does not answer in time, or its answer is no such message; one line.
    """
    program = Program(command, log)
    try:
        program.send({"type": "hello", "protocol": PROTOCOL}, limit_s=command.start_limit_s)
        values = program.answer(limit_s=command.start_limit_s)
    except StoppedError as stopped:
        raise ModelError(
            f"fit_converter.external.command: {command}: {stopped}; it must answer `hello` first"
        ) from None
    try:
        return program, _checked(values, command)
    except BaseException:
        program.end()
        raise


def _checked(values: dict, command: Command) -> Hello:
    spoken = values.get("protocol")
    if values.get("type") == "hello" and spoken != PROTOCOL:
        raise ModelError(
            f"fit_converter.external.command: {command}: the program speaks protocol {spoken!r}, this emoforge speaks "
            f"{PROTOCOL}; take an adapter for protocol {PROTOCOL}"
        )
    try:
        return checked(values, Hello, name="hello", example="the page on external converters lists every key")
    except EmoforgeError as error:
        raise ModelError(f"fit_converter.external.command: {command}: {error}") from None
