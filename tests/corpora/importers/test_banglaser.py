"""The importer of BanglaSER, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_banglaser_labels_and_genders(tmp_path):
    codes = {"01": "happiness", "02": "sadness", "03": "anger", "04": "surprise", "05": "neutral"}
    for code in codes:
        clip(tmp_path / "Actor 07" / f"03-01-{code}-01-02-01-07.wav")
    clip(tmp_path / "Actor 34" / "03-01-01-02-02-03-34.wav")
    found = by_stem("banglaser", tmp_path)
    assert {code: found[f"03-01-{code}-01-02-01-07"].emotion for code in codes} == codes
    assert [recording.gender for recording in found.values()] == ["male", "female", "male", "male", "male", "male"]
    assert found["03-01-01-02-02-03-34"].intensity == 1.0
    assert {recording.sentence for recording in found.values()} == {"02"}


def test_ravdess_is_not_taken_for_banglaser(tmp_path):
    clip(tmp_path / "Actor_12" / "03-01-06-02-01-02-12.wav")
    with pytest.raises(CorpusError, match="unknown emotion code '06'"):
        corpora.read("banglaser", tmp_path)
