"""An external converter in the stages: conversions, control, licence, a killed run; with a real program."""

import numpy as np
import pyarrow.compute as pc
import pytest
import yaml
from tests.cli.test_cli import assert_one_line, emoforge

from emoforge.base.errors import EmoforgeError, EmoforgeWarning, ManifestError, ModelError
from emoforge.base.outputs import read_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.stages import convert as convert_stage

pytestmark = pytest.mark.slow

TARGETS = ("anger", "sadness")


def test_clips_are_converted_by_a_program_and_carry_its_name_and_licence(project):
    fitted = project.fit()
    assert (fitted["program"], fitted["version"], fitted["licence"]) == ("pitch", "1.0", "CC-BY-NC-4.0")
    assert (fitted["emotions"], fitted["clips"], fitted["speakers"]) == (list(TARGETS), 0, 0)
    metrics = project.convert()
    sources = project.sources()
    assert metrics["clips_in"] == metrics["clips_out"] == 2 * len(sources)
    table = manifest.read(project.layout.manifest("convert"))
    assert set(table["converter"].to_pylist()) == {"external:pitch"}
    # The sources are CC0-1.0.
    assert set(table["licence"].to_pylist()) == {"CC-BY-NC-4.0"}
    assert table["style_clip_id"].null_count == len(table)
    rows = {(row["source_clip_id"], row["emotion"]): row for row in table.to_pylist()}
    assert set(rows) == {(source, emotion) for source in sources for emotion in TARGETS}
    recorded = {row["clip_id"]: row["duration_s"] for row in project.ingested()}
    for (source, emotion), row in rows.items():
        ratio = 2 ** ({"anger": 3.0, "sadness": -2.0}[emotion] / 12)
        assert row["duration_s"] == pytest.approx(recorded[source] / ratio, abs=0.002)
        assert row["sampling_rate"] == 16000
    assert not (project.layout.stage("convert") / "work").exists()
    assert project.notes.count("started") == 2
    assert project.notes.count("ended") == 2


def test_the_control_is_kept_apart_and_counted(project):
    project.fit()
    metrics = project.convert()
    assert metrics["control"] == {"clips_in": 3, "clips_out": 3, "rejected": {}}
    assert read_json(project.layout.metrics("convert")) == metrics
    control = project.layout.stage("convert") / "control"
    rows = manifest.read(control / "manifest.parquet").to_pylist()
    assert {(row["emotion"], row["source_emotion"], row["origin"]) for row in rows} == {
        ("neutral", "neutral", "converted")
    }
    # The demo has three training speakers here, each of whom is in it.
    assert len({row["speaker"] for row in rows}) == 3
    heard, recorded = ClipStore(control / "clips"), ClipStore(project.layout.stage("ingest") / "clips")
    emotional = ClipStore(project.layout.stage("convert") / "clips")
    for row in rows:
        assert row["clip_id"] not in emotional
        np.testing.assert_allclose(heard.read(row["clip_id"])[0], recorded.read(row["source_clip_id"])[0], atol=0.05)
    assert "neutral" not in manifest.read(project.layout.manifest("convert"))["emotion"].to_pylist()
    assert sorted(path.name for path in control.iterdir()) == ["clips", "manifest.parquet", "rejected.parquet"]


def test_without_any_control_there_are_no_conversions(project):
    project.fit()
    project.misbehave(neutral="fail")
    with pytest.raises(ManifestError, match="none of 3 neutral clips .* control .* no speech in it") as caught:
        project.convert()
    assert "\n" not in str(caught.value)
    assert not any(note.startswith(TARGETS) for note in project.notes)


def test_a_style_reference_is_another_speakers_training_clip(project):
    project.misbehave(hello={"needs": {"text": False, "style": True}, "emotions": None})
    assert project.fit()["clips"] > 0
    project.convert()
    rows = {row["clip_id"]: row for row in project.ingested()}
    provenance = read_json(project.layout.stage("converter") / "provenance.json")
    assert provenance["licences"] == ["CC-BY-NC-4.0", "CC0-1.0"]
    assert provenance["speakers"] == sorted({row["speaker"] for row in rows.values() if row["split"] == "train"})
    for folder in (project.layout.stage("convert"), project.layout.stage("convert") / "control"):
        for row in manifest.read(folder / "manifest.parquet").to_pylist():
            style = rows[row["style_clip_id"]]
            assert (style["emotion"], style["split"]) == (row["emotion"], "train")
            assert style["speaker"] != row["speaker"]
            assert f"style-{style['clip_id']}" in project.notes


def test_clips_in_another_language_or_without_words_are_rows(project):
    project.misbehave(hello={"languages": ["zh"]})
    with pytest.raises(ModelError, match="convert none of .* language 'en'; pitch converts zh"):
        project.fit()
    project.misbehave(hello={"needs": {"text": True, "style": False}})
    table = manifest.read(project.layout.manifest("ingest"))
    silenced = project.sources()[0]
    texts = [
        None if clip == silenced else text
        for clip, text in zip(table["clip_id"].to_pylist(), table["text"].to_pylist(), strict=True)
    ]
    manifest.write(
        table.set_column(table.schema.get_field_index("text"), table.schema.field("text"), [texts]),
        project.layout.manifest("ingest"),
    )
    project.fit()
    project.convert()
    reason = "its words are not known, which pitch needs"
    assert project.rejected() == {(silenced, emotion): reason for emotion in TARGETS}


def test_a_program_that_draws_anew_is_announced(project):
    project.misbehave(hello={"deterministic": False})
    with pytest.warns(EmoforgeWarning, match="not deterministic"):
        project.fit()


def test_the_program_at_conversion_must_be_the_one_that_was_fitted(project):
    project.fit()
    project.misbehave(hello={"version": "1.1"})
    with pytest.raises(ModelError, match=r"not the one of the stage fit_converter .*version.*fit-converter"):
        project.convert()
    project.misbehave(hello={"name": "other", "emotions": ["neutral", "boredom"]})
    with pytest.raises(ModelError, match=r"other: produces boredom, neutral, the training clips hold anger, sadness"):
        project.fit()


def test_a_killed_conversion_goes_on_where_it_was(project, monkeypatch):
    monkeypatch.setattr(convert_stage, "_CHUNK", 4)
    project.fit()
    convert_chunk, done = convert_stage._convert_chunk, []

    def killed_after_two(chunk):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(chunk.number)
        convert_chunk(chunk)

    monkeypatch.setattr(convert_stage, "_convert_chunk", killed_after_two)
    with pytest.raises(KeyboardInterrupt):
        project.convert()
    assert not project.layout.stage("convert").exists()
    # The program does not outlive the run.
    assert project.notes.count("started") == project.notes.count("ended")
    before = {note for note in project.notes if note.startswith(("anger", "sadness", "neutral"))}
    assert len(before) == 3 + 4
    project.forget()
    monkeypatch.setattr(convert_stage, "_convert_chunk", convert_chunk)
    metrics = project.convert()
    assert metrics["clips_out"] == metrics["clips_in"]
    assert metrics["control"]["clips_out"] == 3
    after = {note for note in project.notes if note.startswith(("anger", "sadness", "neutral"))}
    assert not before & after
    assert len(before | after) == 3 + metrics["clips_out"]


def test_several_programs_give_the_same_clips(project, monkeypatch):
    monkeypatch.setattr(convert_stage, "_CHUNK", 4)
    project.fit()
    project.convert()
    one = manifest.read(project.layout.manifest("convert"))
    project.convert(processes=2)
    assert manifest.read(project.layout.manifest("convert")).equals(one)


def test_a_single_recording_needs_another_converter(project, small_corpus, tmp_path):
    project.fit()
    neutral = next(small_corpus.rglob("*neutral*.wav"))
    folder = project.layout.stage("converter")
    result = emoforge(
        "convert", neutral, "--to", "anger", "--converter", folder, "-o", tmp_path / "out.wav", cwd=tmp_path
    )
    assert_one_line(result, "external converter", "only the stage convert runs")


def test_the_command_says_in_one_line_what_is_wrong(project):
    params = project.params(command=["no-such-program"])
    (project.layout.root / "params.yaml").write_text(yaml.safe_dump(params.model_dump()), "utf-8")
    result = emoforge("fit-converter", cwd=project.layout.root)
    assert_one_line(result, "fit_converter.external.command", "'no-such-program' cannot be started")


def test_a_set_is_published_under_the_licence_of_the_outputs_or_not_at_all(project):
    project.fit()
    project.run("convert", "score", "select", "publish")
    card = (project.layout.stage("publish") / "README.md").read_text("utf-8")
    assert "license: cc-by-nc-4.0" in card
    assert "The converter is the program pitch 1.0: code under MIT" in card
    # Where the program lies on this machine is nobody's business.
    assert "pitch_program" not in card
    selected = manifest.read(project.layout.manifest("select"))
    made = selected.filter(pc.equal(selected["origin"], "converted"))
    assert set(made["emotion"].to_pylist()) == set(TARGETS)
    project.misbehave(hello={"licences": {"code": "MIT", "weights": None, "outputs": "ask the authors"}})
    project.fit()
    project.run("convert", "score", "select")
    with pytest.raises(EmoforgeError, match="external converter pitch makes is under 'ask the authors'"):
        project.run("publish")
