"""What recognisers hear of the clips of a study."""

import numpy as np
from tests.experiments.helpfulness.studied import pool

from emoforge.dataset.clips import shard_path, write_shard
from emoforge.experiments.helpfulness.runs.inputs import Audio, ClipInputs


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
