"""A study on a small demo corpus: rows, leaks, resuming, chosen settings, lines of errors."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from tests.small_run import small_params

from emoforge.base.errors import EmoforgeError
from emoforge.experiments.cache import Cache
from emoforge.experiments.helpfulness.protocol import load_study
from emoforge.experiments.helpfulness.recordings import read_table, situations
from emoforge.experiments.helpfulness.study import run
from emoforge.project.params import load_params

CONTRACT = {
    "arm", "ratio", "threshold", "converter", "folds", "seeds", "uar", "ci_low", "ci_high",
    "gain", "gain_ci_low", "gain_ci_high", "p", "selected",
}  # fmt: skip

STUDY = {
    "title": "Tiny",
    "scenario": "scarce",
    "corpus": {"name": "demo"},
    "classes": ["neutral", "anger", "sadness"],
    "n_folds": 2,
    "labelled": 2,
    "seeds": 2,
    "augment": {"variants": 1, "kinds": ["white_noise", "pitch"]},
    "converters": [{"name": "statistics", "method": "statistics", "fit": "each"}],
    "recognisers": [{"name": "svm", "kind": "svm"}],
    "grids": [
        {"arm": ["real+classical"], "ratio": [1.0], "weight": [0.5]},
        {"arm": ["real+synthetic"], "converter": ["statistics"], "ratio": [1.0, 2.0], "weight": [1.0]},
    ],
    "targets": {"gap_closed": 0.6, "gain": 0.03},
    "draws": 1000,
    "workers": 1,
}


def write_study(root: Path, folder: Path, name: str = "tiny", **changes) -> Path:
    values = STUDY | changes
    values["corpus"] = {"root": str(folder)} | values["corpus"]
    path = root / "studies" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


@pytest.fixture(scope="module")
def project(small_corpus, tmp_path_factory) -> Path:
    """A project in which the study was run."""
    root = tmp_path_factory.mktemp("studied")
    values = small_params(small_corpus).model_dump()
    (root / "params.yaml").write_text(yaml.safe_dump(values), "utf-8")
    write_study(root, small_corpus)
    run("tiny", root=root)
    return root


@pytest.fixture(scope="module")
def results(project) -> dict:
    return json.loads((project / "studies" / "tiny" / "results.json").read_text("utf-8"))


@pytest.fixture
def again(project, tmp_path) -> Path:
    """A copy of the project to change."""
    return Path(shutil.copytree(project, tmp_path / "again"))


def written(root: Path) -> dict[str, int]:
    """When every part of the work folder was written."""
    work = root / "data" / "study"
    return {path.relative_to(work).as_posix(): path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}


def rows_of(root: Path, name: str = "tiny") -> list[dict]:
    return json.loads((root / "studies" / name / "results.json").read_text("utf-8"))["rows"]


def test_rows_hold_what_the_contract_names(results):
    rows = results["rows"]
    for row in rows:
        assert set(row) >= CONTRACT | {"gap_closed", "gap_closed_ci_low", "gap_closed_ci_high", "weight", "use"}
        assert row["folds"] == row["seeds"] == 2
        assert row["ci_low"] <= row["uar"] <= row["ci_high"]
    assert [row["arm"] for row in rows if row["selected"]] == ["selected"]
    by_arm = {row["arm"]: row for row in rows}
    assert by_arm["real"]["gain"] == 0
    assert by_arm["upper bound"]["gap_closed"] in (1.0, None)
    synthetic = [row["uar"] for row in rows if row["arm"] == "real+synthetic" and row["choice"] == "fixed"]
    assert by_arm["best in hindsight"]["uar"] == max(synthetic) >= by_arm["selected"]["uar"]
    assert sum(pick["situations"] for pick in by_arm["selected"]["picks"]) == 4
    assert {"corpus", "protocol", "rows", "command", "commit", "seconds"} <= set(results)


def test_the_page_says_what_was_found_in_three_sentences(project):
    page = (project / "studies" / "tiny" / "README.md").read_text("utf-8")
    finding = page.splitlines()[2]
    assert finding.count(". ") + finding.endswith(".") == 3
    assert "the target of" in finding
    assert "(gain-by-ratio.svg)" in page
    assert (project / "studies" / "tiny" / "gain-by-ratio.svg").read_text("utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scenario": "full", "labelled": 0, "n_folds": 3},
    ],
)
def test_nobody_who_is_tested_or_validates_is_learnt_from(again, small_corpus, changes):
    study = load_study(write_study(again, small_corpus, **changes))
    params = load_params(again / "params.yaml")
    table = read_table(study, params, root=again, cache=Cache(again / "data" / "study", 1))
    speakers, emotions = table.column("speaker"), table.column("emotion")
    for situation in situations(study, table):
        tested = set(speakers[situation.task.tested])
        for task, validates in [(situation.task, situation.task.tested), *situation.inner]:
            learnt = set(speakers[task.labelled]) | set(speakers[task.neutral])
            assert not learnt & tested
            assert not learnt & set(speakers[validates])
            assert set(emotions[task.neutral]) <= {"neutral"}
            assert not table.column("enrolment")[task.tested].any()
        for _, validates in situation.inner:
            assert not set(speakers[validates]) & tested
            assert set(validates) <= set(situation.task.labelled)


def test_a_killed_run_goes_on_with_what_it_has(again, results):
    before = written(again)
    lost = [name for name in before if name.endswith(".parquet") and name.startswith(("runs/", "conversions/"))][::5]
    assert any(name.startswith("runs/") for name in lost)
    assert any(name.startswith("conversions/") for name in lost)
    for name in lost:
        (again / "data" / "study" / name).unlink()
    run("tiny", root=again)
    after = written(again)
    assert {name for name in after if after[name] != before.get(name)} == set(lost)
    assert rows_of(again) == results["rows"]


def test_from_nothing_or_with_two_processes_the_same_rows(again, small_corpus, results):
    shutil.rmtree(again / "data" / "study" / "runs")
    write_study(again, small_corpus, workers=2)
    run("tiny", root=again)
    assert rows_of(again) == results["rows"]


def test_another_grid_trains_what_is_new_only(again, small_corpus, results):
    before = written(again)
    grids = [
        STUDY["grids"][0],
        {"arm": ["real+synthetic"], "converter": ["statistics"], "ratio": [1.0, 1.5], "weight": [1.0]},
    ]
    write_study(again, small_corpus, grids=grids)
    run("tiny", root=again)
    changed = {name.split("/")[0] for name, time in written(again).items() if time != before.get(name)}
    assert changed == {"runs"}
    kept = {row["ratio"]: row["uar"] for row in results["rows"] if row["arm"] == "real+synthetic"}
    now = {row["ratio"]: row["uar"] for row in rows_of(again) if row["arm"] == "real+synthetic"}
    assert now[1.0] == kept[1.0]


@pytest.mark.slow
def test_every_use_preference_and_arm_runs(again, small_corpus):
    converted = {"converter": ["statistics"], "ratio": [1.0], "weight": [0.5]}
    grids = [
        {"arm": ["real+synthetic"], **converted, "use": ["own_normaliser", "residual", "difference", "ensemble"]},
        {"arm": ["real+synthetic"], **converted, "prefer": ["surprise", "usefulness"]},
        {"arm": ["real+synthetic+classical", "synthetic only", "neutral conversion", "real+neutral"], **converted},
    ]
    write_study(again, small_corpus, scenario="full", labelled=0, n_folds=3, seeds=1, grids=grids)
    run("tiny", root=again)
    rows = {(row["arm"], row["use"], row["prefer"]): row for row in rows_of(again) if row["choice"] == "fixed"}
    settings = [(use, "random") for use in ("own_normaliser", "residual", "difference", "ensemble")]
    settings += [("plain", preference) for preference in ("surprise", "usefulness")]
    found = [rows["real+synthetic", *setting]["uar_by_fold"] for setting in settings]
    # None of them is another by a new name.
    assert len({tuple(uar) for uar in found}) > len(found) // 2
    assert ("synthetic only", "plain", "random") in rows
    assert ("neutral conversion", "plain", "random") in rows


@pytest.mark.slow
def test_emotions_are_learnt_from_a_foreign_corpus(again, small_corpus):
    foreign = again / "foreign"
    for path in sorted([*small_corpus.rglob("F*.wav"), *small_corpus.rglob("M01_*.wav")]):
        speaker, emotion, _ = path.stem.split("_")
        if emotion in ("neutral", "anger"):
            (foreign / speaker / emotion).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, foreign / speaker / emotion / path.name)
    changes = {
        "scenario": "zero",
        "labelled": 0,
        "seeds": 1,
        "corpus": {"name": "demo", "calibrate": "corpus"},
        "foreign": [{"name": "folders", "root": str(foreign), "sources": 2}],
        "classes": [],
        "grids": [{"arm": ["real+synthetic"], "converter": ["statistics"], "ratio": [1.0], "weight": [1.0]}],
    }
    write_study(again, small_corpus, "foreign", **changes)
    run("foreign", root=again)
    rows = {row["arm"]: row for row in rows_of(again, "foreign") if row["choice"] == "fixed"}
    assert {"real", "real+neutral", "real+synthetic", "upper bound"} <= set(rows)
    results = json.loads((again / "studies" / "foreign" / "results.json").read_text("utf-8"))
    assert results["labels"] == ["anger", "neutral"]
    assert rows["upper bound"]["uar"] > 0.5


def test_the_same_speakers_may_train_and_test(again, small_corpus):
    changes = {"scenario": "full", "labelled": 0, "split_by": "clip", "n_folds": 3, "seeds": 1}
    path = write_study(again, small_corpus, "dependent", **changes)
    study, params = load_study(path), load_params(again / "params.yaml")
    table = read_table(study, params, root=again, cache=Cache(again / "data" / "study", 1))
    for situation in situations(study, table):
        assert not set(situation.task.labelled) & set(situation.task.tested)
    write_study(again, small_corpus, "dependent", **changes, grids=STUDY["grids"][:1])
    run("dependent", root=again)
    real = next(row for row in rows_of(again, "dependent") if row["arm"] == "real")
    assert real["uar"] > 0.5


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"scenarios": "full"}, ["unknown key 'scenarios'", "did you mean 'scenario'"]),
        ({"labelled": 9}, ["labelled = 9", "choose 2 to"]),
        ({"folds": [7]}, ["no fold 7", "allowed: 0, 1"]),
        ({"classes": ["anger", "sadness"]}, ["neutral is missing"]),
        ({"classes": ["neutral", "boredom"]}, ["not every corpus has boredom", "common to all"]),
        ({"foreign": [{"name": "nemo", "root": "x"}]}, ["`foreign` belongs to the scenario zero"]),
        ({"grids": [{"arm": ["real+synthetic"], "ratio": [1.0]}]}, ["names no converter"]),
        ({"grids": [{"arm": ["real+classical"]}]}, ["has no ratio"]),
        (
            {
                "recognisers": [{"name": "neural", "kind": "logmel"}],
                "grids": [{"arm": ["real+synthetic"], "ratio": [1.0], "converter": ["statistics"], "use": ["pairs"]}],
            },
            ["use 'pairs' belongs to the recogniser kind 'svm'", "'neural' is 'logmel'"],
        ),
        ({"grids": [{"arm": ["real+synthetic"], "ratio": [1.0], "converter": ["statistic"]}]}, ["did you mean"]),
        ({"converters": [{"name": "a", "method": "nerual", "fit": "each"}], "grids": STUDY["grids"][:1]}, ["'neural'"]),
        ({"corpus": {"name": "demo", "root": "nowhere"}}, ["corpora fetch demo"]),
    ],
)
def test_mistakes_are_one_line(again, small_corpus, changes, parts):
    write_study(again, small_corpus, **changes)
    with pytest.raises(EmoforgeError) as raised:
        run("tiny", root=again)
    assert "\n" not in str(raised.value)
    for part in parts:
        assert part in str(raised.value)


def test_an_unknown_study_names_those_that_are_there(project):
    with pytest.raises(EmoforgeError, match="studies here: tiny"):
        run("tinny", root=project)


def test_quality_is_set_against_gain_without_any_choice(again, small_corpus):
    names = ["identity", "half", "statistics"]
    changes = {
        "scenario": "full",
        "labelled": 0,
        "seeds": 1,
        "nested": False,
        "quality": True,
        "converters": [
            {"name": "identity", "method": "identity", "fit": "each"},
            {"name": "half", "method": "statistics", "fit": "each", "intensity": 0.5},
            {"name": "statistics", "method": "statistics", "fit": "each"},
        ],
        "grids": [{"arm": ["real+synthetic"], "converter": names, "ratio": [1.0]}],
        "targets": {"rank_correlation": 0.8},
    }
    write_study(again, small_corpus, "quality", **changes, n_folds=3)
    run("quality", root=again)
    folder = again / "studies" / "quality"
    results = json.loads((folder / "results.json").read_text("utf-8"))
    assert set(results["quality"]) == set(names)
    # A neutral clip that is called angry convinces nobody.
    assert results["quality"]["identity"] < results["quality"]["statistics"]
    assert {row["choice"] for row in results["rows"]} == {"fixed", "hindsight"}
    assert not any(row["selected"] for row in results["rows"])
    page = (folder / "README.md").read_text("utf-8")
    assert "from the converter of the lowest quality up: identity" in page
    assert "rank correlation of the converters' quality and gain is" in page
    assert "gain-by-quality.svg)" in page
    assert (folder / "gain-by-quality.svg").is_file()
