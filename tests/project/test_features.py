import numpy as np
import pytest

from emoforge.base.errors import ManifestError
from emoforge.project.features import Embeddings, TrackStore, write_embeddings, write_no_embeddings, write_tracks
from emoforge.prosody.tracks import Tracks


def some_tracks(n_frames: int) -> Tracks:
    rng = np.random.default_rng(n_frames)
    f0_hz, energy_db = rng.uniform(80, 300, n_frames), rng.uniform(-60, 0, n_frames)
    f0_hz[::3] = np.nan
    return Tracks(
        hop_s=0.01,
        sampling_rate=16000,
        f0_hz=f0_hz.astype(np.float32),
        energy_db=energy_db.astype(np.float32),
        envelope_db=rng.uniform(-80, 0, (n_frames, 5)).astype(np.float32),
        aperiodicity_db=rng.uniform(-60, 0, (n_frames, 1)).astype(np.float32),
    )


def test_tracks_come_back_from_any_shard_as_they_were(tmp_path):
    for shard in range(2):
        clips = [(f"clip{shard}-{index:02d}", some_tracks(10 + 20 * shard + index)) for index in range(20)]
        write_tracks(tmp_path / f"tracks-{shard:05d}.parquet", clips)
    store = TrackStore(tmp_path)
    for shard, index in ((1, 19), (0, 0), (1, 3), (0, 17)):
        stored, tracks = store[f"clip{shard}-{index:02d}"], some_tracks(10 + 20 * shard + index)
        assert (stored.hop_s, stored.sampling_rate) == (tracks.hop_s, tracks.sampling_rate)
        for name in ("f0_hz", "energy_db", "envelope_db", "aperiodicity_db"):
            np.testing.assert_array_equal(getattr(stored, name), getattr(tracks, name))


def test_embeddings_come_back_from_any_table_in_the_order_asked_for(tmp_path):
    made = np.random.default_rng(0).standard_normal((5, 3, 4)).astype(np.float32)
    by = {"encoder": "tiny", "sha256": "0" * 64}
    write_embeddings(tmp_path / "a.parquet", ["c", "a", "b"], made[:3], **by)
    write_embeddings(tmp_path / "b.parquet", ["e", "d"], made[3:], **by)
    known = Embeddings(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert (known.encoder, known.sha256) == ("tiny", "0" * 64)
    np.testing.assert_array_equal(known(["d", "a", "c"]), made[[4, 1, 0]])
    assert known([]).shape == (0, 3, 4)
    with pytest.raises(ManifestError, match="clip nobody has no embedding"):
        known(["nobody"])


@pytest.mark.parametrize(
    ("other", "shape", "found"),
    [
        ({"encoder": "base", "sha256": "0" * 64}, (2, 3, 4), "base"),
        ({"encoder": "tiny", "sha256": "1" * 64}, (2, 3, 4), "tiny (1111"),
        ({"encoder": "tiny", "sha256": "0" * 64}, (2, 2, 4), "[2, 4]"),
        ({}, (), "no encoder"),
    ],
)
def test_embeddings_by_another_encoder_are_one_line(tmp_path, other, shape, found):
    write_embeddings(tmp_path / "a.parquet", ["a"], np.zeros((1, 3, 4)), encoder="tiny", sha256="0" * 64)
    if other:
        write_embeddings(tmp_path / "b.parquet", ["b", "c"], np.zeros(shape), **other)
    else:
        write_no_embeddings(tmp_path / "b.parquet")
    with pytest.raises(ManifestError) as caught:
        Embeddings(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert "b.parquet" in str(caught.value)
    assert found in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_tracks_and_damaged_shards_are_named(tmp_path):
    write_tracks(tmp_path / "tracks-00000.parquet", [("here", some_tracks(4))])
    with pytest.raises(ManifestError, match="clip nobody has no tracks"):
        TrackStore(tmp_path)["nobody"]
    (tmp_path / "tracks-00001.parquet").write_bytes(b"no Parquet")
    with pytest.raises(ManifestError, match=r"tracks-00001\.parquet: not a shard of tracks"):
        TrackStore(tmp_path)
