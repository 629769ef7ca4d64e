"""The formats that a set is written in, and how each is read back."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.sharing.formats.audformat_database import write_audformat
from emoforge.sharing.formats.flac_folder import write_flac_folder
from emoforge.sharing.formats.hub import write_parquet
from emoforge.sharing.formats.lhotse_manifests import write_lhotse
from emoforge.sharing.formats.shards import Audio
from emoforge.sharing.formats.tar_shards import write_tar_shards

#: The format in which `publish` writes, and which `export` reads.
PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Attributes:
        write: takes the clips, their audio, the folder, the bytes in a shard at most and the licence of the set.
        loading: Python that loads the split ``{split}`` where it is run in the folder.
        note: what to know beside *loading*, in Markdown; empty where there is nothing.
        shard_suffix: ending of the shards ``data/<split>-*``; empty where the format has none.
        package: what must be installed to write it; empty for nothing beyond emoforge's own needs.
    """

    write: Callable[[pa.Table, Audio, Path, int, str], object]
    loading: str
    note: str = ""
    shard_suffix: str = ""
    package: str = ""


FORMATS = {
    PARQUET: Format(
        lambda table, audio, folder, shard_bytes, _: write_parquet(table, audio, folder, shard_bytes=shard_bytes),
        """\
import io

import soundfile
from datasets import Audio, load_dataset

clips = load_dataset("parquet", data_files={{"{split}": "data/{split}-*.parquet"}}, split="{split}")
clips = clips.cast_column("audio", Audio(decode=False))
for clip in clips:
    signal, sampling_rate = soundfile.read(io.BytesIO(clip["audio"]["bytes"]))
    emotion = clip["emotion"]
""",
        note=(
            "`Audio(decode=False)` gives the bytes of the FLAC file. Without it, `datasets` 4 and later decodes the "
            "audio by itself, for which it needs the package torchcodec and FFmpeg."
        ),
        shard_suffix=".parquet",
    ),
    "webdataset": Format(
        lambda table, audio, folder, shard_bytes, _: write_tar_shards(table, audio, folder, shard_bytes=shard_bytes),
        """\
import glob
import io

import soundfile
from webdataset import WebDataset

clips = WebDataset(sorted(glob.glob("data/{split}-*.tar")), shardshuffle=False).decode()
for clip in clips:
    signal, sampling_rate = soundfile.read(io.BytesIO(clip["flac"]))
    emotion = clip["json"]["emotion"]
""",
        shard_suffix=".tar",
    ),
    "lhotse": Format(
        lambda table, audio, folder, *_: write_lhotse(table, audio, folder),
        """\
from lhotse import CutSet, RecordingSet, SupervisionSet

clips = CutSet.from_manifests(
    recordings=RecordingSet.from_file("recordings_{split}.jsonl.gz").with_path_prefix("."),
    supervisions=SupervisionSet.from_file("supervisions_{split}.jsonl.gz"),
)
for clip in clips:
    signal, sampling_rate = clip.load_audio()[0], clip.sampling_rate
    emotion = clip.supervisions[0].emotion
""",
        package="lhotse",
    ),
    "audformat": Format(
        lambda table, audio, folder, _, licence: write_audformat(table, audio, folder, licence=licence),
        """\
import audformat
import soundfile

database = audformat.Database.load(".")
clips = database.get("emotion", ["speaker", "text"])
for file, clip in clips.iterrows():
    signal, sampling_rate = soundfile.read(file)
    emotion = clip["emotion"]
""",
        package="audformat",
    ),
    "flac": Format(
        lambda table, audio, folder, *_: write_flac_folder(table, audio, folder),
        """\
import pandas
import soundfile

clips = pandas.read_csv("metadata.csv")
for clip in clips[clips["split"] == "{manifest_split}"].itertuples():
    signal, sampling_rate = soundfile.read(clip.file_name)
    emotion = clip.emotion
""",
    ),
}


def format_named(name: str) -> Format:
    """Return the format *name*, if it can be written here.

    Raises:
        EmoforgeError: there is no such format, or the package that it needs is not installed.
    """
    if name not in FORMATS:
        raise EmoforgeError(unknown_value("format", name, FORMATS))
    found = FORMATS[name]
    if found.package and importlib.util.find_spec(found.package) is None:
        raise EmoforgeError(f"writing {name} needs a package: pip install 'emoforge[{found.package}]'")
    return found
