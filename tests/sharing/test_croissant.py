"""The Croissant description, judged and used by mlcroissant."""

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from emoforge.sharing.writer import write_set

mlcroissant = pytest.importorskip("mlcroissant")

# mlcroissant's own use of rdflib and pandas.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def folder(table: pa.Table, clips: dict[str, bytes], provenance: dict, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("croissant")
    write_set(table, clips.__getitem__, folder, provenance=provenance, shard_bytes=9000)
    return folder


@pytest.fixture(scope="module")
def dataset(folder: Path):
    return mlcroissant.Dataset(folder / "croissant.json")


def test_mlcroissant_finds_no_error(dataset):
    issues = dataset.metadata.ctx.issues
    assert issues.errors == set()
    # When a set is published is for whoever publishes it to say: the same clips are to give the same bytes.
    assert [issue for issue in issues.warnings if "datePublished" not in issue] == []


def test_records_are_the_clips(dataset, table: pa.Table, clips: dict[str, bytes]):
    wanted = {row["clip_id"]: row for row in table.to_pylist(maps_as_pydicts="strict") if row["keep"]}
    found = {}
    for record in dataset.records("clips"):
        # mlcroissant gives texts as bytes, and sub-fields with their whole names.
        row = {name.removeprefix("clips/"): _plain(value) for name, value in record.items()}
        found[row["clip_id"]] = row
    assert found.keys() == wanted.keys()
    for clip_id, row in found.items():
        assert row.pop("audio") == clips[clip_id]
        judged = {name.rpartition("/")[2]: value for name, value in row["emotion_probabilities"].items()}
        row["emotion_probabilities"] = {key: value for key, value in judged.items() if value is not None} or None
        assert row == {name: None if value != value else value for name, value in wanted[clip_id].items()}


def test_shards_are_listed_with_their_checksums(folder: Path):
    entries = json.loads((folder / "croissant.json").read_text("utf-8"))["distribution"]
    files = {entry["contentUrl"]: entry["sha256"] for entry in entries if entry["@type"] == "cr:FileObject"}
    shards = (folder / "data").iterdir()
    assert files == {f"data/{shard.name}": hashlib.sha256(shard.read_bytes()).hexdigest() for shard in shards}


def test_licence_and_voices_are_told(dataset):
    assert dataset.metadata.license == ["https://creativecommons.org/publicdomain/zero/1.0/"]
    assert "no person was recorded" in str(dataset.metadata.personal_sensitive_information)


def _plain(value: object) -> object:
    return value if not isinstance(value, bytes) or value.startswith(b"fLaC") else value.decode()
