"""One recording of any rate and number of channels, seconds or minutes long, converted with nothing lost."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from emoforge.base.errors import EmoforgeError
from emoforge.convert import registry
from emoforge.convert.base import Performance
from emoforge.convert.statistics import Statistics
from emoforge.convert.style import no_change
from emoforge.convert.utterance import Utterance
from emoforge.dataset.levels import NEUTRAL_LEVEL_DB, active_level_db, level_gain, trim_silence
from emoforge.prosody.analysis import analyse
from emoforge.recording import convert as module
from emoforge.recording.convert import EmotionConverter, convert_file

EMOTIONS = {"01": "neutral", "05": "anger", "04": "sadness"}


def ravdess(root: Path, actor: str, emotion: str, statement: str = "01") -> np.ndarray:
    path = root / f"Actor_{actor}" / f"03-01-{emotion}-01-{statement}-01-{actor}.flac"
    return soundfile.read(path, dtype="float32")[0]


@pytest.fixture(scope="module")
def speech(ravdess_root) -> np.ndarray:
    """A neutral sentence at 16 kHz, as loud as recordings usually are."""
    signal = ravdess(ravdess_root, "05", "01")
    return (signal * 0.5 / np.abs(signal).max()).astype(np.float32)


@pytest.fixture(scope="module")
def converters(ravdess_root, tmp_path_factory) -> Path:
    """Folders of converters fitted on two real speakers."""
    utterances = []
    for actor in ("01", "02"):
        for code, emotion in EMOTIONS.items():
            signal = trim_silence(ravdess(ravdess_root, actor, code), 16000)
            gain = level_gain([active_level_db(signal, 16000)], peak=float(np.abs(signal).max()))
            signal = (signal * gain).astype(np.float32)
            tracks = analyse(signal, 16000)
            utterances.append(Utterance(f"{actor}-{emotion}", actor, "s1", emotion, signal, 16000, tracks))
    root = tmp_path_factory.mktemp("converters")
    for name in ("identity", "world", "statistics"):
        registry.fit(name, utterances).save(root / name)
        prosody = {"hop_s": 0.01, "f0_min_hz": 60.0, "f0_max_hz": 600.0}
        (root / name / "provenance.json").write_text(json.dumps({"prosody": prosody}), "utf-8")
    return root


@pytest.fixture
def convert(converters):
    return partial(convert_file, to="anger", converter=converters / "statistics")


def resampled(signal: np.ndarray, rate: int) -> np.ndarray:
    return soxr.resample(signal, 16000, rate).astype(np.float32)


def high_band_db(signal: np.ndarray, rate: int, above_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(signal)) ** 2
    return 10 * np.log10(spectrum[np.fft.rfftfreq(len(signal), 1 / rate) > above_hz].sum() / len(signal))


def snr_db(signal, other):
    return 10 * np.log10(np.sum(signal**2.0) / max(np.sum((signal - other) ** 2.0), 1e-12))


def test_stereo_at_44100_keeps_its_rate_its_image_and_its_treble(speech, convert, tmp_path):
    left = resampled(speech, 44100)
    # What a microphone hears above 8 kHz and a converter never does.
    treble = np.sin(2 * np.pi * 12000 * np.arange(len(left)) / 44100) * 0.02 * np.abs(left) / np.abs(left).max()
    left = (left + treble).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", np.stack([left, 0.25 * left], axis=1), 44100, subtype="PCM_24")
    made = convert(tmp_path / "in.wav", tmp_path / "out.wav")
    info = soundfile.info(tmp_path / "out.wav")
    assert (made.path, made.emotion, made.converter) == (tmp_path / "out.wav", "anger", "statistics")
    assert made.duration_s == info.duration
    assert (info.samplerate, info.channels, info.subtype) == (44100, 2, "PCM_24")
    result, _ = soundfile.read(tmp_path / "out.wav")
    assert np.abs(result[:, 1] - 0.25 * result[:, 0]).max() < 1e-5
    assert snr_db(left[: len(result)], result[: len(left), 0]) < 10
    assert high_band_db(result[:, 0], 44100, 8500) == pytest.approx(high_band_db(left, 44100, 8500), abs=12)


@pytest.mark.parametrize(
    ("rate", "extension", "subtype"),
    [(8000, ".wav", "PCM_16"), (22050, ".wav", "FLOAT"), (96000, ".flac", "PCM_24")],
)
def test_intensity_0_gives_the_recording_back_at_any_rate(speech, convert, tmp_path, rate, extension, subtype):
    recording = tmp_path / f"in{extension}"
    soundfile.write(recording, resampled(speech, rate), rate, subtype=subtype)
    convert(recording, tmp_path / f"out{extension}", intensity=0.0)
    info = soundfile.info(tmp_path / f"out{extension}")
    assert (info.samplerate, info.channels, info.subtype) == (rate, 1, subtype)
    before, after = soundfile.read(recording)[0], soundfile.read(tmp_path / f"out{extension}")[0]
    assert len(after) == len(before)
    assert snr_db(before, after) > 40


@pytest.mark.parametrize("name", ["world", "statistics"])
def test_telephone_speech_arrives_higher_and_whole(speech, converters, tmp_path, name):
    soundfile.write(tmp_path / "in.wav", resampled(speech, 8000), 8000)
    result = {}
    for intensity in (0.0, 1.0):
        out = tmp_path / f"{intensity}.wav"
        convert_file(tmp_path / "in.wav", out, to="anger", intensity=intensity, converter=converters / name)
        signal, rate = soundfile.read(out, dtype="float32")
        assert rate == 8000
        f0_hz = analyse(resampled_to_16k(signal, rate), 16000).f0_hz
        assert np.isfinite(f0_hz).mean() > 0.15
        result[intensity] = np.nanmedian(f0_hz)
    assert result[1.0] > 1.1 * result[0.0]


def resampled_to_16k(signal, rate):
    return soxr.resample(signal, rate, 16000).astype(np.float32)


def test_channels_of_opposite_phase_are_converted_as_they_are_alone(speech, convert, tmp_path):
    soundfile.write(tmp_path / "mono.wav", speech, 16000)
    soundfile.write(tmp_path / "opposite.wav", np.stack([speech, -speech], axis=1), 16000)
    for name in ("mono", "opposite"):
        convert(tmp_path / f"{name}.wav", tmp_path / f"{name}-out.wav")
    alone, _ = soundfile.read(tmp_path / "mono-out.wav")
    both, _ = soundfile.read(tmp_path / "opposite-out.wav")
    assert snr_db(alone, both[:, 0]) > 60
    assert snr_db(-alone, both[:, 1]) > 60


def test_how_loud_a_recording_is_does_not_change_how_it_is_converted(speech, convert, tmp_path):
    for name, gain in (("loud", 1.0), ("soft", 1 / 64)):
        soundfile.write(tmp_path / f"{name}.wav", speech * gain, 16000, subtype="FLOAT")
        convert(tmp_path / f"{name}.wav", tmp_path / f"{name}-out.wav")
    loud, soft = (soundfile.read(tmp_path / f"{name}-out.wav")[0] for name in ("loud", "soft"))
    assert snr_db(loud, 64 * soft) > 60


def test_no_output_clips(speech, convert, tmp_path):
    soundfile.write(tmp_path / "in.wav", speech * 1.9, 16000)
    convert(tmp_path / "in.wav", tmp_path / "out.wav")
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0]).max() <= 0.991


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_performance(speech, convert, tmp_path):
    soundfile.write(tmp_path / "in.wav", speech, 16000)
    outputs = []
    for seed in (0, 0, 1, 2, 3, 4):
        convert(tmp_path / "in.wav", tmp_path / "out.wav", seed=seed)
        outputs.append((tmp_path / "out.wav").read_bytes())
    assert outputs[0] == outputs[1]
    assert len(set(outputs)) == 2  # one style a speaker that the converter learnt from


@pytest.fixture(scope="module")
def two_minutes(ravdess_root) -> np.ndarray:
    """Neutral sentences of several speakers with pauses of one to four seconds, two minutes at 16 kHz."""
    parts, rng = [], np.random.default_rng(0)
    actors = [f"{number:02d}" for number in range(3, 25)]
    for i, actor in enumerate(actors * 2):
        signal = trim_silence(ravdess(ravdess_root, actor, "01", f"{1 + i // len(actors):02d}"), 16000)
        pause = 1e-4 * rng.standard_normal(16000 * (1 + i % 4))
        parts += [signal * 0.3 / np.abs(signal).max(), pause]
    return np.concatenate(parts)[: 120 * 16000].astype(np.float32)


@pytest.mark.slow
def test_two_minutes_come_back_whole_at_intensity_0(two_minutes, convert, tmp_path):
    soundfile.write(tmp_path / "in.wav", two_minutes, 16000)
    convert(tmp_path / "in.wav", tmp_path / "out.wav", intensity=0.0)
    result, _ = soundfile.read(tmp_path / "out.wav")
    assert len(result) == len(two_minutes)
    error = result - two_minutes
    # Nowhere, joints included, is more wrong than what cannot be heard beside the speech.
    worst = max(np.abs(part).max() for part in np.array_split(error, 1200))
    assert worst < 0.01
    assert snr_db(two_minutes, result) > 40


@pytest.mark.slow
def test_two_minutes_are_converted_with_their_pauses(two_minutes, convert, tmp_path):
    soundfile.write(tmp_path / "in.wav", two_minutes, 16000)
    convert(tmp_path / "in.wav", tmp_path / "out.wav")
    result, _ = soundfile.read(tmp_path / "out.wav")
    assert len(result) != len(two_minutes)
    assert pauses_s(result) == pytest.approx(pauses_s(two_minutes), abs=0.3)


def test_a_tone_cut_where_it_has_no_pause_is_joined_without_clicks(convert, tmp_path):
    tone = 0.2 * np.sin(2 * np.pi * 150 * np.arange(40 * 16000) / 16000)
    soundfile.write(tmp_path / "in.wav", tone, 16000, subtype="FLOAT")
    convert(tmp_path / "in.wav", tmp_path / "out.wav")
    result, _ = soundfile.read(tmp_path / "out.wav")
    bend = np.abs(np.diff(result, 2))[1600:-1600]
    # The phases of two pieces differ where they meet; joined end to end, they would make a step.
    assert bend.max() < 5 * np.percentile(bend, 99)


def pauses_s(signal: np.ndarray) -> list[float]:
    """Lengths of the pauses of 1.5 s and more."""
    loud = np.flatnonzero(np.abs(signal) > 0.003)
    gaps = np.diff(loud) / 16000
    return gaps[gaps > 1.5].tolist()


def test_the_converter_of_the_package_is_the_default(speech, converters, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "in.wav", speech, 16000)
    monkeypatch.setattr(module, "SHIPPED", converters / "identity")
    made = convert_file(tmp_path / "in.wav", tmp_path / "out.wav", to="angry")
    assert (made.emotion, made.converter) == ("anger", "identity")
    before, after = (soundfile.read(tmp_path / name, dtype="int16")[0] for name in ("in.wav", "out.wav"))
    assert np.array_equal(before, after)
    monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped")
    with pytest.raises(EmoforgeError, match="comes without a converter; install emoforge again, or name"):
        convert_file(tmp_path / "in.wav", tmp_path / "out.wav", to="anger")


class _Mimic(Statistics):
    """Stretches the source by what the reference is longer than a second, and keeps what it was given."""

    given: list[Utterance]

    def perform_like(self, source, reference, *, intensity=1.0, seed=0):
        self.given.append(reference)
        style = no_change(source.tracks)
        style.stretch_log2[:] = np.log2(len(reference.signal) / reference.sampling_rate) * intensity
        return Performance(style, reference.clip_id)


def test_a_style_reference_reaches_the_converter_as_clips_do(speech, ravdess_root, converters, tmp_path):
    soundfile.write(tmp_path / "in.wav", speech, 16000)
    reference = ravdess(ravdess_root, "07", "05")
    soundfile.write(tmp_path / "style.flac", resampled(reference, 48000), 48000)
    with pytest.raises(EmoforgeError, match="converter statistics: takes no style reference"):
        convert_file(
            tmp_path / "in.wav",
            tmp_path / "out.wav",
            to="anger",
            converter=converters / "statistics",
            style=tmp_path / "style.flac",
        )
    model = _Mimic(Statistics.load(converters / "statistics").exemplars)
    model.given = []
    convert_file(
        tmp_path / "in.wav",
        tmp_path / "out.wav",
        to="anger",
        converter=EmotionConverter(model, {}),
        style=tmp_path / "style.flac",
    )
    (given,) = model.given
    assert given.emotion == "anger"
    assert given.sampling_rate == 16000
    assert active_level_db(given.signal, 16000) == pytest.approx(NEUTRAL_LEVEL_DB, abs=1)
    assert len(given.signal) == pytest.approx(len(trim_silence(reference, 16000)), abs=3200)
    assert len(soundfile.read(tmp_path / "out.wav")[0]) > 1.1 * len(speech)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros(0), "empty: no samples"),
        (np.zeros(16000), "silent: nothing above -80 dBFS"),
        (np.full(16000, 1e-6), "silent: nothing above -80 dBFS"),
        (np.array([0.1, np.nan] * 8000), "not finite"),
        (np.zeros(16000 * 601), "601.0 s long, at most 600 s \\(ten minutes\\) are taken at once; cut it into parts"),
    ],
    ids=["empty", "silent", "nearly silent", "nan", "too long"],
)
def test_recordings_that_cannot_be_converted_are_named(convert, tmp_path, samples, words):
    recording = tmp_path / "in.wav"
    soundfile.write(recording, samples, 16000, subtype="FLOAT")
    with pytest.raises(EmoforgeError, match=words) as caught:
        convert(recording, tmp_path / "out.wav")
    assert str(caught.value).startswith(f"{recording}: ")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_noise_without_any_voice_is_converted(convert, tmp_path):
    noise = (0.05 * np.random.default_rng(0).standard_normal(16000)).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", noise, 16000)
    convert(tmp_path / "in.wav", tmp_path / "out.wav")
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0]).max() > 0.01


def test_wrong_requests_are_named_and_change_nothing(speech, convert, converters, tmp_path):
    recording = tmp_path / "in.wav"
    soundfile.write(recording, speech, 16000)
    before = recording.read_bytes()
    (tmp_path / "link.wav").symlink_to(recording)
    (tmp_path / "text.wav").write_text("this is not audio")
    for arguments, options, words in [
        ((recording, recording), {}, "would be overwritten"),
        ((recording, tmp_path / "link.wav"), {}, "would be overwritten"),
        ((recording, tmp_path / "out.mp3"), {}, r"use \.wav or \.flac"),
        ((recording, tmp_path / "out"), {}, r"use \.wav or \.flac"),
        ((recording, tmp_path / "text.wav" / "out.wav"), {}, "cannot be written"),
        ((tmp_path / "gone.wav", tmp_path / "out.wav"), {}, r"gone\.wav: missing: no such file"),
        ((tmp_path / "text.wav", tmp_path / "out.wav"), {}, r"text\.wav: corrupt"),
        ((recording, tmp_path / "out.wav"), {"to": "fear"}, "allowed: anger, sadness"),
        ((recording, tmp_path / "out.wav"), {"to": "angr"}, "did you mean 'anger'"),
        ((recording, tmp_path / "out.wav"), {"intensity": 1.5}, "from 0 to 1"),
        ((recording, tmp_path / "out.wav"), {"converter": tmp_path / "none"}, "no such file"),
        ((recording, tmp_path / "out.wav"), {"style": tmp_path / "gone.wav"}, r"gone\.wav: missing"),
    ]:
        with pytest.raises(EmoforgeError, match=words) as caught:
            convert(*arguments, **options)
        assert "\n" not in str(caught.value)
    assert recording.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "link.wav", "text.wav"]


def test_a_failed_conversion_leaves_the_output_of_before(speech, convert, tmp_path):
    (tmp_path / "out.wav").write_bytes(b"before")
    soundfile.write(tmp_path / "in.wav", np.zeros(16000), 16000)
    with pytest.raises(EmoforgeError, match="silent"):
        convert(tmp_path / "in.wav", tmp_path / "out.wav")
    assert (tmp_path / "out.wav").read_bytes() == b"before"
