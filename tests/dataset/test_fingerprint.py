import io
import itertools

import numpy as np
import pytest
import soundfile

from emoforge.base.audio import decode, resample
from emoforge.dataset.fingerprint import SAME_RECORDING, candidate_pairs, fingerprint, waveform_similarity
from emoforge.dataset.levels import trim_silence

RATE = 16000


def with_noise(signal: np.ndarray, level_db: float) -> np.ndarray:
    noise = np.random.default_rng(len(signal)).standard_normal(len(signal)) * np.sqrt(np.mean(signal**2))
    return (signal + noise * 10 ** (level_db / 20)).astype(np.float32)


def encoded(signal: np.ndarray, kind: str, subtype: str) -> np.ndarray:
    buffer = io.BytesIO()
    soundfile.write(buffer, signal, RATE, format=kind, subtype=subtype)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0]


COPIES = {
    "quieter, trimmed, noisy": lambda signal: with_noise(0.3 * signal[1600:], -30),
    "trimmed at the end": lambda signal: signal[:-1600],
    "inverted": lambda signal: -signal,
    "MP3": lambda signal: encoded(signal, "MP3", "MPEG_LAYER_III"),
    "Ogg Vorbis": lambda signal: encoded(signal, "OGG", "VORBIS"),
    "telephone": lambda signal: resample(resample(signal, RATE, 8000), 8000, RATE),
    "its middle half": lambda signal: signal[len(signal) // 4 : 3 * len(signal) // 4],
}


def found(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> set[tuple[str, str]]:
    """Return the pairs of names, one of each, that are taken for one recording."""
    names, signals = [*first, *second], [*first.values(), *second.values()]
    pairs = candidate_pairs([fingerprint(signal, RATE) for signal in signals])
    return {(names[a], names[b]) for a, b in pairs if waveform_similarity(signals[a], signals[b]) >= SAME_RECORDING}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_is_found_and_nothing_else(readings, way):
    copies = {f"copy of {name}": COPIES[way](signal) for name, signal in list(readings.items())[::3]}
    pairs = found(readings, copies)
    assert pairs == {(name.removeprefix("copy of "), name) for name in copies}


def test_two_readings_of_one_sentence_are_two_recordings(readings):
    names = [name for name in readings if name.endswith("_s01")]
    assert len(names) > 20
    for first, second in itertools.combinations(names, 2):
        assert waveform_similarity(readings[first], readings[second]) < SAME_RECORDING


@pytest.mark.slow
def test_real_readings_differ_and_the_published_duplicate_is_found(ravdess_root):
    signals = {}
    for actor in ("02", "07"):
        for path in sorted(ravdess_root.glob(f"Actor_{actor}/*.flac")):
            signals[path.stem] = trim_silence(resample(*decode(path), RATE), RATE, threshold_db=40.0)
    copies = {
        f"copy of {name}": COPIES["quieter, trimmed, noisy"](signal) for name, signal in list(signals.items())[::4]
    }
    pairs = found(signals, copies)
    twice = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")
    assert twice in pairs
    true = {(name.removeprefix("copy of "), name) for name in copies}
    # A copy of one of the published duplicates is one of the other, too.
    also = {(other, f"copy of {name}") for name, other in (twice, twice[::-1])}
    assert pairs - {twice} - also <= true
    assert len(pairs & true) >= 0.97 * len(true)


def test_silence_has_no_similarity(readings):
    speech = next(iter(readings.values()))
    silence = np.zeros(RATE, np.float32)
    assert found({"silence": silence, "more": silence}, {"speech": speech}) == set()
    assert waveform_similarity(silence, speech) == 0.0


def test_a_clip_too_short_for_a_word_has_none():
    assert fingerprint(np.ones(200, np.float32), RATE).shape == (0,)
    assert candidate_pairs([]) == []
    assert candidate_pairs([np.empty(0, np.uint32)] * 2) == []


def test_the_level_changes_no_word(readings):
    speech = next(iter(readings.values()))
    np.testing.assert_array_equal(fingerprint(speech, RATE), fingerprint(speech * np.float32(0.25), RATE))
