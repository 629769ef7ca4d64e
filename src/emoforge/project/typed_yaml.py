"""Protocols of evaluations and studies: YAML files, checked whole before any work."""

import os
from pathlib import Path
from typing import TypeVar, get_args

import yaml
from pydantic import ValidationError

from emoforge.base.errors import ParamsError, unknown_value
from emoforge.project.params import Section

Protocol = TypeVar("Protocol", bound=Section)


def read_protocol(
    path: str | os.PathLike, kind: type[Protocol], *, expected: str, missing: str, example: str
) -> Protocol:
    """Read and check a protocol.

    Args:
        path: of the file.
        kind: what it is to be.
        expected: keys that such a file has, for the error line of one that has none.
        missing: what to do where there is no file.
        example: what to do where a key is missing.

    Raises:
        ParamsError: the file is missing or no YAML, or a key is unknown, missing or out of range; one line.
    """
    try:
        values = yaml.safe_load(Path(path).read_text("utf-8"))
    except OSError:
        raise ParamsError(f"{path}: no such file; {missing}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(values, dict):
        raise ParamsError(f"{path}: expected keys such as {expected}, found {type(values).__name__}")
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ParamsError(f"{path}: {_describe(error, kind, example)}") from None


def _describe(error: ValidationError, kind: type[Section], example: str) -> str:
    """Return the first thing that is wrong as one line; a misspelt key before the missing one that it is also."""
    first = min(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    location = first["loc"]
    key = ".".join(map(str, location))
    if first["type"] == "extra_forbidden":
        where = f" in {'.'.join(map(str, location[:-1]))}" if len(location) > 1 else ""
        return unknown_value("key", location[-1], _section(kind, location[:-1]).model_fields) + where
    if first["type"] == "missing":
        return f"key {key!r} is missing; {example}"
    message = first["msg"].removeprefix("Value error, ")
    shown = f" = {first['input']!r}" if isinstance(first["input"], str | int | float) else ""
    return f"{key}{shown}: {message}" if key else message


def _section(kind: type[Section], location: tuple) -> type[Section]:
    """Return the section at *location*, whatever lists and options it lies in."""
    for part in location:
        if part in kind.model_fields:
            kind = _inner(kind.model_fields[part].annotation) or kind
    return kind


def _inner(annotation: object) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for found in map(_inner, get_args(annotation)) if found), None)
