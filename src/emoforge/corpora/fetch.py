"""Download a corpus from its open address: archives, which are unpacked, or the files that a table lists.

A broken download goes on where it stopped, also in a later call; what arrives is checked against size and checksum;
everything is gathered beside the final folder, which appears complete or not at all.
"""

import contextlib
import hashlib
import json
import queue
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

import requests
from tqdm import tqdm

from emoforge.base.errors import CorpusError
from emoforge.corpora import registry
from emoforge.corpora.archive import archive_stem, unpack
from emoforge.corpora.files import is_lfs_pointer, read_rows
from emoforge.corpora.recording import Download, Listing

#: Called with the bytes received so far, their total (None if unknown) and the file's name; for a listing, with numbers
#: of files instead of bytes, and the folder's name.
Progress = Callable[[int, int | None, str], None]

_ATTEMPTS = 5
_TIMEOUT_S = (10, 60)
# The chunk during which a connection breaks is lost, so chunks are small.
_CHUNK_BYTES = 1 << 14
_LONGEST_PAUSE_S = 60.0
_FILES_AT_ONCE = 8
# After this many refusals more than a few files are missing, and asking for the rest would be pointless.
_REFUSALS = 10
_LISTED_NAME = re.compile(r"\w[\w.-]*")
_MARKER = ".emoforge-fetched.json"
_BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


def fetch(
    name: str,
    folder: Path,
    *,
    downloads: tuple[Download, ...] | None = None,
    progress: Progress | None = None,
    pause_s: float = 1.0,
) -> Path:
    """Download the corpus *name* into ``folder/<name>`` and return that path, ready for :func:`registry.read`.

    A folder fetched before is returned as it is. Several archives are unpacked into a folder each, named after them;
    the only folder of a single archive is taken as the root. The files of a listing that are here already are not
    asked for again, also in a later call.

    Args:
        name: of a registered corpus.
        folder: where corpora are kept; made if need be.
        downloads: instead of the registered addresses, for a mirror.
        progress: told about every piece; None draws a progress bar when standard error is a terminal.
        pause_s: wait before the first retry; doubled after each retry that brings nothing, up to a minute.

    Raises:
        CorpusError: the corpus has no open address (the line says how to get it), the server refuses or keeps
            breaking off, what came is not what was announced, an archive is unsafe, a listing cannot be read, or
            ``folder/<name>`` holds something else.
    """
    known = registry.info(name)
    downloads = known.downloads if downloads is None else downloads
    if not downloads:
        raise CorpusError(f"{known.name} has no open address to fetch it from; {known.access or 'see its page'}")
    root = folder / known.name
    marker = json.dumps([[item.url, item.checksum] for item in downloads], indent=2) + "\n"
    if root.is_dir() and any(root.iterdir()):
        found = root / _MARKER
        if found.is_file() and found.read_text(encoding="utf-8") == marker:
            return root
        raise CorpusError(
            f"{root} already holds something that was not fetched from there; move it or name another folder"
        )

    arriving, unpacked = folder / f".{known.name}-arriving", folder / f".{known.name}-unpacking"
    arriving.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        listings = [item for item in downloads if isinstance(item, Listing)]
        for item in downloads:
            if isinstance(item, Listing):
                _fetch_listed(item, arriving, progress, pause_s)
                continue
            stem = archive_stem(item.filename)
            if Path(item.filename).name != item.filename or stem is None:
                raise CorpusError(f"{item.filename!r} is not the file name of an archive that can be unpacked")
            archive = download(item, arriving, progress=progress, pause_s=pause_s)
            try:
                unpack(archive, unpacked / stem if len(downloads) > 1 else unpacked)
            except CorpusError:
                # If it were kept, the next call would take it for complete, and refuse it again.
                archive.unlink()
                raise
        # Moved last: until then, a call that is killed leaves the listed files where the next one finds them.
        for item in listings:
            unpacked.mkdir(exist_ok=True)
            (arriving / item.folder).rename(unpacked / item.folder)
        content = _only_folder(unpacked) if len(downloads) == 1 and not listings else unpacked
        (content / _MARKER).write_text(marker, encoding="utf-8")
        if root.is_dir():
            root.rmdir()
        content.rename(root)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    shutil.rmtree(arriving)
    return root


def download(item: Download, folder: Path, *, progress: Progress | None = None, pause_s: float = 1.0) -> Path:
    """Download *item* into *folder* and return the file's path; a file that is already there is checked and kept.

    Args:
        item: what to get.
        folder: an existing folder; the unfinished file is called ``<filename>.part``.
        progress: as for :func:`fetch`.
        pause_s: as for :func:`fetch`.

    Raises:
        CorpusError: as for :func:`fetch`.
    """
    with _reporter(progress, item.filename) as report, requests.Session() as session:
        return _download(session, item, folder, report, pause_s)


def _download(
    session: requests.Session, item: Download, folder: Path, report: Callable[[int, int | None], None], pause_s: float
) -> Path:
    target = folder / item.filename
    if target.is_file():
        _check(item, target)
        return target
    part = folder / f"{item.filename}.part"
    if item.size_bytes is None and item.checksum is None:
        # Nothing could tell whether a piece left by an earlier call belongs to the file as it is now.
        part.unlink(missing_ok=True)
    pause, failures = pause_s, 0
    while True:
        before = _size(part)
        try:
            _get_rest(session, item, part, report)
            break
        except _BrokenOffError as broken:
            # A download that makes progress is not given up, however often the connection breaks.
            if _size(part) > before:
                pause, failures = pause_s, 0
            failures += 1
            if failures == _ATTEMPTS:
                raise CorpusError(
                    f"{item.url}: given up after {_ATTEMPTS} attempts ({broken}); {_size(part)} bytes are kept, "
                    "call again to go on"
                ) from broken
            time.sleep(min(max(pause, broken.wait_s), _LONGEST_PAUSE_S))
            pause *= 2
    _check(item, part)
    part.rename(target)
    return target


def _fetch_listed(listing: Listing, arriving: Path, progress: Progress | None, pause_s: float) -> None:
    """Download the files that *listing* names into its folder below *arriving*, several at once.

    Raises:
        CorpusError: as for :func:`fetch`; files that are refused do not keep the others from coming.
    """
    names = _listed_names(listing, download(listing, arriving, progress=lambda *_: None, pause_s=pause_s))
    folder = arriving / listing.folder
    folder.mkdir(exist_ok=True)
    refusals: dict[int, CorpusError] = {}
    with contextlib.ExitStack() as stack:
        report = stack.enter_context(_reporter(progress, listing.folder, unit=" files"))
        # A session is used by one thread at a time, and keeps its connection for the next file.
        idle: queue.SimpleQueue[requests.Session] = queue.SimpleQueue()
        for _ in range(_FILES_AT_ONCE):
            idle.put(stack.enter_context(requests.Session()))
        pool = stack.enter_context(ThreadPoolExecutor(_FILES_AT_ONCE))
        # When this ends early, it must not wait for files whose download has not begun.
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        numbers: dict[Future[None], int] = {
            pool.submit(_download_listed, listing, name, folder, idle, pause_s): number
            for number, name in enumerate(names)
        }
        report(0, len(names))
        for done, future in enumerate(as_completed(numbers), start=1):
            try:
                future.result()
            except _RefusedError as refusal:
                refusals[numbers[future]] = refusal
                if len(refusals) == _REFUSALS:
                    break
            report(done - len(refusals), len(names))
    if refusals:
        count = "" if len(refusals) == 1 else f" (and {len(refusals) - 1} more of {len(names)} files)"
        raise CorpusError(
            f"{refusals[min(refusals)]}{count}; {_complete(folder)} of {len(names)} files are here and kept in "
            f"{folder}, call again to go on"
        )


def _download_listed(
    listing: Listing, name: str, folder: Path, idle: queue.SimpleQueue[requests.Session], pause_s: float
) -> None:
    """Download one file from the first of the addresses that has it.

    Raises:
        CorpusError: as for :func:`fetch`; _RefusedError when no address has the file.
    """
    session = idle.get()
    reasons = []
    try:
        for address in listing.addresses:
            item = Download(address.format(name=name), f"{name}{listing.suffix}")
            try:
                path = _download(session, item, folder, lambda *_: None, pause_s)
                if not is_lfs_pointer(path):
                    return
                path.unlink()
                raise _RefusedError(f"{item.url} gives a Git LFS pointer, not audio")
            except _RefusedError as refusal:
                reasons.append(str(refusal))
    finally:
        idle.put(session)
    raise _RefusedError(", ".join(reasons))


def _listed_names(listing: Listing, table: Path) -> list[str]:
    """Return the names in *table*, each once; a table that cannot be used is deleted.

    Raises:
        CorpusError: it is not a table, lacks the column, lists nothing, or lists what is not a plain file name.
    """
    try:
        names = list(dict.fromkeys(row[listing.column] for row in read_rows(table, (listing.column,))))
        names = [name for name in names if name]
        if not names:
            raise CorpusError(f"{listing.url} lists no files")
        for name in names:
            if not _LISTED_NAME.fullmatch(name):
                raise CorpusError(f"{listing.url} lists {name!r}, which is not a plain file name; refused")
    except CorpusError:
        # If it were kept, the next call would take it for complete, and refuse it again.
        table.unlink()
        raise
    return names


def _complete(folder: Path) -> int:
    return sum(path.suffix != ".part" for path in folder.iterdir())


class _RefusedError(CorpusError):
    """The server does not give this file, however often it is asked."""


class _BrokenOffError(Exception):
    """The attempt ended early; another one may help, after *wait_s* if the server asked for that."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def _get_rest(session: requests.Session, item: Download, part: Path, report: Callable[[int, int | None], None]) -> None:
    """Append to *part* what is missing of *item*, or start over when the server cannot do that."""
    have = _size(part)
    # Compressed transfer would make byte ranges and sizes mean something else.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with session.get(item.url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
            if response.status_code == 416:
                if _total(response) == have:
                    return
                part.unlink(missing_ok=True)
                raise _BrokenOffError("the piece kept from before is not a part of the file")
            # 509: the publisher's allowance is used up, which asking again does not change.
            if response.status_code == 429 or (response.status_code >= 500 and response.status_code != 509):
                raise _BrokenOffError(f"status {response.status_code}", _retry_after(response))
            if response.status_code not in (200, 206):
                raise _RefusedError(f"{item.url} answers with status {response.status_code}")
            if response.status_code == 206 and not _continues(response, have):
                part.unlink(missing_ok=True)
                raise _BrokenOffError("the server sent another range than the one asked for")
            have = have if response.status_code == 206 else 0
            total = _total(response)
            with part.open("ab" if have else "wb") as file:
                report(have, total)
                for chunk in response.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
                    have += len(chunk)
                    report(have, total)
    except _BROKEN as error:
        raise _BrokenOffError(type(error).__name__) from error
    except requests.RequestException as error:
        raise CorpusError(f"{item.url} cannot be fetched: {error}") from error
    except OSError as error:
        raise CorpusError(f"{part} cannot be written: {error}") from error
    if total is not None and have < total:
        raise _BrokenOffError(f"{have} of {total} bytes came")


def _total(response: requests.Response) -> int | None:
    """Return the size of the whole file as the response states it, or None."""
    if response.status_code in (206, 416):
        size = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        size = response.headers.get("Content-Length", "")
    return int(size) if size.isdecimal() else None


def _continues(response: requests.Response, have: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _retry_after(response: requests.Response) -> float:
    """Return the seconds the server asks to wait; a date instead of seconds counts as nothing."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _check(item: Download, path: Path) -> None:
    """Raise CorpusError, and delete *path*, unless it has the size and checksum of *item*."""
    size = _size(path)
    if item.size_bytes is not None and size != item.size_bytes:
        path.unlink()
        raise CorpusError(f"{item.url}: {size} bytes came, {item.size_bytes} were expected; deleted, fetch it again")
    if item.checksum is None:
        return
    algorithm, _, expected = item.checksum.partition(":")
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, algorithm).hexdigest()
    if actual != expected.lower():
        path.unlink()
        raise CorpusError(f"{item.url}: its {algorithm} is {actual}, not {expected}; deleted, fetch it again")


def _only_folder(folder: Path) -> Path:
    """Return the only thing in *folder* if that is a folder, else *folder* itself."""
    children = [child for child in folder.iterdir() if child.name != "__MACOSX"]
    return children[0] if len(children) == 1 and children[0].is_dir() else folder


@contextlib.contextmanager
def _reporter(
    progress: Progress | None, filename: str, *, unit: str = "B"
) -> Iterator[Callable[[int, int | None], None]]:
    """Provide the function that reports progress (so far, in all): the caller's, or one that draws a bar."""
    if progress is not None:
        yield lambda have, total: progress(have, total, filename)
        return
    with tqdm(desc=filename, unit=unit, unit_scale=unit == "B", unit_divisor=1000, disable=None) as bar:

        def report(have: int, total: int | None) -> None:
            bar.total = total
            bar.update(have - bar.n)

        yield report
