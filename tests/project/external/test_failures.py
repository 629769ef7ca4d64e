"""What a program does wrong, and what becomes of its clips: with a real program that misbehaves on demand."""

import pytest
import yaml
from tests.cli.test_cli import assert_one_line, emoforge

from emoforge.base.errors import ModelError, ParamsError
from emoforge.dataset import manifest
from emoforge.project.external.batches import MOST_STOPS
from emoforge.project.params import load_params

pytestmark = pytest.mark.slow


@pytest.fixture
def fitted(project):
    project.fit()
    project.forget()
    return project


def assert_only(project, rejected: dict[tuple[str, str], str]) -> None:
    """All clips but those were converted, and these carry a reason that holds the given words."""
    found = project.rejected()
    assert set(found) == set(rejected)
    for key, words in rejected.items():
        assert words in found[key]
        assert "\n" not in found[key]
    clips = manifest.read(project.layout.manifest("convert")).to_pylist()
    asked = {(source, emotion) for source in project.sources() for emotion in ("anger", "sadness")}
    assert {(row["source_clip_id"], row["emotion"]) for row in clips} == asked - set(rejected)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("fail", "no speech in it"),
        ("empty", "the program's result is empty"),
        ("absent", "the program's result is missing"),
        ("rate", "the program's result has 8000 Hz, and it announced 22050 Hz"),
        ("memory", "out of memory, with this clip alone"),
    ],
)
def test_a_clip_that_fails_is_a_row_with_its_reason(fitted, kind, words):
    bad = fitted.sources()[1]
    fitted.misbehave(**{bad: kind})
    # A speaker's clip may be in the control, which counts its failures apart.
    metrics = fitted.convert(control_clips=len(fitted.sources()))
    assert_only(fitted, {(bad, "anger"): words, (bad, "sadness"): words})
    assert sum(metrics["rejected"].values()) == 2
    assert list(metrics["control"]["rejected"].values()) == [1]
    assert metrics["control"]["clips_out"] == metrics["control"]["clips_in"] - 1
    # It was never started again.
    assert fitted.notes.count("started") == 1


def test_a_program_that_dies_is_started_again_without_the_clip_that_killed_it(fitted):
    bad = fitted.sources()[2]
    fitted.misbehave(**{bad: "crash"})
    fitted.convert(control_clips=1)
    words = "the program ended with status 3: cannot go on"
    assert_only(fitted, {(bad, "anger"): words, (bad, "sadness"): words})
    # Once for each clip alone, and once for each batch that held one.
    assert 2 <= fitted.notes.count("started") - 1 <= 4


def test_a_program_that_hangs_is_started_again_without_the_clip_that_it_hung_on(fitted):
    bad = fitted.sources()[0]
    fitted.misbehave(hello={"batch": 1}, **{f"anger-{bad}": "hang"})
    fitted.fit()
    fitted.convert(clip_limit_s=4.0, control_clips=1)
    assert_only(fitted, {(bad, "anger"): "the program gave no answer within 4 s"})
    # It was killed: nobody could wait for it to end.
    assert fitted.notes.count("started") == fitted.notes.count("ended") + 1


def test_what_is_printed_among_messages_is_said(fitted):
    bad = fitted.sources()[0]
    fitted.misbehave(**{bad: "babble"})
    fitted.convert(control_clips=1)
    words = "wrote 'Loading ...' to standard output, where only messages belong"
    assert_only(fitted, {(bad, "anger"): words, (bad, "sadness"): words})


def test_a_batch_is_halved_until_the_memory_is_enough(fitted):
    fitted.misbehave(most=1)
    fitted.convert(control_clips=1)
    assert_only(fitted, {})
    batches = [note for note in fitted.notes if note.startswith("batch-")]
    # The control is one clip; then four, two, and one at a time from there on.
    assert batches[:3] == ["batch-1", "batch-4", "batch-2"]
    assert set(batches[3:]) == {"batch-1"}
    assert fitted.notes.count("started") == 1


def test_a_program_that_stops_over_every_clip_ends_the_run(fitted):
    fitted.misbehave(anger="crash", sadness="crash")
    with pytest.raises(ModelError, match=f"pitch: stopped over {MOST_STOPS} clips in a row.*cannot go on.*log.txt"):
        fitted.convert()
    # What was put right goes on.
    fitted.misbehave()
    metrics = fitted.convert()
    assert metrics["clips_out"] == metrics["clips_in"]


@pytest.mark.parametrize(
    ("hello", "words"),
    [
        ({"protocol": 2}, "speaks protocol 2, this emoforge speaks 1"),
        ({"licences": {"code": "MIT", "weights": None}}, "key 'licences.outputs' is missing"),
        ({"checksums": {"code": "abc", "weights": None}}, "checksums.code = 'abc'"),
        ({"emotions": ["anger"]}, "'neutral' is missing, which the control needs"),
        ({"emotions": ["neutral", "angr"]}, "unknown emotion 'angr' (did you mean 'anger'?)"),
        ({"sampling_rates": {"source": 22050, "result": 0}}, "sampling_rates.result = 0"),
        ({"name": "a b"}, "name = 'a b'"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"type": "good day"}, "type = 'good day'"),
    ],
)
def test_a_wrong_handshake_is_one_line(project, hello, words):
    project.misbehave(hello=hello)
    with pytest.raises(ModelError) as caught:
        project.fit()
    assert words in str(caught.value)
    assert str(caught.value).startswith("fit_converter.external.command: ")
    assert "\n" not in str(caught.value)
    assert not project.layout.stage("converter").exists()


def test_a_wrong_handshake_ends_the_command_with_one_line(project):
    project.misbehave(hello={"protocol": 2})
    (project.layout.root / "params.yaml").write_text(yaml.safe_dump(project.params().model_dump()), "utf-8")
    result = emoforge("fit-converter", cwd=project.layout.root)
    assert_one_line(result, "speaks protocol 2")


def test_a_program_that_cannot_load_its_model_says_why(project):
    project.misbehave(start="no weights at weights.pt")
    with pytest.raises(ModelError, match=r"the program ended with status 1: no weights at weights\.pt; it must answer"):
        project.fit()


def test_params_name_a_program(tmp_path, project):
    values = project.params().model_dump()
    values["fit_converter"]["external"]["command"] = []
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), "utf-8")
    with pytest.raises(ParamsError, match=r"method 'external' needs external\.command"):
        load_params(tmp_path / "params.yaml")
    values = project.params().model_dump()
    values["fit_converter"]["also"] = ["../other"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), "utf-8")
    with pytest.raises(ParamsError, match="leave `also` empty"):
        load_params(tmp_path / "params.yaml")
