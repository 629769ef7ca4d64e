"""Importers of any layout: a table, folders named after emotions, an audformat database."""

import builtins
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from emoforge import corpora
from emoforge.base.errors import CorpusError


def clip(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(80), 8000)
    return path


# table


def table(folder: Path, text: str, name: str = "clips.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_table_with_every_column(tmp_path):
    clip(tmp_path / "a" / "one.flac")
    listing = table(
        tmp_path,
        "path,emotion,speaker,corpus,gender,language,text,sentence,intensity,stem,start_s,end_s,mood\n"
        'a/one.flac, Angry ,S1,ravdess,F,en,"Hello, you",s1,0.25,first,0.5,1.5,ignored\n',
    )
    expected = corpora.Recording(
        path=tmp_path / "a" / "one.flac",
        corpus="ravdess",
        speaker="S1",
        emotion="anger",
        gender="female",
        language="en",
        text="Hello, you",
        sentence="s1",
        intensity=0.25,
        stem="first",
        start_s=0.5,
        end_s=1.5,
    )
    assert corpora.read("table", listing) == [expected]
    assert corpora.read("table", tmp_path) == [expected]


def test_table_with_the_required_columns_only(tmp_path):
    clip(tmp_path / "a" / "one.flac")
    outside = clip(tmp_path / "elsewhere" / "two.wav")
    folder = tmp_path / "a"
    listing = table(folder, f"speaker,path,emotion\nS1,one.wav,happy\nS2,{outside},sad\n")
    first, second = sorted(corpora.read("table", listing), key=lambda recording: recording.speaker)
    assert (first.path, first.stem, first.emotion, first.corpus) == (folder / "one.flac", "one", "happiness", "table")
    assert (first.gender, first.text, first.sentence, first.intensity) == ("unknown", None, None, None)
    assert (second.path, second.emotion) == (outside, "sadness")


def test_parquet_and_csv_read_alike(tmp_path):
    clip(tmp_path / "one.wav")
    clip(tmp_path / "two.wav")
    csv = table(
        tmp_path, "path,emotion,speaker,intensity,text,start_s\none.wav,joy,1,0.5,,\ntwo.wav,fear,2,,Hi,0.002\n"
    )
    parquet = tmp_path / "clips.parquet"
    columns = {
        "path": ["one.wav", "two.wav"],
        "emotion": ["joy", "fear"],
        "speaker": [1, 2],
        "intensity": [0.5, None],
        "text": [None, "Hi"],
        "start_s": [None, 0.002],
        "audio": [b"", b""],
    }
    pq.write_table(pa.table(columns), parquet)
    assert corpora.read("table", parquet) == corpora.read("table", csv)
    with pytest.raises(CorpusError, match=r"holds clips\.csv, clips\.parquet; name the one"):
        corpora.read("table", tmp_path)


def test_segments_of_one_file_get_names_of_their_own(tmp_path):
    clip(tmp_path / "show.wav")
    listing = table(tmp_path, "path,emotion,speaker,start_s,end_s\nshow.wav,joy,A,0,1.5\nshow.wav,fear,A,1.5,\n")
    stems = [recording.stem for recording in corpora.read("table", listing)]
    assert stems == ["show_0.000-1.500", "show_1.500-end"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clips.csv", "Path;Emotion;Speaker;Text;Intensity\none.wav;joy;A;Yes, you;0,5\n"),
        ("clips.csv", "Path\tEmotion\tSpeaker\tText\tIntensity\none.wav\tjoy\tA\tYes, you\t0.5\n"),
        ("clips.txt", "path\temotion\tspeaker\ttext\tintensity\none.wav\tjoy\tA\tYes, you\t0.5\n"),
        ("clips.tsv", "path;emotion;speaker;text;intensity\none.wav;joy;A;Yes, you;0.5\n"),
        ("clips.txt", 'path,emotion,speaker,text,intensity\none.wav,joy,A,"Yes, you",0.5\n'),
    ],
)
def test_a_table_says_by_its_header_what_separates_its_columns(name, text, tmp_path):
    clip(tmp_path / "one.wav")
    table(tmp_path, text, name)
    (found,) = corpora.read("table", tmp_path)
    assert (found.emotion, found.speaker, found.text, found.intensity) == ("happiness", "A", "Yes, you", 0.5)


def test_a_note_beside_the_table_is_no_table(tmp_path):
    clip(tmp_path / "one.wav")
    table(tmp_path, "recorded in May", "readme.txt")
    table(tmp_path, "path,emotion,speaker\none.wav,joy,A\n")
    assert len(corpora.read("table", tmp_path)) == 1


def test_files_that_a_table_lists_and_are_not_there_are_named(tmp_path):
    clip(tmp_path / "one.ogg")
    listing = table(tmp_path, "path,emotion,speaker\none.wav,joy,A\ngone.wav,joy,A\n")
    assert corpora.missing("table", listing) == [tmp_path / "gone.wav"]
    assert [recording.path.name for recording in corpora.read("table", listing)] == ["one.ogg"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("path,emotion\none.wav,joy\n", r"clips\.csv has no column speaker; it has path, emotion"),
        ("path,Emotion,speaker,emotion\none.wav,joy,A,anger\n", "two columns emotion; rename"),
        ("path,emotion,speaker,text\none.wav,joy,A,Yes, you\n", r"clips\.csv, row 2: more values than the header"),
        (
            "path,emotion,speaker\none.wav,joy,A\none.wav,hapiness,A\n",
            r"row 3: unknown emotion 'hapiness' \(did you mean",
        ),
        ("path,emotion,speaker,gender\none.wav,joy,A,w\n", "row 2: unknown gender 'w'"),
        ("path,emotion,speaker,intensity\none.wav,joy,A,high\n", "row 2: intensity 'high' is not a number"),
        ("path,emotion,speaker,intensity\none.wav,joy,A,3\n", "row 2: .*intensity 3.0 is out of range"),
        ("path,emotion,speaker\none.wav,joy,\n", "row 2: speaker is empty"),
        ("path,emotion,speaker\nnone.wav,joy,A\n", "lists 1 clips but none is where its path says"),
        ("path,emotion,speaker\none.wav,joy,A\none.wav,joy,A\n", "are both clip one of table"),
        ("path,emotion,speaker\n", r"clips\.csv has no rows"),
    ],
)
def test_table_names_what_is_wrong_and_where(text, complaint, tmp_path):
    clip(tmp_path / "one.wav")
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("table", table(tmp_path, text))


def test_parquet_errors(tmp_path):
    broken = tmp_path / "clips.parquet"
    broken.write_bytes(b"not parquet")
    with pytest.raises(CorpusError, match="cannot be read as Parquet"):
        corpora.read("table", broken)
    pq.write_table(pa.table({"path": ["a"], "emotion": ["joy"]}), broken)
    with pytest.raises(CorpusError, match=r"no column speaker; it has path, emotion"):
        corpora.read("table", broken)
    with pytest.raises(CorpusError, match=r"unknown kind of table '\.xlsx'"):
        corpora.read("table", table(tmp_path, "", "clips.xlsx"))


# folders


@pytest.mark.parametrize(
    "files",
    [
        ("Happy/anna/1.wav", "sad/bob/x/2.flac"),
        ("anna/Happy/1.wav", "bob/sad/x/2.flac"),
        ("Happy/anna_1.wav", "sad/bob_2.flac"),
        ("01Happy/anna/1.wav", "02_Sad/bob/x/2.flac"),
        ("anna/Happy-1/1.ogg", "bob/03 sad clips/x/2.ogg"),
    ],
)
def test_folders_find_emotion_and_speaker(files, tmp_path):
    for name in files:
        clip(tmp_path / name)
    (tmp_path / "documentation").mkdir()
    found = {(r.speaker, r.emotion): r.stem for r in corpora.read("folders", tmp_path)}
    assert found == {
        ("anna", "happiness"): files[0].rsplit(".", 1)[0],
        ("bob", "sadness"): files[1].rsplit(".", 1)[0],
    }


def test_a_speaker_may_be_called_after_an_emotion(tmp_path):
    for name in ("joy_smith/happy/1.wav", "anna/sad/1.wav"):
        clip(tmp_path / name)
    found = {(recording.speaker, recording.emotion) for recording in corpora.read("folders", tmp_path)}
    assert found == {("joy_smith", "happiness"), ("anna", "sadness")}


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (
            ("happy/a/1.wav", "hapy/a/1.wav"),
            r"unknown emotion 'hapy' \(did you mean 'happiness'\?\); rename the folder to",
        ),
        (("01happy/a/1.wav", "02sadd/a/1.wav"), r"unknown emotion '02sadd' \(did you mean 'sadness'\?\)"),
        (("happy/a/1.wav", "happy_or_sad/a/1.wav"), "unknown emotion 'happy_or_sad'"),
        (("anna/happy/1.wav", "anna/hapy/1.wav"), "unknown emotion 'hapy'"),
        (("happy/1.wav",), r"tells no speaker; name it <speaker>_1\.wav"),
        (("happy/a_1.wav", "a_2.wav"), "in no emotion's folder"),
        (("anna/happy/1.wav", "anna/1.wav"), "in no emotion's folder"),
    ],
)
def test_folders_name_the_clip_that_is_unclear(files, complaint, tmp_path):
    for name in files:
        clip(tmp_path / name)
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("folders", tmp_path)


# audformat


def database(root: Path, *, segmented: bool = False, emotion: str = "emotion"):
    """Write a database like the published ones: speakers' attributes in the labels of the speaker scheme."""
    audformat = pytest.importorskip("audformat")
    import pandas as pd

    db = audformat.Database("small", languages=["de"])
    db.schemes[emotion] = audformat.Scheme(labels=["anger", "joy", "neutral"])
    db.schemes["speaker"] = audformat.Scheme(labels={"a": {"gender": "female"}, "b": {"gender": "male"}})
    db.schemes["transcription"] = audformat.Scheme(labels={"t1": "Guten Tag.", "t2": "Gute Nacht."})
    files = [f"wav/{name}.wav" for name in ("one", "two", "three", "gone")]
    for file in files[:3]:
        clip(root / file)
    if segmented:
        index = audformat.segmented_index(files, ["0s", "0.25s", "1s", "0s"], ["0.5s", "0.75s", pd.NaT, "1s"])
    else:
        index = audformat.filewise_index(files)
    db["clips"] = audformat.Table(index)
    for column, values in (
        (emotion, ["anger", "joy", None, "joy"]),
        ("speaker", ["a", "b", "a", "b"]),
        ("transcription", ["t1", "t2", "t1", "t2"]),
    ):
        db["clips"][column] = audformat.Column(scheme_id=column)
        db["clips"][column].set(values)
    db.save(str(root))


def test_audformat_filewise(tmp_path):
    database(tmp_path)
    one, two = corpora.read("audformat-db", tmp_path)
    assert one == corpora.Recording(
        path=tmp_path / "wav" / "one.wav",
        corpus="audformat-db",
        speaker="a",
        emotion="anger",
        gender="female",
        language="de",
        text="Guten Tag.",
        sentence=None,
        intensity=None,
        stem="wav/one",
    )
    assert (two.speaker, two.emotion, two.gender, two.text) == ("b", "happiness", "male", "Gute Nacht.")


def test_audformat_segments(tmp_path):
    database(tmp_path, segmented=True)
    one, two = corpora.read("audformat-db", tmp_path)
    assert (one.stem, one.start_s, one.end_s) == ("wav/one_0.000-0.500", None, 0.5)
    assert (two.stem, two.start_s, two.end_s) == ("wav/two_0.250-0.750", 0.25, 0.75)


def test_audformat_without_an_emotion_says_what_there_is(tmp_path):
    database(tmp_path, emotion="mood")
    with pytest.raises(CorpusError, match="no scheme or column emotion; it has gender, mood, speaker, transcription"):
        corpora.read("audformat-db", tmp_path)


def test_audformat_missing_package_says_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "db.yaml").touch()
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "audformat":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CorpusError, match=r"pip install emoforge\[audformat\]"):
        corpora.read("audformat-db", tmp_path)


def test_audformat_broken_header(tmp_path):
    pytest.importorskip("audformat")
    (tmp_path / "db.yaml").write_text("name: [unfinished")
    with pytest.raises(CorpusError, match="cannot be read as an audformat database"):
        corpora.read("audformat-db", tmp_path)
