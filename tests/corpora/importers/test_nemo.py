"""The importer of nEMO, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import clip, emotions, one_nemo

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_nemo_labels_and_missing_audio(tmp_path):
    labels = {
        "neutral": "neutral",
        "anger": "anger",
        "happiness": "happiness",
        "sadness": "sadness",
        "fear": "fear",
        "surprised": "surprise",
    }
    rows = [f"EB0_{code}_{number}.wav\t{code}\tTak.\ttak\t   EB0\tfemale\t27" for code in labels for number in (1, 2)]
    (tmp_path / "data.tsv").write_text(
        "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n" + "\n".join(rows)
    )
    for code in labels:
        clip(tmp_path / "samples" / f"EB0_{code}_1.wav")
    assert emotions("nemo", tmp_path) == {f"EB0_{code}_1": label for code, label in labels.items()}
    assert {r.sentence for r in corpora.read("nemo", tmp_path)} == {"1"}


def test_nemo_refuses_unknown_labels_and_missing_columns(tmp_path):
    one_nemo(tmp_path)
    table = tmp_path / "data.tsv"
    table.write_text(table.read_text().replace("\tsurprised\t", "\tboredom\t"))
    with pytest.raises(CorpusError, match=r"data\.tsv, WR0_surprised_64\.wav: unknown emotion 'boredom'"):
        corpora.read("nemo", tmp_path)
    table.write_text(table.read_text().replace("speaker_id", "who"))
    with pytest.raises(CorpusError, match=r"data\.tsv has no column speaker_id; it has file_id"):
        corpora.read("nemo", tmp_path)
