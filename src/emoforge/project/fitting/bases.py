"""Converters that trainings go on from, and who such a converter must not have heard.

What is measured on speakers that a converter never heard must hold for what it started from too.
"""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.base.outputs import read_json
from emoforge.convert import registry
from emoforge.project.checksums import folder_sha256
from emoforge.project.params import Params

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


def base_sha256(base: str) -> str:
    """Return the checksum of the folder *base*, "" where none is named.

    Raises:
        ModelError: there is no such folder.
    """
    if not base:
        return ""
    if not Path(base).is_dir():
        raise ModelError(f"fit_converter.neural.base: {base} is no folder; name that of a fitted converter")
    return folder_sha256(Path(base))


def provenance_of_base(base: str) -> dict[str, Any]:
    """Return what the converter in the folder *base* learnt from: corpora, speakers, licences and more.

    Raises:
        ModelError: it does not say.
    """
    base_sha256(base)
    provenance = read_json(Path(base) / "provenance.json")
    if not isinstance(provenance.get("speakers"), list):
        raise ModelError(f"{base}/provenance.json: key 'speakers' is missing, and nobody knows whom it learnt from")
    return provenance


def load_base(base: str, *, method: str, withheld: Collection[str]) -> "Generative | None":
    """Return the converter in the folder *base*, None where none is named.

    Args:
        base: folder of a generative converter with its provenance.
        method: of the converter that is to be trained.
        withheld: speakers whom that converter must not learn from, and *base* must not have learnt from.

    Raises:
        EmoforgeError: *method* cannot go on from a converter.
        ModelError: there is no such converter, or it knows one of *withheld*.
    """
    if not base:
        return None
    if method != METHOD:
        raise EmoforgeError(
            f"fit_converter.neural.base: method {method!r} goes on from no other converter; leave it empty, or choose "
            f"method {METHOD}"
        )
    known = sorted(set(provenance_of_base(base)["speakers"]) & set(withheld))
    if known:
        more = f" and {len(known) - 3} more" if len(known) > 3 else ""
        raise ModelError(
            f"{base}: learnt from {', '.join(known[:3])}{more}, who are kept for validation, test or judging here; "
            "choose a base that never heard them"
        )
    converter = registry.load(base)
    if converter.name != METHOD:
        raise ModelError(f"{base}: a converter of kind {converter.name}, and only {METHOD} can be gone on from")
    return converter  # type: ignore[return-value]
