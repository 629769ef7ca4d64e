"""From the name of an encoder to the encoder: the catalogue, a bundle of torchaudio, or a folder of the user's own."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoforge.base.errors import EmoforgeError, ModelError, unknown_value
from emoforge.project.checksums import file_sha256
from emoforge.project.encoders.catalogue import CATALOGUE, DEFAULT, Entry
from emoforge.project.encoders.kept import (
    ENCODER_FILES,
    VERSION,
    is_kept,
    keep,
    kept_folder,
    read_wheels,
    weights_sha256,
)

if TYPE_CHECKING:
    from emoforge.ser.encoders.encoder import Encoder, Network


@lru_cache(maxsize=2)
def load_encoder(source: str, *, device: str = "cpu") -> "Encoder":
    """Load an encoder whose weights are on this machine.

    Args:
        source: a name of ``emoforge encoders list``, such as ``whisper-tiny.en``; the name of a bundle of
            ``torchaudio.pipelines``, such as ``WAVLM_BASE_PLUS``; or a folder with ``encoder.json`` (``kind``: whisper,
            wav2vec2 or wavlm, ``version``: 1, ``standardise``: true or false, ``arguments``: keyword arguments of
            :class:`emoforge.ser.encoders.whisper.Whisper`, or of ``wav2vec2_model`` or ``wavlm_model`` of
            ``torchaudio.models``) and ``encoder.safetensors``.
        device: cpu, cuda, or auto for cuda where there is one.

    Raises:
        EmoforgeError: no source is named, or there is no encoder of this name.
        ModelError: the weights are missing, altered or damaged, or of an unknown kind; the line says what to do.
    """
    from torch import nn

    from emoforge.ser.encoders.encoder import Encoder, torch_device

    if not source:
        raise EmoforgeError(
            f"no encoder is named: choose one of `emoforge encoders list`, such as {DEFAULT}, a bundle of "
            "torchaudio.pipelines, or a folder"
        )
    device = torch_device(device)
    if source in CATALOGUE:
        name, (network, sha256) = source, _from_catalogue(CATALOGUE[source])
    elif Path(source).is_dir():
        name, (network, sha256) = Path(source).absolute().name, _from_folder(source)
    else:
        name, (network, sha256) = source, _from_bundle(source)
    if isinstance(network, nn.Module):
        network.to(device)
    return Encoder(name, sha256, network, device)


def _from_catalogue(entry: Entry) -> tuple["Network", str]:
    folder = kept_folder(entry.name)
    if not is_kept(entry.name):
        data = read_wheels(entry)
        if data is None:
            raise ModelError(
                f"{folder}: the weights of {entry.name} are not here; run `emoforge encoders fetch {entry.name}`"
            )
        keep_ctranslate(entry, data)
    return _from_folder(str(folder), expected_sha256=entry.weights_sha256, name=entry.name)


def keep_ctranslate(entry: Entry, data: bytes) -> None:
    """Keep the weights of *entry* that *data* hold in CTranslate2's format.

    Raises:
        ModelError: they are not in this format, or the folder cannot be written.
    """
    from emoforge.ser.encoders.ctranslate import read_variables, whisper_weights

    arguments, arrays = whisper_weights(read_variables(data, prefix="encoder/", name=entry.name))
    description = {"arguments": arguments, "standardise": False, "licence": entry.licence}
    keep(entry.name, kind="whisper", description=description, arrays=arrays)


def _from_folder(folder: str, *, expected_sha256: str = "", name: str = "") -> tuple["Network", str]:
    from emoforge.ser.encoders.kinds import KINDS, build

    kind = ENCODER_FILES.read_description(folder)["kind"]
    if kind not in KINDS:
        raise ModelError(f"{folder}/encoder.json: {unknown_value('encoder', kind, KINDS)}")
    description = ENCODER_FILES.read_description(folder, kind=kind, version=VERSION)
    arrays = ENCODER_FILES.read_arrays(folder)
    sha256 = weights_sha256(arrays)
    expected_sha256 = expected_sha256 or description.get("sha256", sha256)
    if sha256 != expected_sha256:
        again = f"delete the folder and run `emoforge encoders fetch {name}`" if name else ENCODER_FILES.again
        raise ModelError(
            f"{folder}/encoder.safetensors: altered, its weights are not those it was made with (SHA-256 "
            f"{sha256[:12]}…, not {expected_sha256[:12]}…); {again}"
        )
    with ENCODER_FILES.rebuilding(folder):
        arguments = description["arguments"]
        standardise = bool(description["standardise"]) if kind != "whisper" else False
    try:
        return build(kind, arguments=arguments, arrays=arrays, standardise=standardise), sha256
    except ModelError as error:
        raise ModelError(f"{folder}/encoder.json: {error}; {ENCODER_FILES.again}") from error


def _from_bundle(name: str) -> tuple["Network", str]:
    import torch
    from torchaudio import pipelines

    from emoforge.ser.encoders.transformers import Transformer

    found = {key: getattr(pipelines, key) for key in dir(pipelines)}
    bundles = {key: value for key, value in found.items() if isinstance(value, pipelines.Wav2Vec2Bundle)}
    if name not in bundles:
        names = [*CATALOGUE, *sorted(bundles)]
        raise EmoforgeError(f"{unknown_value('encoder', name, names)}; nor is there such a folder")
    bundle: Any = bundles[name]
    weights = Path(torch.hub.get_dir()) / "checkpoints" / Path(bundle._path).name
    if not weights.is_file():
        raise ModelError(
            f"{weights}: the weights of {name} are missing; put them there, "
            f"`python -c 'import torchaudio; torchaudio.pipelines.{name}.get_model()'` does so where there is a network"
        )
    try:
        # weights_only: tensors are read, no code is run.
        model = bundle.get_model(dl_kwargs={"weights_only": True, "progress": False})
    except Exception as error:
        raise ModelError(f"{weights}: damaged ({' '.join(str(error).split())[:200]}); fetch it again") from error
    # A bundle whose signals are to be standardised comes as a model within one that does so.
    network = Transformer(getattr(model, "model", model).eval(), standardise=bundle._normalize_waveform)
    return network, file_sha256(weights)
