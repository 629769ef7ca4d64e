"""The wheel, installed where no source is: what people have who never clone."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import soundfile
from tests.convert.known_voices import sentence

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def run(*command: object, cwd: Path, python_path: bool = True) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if python_path or name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy of the sources, as building leaves files beside them."""
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", folder / "sources" / "src", ignore=ignored)
    shutil.copytree(ROOT / "licences", folder / "sources" / "licences")
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, folder / "sources")
    run(
        *PIP, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, "./sources", cwd=folder
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The commands of an environment that has the wheel, and sees the dependencies of this one but not its emoforge."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    paths = {"base": str(folder), "platbase": str(folder)}
    own = Path(sysconfig.get_path("purelib", vars=paths))
    (own / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    commands = Path(sysconfig.get_path("scripts", vars=paths))
    run(
        *PIP,
        "--python",
        commands / "python",
        "install",
        "--no-index",
        "--no-deps",
        "--ignore-installed",
        wheel,
        cwd=folder,
    )
    return commands


def test_the_wheel_has_every_file_of_the_package(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    sources = [
        path for path in (ROOT / "src/emoforge").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    missing = {path.relative_to(ROOT / "src").as_posix() for path in sources} - packed
    assert missing == set()


def test_the_wheel_holds_the_licences_of_bundled_parts(wheel):
    with zipfile.ZipFile(wheel) as packed:
        texts = {name.split("/licenses/")[1]: packed.read(name) for name in packed.namelist() if "/licenses/" in name}
    assert texts["licences/Apache-2.0.txt"] == (ROOT / "licences" / "Apache-2.0.txt").read_bytes()
    assert b"Copyright 2019 Resemble.AI" in texts["NOTICE"]
    # Whatever weights are packed stand in the notice.
    folders = {path.parent for path in (ROOT / "src").rglob("*.safetensors")}
    assert all(folder.relative_to(ROOT).as_posix() in texts["NOTICE"].decode() for folder in folders)


def test_the_installed_command_converts_and_starts_a_project(installed, tmp_path):
    soundfile.write(tmp_path / "neutral.wav", sentence(140.0, level=0.1, seed=1), 16000)
    command = [installed / "emoforge", "convert", "neutral.wav", "--to", "anger", "-o", "angry.wav"]
    run(*command, cwd=tmp_path, python_path=False)
    assert soundfile.info(tmp_path / "angry.wav").frames > 0
    where = [installed / "python", "-c", "import emoforge; print(emoforge.__file__)"]
    assert str(installed.parent) in run(*where, cwd=tmp_path, python_path=False).stdout
    run(installed / "emoforge", "new", "project", cwd=tmp_path, python_path=False)
    assert (
        "the installed code"
        in run(installed / "emoforge", "doctor", "-C", "project", cwd=tmp_path, python_path=False).stdout
    )
