"""Models from the Hugging Face hub, or from a mirror that the variable ``HF_ENDPOINT`` names."""

import os
from dataclasses import dataclass
from pathlib import Path

import requests

from emoforge.base.errors import ModelError
from emoforge.corpora.fetch import download as download_file
from emoforge.corpora.recording import Download

#: Of the weights, the first of these that the repository has.
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_TIMEOUT_S = 30


@dataclass(frozen=True)
class _Offer:
    """A file of a repository as the hub announces it.

    Attributes:
        commit: of the repository.
        sha256: of a large file; empty for one that git keeps.
        size_bytes: of a large file.
    """

    commit: str
    sha256: str
    size_bytes: int | None


def download(repository: str, folder: Path) -> Path:
    """Download the configuration and the weights of *repository*, all of one commit, and return *folder*.

    A broken download goes on where it stopped, also in a later call; the weights are checked against the size and the
    SHA-256 that the hub states.

    Raises:
        ModelError: the hub cannot be reached, or the repository lacks a file.
        CorpusError: the server refuses, keeps breaking off, or sends something else than it announced.
    """
    config = _offer(repository, "config.json")
    if config is None:
        raise ModelError(f"{_address(repository)}: there is no such model, or it is not open to everybody")
    commit = config.commit or "main"
    folder.mkdir(parents=True, exist_ok=True)
    weights = next((name for name in _WEIGHTS if _offer(repository, name, commit) is not None), None)
    if weights is None:
        raise ModelError(f"{_address(repository)}: holds neither {' nor '.join(_WEIGHTS)}")
    for name in ("config.json", "preprocessor_config.json", weights):
        offer = _offer(repository, name, commit)
        if offer is None or not offer.sha256:
            # Nothing tells whether what an earlier call left is of this commit.
            (folder / name).unlink(missing_ok=True)
        if offer is None:
            continue
        checksum = f"sha256:{offer.sha256}" if offer.sha256 else None
        url = f"{_address(repository)}/resolve/{commit}/{name}"
        download_file(Download(url, name, offer.size_bytes, checksum), folder)
    return folder


def _address(repository: str) -> str:
    return f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co').rstrip('/')}/{repository}"


def _offer(repository: str, name: str, revision: str = "main") -> _Offer | None:
    """Return what the hub says of a file; None where it has no such file.

    Raises:
        ModelError: it cannot be reached, or refuses.
    """
    url = f"{_address(repository)}/resolve/{revision}/{name}"
    try:
        # The first answer, not the storage that it leads to, states the commit and the checksum.
        response = requests.head(url, allow_redirects=False, timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        raise ModelError(
            f"{url} cannot be reached ({type(error).__name__}); where there is a network, download config.json and "
            "model.safetensors, and run the command with --from FOLDER"
        ) from None
    if response.status_code in (401, 403, 404):
        return None
    if response.status_code >= 400:
        raise ModelError(f"{url} answers with status {response.status_code}; try again later")
    headers = response.headers
    stated = headers.get("X-Linked-ETag", "").strip('"')
    size = headers.get("X-Linked-Size", "")
    return _Offer(
        commit=headers.get("X-Repo-Commit", ""),
        sha256=stated if len(stated) == 64 else "",
        size_bytes=int(size) if stated and size.isdecimal() else None,
    )
