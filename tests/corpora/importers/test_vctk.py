"""The importer of VCTK, on small trees in the publisher's layout with real (tiny) audio files."""

from tests.corpora.importers.official import by_stem, clip, one_vctk


def test_vctk_takes_one_microphone_for_each_utterance(tmp_path):
    one_vctk(tmp_path)
    audio = tmp_path / "wav48_silence_trimmed"
    clip(audio / "p226" / "p226_003_mic2.flac")
    clip(audio / "p225" / "p225_001_mic2.flac")
    assert list(by_stem("vctk", tmp_path)) == ["p225_001_mic2", "p226_003_mic1"]


def test_vctk_speakers_without_words_or_without_an_entry(tmp_path):
    one_vctk(tmp_path)
    audio = tmp_path / "wav48_silence_trimmed"
    clip(audio / "p315" / "p315_003_mic1.flac")  # its words were lost
    clip(audio / "s5" / "s5_003_mic1.flac")
    (tmp_path / "txt" / "s5").mkdir()
    (tmp_path / "txt" / "s5" / "s5_003.txt").write_text("six spoons of fresh snow peas")
    found = by_stem("vctk", tmp_path)
    assert (found["p315_003_mic1"].text, found["p315_003_mic1"].sentence) == (None, None)
    assert found["p315_003_mic1"].gender == "unknown"
    assert found["s5_003_mic1"].sentence == found["p226_003_mic1"].sentence


def test_vctk_of_the_earlier_version(tmp_path):
    clip(tmp_path / "VCTK-Corpus" / "wav48" / "p225" / "p225_001.wav")
    words = tmp_path / "VCTK-Corpus" / "txt" / "p225" / "p225_001.txt"
    words.parent.mkdir(parents=True)
    words.write_text("Please call Stella.\n")
    (tmp_path / "VCTK-Corpus" / "speaker-info.txt").write_text(
        "ID  AGE  GENDER  ACCENTS  REGION \n225  23  F    English    Southern  England\n"
    )
    found = by_stem("vctk", tmp_path)["p225_001"]
    assert (found.speaker, found.gender, found.text) == ("p225", "female", "Please call Stella.")
