"""lhotse manifests: recordings and supervisions, with FLAC files beside them."""

import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from emoforge.sharing.formats.shards import Audio, by_split, stream, write_flac_files

# Fields that a supervision has by itself; all others are custom.
_NATIVE = ("text", "language", "speaker", "gender")


def write_lhotse(table: pa.Table, audio: Audio, folder: str | os.PathLike) -> list[Path]:
    """Write the clips of *table* as ``recordings_<split>.jsonl.gz`` and ``supervisions_<split>.jsonl.gz``.

    A supervision spans its whole recording and carries all fields of the row: text, language, speaker and gender in
    their own places, the others in ``custom``. lhotse leaves out what is null. Paths are relative to *folder*:
    ``RecordingSet.with_path_prefix`` makes them whole.

    Args:
        table: a manifest with ``clip_id`` and ``split``.
        audio: returns the FLAC bytes of a clip_id.
        folder: of the dataset.

    Returns:
        the manifests.
    """
    from lhotse import Recording, SupervisionSegment

    folder = Path(folder)
    files = []
    for name, rows in by_split(table):
        recordings, supervisions = [], []
        clips = stream(rows, audio, description=f"{name}, lhotse")
        for fields, path in write_flac_files(clips, folder, f"audio/{name}"):
            clip_id = fields["clip_id"]
            recording = Recording.from_file(
                folder / path, recording_id=clip_id, relative_path_depth=len(Path(path).parts)
            )
            supervision = SupervisionSegment(
                id=clip_id,
                recording_id=clip_id,
                start=0.0,
                duration=recording.duration,
                channel=0,
                **{key: fields[key] for key in _NATIVE},
                custom={key: value for key, value in fields.items() if key not in _NATIVE},
            )
            recordings.append(recording.to_dict())
            supervisions.append(supervision.to_dict())
        for kind, entries in (("recordings", recordings), ("supervisions", supervisions)):
            files.append(folder / f"{kind}_{name}.jsonl.gz")
            _write_jsonl(entries, files[-1])
    return files


def _write_jsonl(entries: Iterable[dict], path: Path) -> None:
    # lhotse's own writer puts the time of writing into the file, and equal clips are to give equal bytes.
    with path.open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed:
        for entry in entries:
            packed.write((json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n").encode())
