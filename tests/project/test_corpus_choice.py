"""A corpus of one's own: imported, described, and published under what its owner states about it."""

import json

import pyarrow.compute as pc
import pytest
import soundfile
import yaml
from tests.finished_set import convert, fit
from tests.small_run import small_params

from emoforge import corpora
from emoforge.base.errors import CorpusError, EmoforgeError, EmoforgeWarning, ParamsError
from emoforge.base.outputs import read_json, write_json
from emoforge.dataset import manifest
from emoforge.project.corpus_choice import import_corpus, learning_obstacle
from emoforge.project.layout import Layout
from emoforge.project.params import load_params
from emoforge.sharing.audit import audit
from emoforge.sharing.trace import trace
from emoforge.stages import ingest, publish, select


@pytest.fixture
def own_table(small_corpus, tmp_path):
    """A table of some of the demo's clips under names of its own."""
    lines = ["Path;Emotion;Speaker;gender"]
    for recording in corpora.read("demo", small_corpus):
        if recording.emotion in ("neutral", "anger"):
            lines.append(f"{recording.path};{recording.emotion};{recording.speaker};{recording.gender}")
    table = tmp_path / "own" / "clips.csv"
    table.parent.mkdir()
    table.write_text("\n".join(lines) + "\n", "utf-8")
    return table


@pytest.fixture
def project(small_corpus, tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    values = small_params(small_corpus, ingest={"emotions": []}).model_dump()
    (root / "params.yaml").write_text(yaml.safe_dump(values), "utf-8")
    return root


def test_what_is_odd_about_a_corpus_is_said_at_import(own_table, project):
    lines = own_table.read_text("utf-8").splitlines()
    first, *_, last = [line.split(";") for line in lines[1:] if ";neutral;" in line]
    folder = own_table.parent
    signal, rate = soundfile.read(first[0])
    soundfile.write(folder / "quiet.wav", 0.3 * signal[500:], rate)
    soundfile.write(folder / "twice.wav", signal, rate)
    soundfile.write(folder / "short.wav", signal[:500], rate)
    lines = [line for line in lines if f";neutral;{last[2]};" not in line]
    lines += [f"twice.wav;neutral;{first[2]};", f"quiet.wav;neutral;{last[2]}x;", f"short.wav;anger;{first[2]};"]
    lines += [f"gone.wav;anger;{first[2]};"]
    own_table.write_text("\n".join(lines), "utf-8")

    found = import_corpus("table", own_table, project).summary

    assert found.clips == len(lines) - 2
    assert found.without_neutral == (last[2],)
    assert [path.name for path in found.missing] == ["gone.wav"]
    assert list(found.unusable.values()) == [("short",)]
    assert [{stem.rsplit("/", 1)[-1] for stem in group} for group in found.duplicates.equal] == [
        {first[0].rsplit("/", 1)[-1].removesuffix(".wav"), "twice"}
    ]
    assert [set(group) & {"quiet"} for group in found.duplicates.near] == [{"quiet"}]
    assert found.duplicates.speakers == (tuple(sorted((first[2], f"{last[2]}x"))),)
    assert found.emotions["anger"] == sum(";anger;" in line for line in lines) - 1


def test_a_large_corpus_is_not_listened_to(own_table, project, monkeypatch):
    monkeypatch.setattr("emoforge.project.corpus_choice.MOST_LISTENED_CLIPS", 3)
    found = import_corpus("table", own_table, project).summary
    assert (found.unusable, found.duplicates) == (None, None)


def test_what_was_stated_stays_with_the_corpus(own_table, small_corpus, project):
    assert "corpus.licence" in import_corpus("table", own_table, project).obstacle
    stated = import_corpus(
        "table", own_table, project, licence="cc by 4.0", public_name="mine", title="My corpus", citation="I, 2026"
    )
    assert (stated.corpus.licence, stated.obstacle) == ("CC-BY-4.0", "")
    assert import_corpus("table", own_table, project).corpus == stated.corpus
    assert load_params(project / "params.yaml").corpus == stated.corpus
    other = import_corpus("table", own_table, project, licence="CC0-1.0").corpus
    assert other == stated.corpus.model_copy(update={"licence": "CC0-1.0"})
    demo = import_corpus("demo", small_corpus, project).corpus
    assert (demo.licence, demo.public_name, demo.title, demo.citation) == ("", "", "", "")


def test_a_corpus_of_one_emotion_is_nothing_to_learn_from():
    assert learning_obstacle({"neutral", "anger"}) == ""
    assert "every recording is anger" in learning_obstacle({"anger"})
    assert "`fit_converter.also`" not in learning_obstacle({"anger"})
    assert "`fit_converter.also`" in learning_obstacle({"neutral": 150})


def test_licences_that_forbid_sharing_are_said_at_once(own_table, project):
    assert "not known to allow" in import_corpus("table", own_table, project, licence="mine, all mine").obstacle
    assert "no derivatives" in import_corpus("table", own_table, project, licence="CC-BY-ND-4.0").obstacle


def test_a_registered_corpus_keeps_its_name(own_table, small_corpus, project):
    before = (project / "params.yaml").read_bytes()
    with pytest.raises(CorpusError, match="demo has a name, title and citation"):
        import_corpus("demo", small_corpus, project, title="Mine")
    with pytest.raises(ParamsError, match="'ravdess': this is the name of a registered corpus"):
        import_corpus("table", own_table, project, public_name="ravdess")
    with pytest.raises(ParamsError, match="made of letters"):
        import_corpus("table", own_table, project, public_name="a, b")
    assert (project / "params.yaml").read_bytes() == before


def test_params_older_than_name_title_and_citation_stay_valid(own_table, project):
    path = project / "params.yaml"
    values = yaml.safe_load(path.read_text("utf-8"))
    for key in ("public_name", "title", "citation"):
        del values["corpus"][key]
    path.write_text(yaml.safe_dump(values), "utf-8")
    import_corpus("table", own_table, project)
    assert set(yaml.safe_load(path.read_text("utf-8"))["corpus"]) == {"name", "root", "licence"}


def test_a_licence_can_be_stated_after_everything_else_is_done(own_table, project):
    import_corpus("table", own_table, project)
    layout = Layout(project)
    with pytest.warns(EmoforgeWarning, match=r"corpus\.licence"):
        ingest.run(load_params(project / "params.yaml"), layout)
    ingested = layout.manifest("ingest").read_bytes()
    recorded = manifest.read(layout.manifest("ingest"))
    fit(layout, recorded)
    converter = layout.stage("converter") / "provenance.json"
    # One more corpus is learnt from, whose licence is known.
    licences = sorted({*recorded["licence"].to_pylist(), "CC-BY-NC-4.0"})
    write_json(converter, read_json(converter) | {"corpora": ["table"], "licences": licences})
    convert(layout, recorded)
    select.run(load_params(project / "params.yaml"), layout)
    with pytest.raises(EmoforgeError, match=r"`corpus\.licence` .*corpora import table .*clips\.csv --licence"):
        publish.run(load_params(project / "params.yaml"), layout)
    assert not layout.stage("publish").exists()

    import_corpus("table", own_table, project, licence="CC-BY-4.0", public_name="mine", title="My corpus")
    params = load_params(project / "params.yaml")
    publish.run(params, layout)
    card = (layout.stage("publish") / "README.md").read_text("utf-8")
    assert "speakers of My corpus (mine)" in card
    assert "license: cc-by-nc-4.0" in card
    assert "table" not in card.split("---")[1]
    provenance = json.loads((layout.stage("publish") / "provenance.json").read_text("utf-8"))
    assert provenance["converter"]["licences"] == ["CC-BY-4.0", "CC-BY-NC-4.0"]
    rows = manifest.read_table(next((layout.stage("publish") / "data").glob("*.parquet")))
    assert set(rows["licence"].to_pylist()) == {"CC-BY-4.0"}
    assert set(rows["corpus"].to_pylist()) == {"mine"}
    # The small set's conversions carry the licence of their source alone, which the audit minds.
    assert {found["code"] for found in audit(root=project)["findings"]} >= {"licence-weak"}
    selected = manifest.read(layout.manifest("select"))
    converted = selected.filter(pc.equal(selected["origin"], "converted"))
    because = trace(converted["clip_id"][0].as_py(), root=project)["licence"]["because"]
    assert "CC-BY-NC-4.0 is the most restrictive" in because
    ingest.run(params, layout)
    assert layout.manifest("ingest").read_bytes() == ingested


def test_only_publish_depends_on_what_the_owner_states():
    from tests.conftest import REPOSITORY

    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text("utf-8"))["stages"]
    stated = {
        name
        for name, stage in stages.items()
        for param in stage.get("params", [])
        if param in ("corpus", "corpus.licence", "corpus.public_name", "corpus.title", "corpus.citation")
    }
    assert stated == {"publish"}
    assert {"corpus.name", "corpus.root"} <= set(stages["ingest"]["params"])
