"""The importer of AESDD, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_aesdd_labels_second_takes_and_padded_speakers(tmp_path):
    folders = {"a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "s": "sadness"}
    for letter, folder in folders.items():
        clip(tmp_path / folder / f"{letter}02 (5).wav")
    clip(tmp_path / "fear" / "f02 (5)b.wav")
    clip(tmp_path / "fear" / "f10 (01).wav")
    clip(tmp_path / "fear" / "f10 (1)b.wav")
    clip(tmp_path / "fear" / "f20 (6).wav")
    found = by_stem("aesdd", tmp_path)
    assert {letter: found[f"{letter}02 (5)"].emotion for letter in folders} == folders
    # Takes of one utterance are the same sentence by the same speaker, in every emotion.
    assert {(found[stem].speaker, found[stem].sentence) for stem in found if "02 (5)" in stem} == {("5", "02")}
    assert found["f10 (01)"].speaker == found["f10 (1)b"].speaker == "1"
    assert found["f20 (6)"].sentence is None  # improvised


def test_aesdd_refuses_unknown_letters(tmp_path):
    clip(tmp_path / "x01 (1).wav")
    with pytest.raises(CorpusError, match="unknown emotion letter 'x'"):
        corpora.read("aesdd", tmp_path)
