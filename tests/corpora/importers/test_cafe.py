"""The importer of CaFE, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_cafe_labels_intensities_and_genders(tmp_path):
    letters = {
        "C": "anger",
        "D": "disgust",
        "J": "happiness",
        "N": "neutral",
        "P": "fear",
        "S": "surprise",
        "T": "sadness",
    }
    # What unpacking makes of Colère and Dégoût.
    clip(tmp_path / "Col\u0160re" / "Faible" / "01-C-1-1.wav")
    clip(tmp_path / "D\u201ago\u2013t" / "Fort" / "02-D-2-1.wav")
    clip(tmp_path / "Neutre" / "12-N-1-6.wav")
    for letter in "JPST":
        clip(tmp_path / "CaFE_48k" / f"07-{letter}-2-2.wav")
    found = by_stem("cafe", tmp_path)
    assert {stem.split("-")[1]: recording.emotion for stem, recording in found.items()} == letters
    assert [found[stem].intensity for stem in ("01-C-1-1", "02-D-2-1", "12-N-1-6")] == [0.5, 1.0, None]
    assert [found[stem].gender for stem in ("01-C-1-1", "02-D-2-1", "07-J-2-2")] == ["male", "female", "male"]
    assert found["12-N-1-6"].text == "Six ours aimants domestiqués"


def test_cafe_at_two_sampling_rates_is_one_too_many(tmp_path):
    clip(tmp_path / "CaFE_48k" / "01-C-1-1.wav")
    clip(tmp_path / "CaFE_192k" / "01-C-1-1.aiff")
    with pytest.raises(CorpusError, match=r"CaFE_192k/01-C-1-1\.aiff and .*wav have the same name; keep one"):
        corpora.read("cafe", tmp_path)
