"""From the name of an encoder to the encoder: the catalogue, a bundle of torchaudio, or a folder of the user's own."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoforge.base.errors import EmoforgeError, MissingWeightsError, ModelError, unknown_value
from emoforge.project.checksums import file_sha256
from emoforge.project.encoders.catalogue import CATALOGUE, DEFAULT, Entry
from emoforge.project.encoders.folders import Stored, read_folder, stored_ctranslate
from emoforge.project.encoders.kept import is_kept, keep, kept_folder
from emoforge.project.encoders.wheels import are_installed, read_installed

if TYPE_CHECKING:
    from emoforge.ser.encoders.encoder import Encoder, Network
    from emoforge.ser.encoders.side_by_side import SideBySide


@lru_cache(maxsize=2)
def load_encoder(source: str, *, device: str = "cpu") -> "Encoder | SideBySide":
    """Load an encoder whose weights are on this machine, or several that hear side by side.

    Args:
        source: a name of ``emoforge encoders list``, such as ``whisper-tiny.en``; the name of a bundle of
            ``torchaudio.pipelines``, such as ``WAVLM_BASE_PLUS``; or a folder. That holds ``encoder.json`` (``kind``:
            whisper, wav2vec2 or wavlm, ``version``: 1, ``standardise``: true or false, ``arguments``: keyword arguments
            of :class:`emoforge.ser.encoders.whisper.Whisper`, or of ``wav2vec2_model`` or ``wavlm_model`` of
            ``torchaudio.models``) and ``encoder.safetensors``; or a model of Hugging Face (``config.json``,
            ``model.safetensors``); or one of CTranslate2 (``model.bin``); or one .onnx file. Several are joined by
            ``+``, such as ``whisper-tiny.en+whisper-base``.
        device: cpu, cuda, or auto for cuda where there is one.

    Raises:
        EmoforgeError: no source is named, or there is no encoder of this name.
        MissingWeightsError: the weights are not on this machine; the line says how they get there.
        ModelError: the weights are altered or damaged, or of an unknown kind; the line says what to do.
    """
    from emoforge.ser.encoders.encoder import torch_device

    if not source:
        raise EmoforgeError(
            f"no encoder is named: choose one of `emoforge encoders list`, such as {DEFAULT}, a bundle of "
            "torchaudio.pipelines, or a folder"
        )
    device = torch_device(device)
    if "+" in source and source not in CATALOGUE and not Path(source).is_dir():
        from emoforge.ser.encoders.side_by_side import SideBySide

        return SideBySide(tuple(_load_one(part.strip(), device) for part in source.split("+")))
    return _load_one(source, device)


def _load_one(source: str, device: str) -> "Encoder":
    from torch import nn

    from emoforge.ser.encoders.encoder import Encoder

    if source in CATALOGUE:
        stored = _from_catalogue(CATALOGUE[source])
        name, network, sha256 = source, stored.build(), stored.identity
    elif Path(source).is_dir():
        stored = read_folder(Path(source))
        name, network, sha256 = Path(source).absolute().name, stored.build(), stored.identity
    else:
        name, (network, sha256) = source, _from_bundle(source)
    if isinstance(network, nn.Module):
        network.to(device)
    return Encoder(name, sha256, network, device)


def keep_stored(entry: Entry, stored: Stored) -> Path:
    """Keep *stored* as the encoder of *entry* and return the folder.

    Raises:
        ModelError: these are not the weights of *entry*, or the folder cannot be written.
    """
    if entry.weights_sha256 and stored.sha256 != entry.weights_sha256:
        raise ModelError(
            f"{stored.folder}: these are not the weights of {entry.name} (SHA-256 {stored.sha256[:12]}…, not "
            f"{entry.weights_sha256[:12]}…); to use them all the same, name the folder instead of {entry.name}"
        )
    description: dict[str, Any] = {
        "name": entry.name,
        "licence": entry.licence,
        "sha256": stored.sha256,
        "standardise": stored.standardise or entry.standardise,
        "arguments": dict(stored.arguments),
    }
    return keep(entry.name, kind=stored.kind, description=description, arrays=stored.arrays, onnx=stored.onnx)


def _from_catalogue(entry: Entry) -> Stored:
    folder = kept_folder(entry.name)
    if not is_kept(entry.name):
        if not are_installed(entry):
            raise MissingWeightsError(
                f"{folder}: the weights of {entry.name} are not here; run `emoforge encoders fetch {entry.name}`"
            )
        keep_stored(entry, stored_ctranslate(folder, read_installed(entry)))
    return read_folder(folder, expected_sha256=entry.weights_sha256)


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
        raise MissingWeightsError(
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
