"""What recognisers hear of the clips of a study."""

import numpy as np
from tests.experiments.helpfulness.studied import pool
from tests.ser.tiny_encoders import write_encoder

from emoforge.dataset.clips import shard_path, write_shard
from emoforge.experiments.helpfulness.runs.inputs import Audio, ClipInputs
from emoforge.project.encoders import load_encoder


def test_conversions_of_one_name_by_two_converters_are_told_apart(tmp_path):
    clips, values = pool()
    rows = [int(np.flatnonzero(clips.fitted == fitted)[0]) for fitted in (0, 1)]
    clips.clip_ids[rows] = "c99999"
    rng = np.random.default_rng(0)
    sounds = {name: rng.uniform(-0.5, 0.5, 8000).astype(np.float32) for name in ("recorded", "mild", "strong")}
    for name, sound in sounds.items():
        clip_id = "c00000" if name == "recorded" else "c99999"
        (tmp_path / name).mkdir()
        write_shard(shard_path(tmp_path / name, 0), [(clip_id, sound)], sampling_rate=16000)
    audio = Audio((tmp_path / "recorded",), ((tmp_path / "mild",), (tmp_path / "strong",)), "checksum")

    heard = ClipInputs("logmel", clips, values, audio)(np.array([0, *rows]))
    from emoforge.ser.logmel import logmel

    for frames, sound in zip(heard, sounds.values(), strict=True):
        np.testing.assert_allclose(frames, logmel(sound, 16000), atol=0.05)


def test_kinds_that_read_an_encoder_hear_clips_as_it_does(tmp_path):
    clips, values = pool()
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 8000).astype(np.float32)
    (tmp_path / "recorded").mkdir()
    write_shard(shard_path(tmp_path / "recorded", 0), [("c00000", sound)], sampling_rate=16000)
    write_encoder(tmp_path / "tiny")
    encoder = str(tmp_path / "tiny")
    audio = Audio((tmp_path / "recorded",), (), "one clip")
    embedded = ClipInputs("encoder", clips, values, audio, encoder)(np.array([0]))
    np.testing.assert_allclose(embedded, load_encoder(encoder).embed([sound], 16000), rtol=0.01, atol=0.01)
    ((heard, functionals),) = ClipInputs("encoder+functionals", clips, values, audio, encoder)(np.array([0]))
    np.testing.assert_array_equal(heard, embedded[0])
    np.testing.assert_array_equal(functionals, values[0])
