"""The importer of CREMA-D, on small trees in the publisher's layout with real (tiny) audio files."""

from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora


def test_crema_d_labels_levels_and_genders(tmp_path):
    codes = {
        "ANG": "anger",
        "DIS": "disgust",
        "FEA": "fear",
        "HAP": "happiness",
        "NEU": "neutral",
        "SAD": "sadness",
    }
    for code in codes:
        clip(tmp_path / "AudioWAV" / f"1001_DFA_{code}_XX.wav")
    for level in ("LO", "MD"):
        clip(tmp_path / "AudioWAV" / f"1091_IEO_SAD_{level}.wav")
    clip(tmp_path / "AudioWAV" / "1040_ITH_SAD_X.wav")
    clip(tmp_path / "AudioMP3" / "1001_DFA_ANG_XX.mp3")
    found = by_stem("crema-d", tmp_path)
    assert {stem: found[stem].emotion for stem in found if "_XX" in stem} == {
        f"1001_DFA_{code}_XX": label for code, label in codes.items()
    }
    assert found["1001_DFA_ANG_XX"].path.suffix == ".wav"
    assert (found["1001_DFA_ANG_XX"].gender, found["1091_IEO_SAD_LO"].gender) == ("male", "female")
    assert [found[f"1091_IEO_SAD_{level}"].intensity for level in ("LO", "MD")] == [0.2, 0.5]
    assert (found["1040_ITH_SAD_X"].intensity, found["1040_ITH_SAD_X"].emotion) == (None, "sadness")


def test_crema_d_has_43_women_among_91_actors(tmp_path):
    for actor in range(1001, 1092):
        (tmp_path / f"{actor}_DFA_NEU_XX.wav").touch()
    genders = [recording.gender for recording in corpora.read("crema-d", tmp_path)]
    assert (genders.count("female"), genders.count("male")) == (43, 48)


def test_crema_d_all_sentences_have_words(tmp_path):
    sentences = ["IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI"]
    for sentence in sentences:
        clip(tmp_path / "AudioWAV" / f"1001_{sentence}_NEU_XX.wav")
    texts = {recording.sentence: recording.text for recording in corpora.read("crema-d", tmp_path)}
    assert set(texts) == set(sentences)
    assert len(set(texts.values())) == 12
