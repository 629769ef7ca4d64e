"""The importer of SAVEE, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import clip, emotions

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_savee_both_layouts_and_labels(tmp_path):
    codes = dict(zip(("a", "d", "f", "h", "n", "sa", "su"), corpora.info("savee").emotions, strict=True))
    assert list(codes.values()) == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
    for code in codes:
        clip(tmp_path / "folders" / "AudioData" / "DC" / f"{code}01.wav")
        clip(tmp_path / "flat" / f"DC_{code}01.wav")
    assert emotions("savee", tmp_path / "folders") == {f"DC_{code}01": label for code, label in codes.items()}
    assert emotions("savee", tmp_path / "flat") == emotions("savee", tmp_path / "folders")
    with pytest.raises(CorpusError, match="are both clip DC_a01 of savee"):
        corpora.read("savee", tmp_path)
    clip(tmp_path / "flat" / "DC_x01.wav")
    with pytest.raises(CorpusError, match="unknown emotion code 'x'"):
        corpora.read("savee", tmp_path / "flat")
