"""The demo corpus: distinct voices, emotions acted by the rules, the same bytes every time."""

import csv
import hashlib
import itertools
import time
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import parselmouth
import pytest

from emoforge.base.errors import CorpusError
from emoforge.corpora.demo.acting import RULES, Acting, colour, direct, draw_acting, draw_style
from emoforge.corpora.demo.espeak import SAMPLING_RATE_HZ, Utterance, speak
from emoforge.corpora.importers import demo

SENTENCES = 3


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    demo.generate(folder, sentences=SENTENCES)
    return folder


@pytest.fixture(scope="module")
def rows(corpus: Path) -> list[dict[str, str]]:
    with (corpus / "demo.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def load(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, SAMPLING_RATE_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def pitch_st(signal: np.ndarray) -> np.ndarray:
    f0 = parselmouth.Sound(signal, SAMPLING_RATE_HZ).to_pitch(0.01, 65, 600).selected_array["frequency"]
    return 12 * np.log2(f0[f0 > 0] / 100)


@pytest.fixture(scope="module")
def cues(corpus: Path, rows: list[dict[str, str]]) -> dict[str, dict[str, float]]:
    """Per emotion, the mean change of each measured cue from the same speaker's neutral clips."""
    measured: dict[tuple[str, str], list[list[float]]] = {}
    for row in rows:
        signal = load(corpus / row["path"])
        f0 = pitch_st(signal)
        frames = np.lib.stride_tricks.sliding_window_view(signal, 512)[::220] * np.hanning(512)
        power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
        loud = power.sum(1) > 1e-3 * np.percentile(power.sum(1), 90)
        low, high = np.percentile(f0, [10, 90])
        spectrum = power[loud].sum(0)
        measured.setdefault((row["speaker"], row["emotion"]), []).append(
            [
                loud.sum() * 220 / SAMPLING_RATE_HZ,
                np.median(f0),
                high - low,
                10 * np.log10(spectrum.sum() / loud.sum()),
                10 * np.log10(spectrum[24:].sum() / spectrum[:24].sum()),
            ]
        )
    names = ("duration_s", "f0_st", "f0_range_st", "level_db", "brightness_db")
    means = {key: np.mean(values, axis=0) for key, values in measured.items()}
    speakers = {speaker for speaker, _ in means}
    return {
        emotion: dict(
            zip(names, np.mean([means[s, emotion] - means[s, "neutral"] for s in speakers], axis=0), strict=True)
        )
        for emotion in demo.EMOTIONS
    }


def test_every_speaker_says_every_sentence_in_every_emotion_once(corpus: Path, rows: list[dict[str, str]]):
    assert tuple(rows[0]) == demo.COLUMNS
    counts = Counter((row["speaker"], row["emotion"], row["sentence"]) for row in rows)
    assert len(counts) == len(demo.VOICES) * len(demo.EMOTIONS) * SENTENCES
    assert set(counts.values()) == {1}
    assert Counter(row["gender"] for row in rows)["female"] == len(rows) / 2
    assert {row["path"] for row in rows} == {str(p.relative_to(corpus)) for p in corpus.rglob("*.wav")}


def test_clips_neither_clip_nor_fall_silent(corpus: Path, rows: list[dict[str, str]]):
    for row in rows:
        signal = load(corpus / row["path"])
        assert 0.8 < len(signal) / SAMPLING_RATE_HZ < 6
        assert 0.02 < np.abs(signal).max() < 1


def test_twelve_different_voices_and_none_is_the_fallback():
    utterance = [Utterance("<speak>The window behind you is open.</speak>")]
    names = [voice.name for voice in demo.VOICES]
    spoken = {name: speak(name, utterance)[0] for name in {*names, *(name.partition("+")[0] for name in names)}}
    spectra = {name: np.log(np.abs(np.fft.rfft(signal, 1 << 17)) + 1e-3) for name, signal in spoken.items()}
    spectra = {name: spectrum[: 1 << 15].reshape(64, -1).mean(1) for name, spectrum in spectra.items()}
    for one, other in itertools.combinations(spectra, 2):
        if one in names or other in names:
            assert np.abs(spectra[one] - spectra[other]).mean() > 0.1, (one, other)


def test_women_speak_higher_than_men(corpus: Path, rows: list[dict[str, str]]):
    f0 = {
        voice.speaker: np.median(
            np.concatenate(
                [
                    pitch_st(load(corpus / row["path"]))
                    for row in rows
                    if row["speaker"] == voice.speaker and row["emotion"] == "neutral"
                ]
            )
        )
        for voice in demo.VOICES
    }
    women = [f0[voice.speaker] for voice in demo.VOICES if voice.gender == "female"]
    men = [f0[voice.speaker] for voice in demo.VOICES if voice.gender == "male"]
    assert min(women) > max(men)


@pytest.mark.parametrize(
    ("cue", "more", "less"),
    [
        ("level_db", "anger", "neutral"),
        ("level_db", "anger", "sadness"),
        ("level_db", "happiness", "neutral"),
        ("level_db", "neutral", "sadness"),
        ("duration_s", "sadness", "neutral"),
        ("duration_s", "sadness", "anger"),
        ("duration_s", "neutral", "fear"),
        ("duration_s", "neutral", "anger"),
        ("f0_st", "anger", "neutral"),
        ("f0_st", "happiness", "neutral"),
        ("f0_st", "fear", "neutral"),
        ("f0_st", "surprise", "neutral"),
        ("f0_st", "neutral", "sadness"),
        ("f0_range_st", "surprise", "neutral"),
        ("f0_range_st", "surprise", "fear"),
        ("f0_range_st", "happiness", "sadness"),
        ("brightness_db", "anger", "neutral"),
        ("brightness_db", "neutral", "sadness"),
    ],
)
def test_emotions_follow_the_rules(cues: dict[str, dict[str, float]], cue: str, more: str, less: str):
    assert cues[more][cue] > cues[less][cue]


def test_surprise_rises_at_the_end():
    style = draw_style(np.random.default_rng(0))
    utterances = [
        direct("They moved the meeting to Monday morning.", style, Acting(final_rise_st=lift)) for lift in (0, 4)
    ]
    flat, rising = (pitch_st(signal) for signal in speak("en-us+f2", utterances))
    last = len(flat) // 8
    assert np.mean(rising[-last:]) > np.mean(flat[-last:]) + 2


def test_fear_trembles():
    style = draw_style(np.random.default_rng(0))
    voice = np.sin(2 * np.pi * 200 * np.arange(2 * SAMPLING_RATE_HZ) / SAMPLING_RATE_HZ).astype(np.float32)
    steady, fearful = (
        np.std(pitch_st(colour(voice, style, RULES[emotion], np.random.default_rng(1))))
        for emotion in ("neutral", "fear")
    )
    assert steady < 0.05 < fearful


def test_performances_of_one_emotion_differ():
    style = draw_style(np.random.default_rng(0))
    rng = np.random.default_rng(0)
    assert len({draw_acting(style, "anger", rng) for _ in range(10)}) == 10


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_bytes_for_any_number_of_workers(tmp_path: Path):
    for name, workers in (("once", 1), ("again", 1), ("parallel", 2)):
        # eSpeak NG would seed its noise with the clock's seconds: let one pass.
        time.sleep(1.1 if name == "again" else 0)
        demo.generate(tmp_path / name, voices=2, sentences=2, workers=workers)
    once = digest(tmp_path / "once")
    assert len(once) == 2 * 2 * len(demo.EMOTIONS) + 2
    assert digest(tmp_path / "again") == once
    assert digest(tmp_path / "parallel") == once
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "once", "parallel"]


def test_another_seed_gives_another_performance(tmp_path: Path):
    for seed in (0, 1):
        demo.generate(tmp_path / str(seed), voices=1, sentences=1, seed=seed)
    first, second = digest(tmp_path / "0"), digest(tmp_path / "1")
    assert all(first[path] != second[path] for path in first if path.endswith(".wav"))


@pytest.mark.parametrize("name", ["en-us+nosuchvariant", "nolanguage", "nolanguage+f2"])
def test_unknown_voice_is_refused(name: str):
    with pytest.raises(CorpusError, match=r"unknown (variant|language) 'no"):
        speak(name, [Utterance("<speak>The train leaves.</speak>")])


def test_read_returns_every_row(corpus: Path, rows: list[dict[str, str]]):
    recordings = demo.read(corpus)
    assert {(r.stem, r.speaker, r.emotion, r.gender, r.sentence, r.text) for r in recordings} == {
        (row["path"][: -len(".wav")], row["speaker"], row["emotion"], row["gender"], row["sentence"], row["text"])
        for row in rows
    }
    assert {recording.emotion for recording in recordings} == set(demo.INFO.emotions)
    assert demo.INFO.n_clips == len(recordings) // SENTENCES * len(demo.SENTENCES)


def test_read_names_what_is_missing(tmp_path: Path):
    with pytest.raises(CorpusError, match="does not look like"):
        demo.read(tmp_path)
    demo.generate(tmp_path / "demo", voices=1, sentences=1)
    (tmp_path / "demo" / "F01" / "F01_fear_s01.wav").unlink()
    with pytest.raises(CorpusError, match=r"F01_fear_s01\.wav is missing"):
        demo.read(tmp_path / "demo")


def test_an_earlier_demo_corpus_is_replaced(tmp_path: Path):
    demo.generate(tmp_path / "demo", voices=2, sentences=1)
    demo.generate(tmp_path / "demo", voices=1, sentences=1)
    assert {recording.speaker for recording in demo.read(tmp_path / "demo")} == {"F01"}


def test_other_files_are_not_overwritten(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(CorpusError, match="other than a demo corpus"):
        demo.generate(tmp_path, voices=1, sentences=1)
    assert (tmp_path / "mine.txt").read_text() == "kept"


@pytest.mark.parametrize("counts", [{"voices": 0}, {"voices": 13}, {"sentences": 99}])
def test_counts_out_of_range_are_refused(tmp_path: Path, counts: dict[str, int]):
    with pytest.raises(CorpusError, match="allowed: 1 to 12"):
        demo.generate(tmp_path / "demo", **counts)
    assert list(tmp_path.iterdir()) == []
