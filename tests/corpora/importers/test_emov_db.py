"""The importer of EmoV-DB, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip, emotions

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_emov_db_styles_spellings_and_words(tmp_path):
    files = {
        "bea_Amused/amused_1-15_0001": "amusement",
        "bea_Angry/anger_1-28_0001": "anger",
        "sam/Disgusted/disgust_1-28_0001": "disgust",
        "josh_Neutral/neutral_1-28_0002": "neutral",
        "sam_Sleepy/sleepiness_1-28_0593": "sleepiness",
    }
    for stem in files:
        clip(tmp_path / f"{stem}.wav")
    (tmp_path / "cmuarctic.data").write_text(
        '( arctic_a0001 "Author of the danger trail, Philip Steels, etc." )\n( arctic_b0002 "Not this." )\n'
    )
    assert emotions("emov-db", tmp_path) == files
    found = by_stem("emov-db", tmp_path)
    same = {stem for stem in found if found[stem].sentence == "0001"}
    assert len(same) == 3
    assert {found[stem].text for stem in same} == {"Author of the danger trail, Philip Steels, etc."}
    assert found["josh_Neutral/neutral_1-28_0002"].text is None
    assert {r.speaker: r.gender for r in found.values()} == {"bea": "female", "sam": "male", "josh": "male"}
    clip(tmp_path / "bea_Bored" / "bored_1-2_0001.wav")
    with pytest.raises(CorpusError, match="unknown style folder 'bored'"):
        corpora.read("emov-db", tmp_path)


def test_emov_db_has_an_archive_for_every_published_speaker_and_style():
    assert len(corpora.info("emov-db").downloads) == 18
