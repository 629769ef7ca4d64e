"""Converters that trainings go on from, and who such a converter must not have heard.

What is measured on speakers that a converter never heard must hold for what it started from too.
"""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.base.models import version_of
from emoforge.base.outputs import read_json
from emoforge.convert import registry
from emoforge.project.checksums import folder_sha256
from emoforge.project.params import NeuralParams, Params

if TYPE_CHECKING:
    from emoforge.convert.generative.converter import Generative

#: The method whose trainings can go on from a converter.
METHOD = "generative"


def with_located_base(params: Params, root: Path) -> Params:
    """Return *params* of the project in *root* with their base named so that it is found from the current folder."""
    neural = params.fit_converter.neural
    if not neural.base:
        return params
    neural = neural.model_copy(update={"base": str(root / neural.base)})
    return params.model_copy(update={"fit_converter": params.fit_converter.model_copy(update={"neural": neural})})


def for_method(neural: NeuralParams, method: str) -> NeuralParams:
    """Return *neural* without its base where *method* goes on from none."""
    return neural if method == METHOD else neural.model_copy(update={"base": ""})


def base_key(base: str) -> dict[str, str]:
    """Return the checksum of the folder *base* under its name in keys and provenance; nothing where none is named.

    Raises:
        ModelError: there is no such folder.
    """
    if not base:
        return {}
    folder = _folder_of(base)
    return {"base": _sha256(folder, version_of(folder))}


@lru_cache(maxsize=4)
def _sha256(folder: Path, version: tuple) -> str:
    return folder_sha256(folder)


def provenance_of_base(base: str) -> dict[str, Any]:
    """Return what the converter in the folder *base* learnt from: corpora, speakers, licences and more.

    Raises:
        ModelError: there is no such folder, or it does not say.
    """
    provenance = read_json(_folder_of(base) / "provenance.json")
    if not isinstance(provenance.get("speakers"), list):
        raise ModelError(f"{base}/provenance.json: key 'speakers' is missing, and nobody knows whom it learnt from")
    return provenance


def check_base(base: str, *, withheld: Collection[str]) -> None:
    """Check that the converter in the folder *base*, if one is named, never heard a speaker whom it must not know.

    Where a converter that went on from it is kept, it may be used for other speakers than it was fitted for: whoever
    plans checks, and not whoever fits.

    Args:
        base: folder of a converter with its provenance; "" for none.
        withheld: speakers whom it must not have learnt from.

    Raises:
        ModelError: it knows one of *withheld*, or does not say whom it knows.
    """
    known = sorted(set(provenance_of_base(base)["speakers"]) & set(withheld)) if base else []
    if known:
        more = f" and {len(known) - 3} more" if len(known) > 3 else ""
        raise ModelError(
            f"{base}: learnt from {', '.join(known[:3])}{more}, who are kept for validation, test or judging here; "
            "choose a base that never heard them"
        )


def load_base(base: str, *, method: str) -> "Generative | None":
    """Return the converter in the folder *base*, None where none is named.

    Args:
        base: folder of a generative converter.
        method: of the converter that is to be trained.

    Raises:
        EmoforgeError: *method* cannot go on from a converter.
        ModelError: there is no such converter.
    """
    if not base:
        return None
    if method != METHOD:
        raise EmoforgeError(
            f"fit_converter.neural.base: method {method!r} goes on from no other converter; leave it empty, or choose "
            f"method {METHOD}"
        )
    converter = registry.load(base)
    if converter.name != METHOD:
        raise ModelError(f"{base}: a converter of kind {converter.name}, and only {METHOD} can be gone on from")
    return converter  # type: ignore[return-value]


def _folder_of(base: str) -> Path:
    folder = Path(base)
    if not folder.is_dir():
        raise ModelError(f"fit_converter.neural.base: {base} is no folder; name that of a fitted converter")
    return folder
