"""The functions of a notebook: what they give, what they share with the commands, and what they say of bad input."""

import ast
import inspect
import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from tests.convert.known_voices import median_f0_hz, sentence, snr_db

import emoforge
from emoforge.base.errors import EmoforgeError
from emoforge.prosody.functionals import FUNCTIONAL_NAMES
from emoforge.recording.convert import convert_file

RATE = 16000
NAMES = {"convert", "load_converter", "prosody", "predict", "load_recogniser", "score", "open_set"}


@pytest.fixture(scope="module")
def signal() -> np.ndarray:
    return sentence(140.0, level=0.1, seed=1)


@pytest.fixture(scope="module")
def model(small_run) -> Path:
    return small_run.models / "synthetic"


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_loads_nothing_heavy_and_takes_no_time():
    heavy = "{'torch', 'numpy', 'scipy', 'pyarrow', 'pydantic', 'parselmouth', 'soundfile', 'emoforge.base'}"
    code = "import sys, time; begun = time.perf_counter(); import emoforge; took = time.perf_counter() - begun; "
    loaded, seconds = run(code + f"print(sorted({heavy} & set(sys.modules)), '|', took)").split("|")
    assert loaded.strip() == "[]"
    assert float(seconds) < 0.3


def test_type_checkers_see_the_names_that_are_there():
    stub = ast.parse(Path(emoforge.__file__).with_name("__init__.pyi").read_text("utf-8"))
    stubbed = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert stubbed == set(emoforge.__all__) >= NAMES
    homes = {alias.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    for name in emoforge.__all__:
        assert getattr(emoforge, name).__module__ == homes[name]
        assert name in dir(emoforge)
    assert (Path(emoforge.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_function_says_what_it_takes_gives_and_refuses(name):
    function = getattr(emoforge, name)
    for parameter in inspect.signature(function).parameters:
        assert f"{parameter}:" in function.__doc__, parameter
    for section in ("Args:", "Raises:", "Examples:", ">>> "):
        assert section in function.__doc__


def test_packages_of_the_same_name_do_not_hide_the_functions():
    code = """
import emoforge
from emoforge.convert import registry
import emoforge.prosody.f0
from emoforge import convert
print(callable(emoforge.convert), callable(emoforge.prosody), callable(convert), registry.names()[0])
"""
    assert run(code) == "True True True identity"


@pytest.mark.parametrize(("rate", "channels"), [(8000, None), (44100, 1), (48000, 2)])
def test_a_conversion_has_the_rate_and_channels_of_the_recording_and_is_that_of_the_file(
    signal, tmp_path, rate, channels
):
    recording = soxr.resample(signal, RATE, rate).astype(np.float32)
    if channels:
        recording = np.stack([recording, 0.3 * recording][:channels], axis=1)
    angry = emoforge.convert(recording, rate, to="angry", intensity=0.8, seed=3)
    assert angry.dtype == np.float32
    assert angry.shape[1:] == recording.shape[1:]
    first = (lambda array: array if array.ndim == 1 else array[:, 0])(angry)
    assert median_f0_hz(soxr.resample(first, rate, RATE)) > 1.1 * median_f0_hz(signal)
    soundfile.write(tmp_path / "in.wav", recording, rate, subtype="FLOAT")
    convert_file(tmp_path / "in.wav", tmp_path / "out.wav", to="anger", intensity=0.8, seed=3)
    of_file = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
    assert np.array_equal(of_file, angry.reshape(of_file.shape))


def test_intensity_0_gives_the_recording_back_and_leaves_it_alone(signal):
    stereo = np.stack([signal, -0.5 * signal], axis=1)
    before = stereo.copy()
    after = emoforge.convert(stereo, RATE, to="fear", intensity=0)
    assert after.shape == stereo.shape
    assert snr_db(before, after) > 40
    assert np.array_equal(stereo, before)


def test_float64_and_lists_are_converted_as_float32(signal):
    expected = emoforge.convert(signal, RATE, to="calm")
    assert np.array_equal(emoforge.convert(signal.astype(np.float64), RATE, to="calm"), expected)
    assert np.array_equal(emoforge.convert(signal.tolist(), float(RATE), to="calm"), expected)


def test_a_converter_is_read_once_and_again_when_it_has_changed(signal, small_run, tmp_path):
    folder = Path(shutil.copytree(small_run.stage("converter"), tmp_path / "converter"))
    converter = emoforge.load_converter(folder)
    assert converter.emotions == ("anger", "sadness")
    assert emoforge.load_converter(str(folder)) is converter
    by_name = emoforge.convert(signal, RATE, to="anger", converter=folder, seed=2)
    assert np.array_equal(by_name, converter(signal, RATE, to="anger", seed=2))
    shutil.copytree(small_run.stage("converter"), folder, dirs_exist_ok=True, copy_function=shutil.copy)
    assert emoforge.load_converter(folder) is not converter


def test_prosody_follows_the_voice_and_names_its_figures(signal):
    track = emoforge.prosody(np.stack([signal, signal], axis=1), RATE)
    n_frames = 1 + round(len(signal) / RATE / 0.01)
    assert len(track.times_s) == len(track.f0_hz) == len(track.energy_db) == len(track.envelope_db)
    assert len(track.times_s) == pytest.approx(n_frames, abs=1)
    spoken = (track.times_s > 0.25) & (track.times_s < 0.55)
    assert np.nanmedian(track.f0_hz[spoken]) == pytest.approx(140.0, abs=1)
    assert np.isnan(track.f0_hz[track.times_s < 0.15]).all()
    assert track.energy_db[spoken].min() > track.energy_db[track.times_s < 0.15].max() + 20
    assert tuple(track.functionals) == FUNCTIONAL_NAMES
    assert np.isfinite(list(track.functionals.values())).all()


def test_predictions_add_up_and_enrolment_counts(signal, model):
    alone = emoforge.predict(signal, RATE, model=model)
    assert set(alone) == {"neutral", "anger", "sadness"}
    assert sum(alone.values()) == pytest.approx(1.0)
    recogniser = emoforge.load_recogniser(model)
    assert recogniser(signal, RATE) == alone
    other = sentence(180.0, seed=2)
    one, two = [(signal, RATE)], [(signal, RATE), (soxr.resample(other, RATE, 44100), 44100)]
    enrolled = [recogniser(signal, RATE, enrol=enrol) for enrol in (one, two)]
    assert enrolled[0] != alone
    assert enrolled[1] != enrolled[0]


def test_enrolment_sets_the_level_and_without_it_level_says_nothing(signal, model):
    soft, loud = 0.1 * signal, 3 * signal
    assert emoforge.predict(soft, RATE, model=model) == pytest.approx(
        emoforge.predict(loud, RATE, model=model), abs=1e-3
    )
    enrol = [(signal, RATE)]
    heard = [emoforge.predict(part, RATE, model=model, enrol=enrol) for part in (soft, loud)]
    assert abs(np.log(heard[0]["neutral"] / heard[1]["neutral"])) > 1


def test_a_worse_copy_gets_worse_scores(signal):
    same = emoforge.score(signal, RATE, source=(signal, RATE))
    assert (same.content_error, same.duration_ratio) == (0.0, 1.0)
    assert same.speaker_similarity == pytest.approx(1.0, abs=1e-3)
    noise = 0.05 * np.random.default_rng(0).standard_normal(len(signal))
    noisy = emoforge.score(signal + noise, RATE, source=(soxr.resample(signal, RATE, 48000), 48000))
    assert noisy.naturalness < same.naturalness
    assert noisy.speaker_similarity < 0.99
    other = sentence(220.0, seed=5)
    assert emoforge.score(signal, RATE, source=(signal, RATE), neutral=[(other, RATE)]).speaker_similarity < 0.99


def test_a_published_set_is_rows_audio_and_arrow(finished_set):
    clips = emoforge.open_set(finished_set.stage("publish"))
    assert len(clips) == clips.table.num_rows == len(list(clips)) > 0
    first = clips[0]
    assert first["signal"].dtype == np.float32
    assert len(first["signal"]) / first["sampling_rate"] == pytest.approx(first["duration_s"])
    assert clips[-1]["clip_id"] == clips.table.column("clip_id")[-1].as_py()
    chosen = clips.filter(split="train", speaker=[first["speaker"]])
    assert {(clip["split"], clip["speaker"]) for clip in chosen} == {("train", first["speaker"])}
    assert 0 < len(chosen) < len(clips)
    assert len(clips.filter(split="validation")) == len(clips.filter(split="val"))
    audio = chosen.with_audio().column("audio")[0].as_py()
    assert np.array_equal(chosen[0]["signal"], decoded(audio["bytes"]))
    with pytest.raises(IndexError):
        clips[len(clips)]
    with pytest.raises(EmoforgeError, match="unknown column 'emotoin' \\(did you mean 'emotion'\\?\\)"):
        clips.filter(emotoin="anger")


def decoded(flac: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(flac), dtype="float32")[0]


TONE = (0.1 * np.sin(np.arange(RATE) * 0.05)).astype(np.float32)
BAD = {
    "empty": ((TONE[:0], RATE), "empty: no samples to read"),
    "silent": ((0 * TONE, RATE), "silent: nothing above -80 dBFS"),
    "NaN": ((np.where(np.arange(RATE) == 7, np.nan, TONE), RATE), "samples that are not finite"),
    "infinite": ((np.where(np.arange(RATE) == 7, np.inf, TONE), RATE), "samples that are not finite"),
    "16-bit": (
        ((TONE * 32767).astype(np.int16), RATE),
        "integers (int16), allowed: floating point in [-1, 1]; pass signal / 32768",
    ),
    "32-bit": (((TONE * 2**31).astype(np.int32), RATE), "pass signal / 2147483648 for 32-bit samples"),
    "cast integers": ((TONE * 32767, RATE), "divide 16-bit samples by 32768"),
    "complex": ((TONE * 1j, RATE), "of type complex64, allowed: floating point"),
    "text": (("in.wav", RATE), "shape ()"),
    "channels first": ((np.stack([TONE, TONE]), RATE), "pass (n_samples, n_channels), which is signal.T"),
    "three axes": ((TONE[:, None, None], RATE), "pass (n_samples,) or (n_samples, n_channels)"),
    "17 channels": ((np.tile(TONE[:, None], 17), RATE), "17 channels, at most 16"),
    "10 ms": ((TONE[:160], RATE), "10.0 ms long, at least 20 ms"),
    "ten minutes": ((np.zeros(601 * RATE, dtype=np.float32), RATE), "601.0 s long, at most 600 s"),
    "rate below telephone": (
        (TONE, 4000),
        "rate 4000 is out of range; allowed: a whole number of Hz from 8000",
    ),
    "rate of kHz": ((TONE, 44.1), "sampling rate 44.1 is out of range"),
    "rate as text": ((TONE, "16000"), "sampling rate '16000' is a str; allowed: a whole number of Hz from 8000"),
    "no rate": ((TONE, None), "sampling rate None is a NoneType"),
}


@pytest.fixture(scope="module")
def calls(model):
    converter, recogniser = emoforge.load_converter(), emoforge.load_recogniser(model)
    good = (sentence(140.0), RATE)
    return {
        "convert": lambda *bad: emoforge.convert(*bad, to="anger"),
        "converter": lambda *bad: converter(*bad, to="anger"),
        "prosody": emoforge.prosody,
        "predict": lambda *bad: emoforge.predict(*bad, model=recogniser),
        "enrol": lambda *bad: emoforge.predict(*good, model=recogniser, enrol=[good, bad]),
        "score": lambda *bad: emoforge.score(*bad, source=good),
        "source": lambda *bad: emoforge.score(*good, source=bad),
        "neutral": lambda *bad: emoforge.score(*good, source=good, neutral=[bad]),
    }


@pytest.mark.parametrize("call", ["convert", "converter", "prosody", "predict", "enrol", "score", "source", "neutral"])
@pytest.mark.parametrize("bad", sorted(BAD))
def test_a_bad_signal_is_one_typed_line(calls, call, bad):
    arguments, words = BAD[bad]
    with pytest.raises(emoforge.AudioError) as caught:
        calls[call](*arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"to": "angr"}, "unknown emotion 'angr' (did you mean 'anger'?); allowed: anger, calm"),
        ({"to": "boredom"}, "unknown emotion 'boredom'; allowed: anger, calm, disgust, fear"),
        ({"to": "neutral"}, "unknown emotion 'neutral'; allowed: anger"),
        ({"to": None}, "unknown emotion 'None'; allowed: anger"),
        ({"to": "anger", "intensity": 1.5}, "intensity 1.5 is out of range; choose a value from 0 to 1"),
        ({"to": "anger", "intensity": -0.1}, "intensity -0.1 is out of range"),
        ({"to": "anger", "intensity": float("nan")}, "intensity nan is out of range"),
        ({"to": "anger", "intensity": "high"}, "intensity 'high' is a str; choose a number from 0 to 1"),
        ({"to": "anger", "seed": -1}, "seed -1 is out of range"),
        ({"to": "anger", "seed": 0.5}, "seed 0.5 is out of range"),
        ({"to": "anger", "converter": "nowhere"}, "nowhere/converter.json: no such file"),
        ({"to": "anger", "style": (0 * TONE, RATE)}, "style: silent: nothing above -80 dBFS"),
    ],
)
def test_a_bad_request_is_one_line_too(signal, options, words):
    with pytest.raises(EmoforgeError) as caught:
        emoforge.convert(signal, RATE, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named(signal, tmp_path):
    for call in (
        lambda: emoforge.load_converter(tmp_path),
        lambda: emoforge.load_recogniser(tmp_path),
        lambda: emoforge.predict(signal, RATE, model=tmp_path / "nowhere"),
    ):
        with pytest.raises(emoforge.ModelError, match=str(tmp_path)):
            call()
    with pytest.raises(EmoforgeError, match="no published set here"):
        emoforge.open_set(tmp_path)
    with pytest.raises(EmoforgeError, match="hop_s 1 is out of range"):
        emoforge.prosody(signal, RATE, hop_s=1)


@pytest.mark.parametrize(
    "bad", ["empty", "silent", "NaN", "10 ms", "ten minutes", "rate below telephone", "17 channels"]
)
def test_the_same_is_said_of_a_file(calls, model, tmp_path, bad):
    from emoforge.recording.predictions import asked_of_files, predictions

    (signal, rate), words = BAD[bad]
    path = tmp_path / "in.wav"
    soundfile.write(path, signal, rate, subtype="FLOAT")
    with pytest.raises(emoforge.AudioError) as caught:
        convert_file(path, tmp_path / "out.wav", to="anger")
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    recogniser = emoforge.load_recogniser(model)
    (row,) = predictions(recogniser, asked_of_files(recogniser, [path]))
    assert words in row["reason"]
    assert row["emotion"] is None
