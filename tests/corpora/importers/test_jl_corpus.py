"""The importer of the JL corpus, on small trees in the publisher's layout with real (tiny) audio files."""

from tests.corpora.importers.official import by_stem, clip


def test_jl_corpus_labels_and_sentences_by_words(tmp_path):
    codes = {
        "neutral": "neutral",
        "happy": "happiness",
        "sad": "sadness",
        "angry": "anger",
        "excited": "excitement",
        "anxious": "anxiety",
        "apologetic": "apology",
        "assertive": "assertiveness",
        "concerned": "concern",
        "encouraging": "encouragement",
    }
    for code in codes:
        clip(tmp_path / f"female1_{code}_1a_1.wav")
    (tmp_path / "female1_happy_1a_1.txt").write_text("Tom beats that farmer\n")
    (tmp_path / "female1_sad_1a_1.txt").write_text("\ufeffTom beats that farmer.", encoding="utf-8")
    found = by_stem("jl-corpus", tmp_path)
    assert {stem: r.emotion for stem, r in found.items()} == {f"female1_{c}_1a_1": label for c, label in codes.items()}
    assert found["female1_happy_1a_1"].sentence == found["female1_sad_1a_1"].sentence == "tom beats that farmer"
    assert found["female1_neutral_1a_1"].sentence is None
    assert found["female1_neutral_1a_1"].gender == "female"
