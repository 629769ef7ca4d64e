"""The importer of TESS, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip

from emoforge import corpora
from emoforge.base.errors import CorpusError


def test_tess_labels_and_quirks(tmp_path):
    codes = {
        "angry": "anger",
        "disgust": "disgust",
        "fear": "fear",
        "happy": "happiness",
        "neutral": "neutral",
        "ps": "surprise",
        "sad": "sadness",
    }
    data = tmp_path / "TESS Toronto emotional speech set data"
    for code in codes:
        clip(data / f"YAF_{code}" / f"YAF_back_{code}.wav")
        clip(data / data.name / f"YAF_{code}" / f"YAF_back_{code}.wav")  # the copy inside itself
    clip(data / "OAF_neutral" / "OA_bite_neutral.wav")
    found = by_stem("tess", tmp_path)
    assert {stem: r.emotion for stem, r in found.items() if r.speaker == "YAF"} == {
        f"YAF_back_{code}": label for code, label in codes.items()
    }
    assert data.name not in str(found["YAF_back_sad"].path.relative_to(data))
    assert (found["OA_bite_neutral"].speaker, found["OA_bite_neutral"].sentence) == ("OAF", "bite")
    clip(data / "OAF_calm" / "OAF_back_calm.wav")
    with pytest.raises(CorpusError, match="OAF_back_calm.*unknown emotion 'calm'"):
        corpora.read("tess", tmp_path)
