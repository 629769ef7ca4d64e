"""How a recogniser's clips were taken in and analysed, kept beside it, so that others hear recordings alike."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from emoforge.base.errors import ModelError
from emoforge.base.outputs import read_json, write_json
from emoforge.project.encoders.places import located
from emoforge.project.params import Params, load_params

_FILE = "intake.json"


@dataclass(frozen=True)
class IntakeOptions:
    """What a recording goes through before a recogniser reads it.

    Attributes:
        sampling_rate: of clips, in Hz.
        trim_db: how far below the loud frames outer silence lies.
        prosody: keyword arguments of :func:`emoforge.prosody.analysis.describe`.
        encoder: see :func:`emoforge.project.encoders.load_encoder`; of kinds that read an embedding.
    """

    sampling_rate: int
    trim_db: float
    prosody: dict[str, Any]
    encoder: str


def options_of(params: Params) -> IntakeOptions:
    """Return what *params* say."""
    return IntakeOptions(
        params.ingest.sampling_rate, params.ingest.trim_db, params.prosody.model_dump(), params.encoder
    )


def write_intake(folder: Path, options: IntakeOptions) -> None:
    """Keep *options* beside the recogniser in *folder*."""
    write_json(folder / _FILE, asdict(options))


def intake_of(folder: Path) -> IntakeOptions:
    """Return the options of the recogniser in *folder*: those kept beside it, else those of the project around it.

    Raises:
        ModelError: there are neither.
        ParamsError: the project's params.yaml is not valid.
    """
    path = folder / _FILE
    if path.is_file():
        try:
            options = IntakeOptions(**read_json(path))
        except TypeError as error:
            raise ModelError(f"{path}: {error}; train the recogniser again") from None
        return _found(options, folder)
    for parent in _above(folder):
        if (parent / "params.yaml").is_file():
            return _found(options_of(load_params(parent / "params.yaml")), folder)
    raise ModelError(f"{path}: not there, and no params.yaml in the folders above; train the recogniser again")


def _found(options: IntakeOptions, folder: Path) -> IntakeOptions:
    """Name the folder of an encoder from wherever it is asked for: params.yaml names it from the project."""
    named = (located(options.encoder, parent) for parent in _above(folder))
    found = next((source for source in named if source != options.encoder), options.encoder)
    return replace(options, encoder=found)


def _above(folder: Path) -> list[Path]:
    return list(folder.absolute().parents[:3])
