import numpy as np
import pytest

from emoforge.base.errors import ManifestError
from emoforge.project.features import TrackStore, write_tracks
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


def test_missing_tracks_and_damaged_shards_are_named(tmp_path):
    write_tracks(tmp_path / "tracks-00000.parquet", [("here", some_tracks(4))])
    with pytest.raises(ManifestError, match="clip nobody has no tracks"):
        TrackStore(tmp_path)["nobody"]
    (tmp_path / "tracks-00001.parquet").write_bytes(b"no Parquet")
    with pytest.raises(ManifestError, match=r"tracks-00001\.parquet: not a shard of tracks"):
        TrackStore(tmp_path)
