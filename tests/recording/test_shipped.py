"""The converter that comes with the package, as a user meets it: one command, no project, no options."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from tests.convert.known_voices import level_db, median_f0_hz, sentence

from emoforge.convert import registry
from emoforge.recording.convert import SHIPPED, convert_file

EMOTIONS = {"anger", "calm", "disgust", "fear", "happiness", "sadness", "surprise"}


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("recording") / "neutral.wav"
    soundfile.write(path, sentence(140.0, level=0.1, seed=1), 16000)
    return path


def converted(recording, folder, emotion, **options):
    output = folder / f"{emotion}.wav"
    convert_file(recording, output, to=emotion, **options)
    return soundfile.read(output, dtype="float32")[0]


def test_one_command_is_enough(recording, tmp_path):
    command = [sys.executable, "-m", "emoforge", "convert", recording.name, "--to", "anger", "--intensity", "0.8"]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "out.wav")], cwd=recording.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "neural" in done.stdout
    assert soundfile.info(tmp_path / "out.wav").samplerate == 16000


def test_every_emotion_sounds_in_its_own_way(recording, tmp_path):
    assert set(registry.load(SHIPPED).emotions) == EMOTIONS
    results = {emotion: converted(recording, tmp_path, emotion) for emotion in EMOTIONS}
    assert len({signal.tobytes() for signal in results.values()}) == len(EMOTIONS)
    assert level_db(results["anger"]) > level_db(results["sadness"])
    assert level_db(results["anger"]) > level_db(results["calm"]) + 3
    assert median_f0_hz(results["fear"]) > median_f0_hz(results["calm"]) * 2 ** (1 / 12)


def test_each_seed_gives_a_performance_of_its_own(recording, tmp_path):
    first = converted(recording, tmp_path, "happiness", seed=1)
    again = converted(recording, tmp_path, "happiness", seed=1)
    other = converted(recording, tmp_path, "happiness", seed=2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_intensity_is_the_recording(recording, tmp_path):
    source = soundfile.read(recording, dtype="float32")[0]
    result = converted(recording, tmp_path, "anger", intensity=0.0)
    assert len(result) == len(source)
    assert np.abs(result - source).max() < 1e-3


def test_it_is_small_and_says_what_it_is_made_of():
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 10_000_000
    provenance = json.loads((SHIPPED / "provenance.json").read_text("utf-8"))
    card = (SHIPPED / "MODEL_CARD.md").read_text("utf-8")
    for licence in provenance["licences"]:
        assert licence in card
    for speaker in provenance["speakers"]:
        assert speaker in card
