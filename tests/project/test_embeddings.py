"""Embeddings of clips of a store, with the weights that come with the package."""

import numpy as np
import pytest
from tests.ser.tiny_encoders import spoken, write_encoder

from emoforge.base.errors import AudioError, EmoforgeError, ManifestError
from emoforge.dataset.clips import shard_path, write_shard
from emoforge.project.embeddings import embed_clips
from emoforge.project.encoders import load_encoder
from emoforge.project.encoders.catalogue import DEFAULT


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store of forty clips of 50 ms to 4 s, in two shards."""
    folder = tmp_path_factory.mktemp("store")
    clips = [(f"{index:03}", spoken(90.0 + 5 * index, index, 800 + 1_579 * index)) for index in range(40)]
    for shard, part in enumerate((clips[:20], clips[20:])):
        write_shard(shard_path(folder, shard), part, sampling_rate=16_000)
    return folder


@pytest.mark.slow
def test_the_number_of_workers_and_the_order_do_not_matter(store):
    clip_ids = [f"{index:03}" for index in range(40)]
    one = embed_clips(store, clip_ids, DEFAULT, workers=1)
    two = embed_clips(store, clip_ids, DEFAULT, workers=2)
    assert one.shape == (40, 5, 2 * 384)
    assert one.tobytes() == two.tobytes()
    assert embed_clips(store, clip_ids[::-3], DEFAULT, workers=1).tobytes() == one[::-3].tobytes()
    assert len(np.unique(one[:, 2], axis=0)) == 40
    assert embed_clips(store, [], DEFAULT).shape == (0, 5, 2 * 384)


def test_what_cannot_be_embedded_is_one_line(tmp_path):
    write_encoder(tmp_path / "encoder", "whisper")
    encoder = str(tmp_path / "encoder")
    load_encoder.cache_clear()
    write_shard(shard_path(tmp_path, 0), [("slow", spoken(120.0, 0))], sampling_rate=8_000)
    with pytest.raises(AudioError, match="clip slow: the encoder needs 16000 Hz, not 8000"):
        embed_clips(tmp_path, ["slow"], encoder, workers=1)
    with pytest.raises(ManifestError, match="clip gone is not in the store"):
        embed_clips(tmp_path, ["gone"], encoder, workers=1)
    with pytest.raises(EmoforgeError, match="unknown encoder 'whisper-tini.en' .did you mean 'whisper-tiny.en'"):
        embed_clips(tmp_path, ["slow"], "whisper-tini.en", workers=1)
