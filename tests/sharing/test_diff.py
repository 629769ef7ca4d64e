"""`emoforge diff` between versions that git and DVC hold."""

import json
import shutil

import pytest
from tests.cli.test_cli import assert_one_line, emoforge
from tests.finished_set import clip_of, rewrite
from tests.sharing.versioned import commit, git, versioned

from emoforge.base.errors import EmoforgeError
from emoforge.cli.sharing import diff_tables
from emoforge.project.layout import Layout
from emoforge.sharing.diff import diff

pytestmark = pytest.mark.slow


def reject_one(rows: list[dict]) -> None:
    row = next(row for row in rows if row["origin"] == "converted" and row["keep"])
    row.update(keep=False, reject_reason="confidence < 0.9")


@pytest.fixture(scope="module")
def project(finished_set, tmp_path_factory) -> Layout:
    """A project with two versions: in the second one, a conversion is rejected."""
    root = shutil.copytree(finished_set.root, tmp_path_factory.mktemp("versions") / "project")
    layout = versioned(root)
    rewrite(layout.manifest("select"), reject_one)
    commit(root, "stricter")
    return layout


def test_the_table_says_which_clip_went_and_why(project):
    gone = clip_of(project, reject_reason="confidence < 0.9")["clip_id"]
    changed = diff("HEAD~1", "HEAD", root=project.root)
    assert changed["clips"] == {"in": [], "out": [gone]}
    assert changed["why_out"] == {"confidence < 0.9": 1}
    assert diff("HEAD~1", root=project.root) == changed | {"revisions": ["HEAD~1", "workspace"]}
    back = diff("HEAD", "HEAD~1", root=project.root)
    assert back["clips"] == {"in": [gone], "out": []}
    assert all(rows for rows in diff_tables(changed).values())


def test_looking_at_another_version_touches_no_file(project):
    before = project.manifest("select").stat()
    diff("HEAD~1", root=project.root)
    assert project.manifest("select").stat() == before
    assert git(project.root, "status", "--porcelain") == ""


def test_the_command_prints_tables_or_json(project, tmp_path):
    result = emoforge("diff", "HEAD~1", "-C", project.root, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "confidence < 0.9" in result.stdout
    result = emoforge("diff", "HEAD~1", "HEAD", "--json", "-C", project.root, cwd=tmp_path)
    assert json.loads(result.stdout)["kept"]["out"] == 1
    assert_one_line(emoforge("diff", "nosuch", "-C", project.root, cwd=tmp_path), "unknown revision 'nosuch'")


def test_a_version_that_the_cache_lost_says_how_to_fetch_it(project, tmp_path):
    root = shutil.copytree(project.root, tmp_path / "project")
    shutil.rmtree(root / ".dvc" / "cache")
    with pytest.raises(EmoforgeError, match="HEAD~1 is neither in DVC's cache nor in a remote; .*`dvc fetch"):
        diff("HEAD~1", root=root)


def test_a_folder_without_dvc_is_refused(finished_set):
    with pytest.raises(EmoforgeError, match="not a DVC project"):
        diff("HEAD", root=finished_set.root)
