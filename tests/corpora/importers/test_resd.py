"""The importer of RESD, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_resd_labels_blanks_and_folders_named_otherwise(tmp_path):
    clip(tmp_path / "train" / "happiness_enthusiasm_32" / "32_happiness_enthusiasm_h_120.wav")
    clip(tmp_path / "test" / "happiness_enthusiasm_32" / "32_happiness_enthusiasm_e_060.wav")
    clip(tmp_path / "train" / "11_disgust_anger" / "11_anger_disgust d_200.wav")
    clip(tmp_path / "train" / "11_disgust_anger" / "11_anger_disgust a_210.wav")
    clip(tmp_path / "train" / "neutral_fear_27" / "27_neutral_fear_n_030.wav")
    clip(tmp_path / "train" / "neutral_fear_27" / "27_neutral_fear_f_100.wav")
    clip(tmp_path / "train" / "sadness_disgust_33" / "33_sadness_disgust_s_080.wav")
    found = by_stem("resd", tmp_path)
    assert {stem: (recording.speaker, recording.emotion) for stem, recording in found.items()} == {
        "32_happiness_enthusiasm_h_120": ("32", "happiness"),
        # Both halves of a dialogue, and those in train and test, stay together.
        "32_happiness_enthusiasm_e_060": ("32", "excitement"),
        "11_anger_disgust d_200": ("11", "disgust"),
        "11_anger_disgust a_210": ("11", "anger"),
        "27_neutral_fear_n_030": ("27", "neutral"),
        "27_neutral_fear_f_100": ("27", "fear"),
        "33_sadness_disgust_s_080": ("33", "sadness"),
    }


@pytest.mark.parametrize(
    ("stem", "complaint"),
    [
        ("11_anger_disgust_s_200", "'s' does not tell which of anger and disgust the clip is"),
        ("11_anger_disdain_d_200", "unknown emotion 'disdain'"),
    ],
)
def test_resd_refuses_a_letter_of_neither_emotion(stem, complaint, tmp_path):
    clip(tmp_path / f"{stem}.wav")
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("resd", tmp_path)
