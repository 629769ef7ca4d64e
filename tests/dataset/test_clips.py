import numpy as np
import pyarrow.parquet as pq
import pytest

from emoforge.base.audio import to_pcm16
from emoforge.base.errors import ManifestError
from emoforge.dataset.clips import ClipStore, ShardReader, open_clips, shard_path, write_shard


def some_clips(n: int, seed: int = 0) -> list[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [(f"clip{seed}-{index:03d}", rng.uniform(-0.5, 0.5, 500 + index).astype(np.float32)) for index in range(n)]


@pytest.fixture
def store(tmp_path):
    for number in range(3):
        write_shard(shard_path(tmp_path, number), some_clips(40, seed=number), sampling_rate=16000)
    return tmp_path


def test_every_clip_is_found_by_its_id(store):
    clips = ClipStore(store)
    assert len(clips) == 120
    for clip_id, signal in some_clips(40, seed=1)[::7]:
        assert clip_id in clips
        stored, sampling_rate = clips.read(clip_id)
        assert sampling_rate == 16000
        assert np.array_equal(to_pcm16(stored), to_pcm16(signal))


def test_streaming_gives_every_clip_once(store):
    wanted = [clip_id for clip_id, _ in some_clips(40, seed=2)[::-3]]
    assert sorted(clip_id for clip_id, _, _ in ClipStore(store).stream(wanted)) == sorted(wanted)


def test_equal_clips_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_shard(tmp_path / name / "clips-00000.parquet", some_clips(20), sampling_rate=16000)
    assert (tmp_path / "a" / "clips-00000.parquet").read_bytes() == (
        tmp_path / "b" / "clips-00000.parquet"
    ).read_bytes()


def test_the_audio_column_is_what_others_expect(store):
    table = pq.read_table(shard_path(store, 0))
    row = table.column("audio")[0].as_py()
    assert row["bytes"].startswith(b"fLaC")
    assert row["path"].endswith(".flac")


def test_what_is_missing_is_reported(store, tmp_path):
    with pytest.raises(ManifestError, match="not in the store"):
        ClipStore(store).read("nobody")
    with pytest.raises(ManifestError, match="dvc repro"):
        ClipStore(tmp_path / "elsewhere")


def test_a_damaged_shard_is_named(store):
    shard_path(store, 1).write_bytes(b"no Parquet")
    with pytest.raises(ManifestError, match=r"clips-00001\.parquet: not a shard of clips .*; run the stage"):
        ClipStore(store)


def test_a_clip_in_two_folders_is_read_from_the_first(tmp_path):
    signals = [np.full(100, value, dtype=np.float32) for value in (0.25, 0.5)]
    for name, signal in zip(("a", "b"), signals, strict=True):
        write_shard(shard_path(tmp_path / name, 0), [("both", signal), (name, signal)], sampling_rate=16000)
    forward, backward = (ClipStore(*(tmp_path / name for name in names)) for names in ("ab", "ba"))
    assert forward.read("both")[0][0] == 0.25
    assert backward.read("both")[0][0] == 0.5
    assert forward.flac("b") == backward.flac("b")


def test_a_reader_gives_the_columns_asked_for_and_reads_a_row_group_once(store, monkeypatch):
    rows = ShardReader([shard_path(store, 0)], content="clips", columns=["clip_id"])
    opened = []
    parquet_file = pq.ParquetFile
    monkeypatch.setattr(pq, "ParquetFile", lambda path: opened.append(path) or parquet_file(path))
    assert [rows[clip_id]["clip_id"].as_py() for clip_id, _ in some_clips(16)] == [name for name, _ in some_clips(16)]
    assert len(opened) == 1
    assert set(rows["clip0-000"]) == {"clip_id"}
    with pytest.raises(KeyError):
        rows["nobody"]


def test_a_process_opens_a_store_once_and_again_when_its_files_change(store, monkeypatch):
    clips = open_clips(store)
    assert open_clips(str(store)) is clips
    monkeypatch.chdir(store.parent)
    assert open_clips(store.name) is clips
    write_shard(shard_path(store, 2), some_clips(5, seed=9), sampling_rate=16000)
    assert "clip9-004" in open_clips(store)
    assert "clip2-000" not in open_clips(store)
    shard_path(store, 2).unlink()
    assert len(open_clips(store)) == 80
