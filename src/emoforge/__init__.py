"""emoforge: synthetic emotional speech, made from neutral recordings, filtered, versioned and put to the test.

The functions for notebooks, each with its types in ``__init__.pyi``:

- :func:`convert` and :func:`load_converter`: neutral speech to emotional speech of the same speaker;
- :func:`prosody`: F0, energy, envelope and functionals;
- :func:`predict` and :func:`load_recogniser`: which emotion is heard;
- :func:`score`: how natural a conversion is, whose voice it carries, and whether its words are those of the source;
- :func:`open_set`: a published set, row by row.

What is wrong with an argument is an :class:`EmoforgeError` of one line. A function is imported when it is first used:
``import emoforge`` loads none of them.
"""

import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_HOMES = {
    "convert": "emoforge.recording.convert",
    "load_converter": "emoforge.recording.convert",
    "EmotionConverter": "emoforge.recording.convert",
    "prosody": "emoforge.recording.prosody",
    "Prosody": "emoforge.recording.prosody",
    "predict": "emoforge.recording.predict",
    "load_recogniser": "emoforge.recording.predict",
    "EmotionRecogniser": "emoforge.recording.predict",
    "score": "emoforge.recording.score",
    "Scores": "emoforge.recording.score",
    "open_set": "emoforge.sharing.published",
    "ClipSet": "emoforge.sharing.published",
    "EmoforgeError": "emoforge.base.errors",
    "AudioError": "emoforge.base.errors",
    "ModelError": "emoforge.base.errors",
}

__all__ = [*_HOMES]


class _Name:
    """A name that is imported when it is first asked for.

    It is a data descriptor, since two functions are called as packages beside them are, ``convert`` and ``prosody``:
    when such a package is imported, Python sets it as an attribute of this module, which is let pass. ``from
    emoforge.convert import registry`` looks packages up elsewhere, and goes on working.
    """

    def __init__(self, home: str) -> None:
        self._home = home

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, module: ModuleType, owner: type) -> object:
        return getattr(import_module(self._home), self._name)

    def __set__(self, module: ModuleType, value: object) -> None:
        if not isinstance(value, ModuleType):
            raise AttributeError(f"emoforge.{self._name} cannot be set")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


sys.modules[__name__].__class__ = type("Door", (ModuleType,), {name: _Name(home) for name, home in _HOMES.items()})
