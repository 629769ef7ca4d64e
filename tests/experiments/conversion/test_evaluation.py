"""The evaluation of conversion on a small demo corpus: figures, resuming, parts of a protocol, lines of errors."""

import json
import shutil
from pathlib import Path

import pytest
import soundfile
import yaml
from tests.cli.test_cli import emoforge
from tests.convert.known_voices import training_set
from tests.ser.tiny_encoders import write_encoder
from tests.small_run import small_params

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.convert import registry
from emoforge.convert.generative.converter import Generative
from emoforge.convert.generative.network import Size
from emoforge.convert.generative.training import TrainingOptions
from emoforge.dataset import manifest
from emoforge.experiments.conversion.evaluation import run
from emoforge.experiments.conversion.page import page
from emoforge.project.params import edited

PROTOCOL = {
    "seed": 0,
    "workers": 1,
    "work": "data/evaluate_conversion",
    "corpora": [{"name": "demo", "groups": 3, "sources": 1, "trained_on": ["demo"]}],
    "systems": ["identity", "statistics"],
    "ablation": {"system": "statistics", "without": ["envelope"]},
    "ladder": ["resynthesis", "own take", "own style", "prosody only"],
    "variants": 1,
    "judges": ["encoder", "svm", "logmel"],
    "judge_steps": 2,
    "real_clips": 1,
    "speed_clips": 1,
    "draws": 500,
}


def write_protocol(root: Path, corpus: Path, **changes) -> Path:
    values = PROTOCOL | {"corpora": [PROTOCOL["corpora"][0] | {"root": str(corpus)}]} | changes
    path = root / "tiny.yaml"
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


@pytest.fixture(scope="module")
def project(small_corpus, tmp_path_factory) -> Path:
    """A project in which the whole protocol was run."""
    root = tmp_path_factory.mktemp("evaluated")
    values = small_params(small_corpus, ingest={"emotions": ["neutral", "anger"]}).model_dump()
    (root / "params.yaml").write_text(yaml.safe_dump(values), "utf-8")
    run(write_protocol(root, small_corpus), root=root)
    return root


@pytest.fixture(scope="module")
def results(project) -> dict:
    return json.loads((project / "studies" / "tiny" / "results.json").read_text("utf-8"))


@pytest.fixture
def again(project, tmp_path) -> Path:
    """A copy of the project to change."""
    return Path(shutil.copytree(project, tmp_path / "again"))


def row(results: dict, system: str, judge: str = "svm") -> dict:
    return next(row for row in results["rows"] if (row["system"], row["judge"]) == (system, judge))


def written(root: Path) -> dict[str, int]:
    """When every part of the work folder was written."""
    work = root / "data" / "evaluate_conversion"
    return {path.relative_to(work).as_posix(): path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}


def test_zero_effort_changes_nothing_and_a_converter_is_heard(results):
    assert len(results["rows"]) == 21
    zero, converted = row(results, "identity"), row(results, "statistics")
    assert 0 <= zero["content_error_real"] < 0.6
    assert zero["content_error"] == zero["dnsmos_delta_source"] == zero["distillmos_delta_source"] == 0
    for name in ("mcd", "f0_rmse_st", "f0_correlation", "duration_error"):
        assert zero[name] == pytest.approx(zero[f"{name}_zero_effort"], abs=1e-3)
        assert converted[name] != pytest.approx(zero[name], abs=1e-3)
    assert zero["n_clips"] == converted["n_clips"] == 6
    assert zero["n_speakers"] == 6
    # What is not converted sounds neutral to a judge that hears real anger well.
    assert zero["recall_real"] == converted["recall_real"] > 0.7
    assert converted["recall"] > zero["recall"] + 0.3
    assert converted["recall_by_emotion"] == {"anger": converted["recall"]}
    assert converted["recall_share"] == pytest.approx(converted["recall"] / converted["recall_real"], abs=1e-3)
    assert zero["speaker_similarity"] > 0.7
    for judge in PROTOCOL["judges"]:
        zero, converted = row(results, "identity", judge), row(results, "statistics", judge)
        assert 0 <= zero["confidence"] <= 1
        assert zero["confidence_real"] == converted["confidence_real"] > 0
    assert row(results, "statistics", "encoder")["recall_real"] > 0.7
    assert converted["gain_over_transplant"] is None
    # A single seed has no diversity.
    assert converted["diversity"] is None


def test_a_part_that_is_left_out_is_missed(results):
    whole, reduced = row(results, "statistics"), row(results, "statistics without envelope")
    assert reduced["n_clips"] == whole["n_clips"]
    assert reduced["duration_error"] == pytest.approx(whole["duration_error"], abs=0.02)
    assert reduced["mcd"] != pytest.approx(whole["mcd"], abs=1e-3)
    assert reduced["gain_over_whole"] == pytest.approx(reduced["recall"] - whole["recall"], abs=1e-3)
    assert "gain_over_whole" not in whole


def test_the_probe_tells_emotional_speech_from_sources_and_from_conversions(results):
    zero, converted = row(results, "identity"), row(results, "statistics")
    # Neutral speech is told from real anger at once.
    assert zero["probe_auc"] > 0.7
    for system in (zero, converted):
        assert system["probe_auc_ci_low"] <= system["probe_auc"] <= system["probe_auc_ci_high"] <= 1
    assert row(results, "statistics", "encoder")["probe_auc"] == converted["probe_auc"]


def test_neutral_to_neutral_is_apart_from_the_emotions(results):
    zero = row(results, "identity", "encoder")
    # The source itself: nothing can tell it from itself.
    assert zero["probe_auc_neutral"] == 0.5
    # Heard as what it is, whether it was to become neutral or anger; there are two emotions here.
    assert zero["neutral_recall"] == pytest.approx(1 - zero["recall"], abs=1e-3)
    assert 0 <= zero["neutral_recall_real"] <= 1
    assert row(results, "statistics", "encoder")["neutral_recall"] is not None
    assert set(zero["confusion"]) == set(zero["confusion_real"]) == {"anger", "neutral"}
    assert zero["confusion"]["anger"]["neutral"] == pytest.approx(1 - zero["recall"], abs=1e-3)


def test_references_are_given_the_speakers_own_clip(results):
    rungs = [row(results, name, "encoder") for name in PROTOCOL["ladder"]]
    systems = [row(results, name, "encoder") for name in PROTOCOL["systems"]]
    assert all(rung["reference"] for rung in rungs)
    assert not any(system["reference"] for system in systems)
    assert {rung["n_clips"] for rung in rungs} == {6}
    resynthesis, own_take, own_style, prosody = rungs
    # A copy of the real clip is heard as the real clip is, and lies next to it.
    assert resynthesis["recall"] >= 0.8 * resynthesis["recall_real"]
    assert max(resynthesis["mcd"], own_take["mcd"]) < own_style["mcd"] < prosody["mcd"]
    assert resynthesis["probe_auc"] is not None


def test_words_are_compared_with_the_sentence_that_was_said(results):
    zero, converted = row(results, "identity"), row(results, "statistics")
    # What is not converted says what its source says.
    assert zero["word_error"] == zero["word_error_source"] == converted["word_error_source"]
    assert 0 <= zero["word_error"] <= zero["word_error_ci_high"]
    assert zero["word_error_real"] is not None
    assert converted["word_error"] >= 0


def test_the_page_holds_figures_and_targets(project):
    text = (project / "studies" / "tiny" / "README.md").read_text("utf-8")
    assert "| identity | svm |" in text
    assert "| statistics | encoder |" in text
    assert "| statistics | logmel |" in text
    assert text.index("What each part is worth") < text.index("| statistics without envelope | svm |")
    assert "≥ .85" in text
    assert "| (own take) | encoder |" in text
    assert "| system | probe AUC | probe, neutral | neutral heard as neutral / real, encoder |" in text
    assert "What the judge encoder hears" in text
    assert "| real clips | anger" in text
    assert "not measured" in text


@pytest.mark.parametrize(("high", "mark"), [(0.99, ""), (0.75, " ✓")])
def test_a_probe_that_learnt_little_proves_nothing(results, high, mark):
    found = {"probe_auc": 0.6, "probe_auc_ci_low": 0.3, "probe_auc_ci_high": high}
    text = page(results | {"rows": [row | found for row in results["rows"]]})
    assert f"| statistics | 0.600 [0.300, {high:.3f}]{mark} |" in text


def test_speed_is_timed_for_every_system(results):
    speed = results["speed"]
    # References are no converters: nobody waits for them.
    assert set(speed["cpu_x_realtime_by_system"]) == {"identity", "statistics"}
    assert speed["cpu_x_realtime"] == speed["cpu_x_realtime_by_system"]["statistics"] > 0
    assert speed["gpu_x_realtime"] == "not measured"


def test_a_killed_run_goes_on_with_what_it_has(again, small_corpus, results):
    before = written(again)
    lost = [
        name
        for name in before
        if name.startswith(("measured/demo-0-statistics-from", "heard/demo-1-statistics-from"))
        and name.endswith("parquet")
    ]
    assert len(lost) == 4
    for name in lost:
        (again / "data" / "evaluate_conversion" / name).unlink()
    run(write_protocol(again, small_corpus), root=again)
    after = written(again)
    assert {name for name in after if after[name] != before[name]} == set(lost)
    assert json.loads((again / "studies" / "tiny" / "results.json").read_text("utf-8"))["rows"] == results["rows"]


def test_other_judges_do_not_convert_or_measure_again(again, small_corpus):
    before = written(again)
    run(write_protocol(again, small_corpus, judge_steps=3), root=again)
    after = written(again)
    changed = {name.split("/")[1] for name in after if after[name] != before.get(name)}
    assert changed
    assert all(name.endswith("logmel") for name in changed)


def test_another_encoder_is_asked_anew_and_nothing_else_is_done_again(again, small_corpus, tmp_path):
    write_encoder(tmp_path / "encoder")
    before = written(again)
    put_encoder(again, str(tmp_path / "encoder"))
    run(write_protocol(again, small_corpus), root=again)
    after = written(again)
    changed = {name for name in after if after[name] != before.get(name)}
    assert {name.split("/")[0] for name in changed} == {"embeddings", "embedded", "judges", "heard"}
    assert all(name.split("/")[1].endswith("encoder") for name in changed if not name.startswith("embed"))
    put_encoder(again, "")
    with pytest.raises(EmoforgeError, match="the judge 'encoder' needs one: name it in params.yaml"):
        run(write_protocol(again, small_corpus), root=again)
    without = run(write_protocol(again, small_corpus, judges=["svm"]), root=again, output=again / "without")
    assert {row["probe_auc"] for row in without.rows} == {None}


def put_encoder(root: Path, source: str) -> None:
    with edited(root / "params.yaml") as values:
        values["encoder"] = source


def test_a_part_of_the_protocol_leaves_the_results_alone(again, small_corpus):
    path = write_protocol(again, small_corpus)
    study = again / "studies" / "tiny"
    shutil.rmtree(study)
    part = run(path, root=again, systems=["statistics"], chosen_rotations=[0, 1])
    assert part.output is None
    assert "| statistics | svm |" in part.page
    assert not study.exists()
    part = run(path, root=again, systems=["statistics"], chosen_rotations=[0, 1], output=again / "part")
    assert part.output == again / "part"
    rows = json.loads((again / "part" / "results.json").read_text("utf-8"))["rows"]
    assert rows == part.rows
    assert [(row["system"], row["judge"], row["n_clips"]) for row in rows] == [
        ("statistics", "encoder", 4),
        ("statistics", "svm", 4),
        ("statistics", "logmel", 4),
    ]
    assert not study.exists()


def test_the_command_prints_a_part_and_keeps_how_the_whole_was_made(again, small_corpus):
    write_protocol(again, small_corpus)
    result = emoforge("evaluate-conversion", "tiny.yaml", "--systems", "identity", cwd=again)
    assert result.returncode == 0, result.stderr
    assert "| identity | svm |" in result.stdout
    assert "--output" in result.stdout.splitlines()[-1]
    result = emoforge("evaluate-conversion", "tiny.yaml", cwd=again)
    assert "21 rows in studies/tiny/results.json" in result.stdout
    assert "| identity |" not in result.stdout
    results = json.loads((again / "studies" / "tiny" / "results.json").read_text("utf-8"))
    assert results["command"] == "emoforge evaluate-conversion tiny.yaml"


def test_samples_are_written_beside_their_sources(again, small_corpus):
    run(write_protocol(again, small_corpus), root=again, samples=(2, again / "samples"))
    files = sorted(path.name for path in (again / "samples" / "demo").iterdir())
    assert len(files) == 2 * 8
    for number in ("000", "001"):
        own = [name for name in files if name.startswith(number)]
        kinds = [
            *("identity.wav", "own style.wav", "own take.wav", "prosody only.wav", "resynthesis.wav", "source.wav"),
            *("statistics without envelope.wav", "statistics.wav"),
        ]
        assert [name.rsplit("-", 1)[1] for name in own] == kinds
        source, same, converted = (
            soundfile.read(again / "samples" / "demo" / next(name for name in own if name.endswith(kind)))[0]
            for kind in ("source.wav", "identity.wav", "statistics.wav")
        )
        assert (source == same).all()
        assert len(converted) != len(source) or (converted != source).any()


@pytest.mark.parametrize(
    ("changes", "options", "parts"),
    [
        ({}, {"systems": ["statistic"]}, ["'statistic'", "did you mean 'statistics'", "identity"]),
        ({}, {"corpora": ["nemo"]}, ["'nemo'", "allowed: demo"]),
        ({}, {"chosen_rotations": [7]}, ["no rotation 7", "allowed: 0, 1, 2"]),
        ({"systems": ["identity", "statistics", "nerual"]}, {}, ["'nerual'", "tiny.yaml"]),
        ({"systems": ["identity"]}, {}, ["unknown system to take parts from 'statistics'"]),
        ({"ablation": {"system": "statistics", "without": ["noice"]}}, {}, ["ablation", "noise"]),
        ({"ladder": ["own takes"]}, {}, ["ladder", "own take"]),
        ({"variant": 2}, {}, ["unknown key 'variant'", "did you mean 'variants'"]),
        ({"variants": 0}, {}, ["variants = 0"]),
        ({"judges": ["svm", "svm"]}, {}, ["judge is listed twice"]),
        ({"judges": ["wav2vec"]}, {}, ["judges", "encoder"]),
        ({"corpora": [{"name": "demo", "groups": 3, "sources": 1, "trained_on": ["nemo"]}]}, {}, ["root", "missing"]),
    ],
)
def test_mistakes_are_one_line(again, small_corpus, changes, options, parts):
    with pytest.raises(EmoforgeError) as raised:
        run(write_protocol(again, small_corpus, **changes), root=again, **options)
    assert "\n" not in str(raised.value)
    for part in parts:
        assert part in str(raised.value)


def test_a_corpus_that_is_not_there_says_how_to_get_it(again, tmp_path):
    with pytest.raises(EmoforgeError, match="corpora fetch demo"):
        run(write_protocol(again, tmp_path / "nowhere"), root=again)
    with pytest.raises(EmoforgeError, match="no such file"):
        run(again / "none.yaml", root=again)


def test_a_base_that_knows_a_source_or_a_judge_is_refused(again, small_corpus):
    (manifest_file,) = (again / "data" / "evaluate_conversion" / "corpora").glob("*/data/ingest/manifest.parquet")
    speaker = manifest.read(manifest_file)["speaker"][0].as_py()
    (again / "base").mkdir()
    (again / "base" / "provenance.json").write_text(json.dumps({"speakers": [speaker]}), "utf-8")
    with edited(again / "params.yaml") as params:
        params["fit_converter"]["neural"]["base"] = "base"
    protocol = write_protocol(again, small_corpus, systems=["generative"], ablation=None)
    with pytest.raises(ModelError, match=f"learnt from {speaker}, who are kept"):
        run(protocol, root=again)


def test_the_base_of_a_corpus_is_gone_on_from_and_measured_as_it_is(again, small_corpus):
    base = again / "base"
    Generative.fit(training_set(), options=TrainingOptions(steps=1, size=Size(channels=8, blocks=1))).save(base)
    (base / "provenance.json").write_text(json.dumps({"speakers": ["a", "b", "c"]}), "utf-8")
    with edited(again / "params.yaml") as params:
        params["fit_converter"]["neural"]["steps"] = 1
    corpus = {"name": "demo", "root": str(small_corpus), "groups": 3, "sources": 1}
    corpora = [corpus | {"trained_on": ["demo", "base"], "base": "base"}]
    systems = ["identity", "transplant", "generative"]
    protocol = write_protocol(
        again, small_corpus, systems=systems, ablation=None, ladder=[], corpora=corpora, judges=["svm"]
    )
    run(protocol, root=again, systems=systems, chosen_rotations=[0], output=again / "part")
    rows = json.loads((again / "part" / "results.json").read_text("utf-8"))["rows"]
    found = {(row["system"], row["trained_on"]): row for row in rows}
    assert set(found) == {*((system, "demo") for system in systems), ("generative", "base")}
    # Its networks are those of the base, which is of another size than what would be trained from nothing.
    (adapted,) = (again / "data" / "evaluate_conversion" / "converters").glob("generative-*/model")
    assert registry.load(adapted).networks.size == Size(channels=8, blocks=1)
    assert found["generative", "demo"]["gain_over_transplant"] is not None
    assert found["generative", "base"]["gain_over_transplant"] is None
    assert "demo, converters learnt from other corpora only" in (again / "part" / "README.md").read_text("utf-8")


def test_a_base_is_asked_for_where_there_is_one_and_after_a_corpus(tmp_path, small_corpus):
    corpus = PROTOCOL["corpora"][0] | {"root": str(small_corpus)}
    for changes, reason in (
        ({"trained_on": ["demo", "base"]}, "base names no folder"),
        ({"trained_on": ["base", "demo"], "base": "somewhere"}, "begin with a corpus"),
    ):
        with pytest.raises(EmoforgeError, match=reason):
            run(write_protocol(tmp_path, small_corpus, corpora=[corpus | changes]), root=tmp_path)
