"""The importer of MSP-Podcast, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import clip, emotions, one_msp_podcast

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_msp_podcast_labels_and_unknown_speakers(tmp_path):
    codes = dict(zip("NHSAUFDCO", corpora.info("msp-podcast").emotions, strict=True))
    assert codes == {
        "N": "neutral",
        "H": "happiness",
        "S": "sadness",
        "A": "anger",
        "U": "surprise",
        "F": "fear",
        "D": "disgust",
        "C": "contempt",
        "O": "other",
    }
    one_msp_podcast(tmp_path).unlink()
    table = tmp_path / "Labels" / "labels_consensus.csv"
    rows = [f"{code}.wav,{code},1,1,1,7,Unknown,Train" for code in [*codes, "X"]]
    rows.append("nobody.wav,N,1,1,1,Unknown,Male,Train")
    table.write_text(table.read_text().splitlines()[0] + "\n" + "\n".join(rows))
    for stem in [*codes, "X", "nobody"]:
        clip(tmp_path / "Audios" / f"{stem}.wav")
    assert emotions("msp-podcast", tmp_path) == codes
    table.rename(table.with_name("labels_concensus.csv"))
    assert emotions("msp-podcast", tmp_path) == codes
    table.with_name("labels_concensus.csv").write_text("FileName,EmoClass,SpkrID,Gender\nN.wav,Z,7,Male\n")
    with pytest.raises(CorpusError, match=r"N\.wav: unknown label 'Z'"):
        corpora.read("msp-podcast", tmp_path)
