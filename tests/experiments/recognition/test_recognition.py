"""A study of recognition on two small corpora: results, resuming, the same figures with two processes, mistakes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.small_run import small_params

from emoforge.base.errors import EmoforgeError
from emoforge.experiments.recognition.protocol import load_recognition_study
from emoforge.experiments.recognition.study import run

STUDIES = Path(__file__).parents[3] / "studies"

ROW = {
    "train", "test", "recogniser", "enrolled", "n_classes", "uar", "ci_low", "ci_high", "macro_f1", "ece",
    "uar_female", "uar_male",
}  # fmt: skip


def study_of(demo: Path, folders: Path, **changes) -> dict:
    return {
        "kind": "recognition",
        "title": "Tiny",
        "corpora": [
            {"name": "demo", "root": str(demo), "folds": 3},
            {"name": "folders", "root": str(folders)},
        ],
        "recognisers": [
            {"name": "functionals", "kind": "svm", "others_first": True},
            {"name": "held back", "kind": "svm", "options": {"ridge": 50.0}},
        ],
        "targets": [{"corpus": "demo", "recogniser": "functionals", "enrolled": True, "uar": 0.3}],
        "published": [
            {"corpus": "demo", "system": "a large encoder", "uar": 0.9, "protocol": "the same", "source": "a paper"}
        ],
        "draws": 1000,
        "workers": 1,
    } | changes


def write_study(root: Path, **changes) -> None:
    path = root / "studies" / "tiny.yaml"
    path.parent.mkdir(exist_ok=True)
    values = study_of(root / "demo", root / "folders", **changes)
    path.write_text(yaml.safe_dump(values), "utf-8")


@pytest.fixture(scope="module")
def project(small_corpus, tmp_path_factory) -> Path:
    """A project in which the study was run."""
    root = tmp_path_factory.mktemp("recognised")
    (root / "demo").symlink_to(small_corpus)
    # Three of the voices with two of the emotions, as another corpus.
    for path in sorted([*small_corpus.rglob("F*.wav"), *small_corpus.rglob("M01_*.wav")]):
        speaker, emotion, _ = path.stem.split("_")
        if emotion in ("neutral", "anger"):
            folder = root / "folders" / speaker / emotion
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder)
    (root / "params.yaml").write_text(yaml.safe_dump(small_params(small_corpus).model_dump()), "utf-8")
    write_study(root)
    run("tiny", root=root, command="emoforge study tiny")
    return root


@pytest.fixture
def again(project, tmp_path) -> Path:
    """A copy of the project to change."""
    return Path(shutil.copytree(project, tmp_path / "again", symlinks=True))


def results_of(root: Path) -> dict:
    return json.loads((root / "studies" / "tiny" / "results.json").read_text("utf-8"))


def written(root: Path) -> dict[str, int]:
    work = root / "data" / "study"
    return {path.relative_to(work).as_posix(): path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}


def test_rows_hold_what_the_contract_names(project):
    results = results_of(project)
    assert results["command"] == "emoforge study tiny"
    assert "commit" in results
    rows = results["rows"]
    pairs = [(train, test) for test in ("demo", "folders") for train in ("demo", "folders", f"{test}+others")]
    assert {(row["train"], row["test"]) for row in rows} == set(pairs)
    # Only one of the two recognisers learns from other corpora first.
    assert len(rows) == (4 * 2 + 2) * 2
    for row in rows:
        assert set(row) == ROW
        assert row["ci_low"] <= row["uar"] <= row["ci_high"]
        assert row["n_classes"] == (3 if row["train"] in ("demo", "demo+others") and row["test"] == "demo" else 2)
        # Folders say nothing of genders.
        assert (row["uar_female"] is None) == (row["test"] == "folders")
    corpora = results["corpora"]
    assert (corpora["demo"]["folds"], corpora["folders"]["folds"]) == (3, corpora["folders"]["speakers"])


def test_enrolment_and_choices_reach_the_recogniser(project):
    answers = {(row["recogniser"], row["enrolled"]): (row["uar"], row["ece"]) for row in results_of(project)["rows"]
               if row["train"] == row["test"] == "demo"}  # fmt: skip
    assert len(set(answers.values())) == 4


def test_the_page_and_its_plot_show_the_matrix_and_the_published_figures(project):
    page = (project / "studies" / "tiny" / "README.md").read_text("utf-8")
    assert "| a large encoder | .900 |" in page
    assert "- demo: the same (a paper)" in page
    assert "| demo | functionals | enrolled | .300 |" in page
    assert "| functionals | folders |" in page
    assert (project / "studies" / "tiny" / "matrix.svg").read_text("utf-8").startswith("<?xml")
    assert "(matrix.svg)" in page


def test_a_killed_run_goes_on_with_what_it_has(again):
    before, results = written(again), results_of(again)
    lost = [name for name in before if name.endswith(".parquet") and name.startswith("recognition/")][::5]
    assert lost
    for name in lost:
        (again / "data" / "study" / name).unlink()
    run("tiny", root=again)
    after = written(again)
    assert {name for name in after if after[name] != before.get(name)} == set(lost)
    assert results_of(again)["rows"] == results["rows"]


def test_two_processes_find_the_same(again):
    before = results_of(again)
    shutil.rmtree(again / "data" / "study" / "recognition")
    write_study(again, workers=2)
    run("tiny", root=again)
    found = results_of(again)
    assert (found["rows"], found["gains"]) == (before["rows"], before["gains"])


def test_another_recogniser_adds_rows_and_trains_nothing_again(again):
    before, rows = written(again), results_of(again)["rows"]
    recognisers = study_of(again, again)["recognisers"]
    new = {"name": "free", "kind": "svm", "options": {"ridge": 0.01}, "within": ["folders"], "across": False}
    write_study(again, recognisers=[*recognisers, new])
    run("tiny", root=again)
    after = written(again)
    assert {name for name in before if after[name] != before[name]} == set()
    found = results_of(again)["rows"]
    assert [row for row in found if row["recogniser"] != "free"] == rows
    assert {(row["train"], row["test"]) for row in found if row["recogniser"] == "free"} == {("folders", "folders")}


@pytest.mark.slow
def test_a_recogniser_that_reads_an_encoder_adds_rows_and_every_clip_is_embedded_once(again):
    recognisers = study_of(again, again)["recognisers"][:1]
    new = {"name": "encoder", "kind": "encoder"}
    tuned = {"name": "finetuned", "kind": "finetuned", "options": {"steps": 2}, "within": ["folders"], "across": False}
    write_study(again, recognisers=[*recognisers, new, tuned], encoder="whisper-tiny.en", enrolled=[True])
    run("tiny", root=again)
    first, before = results_of(again), written(again)
    embedded = {name for name in before if name.startswith("embeddings/") and name.endswith(".parquet")}
    assert len(embedded) == 2
    assert {row["recogniser"] for row in first["rows"]} == {"functionals", "encoder", "finetuned"}
    gains = [row for row in first["mean_gains"] if row["recogniser"] == "encoder"]
    assert {row["trained_on"]: row["pairs"] for row in gains} == {"its own other speakers": 2, "one other corpus": 2}
    (again / "data" / "study" / min(embedded)).unlink()
    run("tiny", root=again)
    after = written(again)
    assert {name for name in after if after[name] != before.get(name)} == {min(embedded)}
    assert results_of(again)["rows"] == first["rows"]


def test_the_command_tells_the_kinds_of_study_apart(again):
    command = [sys.executable, "-m", "emoforge", "study", "tiny", "-C", str(again)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stderr
    assert "study: 20 rows in" in found.stdout
    write_study(again, kind="recogniton")
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 1
    assert "recogniton" in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "first"), [("recognition", "svm"), ("recognition-two-encoders", "encoder+functionals")]
)
def test_the_studies_that_come_along_are_whole(name, first):
    study = load_recognition_study(STUDIES / f"{name}.yaml")
    assert study.recognisers[0].kind == first
    assert len(study.targets) == 7


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"corpora": [{"name": "demoo", "root": "x"}]}, ["corpora.0.name = 'demoo'", "did you mean 'demo'"]),
        ({"corpora": [{"name": "demo", "root": "nowhere"}], "published": [], "targets": []}, ["corpora fetch demo"]),
        ({"corpora": [{"name": "demo", "root": "demo", "folds": 40}], "across": False}, ["speakers cannot be put"]),
        ({"recognisers": [{"name": "x", "kind": "svn"}], "targets": []}, ["recognisers.0.kind = 'svn'"]),
        (
            {"recognisers": [{"name": "x", "kind": "logmel", "others_first": True}], "targets": []},
            ["take svm or encoder"],
        ),
        ({"published": [{"corpus": "demo", "system": "x", "protocol": "y", "source": "z"}]}, ["give uar or wa"]),
        ({"recognisers": [{"name": "x", "kind": "svm", "options": {"steps": 3}}]}, ["option 'steps' belongs to other"]),
        ({"targets": [{"corpus": "demo", "recogniser": "fun", "enrolled": True, "uar": 0.5}]}, ["unknown recogniser"]),
        (
            {"published": [{"corpus": "emodb", "system": "s", "wa": 0.5, "protocol": "p", "source": "q"}]},
            ["unknown corpus"],
        ),
        ({"recogniser": []}, ["unknown key 'recogniser'"]),
        (
            {"recognisers": [{"name": "e", "kind": "encoder"}], "targets": [], "encoder": "whisper-tiny.eng"},
            ["whisper-tiny.eng"],
        ),
        ({"recognisers": [{"name": "e", "kind": "encoder"}], "targets": []}, ["name an `encoder`"]),
    ],
)
def test_mistakes_are_one_line(again, changes, parts):
    write_study(again, **changes)
    with pytest.raises(EmoforgeError) as raised:
        run("tiny", root=again)
    assert "\n" not in str(raised.value)
    for part in parts:
        assert part in str(raised.value)
