"""`emoforge trace`: a clip back to the recording, the converter, the params and the commit that made it."""

import json
import shutil

import pytest
from tests.cli.test_cli import assert_one_line, emoforge
from tests.finished_set import clip_of, rewrite
from tests.sharing.versioned import commit, versioned

from emoforge.base.audio import decode
from emoforge.base.errors import EmoforgeError
from emoforge.base.outputs import read_json, write_json
from emoforge.cli.sharing import trace_lines
from emoforge.project.checksums import folder_sha256
from emoforge.project.layout import Layout
from emoforge.sharing.trace import find_clip, trace


def test_a_conversion_leads_back_to_its_recordings_and_its_converter(finished_set):
    row = clip_of(finished_set, origin="converted")
    traced = trace(row["clip_id"], root=finished_set.root)
    source, style = traced["source"], traced["style"]
    assert (source["clip_id"], source["speaker"], source["text"]) == (
        row["source_clip_id"],
        row["speaker"],
        row["text"],
    )
    assert source["emotion"] == "neutral"
    assert (style["clip_id"], style["emotion"]) == (row["style_clip_id"], "anger")
    assert style["speaker"] != source["speaker"]
    assert traced["converter"]["sha256"] == row["converter_sha256"]
    assert traced["converter"]["learnt_from"]["speakers"] == 3
    assert traced["seed"] == row["seed"]
    assert traced["scores"]["naturalness"] == 3.0
    assert traced["outcome"] == {"keep": True, "reject_reason": None}
    assert traced["licence"]["licence"] == "CC0-1.0"
    printed = "\n".join(trace_lines(traced))
    for part in (row["source_clip_id"], row["style_clip_id"], row["speaker"], str(row["seed"]), source["file"]):
        assert part in printed


def test_the_file_that_is_named_is_the_recording(finished_set):
    for emotion in ("neutral", "anger"):
        row = clip_of(finished_set, origin="recorded", emotion=emotion)
        file = trace(row["clip_id"], root=finished_set.root)["source"]["file"]
        assert emotion in file
        assert row["speaker"].removeprefix("demo-") in file
        assert decode(file)[0].size >= row["duration_s"] * row["sampling_rate"]


def test_without_the_corpus_the_trace_lacks_only_the_file(own_set):
    rewrite_params = (own_set.root / "params.yaml").read_text("utf-8").replace("root: /", "root: /nowhere/")
    (own_set.root / "params.yaml").write_text(rewrite_params, "utf-8")
    traced = trace(clip_of(own_set, origin="converted")["clip_id"], root=own_set.root)
    assert traced["source"]["file"] is None
    assert traced["source"]["speaker"]


def test_a_clip_is_found_by_its_beginning_and_by_its_file():
    ids = ["aaa111", "aab222", "bbb333"]
    assert find_clip("bb", ids) == "bbb333"
    assert find_clip("downloads/AAA111.flac", ids) == "aaa111"
    with pytest.raises(EmoforgeError, match=r"2 clips begin with 'aa' \(aaa111, aab222\)"):
        find_clip("aa", ids)
    with pytest.raises(EmoforgeError, match=r"no clip 'aabx' .* nearest are aab222, aaa111, bbb333"):
        find_clip("aabx", ids)


def test_a_licence_says_what_it_comes_from(own_set):
    provenance = own_set.stage("converter") / "provenance.json"
    values = read_json(provenance) | {"corpora": ["demo", "nemo"], "licences": ["CC0-1.0", "CC-BY-NC-SA-4.0"]}
    write_json(provenance, values)
    checksum = folder_sha256(own_set.stage("converter"))
    rewrite(own_set.manifest("select"), lambda rows: [row.update(converter_sha256=checksum) for row in rows])
    because = trace(clip_of(own_set, origin="converted")["clip_id"], root=own_set.root)["licence"]["because"]
    assert because.startswith("CC-BY-NC-SA-4.0 is the most restrictive")
    assert "corpus demo, nemo" in because


def test_a_converter_that_was_fitted_anew_is_not_taken_for_the_old_one(own_set):
    write_json(own_set.stage("converter") / "converter.json", {"another": True})
    traced = trace(clip_of(own_set, origin="converted")["clip_id"], root=own_set.root)
    assert traced["converter"]["learnt_from"] is None
    assert "no longer known" in traced["licence"]["because"]


def test_the_command_says_one_line_of_a_clip_it_does_not_know(finished_set, tmp_path):
    result = emoforge("trace", "zzzz", "-C", finished_set.root, cwd=tmp_path)
    assert_one_line(result, "no clip 'zzzz'", "nearest")


@pytest.mark.slow
def test_the_version_is_the_commit_that_first_had_the_output(finished_set, tmp_path):
    root = shutil.copytree(finished_set.root, tmp_path / "project")
    layout: Layout = versioned(root)
    (root / "notes.txt").write_text("nothing to do with the set", "utf-8")
    commit(root, "notes")
    clip_id = clip_of(layout, origin="converted")["clip_id"]
    rewrite(layout.manifest("select"), lambda rows: rows[0].update(text="other words"))
    changed = trace(clip_id, root=root)["version"]
    assert changed["select"]["note"] == "not committed: it changed since dvc.lock was written"
    assert changed["convert"]["note"].endswith("first version")
    second = commit(root, "other words")
    version = trace(clip_id, root=root)["version"]
    assert version["select"]["commit"] == second
    assert version["convert"] == changed["convert"]
    printed = json.loads(emoforge("trace", clip_id, "--json", "-C", root, cwd=tmp_path).stdout)
    assert printed["version"] == version
    assert printed["params"]["from"] == "dvc.lock"
    assert printed["params"]["select"]["min_confidence"] == 0.0
