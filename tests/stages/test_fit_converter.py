"""The stage that fits the converter: the neural one, killed and resumed, and one of several corpora."""

import json
import shutil
from importlib import import_module

import numpy as np
import pyarrow.compute as pc
import pytest
import soundfile
import yaml
from tests.cli.test_cli import assert_one_line, emoforge
from tests.small_run import SMALL, run_stages, small_params

from emoforge.base.errors import EmoforgeError, EmoforgeWarning, ManifestError, ModelError, ParamsError
from emoforge.convert import registry
from emoforge.convert.neural import training
from emoforge.convert.neural.model import Size
from emoforge.convert.neural.training import TrainingOptions
from emoforge.dataset import manifest
from emoforge.project.layout import Layout
from emoforge.stages import fit_converter, neural_training

NEURAL = SMALL["fit_converter"]["neural"]
SHORT = TrainingOptions(
    steps=6, batch_size=4, validate_every=2, max_frames=50, size=Size(channels=16, hidden=16, blocks=2)
)


def neural_params(corpus_root, **changes):
    return small_params(corpus_root, fit_converter={"method": "neural", "neural": NEURAL | changes})


@pytest.fixture
def ingested(small_run, tmp_path):
    """A project where ingest and prosody are done."""
    layout = Layout(tmp_path / "project")
    for stage in ("ingest", "prosody"):
        shutil.copytree(small_run.stage(stage), layout.stage(stage))
    return layout


def model_bytes(layout):
    return {path.name: path.read_bytes() for path in sorted(layout.stage("converter").iterdir())}


def write_params(params, layout):
    (layout.root / "params.yaml").write_text(yaml.safe_dump(params.model_dump()), "utf-8")


def test_the_neural_converter_runs_in_the_pipeline_like_the_others(small_corpus, ingested):
    params = neural_params(small_corpus)
    metrics = fit_converter.run(params, ingested)
    assert json.loads(ingested.metrics("fit_converter").read_text()) == metrics
    assert metrics["method"] == "neural"
    assert metrics["steps"] == 6
    assert metrics["n_examples"] > 0
    assert metrics["n_parameters"] > 1e5
    assert metrics["emotions"] == ["anger", "sadness"]
    assert set(model_bytes(ingested)) == {"converter.json", "converter.safetensors", "provenance.json"}
    assert not ingested.stage("converter.partial").exists()
    assert not ingested.stage("converter_samples").exists()
    run_stages(params, ingested.root, ("convert",))
    assert set(manifest.read(ingested.manifest("convert"))["converter"].to_pylist()) == {"neural"}


def test_guidance_and_temperature_of_the_params_are_the_converters(small_corpus, ingested):
    fit_converter.run(neural_params(small_corpus, steps=1, guidance=2.5, temperature=0.25), ingested)
    converter = registry.load(ingested.stage("converter"))
    assert (converter.guidance, converter.temperature) == (2.5, 0.25)


def test_the_curve_of_the_training_is_logged(small_corpus, ingested):
    fit_converter.run(neural_params(small_corpus), ingested)
    curve = (ingested.root / "metrics/converter/plots/metrics/loss.tsv").read_text().split("\n")
    assert curve[0].split("\t") == ["step", "loss"]
    assert curve[1].startswith("6\t")
    fit_converter.run(small_params(small_corpus), ingested)
    assert not (ingested.root / "metrics/converter/plots").exists()
    assert json.loads((ingested.root / "metrics/converter/metrics.json").read_text())["method"] == "transplant"


def test_a_killed_training_goes_on_where_it_was(small_corpus, ingested, tmp_path, monkeypatch):
    monkeypatch.setitem(training.PRESETS, "small", SHORT)
    params = neural_params(small_corpus, steps=0)
    whole = Layout(shutil.copytree(ingested.root, tmp_path / "whole"))
    fit_converter.run(params, whole)

    write = neural_training.Samples.write
    looks = []

    def killed_at_the_second_look(self, point, converter):
        looks.append(point.step)
        if len(looks) == 2:
            raise KeyboardInterrupt
        write(self, point, converter)

    monkeypatch.setattr(neural_training.Samples, "write", killed_at_the_second_look)
    with pytest.raises(KeyboardInterrupt):
        fit_converter.run(params, ingested)
    assert not ingested.stage("converter").exists()
    fit_converter.run(params, ingested)
    assert looks == [2, 4, 6]
    assert model_bytes(ingested) == model_bytes(whole)


def test_a_training_with_other_params_begins_anew(small_corpus, ingested, monkeypatch):
    monkeypatch.setitem(training.PRESETS, "small", SHORT)

    def killed(self, point, converter):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(neural_training.Samples, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            fit_converter.run(neural_params(small_corpus, steps=6), ingested)
    assert fit_converter.run(neural_params(small_corpus, steps=4), ingested)["steps"] == 4


def test_samples_are_clips_to_listen_to(small_corpus, ingested, monkeypatch):
    monkeypatch.setitem(training.PRESETS, "small", SHORT)
    fit_converter.run(neural_params(small_corpus, steps=4, samples=2), ingested)
    folder = ingested.stage("converter_samples")
    assert sorted(path.name for path in folder.iterdir()) == ["step-000002", "step-000004"]
    rows = {row["clip_id"]: row for row in manifest.read(ingested.manifest("ingest")).to_pylist()}
    for look in folder.iterdir():
        clips = sorted(look.iterdir())
        assert {path.stem.split("-")[1] for path in clips} == {"anger", "sadness"}
        for path in clips:
            row = rows[path.stem.split("-")[0]]
            assert (row["emotion"], row["split"]) == ("neutral", "val")
            signal, sampling_rate = soundfile.read(path)
            assert sampling_rate == 16000
            assert np.abs(signal).max() > 0


def test_a_missing_gpu_is_reported(small_corpus, ingested, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ParamsError, match="device = 'cuda': torch finds no GPU"):
        fit_converter.run(neural_params(small_corpus, device="cuda"), ingested)


@pytest.fixture
def other_project(small_corpus, tmp_path):
    """Another project, of another corpus: a table of some of the demo's clips, which names itself."""
    table = tmp_path / "table"
    table.mkdir()
    lines = ["path,emotion,speaker,gender,corpus,sentence"]
    demo = import_module("emoforge.corpora.importers.demo").read(small_corpus)
    for recording in demo:
        if recording.emotion in ("neutral", "anger"):
            lines.append(
                f"{recording.path},{recording.emotion},{recording.speaker},{recording.gender},mine,{recording.sentence}"
            )
    (table / "clips.csv").write_text("\n".join(lines) + "\n", "utf-8")
    params = small_params(small_corpus)
    params = params.model_copy(
        update={
            "corpus": params.corpus.model_copy(update={"name": "table", "root": str(table), "licence": "CC-BY-4.0"})
        }
    )
    layout = run_stages(params, tmp_path / "other", ("ingest", "prosody"))
    write_params(params, layout)
    return layout


def test_one_converter_of_two_corpora(small_corpus, ingested, other_project):
    params = small_params(small_corpus)
    alone = fit_converter.run(params, ingested)
    both = fit_converter.run(params, ingested, also=[other_project.root])
    tables = [manifest.read(layout.manifest("ingest")).to_pylist() for layout in (ingested, other_project)]
    trained = [{row["speaker"] for row in table if row["split"] == "train"} for table in tables]
    provenance = json.loads((ingested.stage("converter") / "provenance.json").read_text())
    assert provenance["corpora"] == ["demo", "mine"]
    assert provenance["speakers"] == sorted(trained[0] | trained[1])
    assert provenance["licences"] == ["CC-BY-4.0", "CC0-1.0"]
    assert provenance["clips"] == both["clips"] > alone["clips"]
    exemplars = {exemplar.speaker for exemplar in registry.load(ingested.stage("converter")).exemplars}
    assert exemplars == trained[0] | trained[1]


def test_neutral_voices_of_another_project_are_learnt_from_and_stay_there(small_corpus, ingested, tmp_path):
    """As LibriSpeech is laid out, whose project has no emotional speech at all."""
    for number, found in enumerate(import_module("emoforge.corpora.importers.demo").read(small_corpus)):
        if found.emotion == "neutral":
            reader = 100 + 2 * int(found.speaker[1:]) + (found.gender == "male")
            clip = tmp_path / "LibriSpeech" / f"{reader}-7-{number:04d}.wav"
            clip.parent.mkdir(exist_ok=True)
            shutil.copy(found.path, clip)
    params = small_params(tmp_path / "LibriSpeech")
    voices = params.model_copy(update={"corpus": params.corpus.model_copy(update={"name": "librispeech"})})
    with pytest.warns(EmoforgeWarning, match="every recording is neutral"):
        layout = run_stages(voices, tmp_path / "voices", ("ingest", "prosody"))
    write_params(voices, layout)
    with pytest.raises(ModelError, match="neutral and 0 emotional utterances"):
        fit_converter.run(voices, layout)
    metrics = fit_converter.run(small_params(small_corpus), ingested, also=[layout.root])
    provenance = json.loads((ingested.stage("converter") / "provenance.json").read_text())
    assert provenance["corpora"] == ["demo", "librispeech"]
    assert metrics["emotions"] == ["anger", "sadness"]
    run_stages(small_params(small_corpus), ingested.root, ("convert",))
    assert set(manifest.read(ingested.manifest("convert"))["corpus"].to_pylist()) == {"demo"}


def test_the_params_and_the_command_name_projects_alike(small_corpus, ingested, other_project):
    relative = f"../{other_project.root.name}"
    write_params(small_params(small_corpus), ingested)
    result = emoforge("fit-converter", "-C", ingested.root, "--also", other_project.root, cwd=ingested.root)
    assert result.returncode == 0, result.stderr
    by_command = model_bytes(ingested)
    assert json.loads(by_command["provenance.json"])["corpora"] == ["demo", "mine"]
    fit_converter.run(small_params(small_corpus, fit_converter={"also": [relative]}), ingested)
    assert model_bytes(ingested) == by_command


def test_a_corpus_comes_from_one_project(small_corpus, small_run, ingested, tmp_path):
    same = Layout(shutil.copytree(ingested.root, tmp_path / "same"))
    write_params(small_params(small_corpus), same)
    with pytest.raises(ManifestError, match="corpus 'demo' is also that of"):
        fit_converter.run(small_params(small_corpus), ingested, also=[same.root])


def test_another_project_must_be_ready_and_alike(small_corpus, ingested, other_project, tmp_path):
    write_params(small_params(small_corpus), ingested)
    result = emoforge("fit-converter", "--also", tmp_path / "nowhere", cwd=ingested.root)
    assert_one_line(result, "nowhere", "not there")
    write_params(small_params(small_corpus, prosody={"f0_min_hz": 50.0}), other_project)
    with pytest.raises(ParamsError, match="section `prosody` differs"):
        fit_converter.run(small_params(small_corpus), ingested, also=[other_project.root])


@pytest.fixture
def base(small_corpus, other_project):
    """A converter of another project, which knows the speakers of its own corpus only."""
    params = generative_params(small_corpus)
    fit_converter.run(params, other_project)
    return other_project.stage("converter")


def generative_params(corpus_root, **changes):
    return small_params(corpus_root, fit_converter={"method": "generative", "neural": NEURAL | {"steps": 2} | changes})


def provenance_of(layout):
    return json.loads((layout.stage("converter") / "provenance.json").read_text())


def test_a_training_goes_on_from_the_converter_of_another_project(small_corpus, ingested, base):
    fit_converter.run(generative_params(small_corpus), ingested)
    alone, of_alone = registry.load(ingested.stage("converter")), provenance_of(ingested)
    fit_converter.run(generative_params(small_corpus, base=str(base)), ingested)
    adapted = registry.load(ingested.stage("converter"))
    assert len(adapted.voices) == len(alone.voices) + len(registry.load(base).voices)
    provenance, theirs = provenance_of(ingested), json.loads((base / "provenance.json").read_text())
    assert provenance["speakers"] == sorted({*of_alone["speakers"], *theirs["speakers"]})
    assert provenance["corpora"] == ["demo", "mine"]
    assert provenance["licences"] == sorted({*of_alone["licences"], *theirs["licences"]})
    assert len(provenance["base"]) == 64
    # A method without networks goes on from nothing, and does not claim to.
    plain = small_params(small_corpus, fit_converter={"method": "transplant", "neural": NEURAL | {"base": str(base)}})
    fit_converter.run(plain, ingested)
    assert "base" not in provenance_of(ingested)


def test_a_base_for_others_learns_from_all_speakers(small_corpus, ingested, tmp_path):
    params = generative_params(small_corpus)
    fit_converter.run(params, ingested)
    write_params(params, ingested)
    own, metrics = model_bytes(ingested), ingested.metrics("fit_converter").read_bytes()
    sample = ingested.stage("converter_samples") / "step-000002" / "heard.flac"
    sample.parent.mkdir(parents=True)
    sample.touch()
    base = tmp_path / "base"
    result = emoforge("fit-converter", "--all-speakers-to", base, cwd=ingested.root)
    assert result.returncode == 0, result.stderr
    everybody = sorted(set(manifest.read(ingested.manifest("ingest"))["speaker"].to_pylist()))
    assert json.loads((base / "provenance.json").read_text())["speakers"] == everybody
    assert len(everybody) > len(provenance_of(ingested)["speakers"])
    assert registry.load(base).name == "generative"
    assert model_bytes(ingested) == own
    assert ingested.metrics("fit_converter").read_bytes() == metrics
    assert sample.exists()
    # It knows who is tested here, so that nothing here goes on from it.
    with pytest.raises(ModelError, match="who are kept for validation, test or judging"):
        fit_converter.run(generative_params(small_corpus, base=str(base)), ingested)
    with pytest.raises(ParamsError, match="is there and no converter"):
        fit_converter.run(params, ingested, all_speakers_to=ingested.root)
    assert ingested.root.is_dir()


def test_a_base_knows_nobody_who_is_tested(small_corpus, ingested, base):
    theirs = json.loads((base / "provenance.json").read_text())
    tested = manifest.read(ingested.manifest("ingest")).filter(pc.field("split") == "test")["speaker"][0].as_py()
    (base / "provenance.json").write_text(json.dumps(theirs | {"speakers": [*theirs["speakers"], tested]}))
    with pytest.raises(ModelError, match=f"learnt from {tested}, who"):
        fit_converter.run(generative_params(small_corpus, base=str(base)), ingested)
    (base / "provenance.json").write_text(json.dumps({"corpora": []}))
    with pytest.raises(ModelError, match="'speakers' is missing"):
        fit_converter.run(generative_params(small_corpus, base=str(base)), ingested)


def test_a_base_has_to_be_there_and_of_the_right_kind(small_corpus, ingested, other_project):
    fit_converter.run(neural_params(small_corpus), other_project)
    with pytest.raises(ModelError, match="a converter of kind neural"):
        fit_converter.run(generative_params(small_corpus, base=str(other_project.stage("converter"))), ingested)
    with pytest.raises(ModelError, match="nowhere is no folder"):
        fit_converter.run(generative_params(small_corpus, base="nowhere"), ingested)
    with pytest.raises(EmoforgeError, match="method 'neural' goes on from no other converter"):
        fit_converter.run(neural_params(small_corpus, base=str(other_project.stage("converter"))), ingested)
