"""What is installed, which device computes, and which corpora are where."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from emoforge import __version__, corpora
from emoforge.base.batch import available_workers
from emoforge.base.errors import EmoforgeError
from emoforge.project.encoders import load_encoder
from emoforge.project.encoders.catalogue import DEFAULT
from emoforge.project.encoders.fetch import encoders_table
from emoforge.project.encoders.kept import kept_folder
from emoforge.project.encoders.places import located
from emoforge.project.params import load_params
from emoforge.project.stage_code import CODE_FILE, changed_stages

_PACKAGES = (
    *("dvc", "torch", "torchaudio", "pyworld-prebuilt", "webrtcvad-wheels"),
    *("praat-parselmouth", "pyarrow", "onnxruntime", "scikit-learn"),
)
_OPTIONAL = {"audformat": "emoforge[audformat]", "datasets": "emoforge[hub]"}


def examine(project: Path) -> list[str]:
    """Return one line per finding, for people to read; nothing here raises."""
    lines = [f"emoforge {__version__}, Python {platform.python_version()}, {_cores()} cores, device {_device()}"]
    for name in _PACKAGES:
        found = _version(name)
        lines.append(f"{name}: {found or 'MISSING; install emoforge again'}")
    for name, extra in _OPTIONAL.items():
        lines.append(f"{name}: {_version(name) or f'not installed (optional: pip install {extra})'}")
    try:
        params = load_params(project / "params.yaml")
        lines.append(f"params.yaml: valid; corpus {params.corpus.name} in {params.corpus.root}")
        lines.append(f"encoder: {_chosen(located(params.encoder, project))}")
        configured = {params.corpus.name: project / params.corpus.root}
    except EmoforgeError as error:
        lines.append(f"params.yaml: {error}")
        configured = {}
    changed = changed_stages(project)
    if changed:
        lines.append(f"{CODE_FILE}: not the installed code for {', '.join(changed)}; run `emoforge update`")
    elif changed is not None:
        lines.append(f"{CODE_FILE}: the installed code")
    for encoder in encoders_table():
        if encoder["here"] != "no" or encoder["name"] == DEFAULT:
            lines.append(f"encoder {encoder['name']}: {_where(encoder)}")
    downloads = project / "data" / "corpora"
    for name in corpora.names():
        root = configured.get(name, downloads / name)
        if root.exists():
            lines.append(f"corpus {name}: {_describe(name, root)}")
    return lines


def _cores() -> int:
    return available_workers()


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "unknown (torch is missing)"
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _where(encoder: dict[str, Any]) -> str:
    if encoder["here"] == "kept":
        return f"kept in {kept_folder(encoder['name'])}"
    if encoder["here"] == "installed":
        return "installed; kept when it is first used"
    return f"not here; run `emoforge encoders fetch {encoder['name']}`"


def _chosen(source: str) -> str:
    """Return which encoder the project's recogniser and judge hear with."""
    if not source:
        return "none; recogniser and judge work on functionals (`encoder` in params.yaml names one)"
    try:
        return f"recogniser and judge hear with {load_encoder(source).name}"
    except EmoforgeError as error:
        return str(error)


def _describe(name: str, root: Path) -> str:
    try:
        recordings = corpora.read(name, root)
    except EmoforgeError as error:
        return str(error)
    speakers = len({recording.speaker for recording in recordings})
    return f"{len(recordings)} recordings of {speakers} speakers in {root}"
