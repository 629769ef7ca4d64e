import json

import pytest

from emoforge.base.outputs import built_aside, write_json, written_aside


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "table.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), written_aside(path) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.txt"]


def test_a_folder_appears_when_it_is_whole(tmp_path):
    folder = tmp_path / "clips"
    with built_aside(folder) as aside:
        (aside / "a").write_text("1")
        assert not folder.exists()
    assert [entry.name for entry in folder.iterdir()] == ["a"]


def fail_after_writing(folder, key, name="a"):
    with pytest.raises(RuntimeError), built_aside(folder, key=key) as aside:
        (aside / name).write_text("1")
        raise RuntimeError


def test_what_a_killed_run_wrote_is_found_again(tmp_path):
    fail_after_writing(tmp_path / "clips", {"seed": 1})
    assert not (tmp_path / "clips").exists()
    with built_aside(tmp_path / "clips", key={"seed": 1}) as aside:
        assert (aside / "a").read_text() == "1"


def test_what_was_begun_with_another_key_is_not_used(tmp_path):
    fail_after_writing(tmp_path / "clips", {"seed": 1})
    with built_aside(tmp_path / "clips", key={"seed": 2}) as aside:
        assert not (aside / "a").exists()


def test_a_new_result_replaces_the_old_whole(tmp_path):
    for name in ("old", "new"):
        with built_aside(tmp_path / "clips") as aside:
            (aside / name).write_text(name)
    assert [entry.name for entry in (tmp_path / "clips").iterdir()] == ["new"]


def test_json_refuses_what_json_cannot_say(tmp_path):
    write_json(tmp_path / "metrics.json", {"uar": 0.5})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "metrics.json", {"uar": float("nan")})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"uar": 0.5}
