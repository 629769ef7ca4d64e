"""The importer of IEMOCAP, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip, one_iemocap

from emoforge import corpora
from emoforge.base.errors import CorpusError


def iemocap_with(root, labels):
    one_iemocap(root)
    lines = []
    for number, label in enumerate(labels):
        turn = f"Ses01F_script01_1_F{number:03d}"
        lines.append(f"[{number}.0 - {number}.5]\t{turn}\t{label}\t[2.5, 2.5, 2.5]\n")
        clip(root / "Session1" / "sentences" / "wav" / "Ses01F_script01_1" / f"{turn}.wav")
    (root / "Session1" / "dialog" / "EmoEvaluation" / "Ses01F_script01_1.txt").write_text("".join(lines))


def test_iemocap_labels_and_speakers(tmp_path):
    labels = {
        "neu": "neutral",
        "hap": "happiness",
        "sad": "sadness",
        "ang": "anger",
        "sur": "surprise",
        "fea": "fear",
        "dis": "disgust",
        "fru": "frustration",
        "exc": "excitement",
        "oth": "other",
        "xxx": None,
    }
    iemocap_with(tmp_path, labels)
    found = by_stem("iemocap", tmp_path)
    for number, label in enumerate(labels.values()):
        turn = f"Ses01F_script01_1_F{number:03d}"
        assert (found[turn].emotion if turn in found else None) == label
    # One dialogue, two speakers: the turn's letter counts, not the dialogue's.
    assert found["Ses01F_impro01_M000"].speaker == "Ses01M"
    assert found["Ses01F_script01_1_F000"].speaker == "Ses01F"
    assert found["Ses01F_script01_1_F000"].gender == "female"


def test_iemocap_refuses_unknown_labels(tmp_path):
    iemocap_with(tmp_path, ["joy"])
    with pytest.raises(CorpusError, match=r"Ses01F_script01_1\.txt, Ses01F_script01_1_F000: unknown label 'joy'"):
        corpora.read("iemocap", tmp_path)
