import numpy as np
import pyarrow.parquet as pq
import pytest

from emoforge.audio import to_pcm16
from emoforge.clips import ClipStore, shard_path, write_shard
from emoforge.errors import ManifestError


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


def test_what_is_not_there_is_said(store, tmp_path):
    with pytest.raises(ManifestError, match="not in the store"):
        ClipStore(store).read("nobody")
    with pytest.raises(ManifestError, match="dvc repro"):
        ClipStore(tmp_path / "elsewhere")
