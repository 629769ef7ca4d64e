"""`emoforge withdraw`: what is left of a person afterwards, in the published set and in the next run."""

import shutil

import pytest
from tests.cli.test_cli import assert_one_line, emoforge
from tests.finished_set import clip_of, convert, fit

from emoforge.base.errors import EmoforgeError, ManifestError
from emoforge.cli.sharing import withdrawal_lines
from emoforge.dataset import manifest
from emoforge.project.layout import Layout
from emoforge.project.params import load_params
from emoforge.sharing.published import read_published
from emoforge.sharing.touched import known_speaker
from emoforge.sharing.withdraw import withdraw
from emoforge.stages import ingest, publish, select


def files_below(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def train_speaker(layout: Layout) -> str:
    return clip_of(layout, origin="converted")["speaker"]


def holds(layout: Layout, folder, speaker: str) -> list[str]:
    """Return the published clips in the voice or the manner of *speaker*."""
    theirs = {
        row["clip_id"] for row in manifest.read(layout.manifest("select")).to_pylist() if row["speaker"] == speaker
    }
    return [
        row["clip_id"]
        for row in read_published(folder).table.to_pylist()
        if row["speaker"] == speaker or {row["source_clip_id"], row["style_clip_id"]} & theirs
    ]


def test_what_is_converted_from_or_after_them_leaves_the_published_set_at_once(own_set):
    folder, speaker = own_set.stage("publish"), train_speaker(own_set)
    before = read_published(folder)
    going = holds(own_set, folder, speaker)
    done = withdraw(speaker, root=own_set.root)
    after = read_published(folder)
    assert going
    assert set(after.table["clip_id"].to_pylist()) == set(before.table["clip_id"].to_pylist()) - set(going)
    assert set(done.published.all) == set(going)
    assert done.published.voice
    assert done.published.style
    assert all(after.audio(clip_id) for clip_id in after.table["clip_id"].to_pylist())
    assert speaker not in (folder / "README.md").read_text("utf-8")
    assert speaker.encode() not in (folder / "recordings.parquet").read_bytes()
    assert after.provenance["yields"]["withdrawn"] == {"anger": len(going)}
    assert done.converters == (own_set.stage("converter"),)
    assert any("must be refitted" in line for line in withdrawal_lines(done))


def test_the_next_run_leaves_withdrawn_speakers_out(own_set):
    speaker = train_speaker(own_set)
    withdraw(speaker, root=own_set.root)
    params = load_params(own_set.root / "params.yaml")
    assert params.ingest.withdrawn == [speaker]
    ingest.run(params, own_set)
    recorded = manifest.read(own_set.manifest("ingest"))
    assert speaker not in recorded["speaker"].to_pylist()
    fit(own_set, recorded)
    convert(own_set, recorded)
    select.run(params, own_set)
    publish.run(params, own_set)
    for path in (own_set.manifest("select"), own_set.stage("publish"), own_set.stage("converter")):
        for name, content in files_below(path).items() if path.is_dir() else {path.name: path.read_bytes()}.items():
            assert speaker.encode() not in content, name
    again = withdraw(speaker, root=own_set.root)
    assert again.already
    assert not again.published.all
    assert not again.converters


def test_doing_it_again_changes_nothing(own_set):
    speaker = train_speaker(own_set)
    withdraw(speaker, root=own_set.root)
    before = files_below(own_set.root)
    assert withdraw(speaker, root=own_set.root).already
    assert files_below(own_set.root) == before


def test_a_dry_run_changes_nothing_and_counts_the_same(own_set):
    speaker, before = train_speaker(own_set), files_below(own_set.root)
    wanted = withdraw(speaker, root=own_set.root, dry_run=True)
    assert files_below(own_set.root) == before
    done = withdraw(speaker, root=own_set.root)
    assert (wanted.published, wanted.project, wanted.left) == (done.published, done.project, done.left)


def test_a_set_that_came_from_elsewhere_knows_whose_style_its_clips_copy(own_set, tmp_path):
    speaker = train_speaker(own_set)
    foreign = shutil.copytree(own_set.stage("publish"), tmp_path / "foreign")
    going = holds(own_set, foreign, speaker)
    project = tmp_path / "elsewhere"
    project.mkdir()
    shutil.copy(own_set.root / "params.yaml", project)
    done = withdraw(speaker, root=project, dataset=foreign)
    assert set(done.published.all) == set(going)
    assert not set(read_published(foreign).table["clip_id"].to_pylist()) & set(going)
    assert read_published(own_set.stage("publish")).table.num_rows == done.left + len(going)


def test_withdrawal_says_which_styles_it_cannot_check(own_set, tmp_path):
    foreign = shutil.copytree(own_set.stage("publish"), tmp_path / "foreign")
    (foreign / "recordings.parquet").unlink()
    shutil.copy(own_set.root / "params.yaml", tmp_path)
    done = withdraw(train_speaker(own_set), root=tmp_path, dataset=foreign, dry_run=True)
    assert done.unseen == read_published(foreign).table.num_rows
    assert any(
        "copy the style of recordings that this project does not hold" in line for line in withdrawal_lines(done)
    )


def test_another_converter_that_learnt_from_them_is_named(own_set, tmp_path):
    other = shutil.copytree(own_set.stage("converter"), tmp_path / "shared")
    done = withdraw(train_speaker(own_set), root=own_set.root, converters=[other], dry_run=True)
    assert done.converters == (own_set.stage("converter"), other)
    with pytest.raises(EmoforgeError, match=r"provenance\.json"):
        withdraw(train_speaker(own_set), root=own_set.root, converters=[tmp_path], dry_run=True)


@pytest.mark.slow
def test_a_converter_that_does_not_say_whom_it_learnt_from_is_one_line(own_set, tmp_path):
    (tmp_path / "provenance.json").write_text("{}", "utf-8")
    with pytest.raises(ManifestError, match="provenance.json: does not say whom"):
        withdraw(train_speaker(own_set), root=own_set.root, converters=[tmp_path], dry_run=True)


def test_where_there_are_no_clips_yet_nobody_is_near():
    with pytest.raises(EmoforgeError, match="no clips here yet"):
        known_speaker("F01", [])


def test_the_command_says_one_line_of_a_speaker_it_does_not_know(own_set, tmp_path):
    before = files_below(own_set.root)
    result = emoforge("withdraw", "--speaker", "demo-X9", "-C", own_set.root, cwd=tmp_path)
    assert_one_line(result, "unknown speaker 'demo-X9'", "nearest")
    assert files_below(own_set.root) == before
    result = emoforge("withdraw", "--speaker", train_speaker(own_set), "-C", own_set.root, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "dvc gc" in result.stdout
