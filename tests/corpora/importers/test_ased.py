"""The importer of ASED, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_ased_labels_sentences_and_the_published_capital(tmp_path):
    clip(tmp_path / "01Neutral" / "n1-02-01-01-03.wav")
    clip(tmp_path / "02Fearful" / "f2-02-01-01-03.wav")
    clip(tmp_path / "03Happy" / "h3-04-01-02-65.wav")
    clip(tmp_path / "04Sad" / "S4-04-02-01-29.wav")
    clip(tmp_path / "05Angry" / "a5-04-02-01-29.wav")
    found = by_stem("ased", tmp_path)
    assert {stem[0].lower(): recording.emotion for stem, recording in found.items()} == {
        "n": "neutral",
        "f": "fear",
        "h": "happiness",
        "s": "sadness",
        "a": "anger",
    }
    # Sentences 01 and 02 are said in every emotion, the others in one only.
    assert found["n1-02-01-01-03"].sentence == found["f2-02-01-01-03"].sentence
    assert found["S4-04-02-01-29"].sentence != found["a5-04-02-01-29"].sentence
    assert (found["S4-04-02-01-29"].speaker, found["S4-04-02-01-29"].gender) == ("29", "female")
    assert (found["h3-04-01-02-65"].speaker, found["h3-04-01-02-65"].gender) == ("65", "male")


@pytest.mark.parametrize(
    ("stem", "complaint"), [("x1-02-01-01-03", "emotion letter 'x'"), ("n1-02-01-03-03", "gender code '03'")]
)
def test_ased_refuses_unknown_codes(stem, complaint, tmp_path):
    clip(tmp_path / "01Neutral" / f"{stem}.wav")
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("ased", tmp_path)
