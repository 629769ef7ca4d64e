"""No stale answers: every ingredient of a study is changed in turn, and what is made again is counted."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from tests.small_run import small_params

import emoforge
from emoforge.experiments.helpfulness.study import run
from emoforge.project import checksums

STUDY = {
    "title": "Tiny",
    "scenario": "full",
    "corpus": {"name": "demo", "root": "corpus"},
    "classes": ["neutral", "anger"],
    "n_folds": 3,
    "seeds": 1,
    "nested": False,
    "augment": {"variants": 1, "kinds": ["white_noise"]},
    "converters": [
        {"name": "statistics", "method": "statistics", "fit": "each"},
        {"name": "identity", "method": "identity", "fit": "together"},
    ],
    "recognisers": [{"name": "svm", "kind": "svm"}],
    "grids": [
        {"arm": ["real+classical"], "ratio": [1.0]},
        {"arm": ["real+synthetic"], "converter": ["statistics", "identity"], "ratio": [1.0]},
    ],
    "draws": 100,
    "workers": 1,
}
#: Enough for three folds, and few, for most tests convert and analyse them all again.
VOICES = ("F01", "F02", "M01", "M02")
#: What the study makes: one converter per speaker and one per fold; per fold one run with real clips, one with
#: augmented ones, and one with each converter.
CONVERTERS, RUNS_OF_AN_ARM, RUNS = 4 + 3, 3, 12


@pytest.fixture(scope="module")
def project(small_corpus, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("keyed")
    (root / "corpus").mkdir()
    with (small_corpus / "demo.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["speaker"] in VOICES and wanted(row)]
    with (root / "corpus" / "demo.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    for row in rows:
        copy = root / "corpus" / row["path"]
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(small_corpus / row["path"], copy)
    write(root, {}, {})
    run("tiny", root=root)
    return root


def wanted(row: dict[str, str]) -> bool:
    return row["emotion"] == "neutral" or (row["emotion"] == "anger" and row["sentence"] != "s03")


@pytest.fixture
def again(project, tmp_path) -> Path:
    return Path(shutil.copytree(project, tmp_path / "again"))


def write(root: Path, study: dict, params: dict) -> None:
    (root / "studies").mkdir(exist_ok=True)
    (root / "studies" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | study), "utf-8")
    changes = {"ingest": {}} | params
    changes["ingest"] = {"emotions": ["neutral", "anger"]} | changes["ingest"]
    values = small_params(Path("corpus"), **changes).model_dump()
    (root / "params.yaml").write_text(yaml.safe_dump(values), "utf-8")


def kept(root: Path) -> dict[Path, int]:
    work = root / "data" / "study"
    return {path.relative_to(work): path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}


def made_by(root: Path, action=lambda root: run("tiny", root=root)) -> Counter:
    """Run the study and count what it makes: corpora, fitted converters, training runs, and parts of everything else.

    The table of all clips ("pools") is an input of the processes, not an answer.
    """
    before = kept(root)
    action(root)
    made = Counter()
    for path, time in kept(root).items():
        kind = path.parts[0]
        if before.get(path) == time or path.name == "key.json":
            continue
        if kind == "runs":
            made[kind] += pq.read_metadata(root / "data" / "study" / path).num_rows
        elif kind == "converters":
            made[kind] += path.suffix == ".json"
        elif kind == "corpora":
            made[kind] += path.parts[-2:] == ("ingest", "manifest.parquet")
        elif path.name.startswith("rows-"):
            made[kind] += 1
    return made


def edit_key(monkeypatch, module: str) -> None:
    """Let *module* count as edited, though it does what it did."""
    meaning = checksums._meaning
    edited = checksums.PACKAGE / f"{module}.py"
    assert edited.is_file()
    checksums._modules_sha256.cache_clear()
    monkeypatch.setattr(checksums, "_meaning", lambda path: "edited" if path == edited else meaning(path))


@pytest.fixture(autouse=True)
def _forget_edits():
    yield
    checksums._modules_sha256.cache_clear()


def test_nothing_is_made_again_without_a_change(again):
    assert made_by(again) == {}


@pytest.mark.parametrize(
    "params",
    [
        {"prosody": {"f0_max_hz": 450.0}},
        {"ingest": {"level": "none"}},
        {"ingest": {"enrolment_clips": 2}},
    ],
    ids=lambda params: "-".join(*params.values()),
)
def test_other_clips_or_analysis_make_everything_again(again, params):
    write(again, {}, params)
    made = made_by(again)
    assert made["corpora"] == 1
    assert made["converters"] == CONVERTERS
    assert made["augmented"] > 0
    assert made["conversions"] > 0
    assert made["runs"] == RUNS


def test_an_edited_recording_of_the_same_length_is_seen(again):
    path = min((again / "corpus").rglob("*_anger_*.wav"))
    signal, sampling_rate = soundfile.read(path, dtype="int16")
    size = path.stat().st_size
    soundfile.write(path, signal[::-1], sampling_rate, subtype="PCM_16")
    assert path.stat().st_size == size
    made = made_by(again)
    assert made["corpora"] == 1
    assert made["runs"] == RUNS


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        ({"corpus": STUDY["corpus"] | {"calibrate": "corpus"}}, {"runs": RUNS}),
        ({"recognisers": [{"name": "svm", "kind": "svm", "options": {"ridge": 0.01}}]}, {"runs": RUNS}),
        ({"recognisers": [{"name": "another name", "kind": "svm"}]}, {}),
        ({"title": "Another", "draws": 200}, {}),
        # Two of the folds have one speaker either way: what they test is answered already.
        ({"n_folds": 4}, {"converters": 2, "runs": 8}),
        ({"augment": STUDY["augment"] | {"kinds": ["pitch"]}}, {"runs": RUNS_OF_AN_ARM}),
    ],
    ids=["calibration", "options", "name", "figures", "splits", "augmentation"],
)
def test_a_choice_of_the_study_makes_again_what_depends_on_it(again, study, expected):
    write(again, study, {})
    made = made_by(again)
    assert {kind: count for kind, count in made.items() if kind in ("corpora", "converters", "runs")} == expected
    assert bool(made["augmented"]) == ("augment" in study)
    assert bool(made["conversions"]) == ("n_folds" in study)


def test_another_intensity_of_one_converter_leaves_the_other_alone(again):
    changed, other = STUDY["converters"]
    write(again, {"converters": [changed | {"intensity": 0.5}, other]}, {})
    made = made_by(again)
    assert not made["converters"]
    assert made["conversions"] > 0
    assert made["runs"] == RUNS_OF_AN_ARM


def test_recognisers_that_read_audio_are_keyed_by_it(again):
    changed, other = STUDY["converters"]
    heard = {"recognisers": [{"name": "logmel", "kind": "logmel", "options": {"steps": 2}}]}
    write(again, heard, {})
    assert made_by(again)["runs"] == RUNS
    assert made_by(again) == {}
    write(again, heard | {"converters": [changed | {"intensity": 0.5}, other]}, {})
    assert made_by(again)["runs"] == RUNS_OF_AN_ARM


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("dataset/splits", {"corpora"}),
        ("convert/statistics", {"converters", "conversions"}),
        ("convert/neural/training", set()),
        ("project/params", {"corpora"}),
        ("ser/augment", {"augmented"}),
        ("ser/calibration", {"runs"}),
        ("ser/machines/svm", {"runs"}),
        ("quality/gates", {"runs"}),
        ("experiments/helpfulness/runs/training", {"runs"}),
        ("experiments/helpfulness/page", set()),
        ("experiments/helpfulness/protocol", set()),
        ("experiments/conversion/evaluation", set()),
        ("stages/train", set()),
    ],
)
def test_edited_code_makes_again_what_it_makes(again, monkeypatch, module, expected):
    edit_key(monkeypatch, module)
    made = made_by(again)
    # Clips that come out the same are not trained on again.
    assert {kind for kind, count in made.items() if count} == expected
    if module == "convert/statistics":
        assert made["converters"] == len(VOICES)
    if "runs" in expected:
        assert made["runs"] == RUNS


def test_another_value_of_a_functional_trains_every_arm_again(again, tmp_path):
    package = Path(shutil.copytree(Path(emoforge.__file__).parent, tmp_path / "src" / "emoforge"))
    module = package / "prosody" / "functionals.py"
    text = module.read_text("utf-8")
    assert text.count("return np.") == 1
    module.write_text(text.replace("return np.", "return 2 * np."), "utf-8")

    def study_of_the_copy(root: Path) -> None:
        program = "import sys; from pathlib import Path; from emoforge.experiments.helpfulness.study import run; "
        program += "run('tiny', root=Path(sys.argv[1]))"
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "src")}
        subprocess.run([sys.executable, "-c", program, str(root)], env=environment, check=True)

    made = made_by(again, study_of_the_copy)
    assert made["corpora"] == 1
    assert not made["converters"]
    assert made["runs"] == RUNS
    rows = json.loads((again / "studies" / "tiny" / "results.json").read_text("utf-8"))["rows"]
    assert {row["arm"] for row in rows} >= {"real", "real+classical", "real+synthetic"}
