"""The importer of MELD, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip, one_meld

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_meld_splits_crowds_and_labels(tmp_path):
    header = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
    labels = {
        "neutral": "neutral",
        "joy": "happiness",
        "sadness": "sadness",
        "anger": "anger",
        "surprise": "surprise",
        "fear": "fear",
        "disgust": "disgust",
    }
    rows = [f"{n},Hey.,Rachel,{code},x,0,{n},1,1,0,1\n" for n, code in enumerate(labels)]
    rows += [f"9,Hey!,{who},joy,x,1,{n},1,1,0,1\n" for n, who in enumerate(("All", "Joey and Ross", "Mrs. Green"))]
    rows += ["9,Gone.,Ross,joy,x,2,0,1,1,0,1\n"]
    (tmp_path / "train_sent_emo.csv").write_text(header + "".join(rows))
    (tmp_path / "test_sent_emo.csv").write_text(header + "0,Hey.,Joey,joy,x,0,0,1,1,0,1\n")
    for n in range(len(labels)):
        clip(tmp_path / "train_splits" / f"dia0_utt{n}.wav")
    for n in range(3):
        clip(tmp_path / "train_splits" / f"dia1_utt{n}.wav")
    clip(tmp_path / "output_repeated_splits_test" / "dia0_utt0.wav")
    found = by_stem("meld", tmp_path)
    for n, label in enumerate(labels.values()):
        assert found[f"train/dia0_utt{n}"].emotion == label
    assert [stem for stem in found if "dia0" not in stem] == ["train/dia1_utt2"]
    assert (found["train/dia1_utt2"].speaker, found["train/dia1_utt2"].gender) == ("Mrs. Green", "unknown")
    assert found["test/dia0_utt0"].speaker == "Joey"
    assert "output_repeated_splits_test" in found["test/dia0_utt0"].path.parts


def test_meld_video_alone_says_how_to_get_the_sound(tmp_path):
    one_meld(tmp_path).rename(tmp_path / "dev_splits_complete" / "dia1_utt2.mp4")
    with pytest.raises(CorpusError, match="video only; .*ffmpeg"):
        corpora.read("meld", tmp_path)


def test_meld_refuses_unknown_emotions(tmp_path):
    one_meld(tmp_path)
    table = tmp_path / "dev_sent_emo.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",joy,", ",glee,"), encoding="utf-8")
    with pytest.raises(CorpusError, match=r"dev_sent_emo\.csv, dia1_utt2: unknown emotion 'glee'"):
        corpora.read("meld", tmp_path)
