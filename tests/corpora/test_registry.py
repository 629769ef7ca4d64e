import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from emoforge import corpora
from emoforge.base.errors import CorpusError
from emoforge.corpora.recording import STYLES

RECORDING = corpora.Recording(
    path=Path("a.wav"),
    corpus="demo",
    speaker="one",
    emotion="anger",
    gender="female",
    language="en",
    text=None,
    sentence=None,
    intensity=0.5,
    stem="a",
    start_s=1.0,
    end_s=2.0,
)


@pytest.mark.parametrize("name", corpora.names())
def test_every_corpus_says_how_to_get_it_and_under_which_terms(name):
    info = corpora.info(name)
    assert info.name == name
    assert info.style in STYLES
    assert info.licence
    assert info.downloads or info.access
    assert not (info.derivatives and "ND" in info.licence)
    assert info.non_commercial or "NC" not in info.licence
    for item in info.downloads:
        assert item.url.startswith("https://")
        assert item.checksum is None or item.checksum.split(":")[0] in {"md5", "sha256"}


def test_names_are_forgiving_about_spelling_only():
    assert corpora.info("CREMA_D") is corpora.info("crema-d")
    with pytest.raises(CorpusError, match=r"unknown corpus 'ravdes' \(did you mean 'ravdess'\?\); allowed: demo, "):
        corpora.info("ravdes")
    with pytest.raises(CorpusError, match="unknown corpus"):
        corpora.read("../demo", "x")


def test_the_table_has_a_row_for_each_corpus():
    rows = {row["name"]: row for row in corpora.corpora_table()}
    assert tuple(rows) == corpora.names()
    assert rows["esd"] == {
        "name": "esd",
        "language": "zh en",
        "speakers": "20",
        "clips": "35000",
        "emotions": "neutral anger happiness sadness surprise",
        "licence": "research use only",
        "redistributable": "no",
        "style": "acted",
    }
    assert rows["table"]["speakers"] == ""


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("urdu", "A → anger, H → happiness, N → neutral, S → sadness"),
        ("librispeech", "(no label) → neutral"),
    ],
)
def test_the_line_of_labels_says_what_each_becomes(name, line):
    assert corpora.labels_line(corpora.info(name)) == line


def test_labels_without_a_counterpart_are_named():
    assert "Sarcastic → other" in corpora.labels_line(corpora.info("emns"))
    assert "enthusiasm → excitement" in corpora.labels_line(corpora.info("resd"))
    assert "X → left out" in corpora.labels_line(corpora.info("msp-podcast"))


@pytest.mark.parametrize("name", corpora.names())
def test_every_corpus_has_notes_that_read_as_plain_text(name):
    text = corpora.notes(name)
    assert len(text.splitlines()) > 1
    assert "``" not in text
    assert ":func:" not in text
    assert ":class:" not in text


def test_published_folds_share_no_speaker():
    known = [info for info in map(corpora.info, corpora.names()) if info.folds]
    assert {info.name for info in known} >= {"ravdess", "cafe", "subesco"}
    for info in known:
        speakers = [speaker for fold in info.folds for speaker in fold]
        assert len(speakers) == len(set(speakers)) == info.n_speakers, info.name


def test_the_registry_is_cheap_to_import():
    code = "import sys, emoforge.corpora; print(*(m for m in ('pandas', 'pyarrow', 'requests', 'numpy', 'audformat', "
    code += "'torch') if m in sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"emotion": "angry"}, r"a\.wav: unknown emotion 'angry' \(did you mean 'anger'\?\)"),
        ({"gender": "f"}, "unknown gender 'f'"),
        ({"speaker": ""}, "must not be empty"),
        ({"stem": ""}, "must not be empty"),
        ({"intensity": 1.5}, "intensity 1.5 is out of range"),
        ({"intensity": float("nan")}, "out of range"),
        ({"start_s": -0.1}, "begins before"),
        ({"end_s": 1.0}, "empty"),
        ({"end_s": float("nan")}, "empty"),
        ({"start_s": None, "end_s": 0.0}, "empty"),
    ],
)
def test_a_recording_refuses_values_that_nobody_could_use(change, complaint):
    with pytest.raises(CorpusError, match=complaint):
        replace(RECORDING, **change)
