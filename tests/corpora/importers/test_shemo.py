"""The importer of ShEMO, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_shemo_labels_and_transcripts_that_are_not_read(tmp_path):
    letters = {"A": "anger", "F": "fear", "H": "happiness", "N": "neutral", "S": "sadness", "W": "surprise"}
    for letter in letters:
        clip(tmp_path / "female" / f"F01{letter}01.wav")
    clip(tmp_path / "male" / "M56N12.wav")
    words = tmp_path / "transcript" / "final text" / "F01A01.ort"
    words.parent.mkdir(parents=True)
    words.write_text("\ufeffقربونت برم", encoding="utf-8")
    found = by_stem("shemo", tmp_path)
    assert {letter: found[f"F01{letter}01"].emotion for letter in letters} == letters
    assert (found["F01A01"].speaker, found["F01A01"].gender, found["F01A01"].text) == ("F01", "female", None)
    assert (found["M56N12"].speaker, found["M56N12"].gender) == ("M56", "male")


@pytest.mark.parametrize(("stem", "complaint"), [("F01X01", "emotion letter 'X'"), ("C01A01", "gender letter 'C'")])
def test_shemo_refuses_unknown_letters(stem, complaint, tmp_path):
    clip(tmp_path / "female" / f"{stem}.wav")
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("shemo", tmp_path)
