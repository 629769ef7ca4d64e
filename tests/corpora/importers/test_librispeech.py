"""The importer of LibriSpeech, on small trees in the publisher's layout with real (tiny) audio files."""

from tests.corpora.importers.official import by_stem, clip, one_librispeech


def test_librispeech_words_and_readers_whose_names_hold_the_separator(tmp_path):
    one_librispeech(tmp_path)
    chapter = tmp_path / "LibriSpeech" / "dev-clean" / "60" / "7"
    clip(chapter / "60-7-0000.flac")
    clip(chapter / "60-7-0001.flac")
    (chapter / "60-7.trans.txt").write_text("60-7-0000 TO BE\n60-7-0001\n")
    found = by_stem("librispeech", tmp_path)
    assert {stem: (recording.speaker, recording.gender, recording.text) for stem, recording in found.items()} == {
        "19-198-0001": ("19", "female", "THIS LITTLE WORK"),
        "60-7-0000": ("60", "male", "TO BE"),
        "60-7-0001": ("60", "male", None),
    }


def test_librispeech_subset_finds_the_table_of_readers_above_it(tmp_path):
    one_librispeech(tmp_path)
    subset = tmp_path / "LibriSpeech" / "train-clean-100"
    assert [recording.gender for recording in by_stem("librispeech", subset).values()] == ["female"]


def test_librispeech_clips_alone(tmp_path):
    clip(tmp_path / "103-1240-0000.opus")
    clip(tmp_path / "1034-121119-0000.opus")
    found = by_stem("librispeech", tmp_path).values()
    assert {(recording.speaker, recording.gender, recording.text) for recording in found} == {
        ("103", "unknown", None),
        ("1034", "unknown", None),
    }
