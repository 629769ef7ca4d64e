"""A published set in another format, for whoever has the set: the project that made it is not needed."""

from dataclasses import dataclass
from pathlib import Path

from emoforge.base.errors import EmoforgeError
from emoforge.base.outputs import built_aside
from emoforge.sharing.formats.registry import format_named
from emoforge.sharing.published import read_published
from emoforge.sharing.recordings import read_recordings, write_recordings
from emoforge.sharing.writer import write_set


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: where it is.
        clips: how many.
        format: name of the format.
    """

    folder: Path
    clips: int
    format: str


def export(dataset: Path, out: Path, *, to: str, shard_size: str = "500MB") -> Exported:
    """Write the published set in *dataset* to *out* in another format.

    Args:
        dataset: folder that `publish` wrote, or a copy of it.
        out: folder to write, which must not exist or be empty; it appears when it is whole.
        to: name of the format (:data:`emoforge.sharing.formats.registry.FORMATS`).
        shard_size: size of a shard at most, such as ``500MB``.

    Raises:
        EmoforgeError: there is no such set, *out* holds something, the format or the size is unknown, a package is
            missing, or a licence forbids sharing.
    """
    format_named(to)
    shard_bytes = _bytes(shard_size)
    # Resolved, so that "." has a name beside which to build.
    out = out.resolve()
    if out.exists() and not out.is_dir():
        raise EmoforgeError(f"{out}: a file, where a folder is to be written; name another folder")
    if out.is_dir() and any(out.iterdir()):
        raise EmoforgeError(f"{out}: not empty; name a folder that does not exist yet, or empty this one")
    published, recordings = read_published(dataset), read_recordings(dataset)
    with built_aside(out) as folder:
        write_set(
            published.table,
            published.audio,
            folder,
            provenance=published.provenance,
            to=to,
            shard_bytes=shard_bytes,
        )
        if recordings is not None:
            write_recordings(folder, published.table, recordings=recordings)
    return Exported(out, len(published.table), to)


def _bytes(size: str) -> int:
    from pydantic import ByteSize, TypeAdapter, ValidationError

    try:
        n_bytes = int(TypeAdapter(ByteSize).validate_python(size))
    except ValidationError:
        n_bytes = 0
    if n_bytes < 1:
        raise EmoforgeError(f"--shard-size {size!r}: not a size; use a number with a unit, such as 500MB or 2GiB")
    return n_bytes
