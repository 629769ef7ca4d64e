"""Published sets, read back by the library that each format belongs to."""

import gc
import io
import json
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import soundfile

SPLITS = ("train", "validation", "test")


class Loaded(NamedTuple):
    """A clip as a library gave it back: its manifest row, its 16-bit samples (n_samples,), their rate in Hz."""

    fields: dict
    samples: np.ndarray
    sampling_rate: int


@contextmanager
def own_warnings_ignored() -> Iterator[None]:
    """Ignore warnings of the libraries' own code: webdataset leaves files open, audformat uses old pandas calls."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.filterwarnings("ignore", message="The inplace keyword", category=DeprecationWarning)
        yield
        gc.collect()


def read_parquet(folder: Path, schema: pa.Schema) -> Iterator[Loaded]:
    """Read with ``datasets``, as the card tells it to the Hub."""
    import datasets

    for split in datasets.load_dataset(str(folder), cache_dir=str(folder.parent / "cache")).values():
        assert isinstance(split.features["audio"], datasets.Audio)
        for row in split.cast_column("audio", datasets.Audio(decode=False)):
            audio = row.pop("audio")
            probabilities = row.get("emotion_probabilities")
            if probabilities is not None:
                probabilities = {key: value for key, value in probabilities.items() if value is not None}
            yield Loaded(row | {"emotion_probabilities": probabilities}, *_decoded(io.BytesIO(audio["bytes"])))


def read_webdataset(folder: Path, schema: pa.Schema) -> Iterator[Loaded]:
    """Read with ``webdataset``."""
    from webdataset import WebDataset

    shards = sorted(str(path) for path in (folder / "data").glob("*.tar"))
    with own_warnings_ignored():
        samples = list(WebDataset(shards, shardshuffle=False).decode())
    for sample in samples:
        assert sample["__key__"] == sample["json"]["clip_id"]
        yield Loaded(sample["json"], *_decoded(io.BytesIO(sample["flac"])))


def read_lhotse(folder: Path, schema: pa.Schema) -> Iterator[Loaded]:
    """Read with ``lhotse``, which also checks that recordings and supervisions fit together."""
    import lhotse
    from lhotse.qa import validate_recordings_and_supervisions
    from lhotse.recipes.utils import read_manifests_if_cached

    manifests = read_manifests_if_cached(SPLITS, folder, suffix="jsonl.gz")
    for part in manifests.values():
        recordings = part["recordings"].with_path_prefix(folder)
        validate_recordings_and_supervisions(recordings, part["supervisions"], read_data=True)
        for cut in lhotse.CutSet.from_manifests(recordings=recordings, supervisions=part["supervisions"]):
            (supervision,) = cut.supervisions
            native = {name: getattr(supervision, name) for name in ("text", "language", "speaker", "gender")}
            yield Loaded(supervision.custom | native, _pcm(cut.load_audio()[0]), cut.sampling_rate)


def read_audformat(folder: Path, schema: pa.Schema) -> Iterator[Loaded]:
    """Read with ``audformat``, audio with ``audiofile``."""
    import audformat
    import audiofile
    import pandas as pd

    with own_warnings_ignored():
        database = audformat.Database.load(str(folder), load_data=True)
        files = database["files"].get(map={"speaker": ["speaker", "gender"]})
    tables = [database[name].get() for name in database.tables if name.startswith("emotion.") and "prob" not in name]
    emotions = pd.concat(tables).rename(columns={"emotion.confidence": "emotion_confidence"})
    probabilities = database["emotion.probabilities"].get()
    for file, row in files.join(emotions).astype(object).iterrows():
        fields = {name: None if pd.isna(value) else value for name, value in row.items()}
        judged = {emotion: value for emotion, value in probabilities.loc[file].items() if not math.isnan(value)}
        signal, sampling_rate = audiofile.read(str(folder / file))
        yield Loaded(fields | {"emotion_probabilities": judged or None}, _pcm(signal), sampling_rate)


def read_flac(folder: Path, schema: pa.Schema) -> Iterator[Loaded]:
    """Read the table with ``pyarrow``, which tells an empty text from none."""
    from pyarrow import csv

    texts = {field.name: pa.string() for field in schema if pa.types.is_string(field.type)}
    options = csv.ConvertOptions(column_types=texts, strings_can_be_null=True, quoted_strings_can_be_null=False)
    for row in csv.read_csv(folder / "metadata.csv", convert_options=options).to_pylist():
        probabilities = row["emotion_probabilities"]
        row["emotion_probabilities"] = None if probabilities is None else json.loads(probabilities)
        yield Loaded(row, *_decoded(folder / row.pop("file_name")))


READERS: dict[str, Callable[[Path, pa.Schema], Iterator[Loaded]]] = {
    "parquet": read_parquet,
    "webdataset": read_webdataset,
    "lhotse": read_lhotse,
    "audformat": read_audformat,
    "flac": read_flac,
}


def expected(table: pa.Table, audio: Callable[[str], bytes]) -> dict[str, Loaded]:
    """Return the fields of a manifest's clips, by clip_id; NaN counts as no value."""
    clips = {}
    for row in table.to_pylist(maps_as_pydicts="strict"):
        fields = {
            name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()
        }
        clips[row["clip_id"]] = Loaded(fields, *_decoded(io.BytesIO(audio(row["clip_id"]))))
    return clips


def differences(wanted: dict[str, Loaded], found: Iterator[Loaded]) -> dict[str, int]:
    """Count the clips of *found*, and what differs from *wanted*.

    Returns:
        ``clips``, ``missing_clips`` (or too many), ``differing_clips``, ``differing_samples``, ``differing_fields``.
    """
    counts = dict.fromkeys(("clips", "missing_clips", "differing_clips", "differing_samples", "differing_fields"), 0)
    left = dict(wanted)
    for clip in found:
        counts["clips"] += 1
        original = left.pop(clip.fields["clip_id"], None)
        if original is None:
            counts["missing_clips"] += 1
            continue
        comparable = (clip.sampling_rate, len(clip.samples)) == (original.sampling_rate, len(original.samples))
        samples = np.count_nonzero(clip.samples != original.samples) if comparable else len(original.samples)
        fields = sum(name not in clip.fields or clip.fields[name] != value for name, value in original.fields.items())
        counts["differing_samples"] += int(samples)
        counts["differing_fields"] += fields
        counts["differing_clips"] += bool(samples or fields)
    counts["missing_clips"] += len(left)
    return counts


def _decoded(source: io.BytesIO | Path) -> tuple[np.ndarray, int]:
    return soundfile.read(source, dtype="int16")


def _pcm(signal: np.ndarray) -> np.ndarray:
    """Return 16-bit samples of a float signal; a value between two of them is refused."""
    scaled = np.asarray(signal, dtype=np.float64) * 32768.0
    assert np.array_equal(scaled, np.rint(scaled)), "samples are not those of a 16-bit file"
    return scaled.astype(np.int16)
