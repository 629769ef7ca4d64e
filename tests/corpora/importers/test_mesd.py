"""The importer of MESD, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_mesd_labels_voices_and_words(tmp_path):
    for emotion in ("Anger", "Disgust", "Fear", "Happiness", "Neutral", "Sadness"):
        clip(tmp_path / f"{emotion}_C_A_de_nada.wav")
    clip(tmp_path / "Anger_F_A_de_nada.wav")
    clip(tmp_path / "Fear_M_B_arana.wav")
    found = by_stem("mesd", tmp_path)
    assert all(recording.emotion == stem.split("_")[0].lower() for stem, recording in found.items())
    # Who of several children speaks is not published: a kind of voice is one speaker.
    assert {(recording.speaker, recording.gender) for recording in found.values()} == {
        ("C", "unknown"),
        ("F", "female"),
        ("M", "male"),
    }
    assert found["Anger_F_A_de_nada"].sentence == found["Sadness_C_A_de_nada"].sentence
    assert found["Anger_F_A_de_nada"].text == "de nada"


@pytest.mark.parametrize(("stem", "complaint"), [("Joy_F_A_si", "emotion 'Joy'"), ("Fear_X_A_si", "voice letter 'X'")])
def test_mesd_refuses_unknown_codes(stem, complaint, tmp_path):
    clip(tmp_path / f"{stem}.wav")
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("mesd", tmp_path)
