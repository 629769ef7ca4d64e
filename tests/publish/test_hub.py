"""Published shards, loaded as anybody would load them."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from emoforge.errors import EmoforgeError
from emoforge.publish.hub import HUB_SPLITS, write_dataset


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory):
    """The ``datasets`` package, kept from the network and from the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_DATASETS_OFFLINE", "1")
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        yield pytest.importorskip("datasets")


def load(datasets, folder: Path, cache: Path):
    files = {}
    for name in HUB_SPLITS.values():
        shards = sorted(str(path) for path in (folder / "data").glob(f"{name}-*.parquet"))
        if shards:
            files[name] = shards
    loaded = datasets.load_dataset("parquet", data_files=files, cache_dir=str(cache))
    # The column is of type Audio by the file's own metadata; only its decoding is left out here.
    assert all(isinstance(split.features["audio"], datasets.Audio) for split in loaded.values())
    return loaded.cast_column("audio", datasets.Audio(decode=False))


def test_datasets_gives_back_every_kept_clip(datasets, table: pa.Table, clips: dict[str, bytes], tmp_path: Path):
    shards = write_dataset(table, clips.__getitem__, tmp_path, shard_bytes=9000, row_group_size=2)
    assert len(shards) > 2
    loaded = load(datasets, tmp_path, tmp_path / "cache")
    expected = {row["clip_id"]: row for row in table.to_pylist() if row["keep"]}
    assert {name: len(split) for name, split in loaded.items()} == {
        HUB_SPLITS[split]: count for split, count in Counter(row["split"] for row in expected.values()).items()
    }
    seen = set()
    for split in loaded.values():
        for row in split:
            audio, row = row["audio"], {key: value for key, value in row.items() if key != "audio"}
            wanted = expected[row["clip_id"]]
            assert audio == {"bytes": clips[row["clip_id"]], "path": f"{row['clip_id']}.flac"}
            assert HUB_SPLITS[wanted["split"]] == split.split
            wanted = {key: value for key, value in wanted.items() if key in row}
            wanted["emotion_probabilities"] = dict(wanted["emotion_probabilities"])
            assert row == wanted
            seen.add(row["clip_id"])
    assert seen == set(expected)


def test_every_column_but_the_decision_is_published(table: pa.Table, clips: dict[str, bytes], tmp_path: Path):
    schema = pq.read_schema(write_dataset(table, clips.__getitem__, tmp_path)[0])
    assert set(table.column_names) - set(schema.names) == {"keep", "reject_reason", "split"}


def test_shards_and_row_groups_are_bounded(table: pa.Table, clips: dict[str, bytes], tmp_path: Path):
    shards = write_dataset(table, clips.__getitem__, tmp_path, shard_bytes=9000, row_group_size=2)
    train = [path for path in shards if path.name.startswith("train-")]
    assert [path.name for path in train] == [
        f"train-{index:05d}-of-{len(train):05d}.parquet" for index in range(len(train))
    ]
    for path in shards:
        file = pq.ParquetFile(path)
        assert max(file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)) <= 2
        audio = file.read(columns=["audio"]).column("audio").combine_chunks().field("bytes")
        assert len(audio) == 1 or pc.sum(pc.binary_length(audio)).as_py() <= 9000
    assert {path.name for path in (tmp_path / "data").iterdir()} == {path.name for path in shards}


def test_a_clip_larger_than_a_shard_still_gets_one(table: pa.Table, clips: dict[str, bytes], tmp_path: Path):
    shards = write_dataset(table, clips.__getitem__, tmp_path, shard_bytes=1)
    assert [pq.read_metadata(path).num_rows for path in shards] == [1] * len(shards)
    assert len(shards) == pc.sum(table.column("keep")).as_py()


def test_same_table_same_bytes(table: pa.Table, clips: dict[str, bytes], tmp_path: Path):
    backwards = table.take(list(range(len(table)))[::-1])
    first = write_dataset(table, clips.__getitem__, tmp_path / "first")
    second = write_dataset(backwards, clips.__getitem__, tmp_path / "second")
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_nothing_kept_is_an_error(table: pa.Table, tmp_path: Path):
    rejected = table.filter(pc.invert(table.column("keep")))
    with pytest.raises(EmoforgeError, match="no clip was kept"):
        write_dataset(rejected, {}.__getitem__, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_split_or_type_is_an_error(table: pa.Table, clips: dict[str, bytes], tmp_path: Path):
    index = table.column_names.index("split")
    renamed = table.set_column(index, "split", pa.array(["dev"] * len(table)))
    with pytest.raises(EmoforgeError, match="unknown split 'dev'"):
        write_dataset(renamed, clips.__getitem__, tmp_path)
    dated = table.append_column("day", pa.array([0] * len(table), pa.date32()))
    with pytest.raises(EmoforgeError, match="column 'day' holds date32"):
        write_dataset(dated, clips.__getitem__, tmp_path)
