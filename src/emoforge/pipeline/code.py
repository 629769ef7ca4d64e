"""Which code made something: part of the key of what is kept between runs."""

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
