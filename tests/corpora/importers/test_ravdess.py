"""The importer of RAVDESS, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_ravdess_labels_genders_sentences_intensities(tmp_path):
    for emotion in range(1, 9):
        for actor in (1, 2):
            clip(tmp_path / f"Actor_0{actor}" / f"03-01-0{emotion}-01-0{actor}-01-0{actor}.wav")
    found = by_stem("ravdess", tmp_path)
    labels = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
    for code, label in enumerate(labels, start=1):
        assert found[f"Actor_01/03-01-0{code}-01-01-01-01"].emotion == label
    assert {r.speaker: (r.gender, r.sentence, r.intensity) for r in found.values()} == {
        "01": ("male", "01", 0.5),
        "02": ("female", "02", 0.5),
    }


def test_ravdess_leaves_out_songs_beside_the_speech(tmp_path):
    clip(tmp_path / "Audio_Song_Actors_01-24" / "Actor_01" / "03-02-03-01-01-01-01.wav")
    clip(tmp_path / "Audio_Speech_Actors_01-24" / "Actor_01" / "03-01-03-01-01-01-01.wav")
    assert list(by_stem("ravdess", tmp_path)) == ["Actor_01/03-01-03-01-01-01-01"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("03-01-09-01-01-01-01", r"03-01-09-.*unknown emotion code '09'.*allowed: 01, 02"),
        ("03-01-01-03-01-01-01", "unknown intensity code '03'"),
        ("03-01-01-01-03-01-01", "unknown statement code '03'"),
        ("take one", "not named the way"),
    ],
)
def test_ravdess_names_the_file_and_the_unknown_code(name, complaint, tmp_path):
    clip(tmp_path / "Actor_01" / f"{name}.wav")
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("ravdess", tmp_path)


def test_ravdess_folds_are_disjoint_and_complete():
    speakers = [speaker for fold in corpora.info("ravdess").folds for speaker in fold]
    assert sorted(speakers) == [f"{actor:02d}" for actor in range(1, 25)]
