"""The importer of EMOVO, on small trees in the publisher's layout with real (tiny) audio files."""

import numpy as np
import pytest
import soundfile
from tests.corpora.importers.official import by_stem, clip, emotions

from emoforge import corpora
from emoforge.base.errors import CorpusError
from emoforge.corpora.measuring import Limits, signal_of


def test_emovo_labels_speakers_and_words(tmp_path):
    codes = {
        "dis": "disgust",
        "gio": "happiness",
        "pau": "fear",
        "rab": "anger",
        "sor": "surprise",
        "tri": "sadness",
        "neu": "neutral",
    }
    for code in codes:
        clip(tmp_path / "f1" / f"{code}-f1-b1.wav")
    assert emotions("emovo", tmp_path) == {f"{code}-f1-b1": label for code, label in codes.items()}
    for speaker in ("f2", "f3", "m1", "m2", "m3"):
        clip(tmp_path / speaker / f"neu-{speaker}-b1.wav")
    found = by_stem("emovo", tmp_path).values()
    assert {recording.speaker for recording in found if recording.gender == "female"} == {"f1", "f2", "f3"}
    assert {(recording.sentence, recording.text) for recording in found} == {("b1", "Gli operai si alzano presto.")}


def test_emovo_names_in_capitals(tmp_path):
    clip(tmp_path / "M1" / "RAB-M1-L4.wav")
    found = by_stem("emovo", tmp_path)["RAB-M1-L4"]
    assert (found.speaker, found.emotion, found.sentence) == ("m1", "anger", "l4")


@pytest.mark.parametrize(
    ("stem", "complaint"), [("xyz-f1-b1", "emotion code 'xyz'"), ("neu-f1-b9", "sentence"), ("neu-f1", "not named")]
)
def test_emovo_refuses_unknown_codes(stem, complaint, tmp_path):
    clip(tmp_path / "f1" / "neu-f1-b1.wav")
    clip(tmp_path / "f1" / f"{stem}.wav")
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("emovo", tmp_path)


@pytest.mark.parametrize(("suffix", "subtype"), [(".wav", "PCM_16"), (".opus", "OPUS"), (".ogg", "VORBIS")])
def test_emovo_stereo_at_48_khz_is_heard_as_mono(suffix, subtype, tmp_path):
    path = tmp_path / "f1" / f"neu-f1-b1{suffix}"
    path.parent.mkdir()
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    form = "WAV" if suffix == ".wav" else "OGG"
    soundfile.write(path, np.stack([tone, 0.5 * tone], axis=1), 48_000, format=form, subtype=subtype)
    (recording,) = corpora.read("emovo", tmp_path)
    signal = signal_of(recording, Limits(16_000, trim_db=60.0, min_duration_s=0.3, max_duration_s=30.0))
    assert signal.ndim == 1
    assert len(signal) / 16_000 == pytest.approx(1.0, abs=0.02)
    assert np.abs(np.fft.rfft(signal)).argmax() * 16_000 / len(signal) == pytest.approx(440, abs=2)
