"""Folders of recordings, several emotions and seeds: one file each, a table of all, and a second run that goes on."""

import json
import shutil

import numpy as np
import pytest
import soundfile
from click.testing import Result
from tests.convert.known_voices import sentence, training_set
from typer.testing import CliRunner

from emoforge.base.errors import EmoforgeError
from emoforge.cli import app
from emoforge.convert import registry
from emoforge.recording import conversions as module
from emoforge.recording.conversions import convert_recordings
from emoforge.recording.files import read_table


@pytest.fixture(scope="module")
def converter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("converter")
    registry.fit("statistics", training_set()).save(folder)
    prosody = {"hop_s": 0.01, "f0_min_hz": 60.0, "f0_max_hz": 600.0}
    (folder / "provenance.json").write_text(json.dumps({"prosody": prosody}), "utf-8")
    return folder


@pytest.fixture
def recordings(tmp_path):
    """Two good recordings, one of them in a folder of its own, and two bad ones."""
    folder = tmp_path / "recordings"
    (folder / "anna").mkdir(parents=True)
    soundfile.write(folder / "ben.ogg", sentence(120.0), 16000)
    soundfile.write(folder / "anna" / "one.flac", np.stack([sentence(200.0)] * 2, axis=1), 16000)
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    (folder / "text.wav").write_text("no audio")
    (folder / "notes.txt").write_text("not a recording")
    return folder


@pytest.fixture
def convert(recordings, converter, tmp_path):
    def run(*paths, to=("anger",), **options):
        return convert_recordings(paths or [recordings], tmp_path / "out", to=to, converter=converter, **options)

    return run


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*_*.*")}


@pytest.mark.parametrize("table", ["csv", "parquet"])
def test_a_folder_becomes_a_folder_and_a_table(convert, recordings, tmp_path, table):
    made = convert(to=["angry", "sadness"], seeds=[0, 4], intensity=0.5, table=table)
    wanted = {f"anna/one_{e}_{s}.flac" for e in ("anger", "sadness") for s in (0, 4)}
    wanted |= {f"ben_{e}_{s}.wav" for e in ("anger", "sadness") for s in (0, 4)}
    out = tmp_path / "out"
    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} == wanted | {
        f"manifest.{table}"
    }
    assert soundfile.info(out / "anna/one_anger_4.flac").channels == 2
    rows = read_table(out / f"manifest.{table}")
    assert len(rows) == len(made.rows) == 16
    assert {row["output"] for row in rows if not row["reason"]} == wanted
    for row in rows:
        if row["reason"]:
            assert row["reason"].startswith("silent" if row["source"].endswith("silent.wav") else "corrupt")
        else:
            assert float(row["duration_s"]) == pytest.approx(soundfile.info(out / row["output"]).duration)
            assert (float(row["intensity"]), row["converter"]) == (0.5, "statistics")
    assert {row["source"] for row in made.failed} == {str(recordings / name) for name in ("silent.wav", "text.wav")}


def test_a_second_run_keeps_what_is_whole_and_makes_what_is_not(convert, recordings, tmp_path):
    convert(to=["anger", "sadness"])
    out = tmp_path / "out"
    before = times(out)
    again = convert(to=["anger", "sadness"])
    assert (again.kept, times(out)) == (4, before)
    # A file that is damaged or gone, a recording that is another one, a folder that has grown.
    (out / "ben_sadness_0.wav").write_bytes(b"RIFF")
    (out / "ben_anger_0.wav").unlink()
    soundfile.write(recordings / "anna" / "one.flac", sentence(210.0), 16000)
    soundfile.write(recordings / "carl.wav", sentence(110.0), 16000)
    assert convert(to=["anger"]).kept == 0
    assert convert(to=["anger", "sadness"]).kept == 3
    assert convert(to=["anger", "sadness"], intensity=0.3).kept == 0
    assert convert(to=["anger", "sadness"], intensity=0.3, table="parquet").kept == 6
    # Rows of other emotions stay, and there is one table.
    assert len(read_table(out / "manifest.parquet")) == 6 + 4
    convert(recordings / "ben.ogg", to=["anger"], seeds=[7], intensity=0.3, table="parquet")
    assert len([row for row in read_table(out / "manifest.parquet") if not row["reason"]]) == 7
    assert not (out / "manifest.csv").exists()


def test_a_killed_run_goes_on(convert, tmp_path, monkeypatch):
    whole = module.write_conversion
    done = []

    def killed(*arguments, **options):
        if done:
            raise KeyboardInterrupt
        done.append(whole(*arguments, **options))
        return done[0]

    monkeypatch.setattr(module, "write_conversion", killed)
    with pytest.raises(KeyboardInterrupt):
        convert(to=["anger", "sadness"])
    monkeypatch.undo()
    assert not (tmp_path / "out" / "manifest.csv").exists()
    made = convert(to=["anger", "sadness"])
    assert made.kept == 1
    assert len(made.rows) - len(made.failed) == 4


def test_several_workers_give_the_same_files(convert, tmp_path):
    convert()
    alone = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*.*") if path.is_file()}
    shutil.rmtree(tmp_path / "out")
    convert(workers=2)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*.*") if path.is_file()} == alone


def test_nothing_is_loaded_or_written_for_a_request_that_cannot_be_met(
    convert, recordings, converter, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "load_converter", lambda folder: pytest.fail("loaded before everything was checked"))
    before = sorted(tmp_path.rglob("*"))
    ben = recordings / "ben.ogg"
    for paths, options, words in [
        ([], {"to": ["fear"]}, "unknown emotion 'fear'; allowed: anger, sadness"),
        ([], {"to": ["anger", "sad", "angr"]}, "did you mean 'anger'"),
        ([], {"intensity": 2.0}, "from 0 to 1"),
        ([], {"seeds": [0, -1]}, "seed -1"),
        ([], {"table": "xlsx"}, "unknown table 'xlsx'; allowed: csv, parquet"),
        ([], {"style": tmp_path / "gone.wav"}, "gone.wav: missing"),
        ([ben, tmp_path / "gone"], {}, "gone: missing"),
        ([ben, shutil.copytree(recordings, tmp_path / "copy") / "ben.ogg"], {}, "would both become ben_anger_0.wav"),
    ]:
        with pytest.raises(EmoforgeError, match=words) as caught:
            convert(*paths, **options)
        assert "\n" not in str(caught.value)
    shutil.rmtree(tmp_path / "copy")
    with pytest.raises(EmoforgeError, match="holds the recordings; choose another folder"):
        convert_recordings([recordings], recordings, to=["anger"], converter=converter)
    with pytest.raises(EmoforgeError, match="no recording in this folder"):
        convert_recordings([converter], tmp_path / "out", to=["anger"], converter=converter)
    assert sorted(tmp_path.rglob("*")) == before


def test_neither_recordings_nor_files_of_others_are_overwritten(convert, recordings, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "ben_anger_0.wav").write_bytes(b"mine")
    with pytest.raises(EmoforgeError, match=r"ben_anger_0\.wav: is there and in no manifest"):
        convert()
    source = out / "x_anger_0.wav"
    soundfile.write(source, sentence(120.0), 16000)
    soundfile.write(out / "x.wav", sentence(120.0), 16000)
    before = source.read_bytes()
    with pytest.raises(EmoforgeError, match=r"x_anger_0\.wav: is what is read, and would be overwritten"):
        convert(out / "x.wav", source)
    assert (out / "ben_anger_0.wav").read_bytes() == b"mine"
    assert source.read_bytes() == before


def test_every_output_is_one_row_however_its_recording_is_named(convert, recordings, tmp_path, monkeypatch):
    convert()
    monkeypatch.chdir(tmp_path)
    made = convert(recordings.relative_to(tmp_path))
    outputs = [row["output"] for row in read_table(made.table) if row["output"]]
    assert made.kept == 2
    assert sorted(outputs) == ["anna/one_anger_0.flac", "ben_anger_0.wav"]


def test_a_recording_that_got_unreadable_keeps_its_conversion_until_it_is_mended(convert, recordings, tmp_path):
    convert()
    ben = recordings / "ben.ogg"
    sound = ben.read_bytes()
    ben.write_text("no audio")
    made = convert()
    assert str(ben) in {row["source"] for row in made.failed}
    assert "ben_anger_0.wav" in {row["output"] for row in read_table(made.table)}
    ben.write_bytes(sound)
    assert convert().kept == 2


@pytest.mark.parametrize(
    "text", ["file,label\none.wav,happy\n", "source,output,emotion,seed,intensity\na.wav,b.wav,anger,first,1\n"]
)
def test_a_manifest_of_something_else_is_not_overwritten(convert, tmp_path, text):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.csv").write_text(text, "utf-8")
    with pytest.raises(EmoforgeError, match="no manifest of conversions"):
        convert()
    assert (tmp_path / "out" / "manifest.csv").read_text("utf-8") == text


def emoforge(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["convert", *(str(argument) for argument in arguments)])


def test_the_command_takes_folders_and_says_what_came_of_them(recordings, converter, tmp_path):
    out = tmp_path / "out"
    options = ["--converter", converter, "-o", out]
    done = emoforge(recordings, "--to", "anger", "--to", "sad", "--seed", 3, "--variants", 2, *options)
    assert done.exit_code == 0, done.output
    assert f"{out}: 8 conversions; {out / 'manifest.csv'}" in done.stdout
    assert done.stderr.count("silent.wav: silent") == done.stderr.count("text.wav: corrupt") == 1
    assert {path.name for path in out.glob("ben*")} == {
        f"ben_{e}_{s}.wav" for e in ("anger", "sadness") for s in (3, 4)
    }
    # One recording into a folder that is there is one row more.
    done = emoforge(recordings / "ben.ogg", "--to", "anger", *options)
    assert done.exit_code == 0, done.output
    assert (out / "ben_anger_0.wav").is_file()
    assert len([row for row in read_table(out / "manifest.csv") if not row["reason"]]) == 9


def test_what_the_command_cannot_do_is_one_line(recordings, converter, tmp_path):
    ben, silent = recordings / "ben.ogg", recordings / "silent.wav"
    for arguments, words in [
        ([ben, "--to", "anger", "--to", "sad", "-o", tmp_path / "out.wav"], "several conversions go into a folder"),
        ([recordings, "--to", "anger", "-o", ben], "several conversions go into a folder"),
        ([silent, "--to", "anger", "--variants", 2, "-o", tmp_path / "out"], "silent.wav: silent: nothing above"),
        ([ben, "--to", "anger", "-o", tmp_path / "out.mp3"], "use .wav or .flac"),
        ([ben, "--to", "boredom", "-o", tmp_path / "out.wav"], "unknown emotion 'boredom'; allowed: anger, sadness"),
    ]:
        error = emoforge(*arguments, "--converter", converter).exception
        assert isinstance(error, EmoforgeError)
        assert words in str(error)
        assert "\n" not in str(error)
    for arguments in ([ben, "-o", "out.wav"], [ben, "--to", "anger"], ["--to", "anger"]):
        assert emoforge(*arguments).exit_code == 2
    assert (
        emoforge(ben, "--to", "anger", "--seed", 1, "--seed", 2, "--variants", 3, "-o", tmp_path / "x").exit_code == 2
    )
