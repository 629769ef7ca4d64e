"""Folders of encoders that a project names, from wherever a command is started."""

from pathlib import Path

import pytest
from tests.ser.tiny_encoders import write_encoder

from emoforge.base.errors import EmoforgeError
from emoforge.project.doctor import examine
from emoforge.project.encoders import load_encoder
from emoforge.project.encoders.places import located


def test_a_folder_is_named_from_the_project(tmp_path):
    write_encoder(tmp_path / "mine", "whisper")
    assert located("mine", tmp_path) == str(tmp_path / "mine")
    assert located("./mine", tmp_path) == str(tmp_path / "mine")
    assert located(str(tmp_path / "mine"), Path("elsewhere")) == str(tmp_path / "mine")
    assert load_encoder(located("whisper-tiny.en + mine", tmp_path)).name == "whisper-tiny.en+mine"


@pytest.mark.parametrize("source", ["", "whisper-tiny.en", "WAVLM_BASE_PLUS", "whisper-tiny.en+whisper-base"])
def test_a_name_stays_a_name(tmp_path, source):
    (tmp_path / "whisper-tiny.en").mkdir()
    assert located(source, tmp_path) == source


def test_a_folder_that_is_not_there_is_named_as_the_user_did(tmp_path):
    with pytest.raises(EmoforgeError, match="unknown encoder 'mine'"):
        load_encoder(located("mine", tmp_path))


def test_doctor_looks_in_the_project(tmp_path):
    write_encoder(tmp_path / "mine", "whisper")
    params = (Path(__file__).parents[3] / "params.yaml").read_text("utf-8")
    changed = "".join("encoder: mine\n" if line.startswith("encoder:") else line for line in params.splitlines(True))
    (tmp_path / "params.yaml").write_text(changed, "utf-8")
    assert "encoder: recogniser and judge hear with mine" in examine(tmp_path)
