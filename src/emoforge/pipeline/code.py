"""Which code and which model made something: part of the key of what is kept between runs."""

import hashlib
from functools import lru_cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


@lru_cache
def code_sha256(*paths: str) -> str:
    """Return the checksum of modules of the package; a folder stands for all modules below it.

    Read once a process: what is edited later is not what this process runs.
    """
    files: list[Path] = []
    for path in paths:
        files += sorted((_PACKAGE / path).rglob("*.py")) if (_PACKAGE / path).is_dir() else [_PACKAGE / path]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def folder_sha256(folder: Path) -> str:
    """Return the SHA-256 of a model folder: of the names and bytes of its files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
