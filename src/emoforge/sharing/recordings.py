"""Who the clips of a published set come from: rows, without audio, of the recordings that they were made from."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.dataset import manifest

RECORDINGS = "recordings.parquet"


def write_recordings(folder: str | os.PathLike, clips: pa.Table, *, recordings: pa.Table) -> None:
    """Write which recordings the kept ones of *clips* were made from, as source or as style.

    A published row names its style by clip_id only. Whose recording that is decides whether the clip leaks into
    another split, and whether it is removed when that person withdraws.

    Args:
        folder: of the set.
        clips: a manifest of conversions.
        recordings: a manifest that holds those recordings, and maybe more.
    """
    clips = clips.filter(pc.equal(clips.column("keep"), True))
    named = pa.chunked_array([*clips.column("source_clip_id").chunks, *clips.column("style_clip_id").chunks])
    used = recordings.filter(pc.is_in(recordings.column("clip_id"), pc.unique(named.drop_null())))
    manifest.write(used, Path(folder) / RECORDINGS)


def read_recordings(folder: str | os.PathLike) -> pa.Table | None:
    """Return what :func:`write_recordings` wrote; None for a set that came without it.

    Raises:
        ManifestError: the file is there, but is no manifest.
    """
    path = Path(folder) / RECORDINGS
    return manifest.read(path) if path.is_file() else None
