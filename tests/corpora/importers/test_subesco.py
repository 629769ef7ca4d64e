"""The importer of SUBESCO, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_subesco_labels_and_speakers(tmp_path):
    codes = {
        "ANGRY": "anger",
        "DISGUST": "disgust",
        "FEAR": "fear",
        "HAPPY": "happiness",
        "NEUTRAL": "neutral",
        "SAD": "sadness",
        "SURPRISE": "surprise",
    }
    for code in codes:
        clip(tmp_path / f"M_01_SOMEONE_S_1_{code}_1.wav")
    clip(tmp_path / "F_01_OISHI_S_1_ANGRY_2.wav")
    clip(tmp_path / "f_01_Oishi_s_1_angry_3.wav")
    found = by_stem("subesco", tmp_path)
    assert {code: found[f"M_01_SOMEONE_S_1_{code}_1"].emotion for code in codes} == codes
    # A woman and a man with the same number are two speakers.
    assert found["M_01_SOMEONE_S_1_ANGRY_1"].speaker == "M01"
    assert found["F_01_OISHI_S_1_ANGRY_2"].speaker == found["f_01_Oishi_s_1_angry_3"].speaker == "F01"
    assert {recording.sentence for recording in found.values()} == {"1"}


def test_subesco_refuses_unknown_codes(tmp_path):
    clip(tmp_path / "F_01_OISHI_S_1_BORED_1.wav")
    with pytest.raises(CorpusError, match="unknown emotion 'BORED'"):
        corpora.read("subesco", tmp_path)


def test_subesco_published_folds_name_speakers_as_the_importer_does(tmp_path):
    for gender in "FM":
        for number in range(1, 11):
            clip(tmp_path / f"{gender}_{number:02d}_SOMEONE_S_1_SAD_1.wav")
    speakers = {recording.speaker for recording in corpora.read("subesco", tmp_path)}
    assert {speaker for fold in corpora.info("subesco").folds for speaker in fold} == speakers
