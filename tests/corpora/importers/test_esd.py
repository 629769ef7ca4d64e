"""The importer of ESD, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_esd_languages_transcripts_and_parallel_sentences(tmp_path):
    base = tmp_path / "Emotion Speech Dataset"
    starts = {"Neutral": 0, "Angry": 350, "Happy": 700, "Sad": 1050, "Surprise": 1400}
    for speaker in ("0001", "0011"):
        for folder, start in starts.items():
            for number in (1, 350):
                clip(base / speaker / folder / f"{speaker}_{start + number:06d}.wav")
    (base / "0001" / "0001.txt").write_bytes("0001_000001\t打远一看它们的确很是美丽\t中立\r\n".encode("gb18030"))
    (base / "0011" / "0011.txt").write_bytes(
        "0011_000001\tThe nine the eggs, I keep.\tNeutral\n\nbroken line\n0011_000351\tThe nine.  Angry\n".encode(
            "utf-16"
        )
    )
    clip(base / "0016" / "Sad" / "0016_001051.wav")
    (base / "0016" / "0016.txt").write_bytes("0016_001051\tI can\u2019t.\tSad".encode("cp1252"))
    found = by_stem("esd", tmp_path)
    assert found["0016_001051"].text == "I can\u2019t."
    labels = dict(zip(starts, ("neutral", "anger", "happiness", "sadness", "surprise"), strict=True))
    for speaker, language in (("0001", "zh"), ("0011", "en")):
        for folder, start in starts.items():
            first, last = (found[f"{speaker}_{start + number:06d}"] for number in (1, 350))
            assert first.emotion == labels[folder]
            assert (first.sentence, last.sentence) == (f"{language}-001", f"{language}-350")
    assert found["0001_000001"].text == "打远一看它们的确很是美丽"
    assert found["0011_000001"].text == "The nine the eggs, I keep."
    assert found["0011_000351"].text == "The nine."
    assert found["0011_000701"].text is None
    assert (found["0001_000001"].gender, found["0011_000001"].gender) == ("female", "male")


def test_esd_genders(tmp_path):
    for number in range(1, 21):
        clip(tmp_path / f"{number:04d}" / "Sad" / f"{number:04d}_001051.wav")
    men = [int(recording.speaker) for recording in corpora.read("esd", tmp_path) if recording.gender == "male"]
    assert men == [4, 5, 6, 8, 10, 11, 12, 13, 14, 20]


def test_esd_refuses_unknown_emotion_folders(tmp_path):
    clip(tmp_path / "0011" / "Bored" / "0011_000001.wav")
    with pytest.raises(CorpusError, match="unknown emotion folder 'Bored'"):
        corpora.read("esd", tmp_path)
