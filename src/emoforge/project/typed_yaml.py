"""YAML files as typed, frozen sections, checked whole before any work: params.yaml, studies, evaluations."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from emoforge.base.errors import ParamsError, unknown_value


class Section(BaseModel):
    """A part of a file: frozen, no key too many, none too few, no value silently converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())


Whole = TypeVar("Whole", bound=Section)


def read_typed(path: str | os.PathLike, kind: type[Whole], *, expected: str, missing: str, example: str) -> Whole:
    """Read and check a file.

    Args:
        path: of the file.
        kind: what it is to be.
        expected: what such a file holds, for the error line of one that does not: "keys such as `title:`".
        missing: what to do where there is no file.
        example: what to do where a key is missing.

    Raises:
        ParamsError: the file is missing or not YAML, or a key is unknown, missing or out of range; one line.
    """
    try:
        values = yaml.safe_load(Path(path).read_text("utf-8"))
    except OSError:
        raise ParamsError(f"{path}: no such file; {missing}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(values, dict):
        raise ParamsError(f"{path}: expected {expected}, found {type(values).__name__}")
    return checked(values, kind, name=os.fspath(path), example=example)


def checked(values: Mapping, kind: type[Whole], *, name: str, example: str) -> Whole:
    """Return *values* as a *kind*.

    Args:
        values: of a file, as YAML has them.
        kind: what they are to be.
        name: of the file, for the error line.
        example: what to do where a key is missing.

    Raises:
        ParamsError: a key is unknown, missing or out of range; one line.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ParamsError(f"{name}: {_first_mistake(error, values, kind, example)}") from None


def _first_mistake(error: ValidationError, values: Mapping, kind: type[Section], example: str) -> str:
    """Return the first thing that is wrong as one line: key, value, what is allowed."""
    # A misspelt key is also a missing one; the misspelling is what the user can see.
    first = min(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    parts = _in_file(values, first["loc"])
    if first["type"] == "extra_forbidden":
        *section, key = parts
        where = f" in `{_dotted(section)}`" if section else ""
        return unknown_value("key", key, _section(kind, section).model_fields) + where
    if first["type"] == "missing":
        return f"key {_dotted([*parts, first['loc'][-1]])!r} is missing; {example}"
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if not parts:
        return message
    shown = "" if isinstance(first["input"], dict | Section) else f" = {first['input']!r}"
    return f"{_dotted(parts)}{shown}: {message}"


def _in_file(values: object, location: tuple) -> list[str | int]:
    """Return the parts of *location* that stand in the file: pydantic adds which of several kinds of value it tried."""
    parts: list[str | int] = []
    for part in location:
        if (isinstance(values, dict) and part in values) or (isinstance(values, list) and part in range(len(values))):
            values = values[part]
            parts.append(part)
    return parts


def _dotted(parts: list[str | int]) -> str:
    return ".".join(map(str, parts))


def _section(kind: type[Section], parts: list[str | int]) -> type[Section]:
    """Return the section at *parts*, whatever lists and options it lies in."""
    for part in parts:
        if part in kind.model_fields:
            kind = _inner(kind.model_fields[part].annotation) or kind
    return kind


def _inner(annotation: object) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for found in map(_inner, get_args(annotation)) if found), None)
