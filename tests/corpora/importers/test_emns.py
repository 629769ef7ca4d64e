"""The importer of EMNS, on small trees in the publisher's layout with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import by_stem, clip, one_emns

from emoforge import corpora
from emoforge.base.errors import CorpusError

_HEADER = "id|utterance|description|emotion|date_created|status|gender|age|level|audio_recording|user_id\n"


def _write(root, rows):
    """Write metadata.csv of (emotion, level, utterance, recording), and every recording that has a name."""
    lines = [
        f"{number}|{utterance}|said {{user_id}}|{emotion}|2022-06-03|Complete|Female|20s|{level}|wavs/{name}.webm|3\n"
        for number, (emotion, level, utterance, name) in enumerate(rows)
    ]
    (root / "metadata.csv").write_text(_HEADER + "".join(lines), encoding="utf-8")
    for *_, name in rows:
        clip(root / "cleaned_webm" / f"{name}.opus")


def test_emns_labels_levels_and_sentences(tmp_path):
    labels = {
        "Angry": "anger",
        "Disgust": "disgust",
        "Excited": "excitement",
        "Happy": "happiness",
        "Neutral": "neutral",
        "Sad": "sadness",
        "Sarcastic": "other",
        "Surprised": "surprise",
    }
    _write(tmp_path, [(label, 3, "Little things, please.", f"recorded_audio_{label}") for label in labels])
    found = by_stem("emns", tmp_path)
    assert {label: found[f"recorded_audio_{label}"].emotion for label in labels} == labels
    assert {recording.intensity for recording in found.values()} == {0.3}
    assert {recording.sentence for recording in found.values()} == {"little things please"}


def test_emns_level_zero_is_none_and_a_row_without_audio_is_left_out(tmp_path):
    _write(tmp_path, [("Neutral", 0, "It was.", "recorded_audio_a"), ("Sad", 10, "It was not.", "recorded_audio_b")])
    assert [recording.intensity for recording in corpora.read("emns", tmp_path)] == [None, 1.0]
    (tmp_path / "cleaned_webm" / "recorded_audio_b.opus").unlink()
    assert list(by_stem("emns", tmp_path)) == ["recorded_audio_a"]


def test_emns_as_shipped_says_how_to_make_it_readable(tmp_path):
    path = one_emns(tmp_path)
    path.rename(path.with_suffix(".webm"))
    with pytest.raises(CorpusError, match=r"holds WebM only; .*`ffmpeg -i .*\.webm -c:a copy .*\.opus`"):
        corpora.read("emns", tmp_path)


def test_emns_refuses_unknown_emotions(tmp_path):
    _write(tmp_path, [("Bored", 1, "So.", "recorded_audio_a")])
    with pytest.raises(CorpusError, match=r"metadata\.csv, wavs/recorded_audio_a\.webm: unknown emotion 'Bored'"):
        corpora.read("emns", tmp_path)
