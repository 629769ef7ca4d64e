"""The importer of EmoDB, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import clip, emotions

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_emodb_labels_and_speakers(tmp_path):
    letters = dict(
        zip("WLEAFTN", ["anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral"], strict=True)
    )
    for letter in letters:
        clip(tmp_path / "wav" / f"03b10{letter}a.wav")
    assert emotions("emodb", tmp_path) == {f"03b10{letter}a": label for letter, label in letters.items()}
    for speaker in ("08", "09", "10", "11", "12", "13", "14", "15", "16"):
        clip(tmp_path / "wav" / f"{speaker}a02Nb.wav")
    women = {recording.speaker for recording in corpora.read("emodb", tmp_path) if recording.gender == "female"}
    assert women == {"08", "09", "13", "14", "16"}


@pytest.mark.parametrize(
    ("stem", "complaint"), [("03a01Xa", "emotion letter 'X'"), ("03c01Na", "sentence"), ("04a01Na", "speaker '04'")]
)
def test_emodb_refuses_unknown_codes(stem, complaint, tmp_path):
    clip(tmp_path / "wav" / f"{stem}.wav")
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("emodb", tmp_path)
