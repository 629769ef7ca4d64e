"""Unpack a downloaded archive without letting it write anywhere else.

An archive is somebody else's list of paths: absolute paths, ``..``, links and special files are refused before
anything is written.
"""

import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, cast

from emoforge.base.errors import CorpusError

SUFFIXES = (".zip", ".tar.gz", ".tgz", ".tar")


def archive_stem(filename: str) -> str | None:
    """Return *filename* without its archive suffix, or None if it has none of :data:`SUFFIXES`."""
    for suffix in SUFFIXES:
        if filename.lower().endswith(suffix):
            return filename[: -len(suffix)]
    return None


def unpack(archive: Path, folder: Path) -> None:
    """Unpack *archive* (zip, tar, tar.gz) into *folder*, which is made if need be.

    Only plain files and folders are written, with plain permissions; owners, times and modes are not kept.

    Raises:
        CorpusError: the archive is damaged or of no known kind, a member is a link, a special file or would land
            outside *folder*, or the disk is too small for what it holds.
    """
    if archive_stem(archive.name) is None:
        raise CorpusError(f"{archive} is not an archive that can be unpacked; allowed: {', '.join(SUFFIXES)}")
    try:
        if archive.name.lower().endswith(".zip"):
            _unpack_zip(archive, folder)
        else:
            _unpack_tar(archive, folder)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, NotImplementedError) as error:
        raise CorpusError(f"{archive} is damaged or not what its name says: {error}") from error
    except OSError as error:
        raise CorpusError(f"{archive} cannot be unpacked into {folder}: {error}") from error


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as source:
        members = source.infolist()
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise CorpusError(f"{archive}: member {member.filename!r} is a link or special file; refused")
            if member.flag_bits & 1:
                raise CorpusError(f"{archive}: member {member.filename!r} is encrypted; unpack it by hand")
        targets = _targets(archive, folder, (member.filename for member in members))
        _check_space(archive, folder, sum(member.file_size for member in members))
        for member, target in zip(members, targets, strict=True):
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with source.open(member) as stream, target.open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as source:
        members = source.getmembers()
        for member in members:
            if not (member.isfile() or member.isdir()):
                raise CorpusError(f"{archive}: member {member.name!r} is a link or special file; refused")
        targets = _targets(archive, folder, (member.name for member in members))
        _check_space(archive, folder, sum(member.size for member in members))
        for member, target in zip(members, targets, strict=True):
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            # extractfile returns None only for what is not a regular file, and such members are left out above.
            stream = cast("IO[bytes]", source.extractfile(member))
            assert stream is not None, "a regular file has content"
            with stream, target.open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)


def _targets(archive: Path, folder: Path, names: Iterable[str]) -> list[Path]:
    """Return where each member goes; every one of them below *folder*."""
    targets = []
    for name in names:
        # On Windows backslashes and drive letters are separators too.
        path = name.replace("\\", "/")
        parts = path.split("/")
        if path.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in path:
            raise CorpusError(f"{archive}: member {name!r} would land outside the folder; refused")
        targets.append(folder / posixpath.normpath(path))
    return targets


def _check_space(archive: Path, folder: Path, size_bytes: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size_bytes > free:
        raise CorpusError(
            f"{archive} unpacks to {size_bytes / 1e9:.1f} GB but {folder} has {free / 1e9:.1f} GB free; make room"
        )
