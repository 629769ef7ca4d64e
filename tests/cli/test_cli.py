"""The command line as people use it: other processes, real files, one line and a status."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from tests.small_run import STAGES, small_params

from emoforge.dataset import manifest
from emoforge.project.layout import Layout

ROOT = Path(__file__).parents[2]


def emoforge(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "emoforge", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def assert_one_line(result: subprocess.CompletedProcess, *parts: str) -> None:
    assert result.returncode == 1, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    for part in parts:
        assert part in lines[0]


@pytest.fixture(scope="module")
def project(small_run, small_corpus, tmp_path_factory) -> Path:
    """A project folder in which every stage has run."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(small_run.root, root, dirs_exist_ok=True)
    values = small_params(small_corpus).model_dump()
    (root / "params.yaml").write_text(yaml.safe_dump(values), "utf-8")
    return root


@pytest.fixture
def own_params(tmp_path) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def test_help_names_every_stage_and_loads_nothing_heavy(tmp_path):
    result = emoforge("--help", cwd=tmp_path)
    assert result.returncode == 0
    for stage in STAGES:
        assert stage.replace("_", "-") in result.stdout
    heavy = "{'torch', 'numpy', 'sklearn', 'pyarrow', 'pydantic', 'parselmouth', 'onnxruntime', 'matplotlib'}"
    code = f"import sys, emoforge.cli; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_corpora_list_has_one_row_per_corpus(tmp_path):
    result = emoforge("corpora", "list", cwd=tmp_path)
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line and not line.startswith(" ")}
    assert {"ravdess", "nemo", "urdu", "crema-d", "iemocap", "msp-podcast", "table"} <= set(rows)
    assert "CC-BY-NC-SA-4.0" in rows["ravdess"]
    assert "1440" in rows["ravdess"]


def test_corpora_list_says_which_emotion_each_label_becomes(tmp_path):
    lines = emoforge("corpora", "list", cwd=tmp_path).stdout.splitlines()
    assert "  urdu: A → anger, H → happiness, N → neutral, S → sadness" in lines
    named = emoforge("corpora", "list", "EMNS", cwd=tmp_path)
    assert named.returncode == 0, named.stderr
    assert "Sarcastic → other" in named.stdout
    assert "Apache-2.0" in named.stdout
    assert "ffmpeg" in named.stdout
    assert_one_line(emoforge("corpora", "list", "ravdes", cwd=tmp_path), "did you mean 'ravdess'")


def test_encoders_are_listed_and_brought_here(tmp_path):
    result = emoforge("encoders", "list", cwd=tmp_path)
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines()}
    assert rows["whisper-tiny.en"][:6] == ["whisper-tiny.en", "whisper", "5", "384", "33", "MIT"]
    assert {"whisper-base", "wavlm-base-plus", "hubert-base", "wav2vec2-base", "emotion2vec"} <= set(rows)
    result = emoforge("encoders", "fetch", "whisper-tiny.en", cwd=tmp_path)
    assert {path.name for path in Path(result.stdout.strip()).iterdir()} == {"encoder.json", "encoder.safetensors"}
    assert_one_line(emoforge("encoders", "fetch", "whisper-tiny", cwd=tmp_path), "did you mean 'whisper-tiny.en'")


def test_importing_a_corpus_keeps_the_params_file_and_its_comments(own_params, small_corpus):
    before = (own_params / "params.yaml").read_text("utf-8")
    result = emoforge("corpora", "import", "demo", small_corpus, cwd=own_params)
    assert result.returncode == 0, result.stderr
    after = (own_params / "params.yaml").read_text("utf-8")
    assert f"root: {small_corpus}" in after
    changed = set(before.splitlines()) ^ set(after.splitlines())
    assert all("root:" in line for line in changed)


def test_importing_one_neutral_voice_says_what_cannot_be_made_of_it(own_params, tmp_path):
    clip = tmp_path / "LibriSpeech" / "dev-clean" / "84" / "121123" / "84-121123-0000.flac"
    clip.parent.mkdir(parents=True)
    soundfile.write(clip, 0.1 * np.sin(np.arange(16_000) / 20), 16_000)
    result = emoforge("corpora", "import", "librispeech", tmp_path / "LibriSpeech", cwd=own_params)
    assert result.returncode == 0, result.stderr
    assert "warning: speakers 1: `ingest` needs 3 or more" in result.stdout
    assert "warning: every recording is neutral" in result.stdout


def test_importing_what_is_not_there_changes_nothing(own_params):
    before = (own_params / "params.yaml").read_bytes()
    assert_one_line(emoforge("corpora", "import", "ravdess", own_params / "nowhere", cwd=own_params), "nowhere")
    assert_one_line(emoforge("corpora", "import", "ravdes", own_params, cwd=own_params), "did you mean 'ravdess'")
    assert (own_params / "params.yaml").read_bytes() == before


def test_a_typo_in_the_params_stops_a_stage_before_any_work(own_params):
    path = own_params / "params.yaml"
    path.write_text(path.read_text("utf-8").replace("min_confidence", "min_confidense"), "utf-8")
    assert_one_line(emoforge("ingest", cwd=own_params), "'min_confidense'", "did you mean 'min_confidence'")
    assert [entry.name for entry in own_params.iterdir()] == ["params.yaml"]


def test_the_stage_script_and_the_command_say_the_same(own_params):
    (own_params / "params.yaml").write_text("corpus: 1", "utf-8")
    command = emoforge("ingest", cwd=own_params)
    script = subprocess.run(
        [sys.executable, ROOT / "stages" / "ingest.py"], cwd=own_params, capture_output=True, text=True, check=False
    )
    assert_one_line(command, "params.yaml", "missing")
    assert_one_line(script, command.stderr.split(": ", 1)[1].strip())


def test_usage_errors_leave_with_status_two(tmp_path):
    assert emoforge("ingets", cwd=tmp_path).returncode == 2
    assert emoforge("convert", "in.wav", cwd=tmp_path).returncode == 2
    assert emoforge("convert", "in.wav", "--to", "anger", "-o", "x.wav", "--intensity", 2, cwd=tmp_path).returncode == 2


@pytest.mark.slow
def test_converting_a_recording_of_ones_own(project, small_corpus, tmp_path):
    source = next(small_corpus.rglob("*_neutral_*.wav"))
    signal, _ = soundfile.read(source)
    soundfile.write(tmp_path / "mine.flac", np.repeat(np.stack([signal, signal], axis=1), 3, axis=0), 48000)
    out = tmp_path / "angry.wav"
    result = emoforge("convert", tmp_path / "mine.flac", "--to", "angry", "-o", out, "-C", project, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "anger" in result.stdout
    converted, sampling_rate = soundfile.read(out)
    assert (sampling_rate, converted.shape[1]) == (48000, 2)
    assert 0.4 < len(converted) / sampling_rate / (len(signal) / 16000) < 2.5
    again = emoforge(
        "convert", tmp_path / "mine.flac", "--to", "angry", "-o", tmp_path / "b.wav", "-C", project, cwd=tmp_path
    )
    assert again.returncode == 0
    assert (tmp_path / "b.wav").read_bytes() == out.read_bytes()


@pytest.mark.slow
def test_a_conversion_that_cannot_be_made_says_why(project, small_corpus, tmp_path):
    source = next(small_corpus.rglob("*_neutral_*.wav"))
    arguments = ["-o", tmp_path / "out.wav", "-C", project]
    assert_one_line(emoforge("convert", tmp_path / "no.wav", "--to", "anger", *arguments, cwd=tmp_path), "no such file")
    assert_one_line(emoforge("convert", source, "--to", "angr", *arguments, cwd=tmp_path), "did you mean")
    assert_one_line(emoforge("convert", source, "--to", "boredom", *arguments, cwd=tmp_path), "allowed: anger")
    arguments = ["-o", "out.wav", "-C", tmp_path]
    assert_one_line(emoforge("convert", source, "--to", "anger", *arguments, cwd=tmp_path), "data/converter")
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.slow
def test_predicting_ranks_all_emotions(project, small_corpus, tmp_path):
    enrol = next(small_corpus.rglob("*_neutral_*.wav"))
    clip = next(enrol.parent.glob("*_anger_*.wav"))
    result = emoforge("predict", clip, "--enrol", enrol, "-C", project, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert set(result.stdout.replace(",", "").split()) >= {"anger", "neutral", "sadness"}


@pytest.mark.slow
def test_doctor_finds_the_corpus_and_the_packages(project, tmp_path):
    result = emoforge("doctor", "-C", project, cwd=tmp_path)
    assert result.returncode == 0
    assert "torch: 2." in result.stdout
    assert "corpus demo: 108 recordings of 6 speakers" in result.stdout
    assert "encoder whisper-tiny.en: " in result.stdout
    assert "encoder: recogniser and judge hear with whisper-tiny.en" in result.stdout


def broken_copy(project: Path, folder: Path) -> Path:
    return Path(shutil.copytree(project, folder / "project"))


@pytest.mark.slow
def test_a_manifest_without_a_column_is_named(project, tmp_path):
    root = broken_copy(project, tmp_path)
    path = Layout(root).manifest("ingest")
    pq.write_table(pq.read_table(path).drop_columns(["speaker"]), path)
    before = (Layout(root).manifest("convert")).read_bytes()
    assert_one_line(emoforge("convert", "-C", root, cwd=tmp_path), "manifest.parquet", "column 'speaker' is missing")
    assert Layout(root).manifest("convert").read_bytes() == before


@pytest.mark.slow
def test_a_speaker_in_two_splits_is_refused(project, tmp_path):
    root = broken_copy(project, tmp_path)
    rows = manifest.read(Layout(root).manifest("select")).to_pylist()
    train = next(row for row in rows if row["split"] == "train" and row["origin"] == "recorded")
    train["split"] = "test"
    manifest.write(manifest.from_rows(rows), Layout(root).manifest("select"))
    for stage in ("train", "evaluate"):
        assert_one_line(emoforge(stage, "-C", root, cwd=tmp_path), train["speaker"], "one split only")
