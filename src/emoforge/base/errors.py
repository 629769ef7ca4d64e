"""The errors that emoforge raises on purpose: one line each, for the person at the keyboard.

Anything that derives from :class:`EmoforgeError` is printed as one line and ends the process with status 1.
Every other exception is a bug and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class EmoforgeError(Exception):
    """Something that the user can put right; the message names what is wrong, what is allowed and what to do next."""


class ParamsError(EmoforgeError):
    """params.yaml holds an unknown key or a value out of range."""


class ManifestError(EmoforgeError):
    """A manifest misses a column, holds a value that is not allowed, or leaks across splits."""


class CorpusError(EmoforgeError):
    """A corpus is not where it was said to be, or its files do not look like that corpus."""


class AudioError(EmoforgeError):
    """One clip cannot be used; the message is the reason written to ``rejected.parquet``."""


class ModelError(EmoforgeError):
    """A model file is missing, of another version, or was trained for something else."""


class MissingWeightsError(ModelError):
    """The weights of an encoder are not on this machine; the message says how to get them."""


class EmoforgeWarning(UserWarning):
    """Something that the user should know and can put right; one line, shown as it is raised."""


def unknown_value(kind: str, value: object, allowed: Iterable[str]) -> str:
    """Return the line that says which *kind* of *value* is unknown, the closest match and everything allowed.

    >>> unknown_value("emotion", "hapiness", ["anger", "happiness"])
    "unknown emotion 'hapiness' (did you mean 'happiness'?); allowed: anger, happiness"
    """
    names = [str(name) for name in allowed]
    close = difflib.get_close_matches(str(value), names, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"unknown {kind} {str(value)!r}{hint}; allowed: {', '.join(names)}"
