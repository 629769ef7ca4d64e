"""The importer of the Urdu corpus, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_urdu_flat_and_with_speaker_folders(tmp_path):
    clip(tmp_path / "Angry" / "SM1" / "SM1_F1_A01.wav")
    clip(tmp_path / "Happy" / "SF2_F1_H01.wav")
    clip(tmp_path / "Neutral" / "SM1_F1_N01.wav")
    clip(tmp_path / "Sad" / "SM1_F1_S01.wav")
    found = by_stem("urdu", tmp_path)
    assert [found[stem].emotion for stem in ("SM1_F1_A01", "SF2_F1_H01", "SM1_F1_N01", "SM1_F1_S01")] == [
        "anger",
        "happiness",
        "neutral",
        "sadness",
    ]
    assert (found["SF2_F1_H01"].speaker, found["SF2_F1_H01"].gender) == ("SF2", "female")


@pytest.mark.parametrize("code", ["X01", "D02"])
def test_urdu_refuses_unknown_letters(code, tmp_path):
    clip(tmp_path / "Sad" / f"SM1_F1_{code}.wav")
    with pytest.raises(CorpusError, match=f"SM1_F1_{code}.*unknown emotion letter"):
        corpora.read("urdu", tmp_path)
