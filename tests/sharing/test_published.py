"""The reader of published sets gives back what was written, and says what is wrong with what was not."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.sharing.conftest import set_column

from emoforge.base.errors import ManifestError
from emoforge.dataset import manifest
from emoforge.sharing.formats.shards import publishable
from emoforge.sharing.published import read_published
from emoforge.sharing.writer import write_set


@pytest.fixture
def folder(table: pa.Table, clips: dict[str, bytes], provenance: dict, tmp_path: Path) -> Path:
    write_set(table, clips.__getitem__, tmp_path, provenance=provenance, shard_bytes=9000)
    return tmp_path


def without_order(table: pa.Table) -> list[dict]:
    return table.to_pylist(maps_as_pydicts="strict")


def test_rows_audio_and_making_come_back(folder: Path, table: pa.Table, clips: dict[str, bytes], provenance: dict):
    found = read_published(folder)
    assert found.table.schema.equals(manifest.SCHEMA, check_metadata=True)
    assert without_order(found.table) == without_order(publishable(table))
    assert {clip_id: found.audio(clip_id) for clip_id in found.table["clip_id"].to_pylist()} == {
        clip_id: clips[clip_id] for clip_id in table.filter(table["keep"])["clip_id"].to_pylist()
    }
    assert found.provenance == provenance


def test_a_map_that_nobody_filled_comes_back_empty(table, clips, provenance, tmp_path):
    write_set(set_column(table, "emotion_probabilities", None), clips.__getitem__, tmp_path, provenance=provenance)
    assert read_published(tmp_path).table["emotion_probabilities"].null_count == 24


def test_missing_and_damaged_sets_are_named(folder: Path, tmp_path: Path):
    with pytest.raises(ManifestError, match=r"nowhere: no published set here .*--dataset"):
        read_published(tmp_path / "nowhere")
    shards = sorted((folder / "data").iterdir())
    shards[1].rename(shards[1].with_suffix(".away"))
    with pytest.raises(ManifestError, match=rf"{shards[1].name}: missing, the set is not whole"):
        read_published(folder)
    shards[1].write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ManifestError, match="a shard cannot be read"):
        read_published(folder)


def test_a_set_without_a_column_or_without_its_making_is_refused(folder: Path):
    (folder / "provenance.json").rename(folder / "away.json")
    with pytest.raises(ManifestError, match=r"provenance.json: not there"):
        read_published(folder)
    for shard in (folder / "data").iterdir():
        pq.write_table(pq.read_table(shard).drop_columns(["licence"]), shard)
    with pytest.raises(ManifestError, match="column 'licence' is missing"):
        read_published(folder)
