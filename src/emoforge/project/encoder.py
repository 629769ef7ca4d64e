"""The pretrained encoder of the recogniser `pretrained`: a bundle of torchaudio or a folder of the user's own.

Not needed by default, and never downloaded: where weights are missing, the error says where to put them.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from emoforge.base.errors import EmoforgeError, ModelError, unknown_value
from emoforge.base.models import ModelFiles
from emoforge.ser.pretrained import Encoder

#: An encoder of the user's own: ``encoder.json`` holds the keyword arguments of its function in ``torchaudio.models``
#: and ``encoder.safetensors`` its weights.
ENCODER_FILES = ModelFiles(
    noun="encoder",
    missing="not found; put encoder.json and encoder.safetensors there, or name a bundle of torchaudio.pipelines",
    again="export the encoder again",
    version_key="version",
    indent=2,
)
_VERSION = 1


@lru_cache(maxsize=2)
def load_encoder(source: str) -> Encoder:
    """Load an encoder whose weights are on this machine.

    Args:
        source: name of a bundle of ``torchaudio.pipelines`` (``WAVLM_BASE_PLUS``) or a folder with ``encoder.json``
            (``kind``: wav2vec2 or wavlm, ``version``: 1, ``standardise``: true or false, ``arguments``: keyword
            arguments of ``torchaudio.models.wav2vec2_model`` or ``wavlm_model``) and ``encoder.safetensors``.

    Raises:
        EmoforgeError: no source is named, or there is neither such a bundle nor such a folder.
        ModelError: the weights are missing or damaged; the line says where to put them.
    """
    if not source:
        raise EmoforgeError(
            "the recogniser `pretrained` needs an encoder: name a bundle of torchaudio.pipelines, such as "
            "WAVLM_BASE_PLUS, or a folder with encoder.json and encoder.safetensors (train.pretrained)"
        )
    if Path(source).is_dir():
        return _from_folder(source)
    bundles = _bundles()
    if source not in bundles:
        raise EmoforgeError(f"{unknown_value('bundle', source, sorted(bundles))}; nor is there such a folder")
    return _from_bundle(source, bundles[source])


def _bundles() -> dict:
    from torchaudio import pipelines

    found = {name: getattr(pipelines, name) for name in dir(pipelines)}
    return {name: value for name, value in found.items() if isinstance(value, pipelines.Wav2Vec2Bundle)}


def _from_bundle(name: str, bundle: Any) -> Encoder:
    import torch

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
    # Bundles whose signals are to be standardised do so themselves.
    return Encoder(model.eval(), standardise=False)


def _from_folder(folder: str) -> Encoder:
    import torch
    from torchaudio import models

    factories = {"wav2vec2": models.wav2vec2_model, "wavlm": models.wavlm_model}
    kind = ENCODER_FILES.read_description(folder)["kind"]
    if kind not in factories:
        raise ModelError(f"{folder}: {unknown_value('encoder', kind, factories)}")
    description = ENCODER_FILES.read_description(folder, kind=kind, version=_VERSION)
    arrays = ENCODER_FILES.read_arrays(folder)
    with ENCODER_FILES.rebuilding(folder):
        try:
            model = factories[kind](**description["arguments"])
        except (TypeError, ValueError) as error:
            raise ModelError(f"{folder}/encoder.json: arguments: {error}; {ENCODER_FILES.again}") from error
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        return Encoder(model.eval(), bool(description["standardise"]))
