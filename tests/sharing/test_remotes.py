"""A project and its published set travel through every kind of remote, by the lines of docs/how-to/share-a-set.md."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest
import yaml
from bench.serving import HOST, S3_CREDENTIALS, s3_server, serving
from tests.conftest import REPOSITORY
from tests.small_run import STAGES, small_params
from tests.stages.test_run import files_below

pytestmark = pytest.mark.slow

GUIDE = REPOSITORY / "docs" / "how-to" / "share-a-set.md"
SERVERS = REPOSITORY / "tests" / "sharing" / "servers"
#: Where ``dvc remote modify --local`` writes.
CREDENTIALS = Path(".dvc", "config.local")
SECRET = "a very secret word"


@dataclass(frozen=True)
class Shell:
    """Runs commands as somebody whose home holds nothing but what a test put there."""

    home: Path
    more: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, folder: Path, command: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DVC_"))}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment |= {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.home / "site"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{
                f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
            },
        }
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=folder,
            env=environment | dict(self.more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@dataclass(frozen=True)
class Remote:
    """A place to push to: which part of the guide tells how, and what stands here for the guide's examples."""

    section: str
    examples: Mapping[str, str]
    secrets: tuple[str, ...] = ()

    def lines(self) -> str:
        """The lines of the guide, with this remote's names in them."""
        part = re.search(
            rf"^## {self.section}\n.*?^```sh\n(.*?)^```", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE
        )
        lines = part[1]
        for example, here in self.examples.items():
            assert example in lines, f"{GUIDE}: {self.section} no longer says {example}"
            lines = lines.replace(example, here)
        return lines


@pytest.fixture(scope="module")
def project(small_run, small_corpus, tmp_path_factory) -> Path:
    """A repository of the project after a whole small run, with the outputs in DVC's cache."""
    root = tmp_path_factory.mktemp("project")
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore", "data/.gitignore"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, root / name)
    for name in ("src", "stages"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("data", "metrics", "models"):
        shutil.copytree(small_run.root / name, root / name, dirs_exist_ok=True)
    shutil.copytree(small_corpus, root / "data" / "demo")
    params = small_params(Path("data", "demo")).model_dump(mode="json")
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")
    shell = Shell(tmp_path_factory.mktemp("home"))
    shell(root, f"git init --quiet && dvc commit --force demo {' '.join(STAGES)}")
    shell(root, "git add . && git commit --quiet --message 'a small run'")
    return root


@pytest.fixture
def home(tmp_path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def directory(tmp_path) -> Remote:
    return Remote("Directory", {"/mnt/shared/emoforge": str(tmp_path / "shared")})


@pytest.fixture
def s3(home):
    (home / ".aws").mkdir()
    keys = "".join(f"aws_{name} = {value}\n" for name, value in S3_CREDENTIALS.items())
    (home / ".aws" / "credentials").write_text(f"[my-profile]\n{keys}", "utf-8")
    with s3_server("my-bucket") as url:
        yield Remote("S3", {"https://s3.example.org": url}, secrets=tuple(S3_CREDENTIALS.values()))


def served_by(script: str, options: Mapping[str, object]):
    """The block in which a script of tests/sharing/servers runs; it yields the port."""
    return serving(sys.executable, str(SERVERS / script), "{port}", *(f"--{name}={options[name]}" for name in options))


@pytest.fixture
def ssh(home, tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (home / ".ssh").mkdir()
    key, host_key = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(home / ".ssh" / "id_ed25519")
    key.write_public_key(tmp_path / "authorized_keys")
    host_key.write_private_key(tmp_path / "host_key")
    options = {"host": HOST, "folder": folder, "host_key": tmp_path / "host_key"}
    options["authorized_keys"] = tmp_path / "authorized_keys"
    with served_by("ssh_server.py", options) as port:
        yield Remote("SSH", {"ssh://server.example.org/": f"ssh://{HOST}:{port}/"})


@pytest.fixture
def webdav(tmp_path):
    folder = tmp_path / "served"
    (folder / "emoforge").mkdir(parents=True)
    options = {"host": HOST, "folder": folder, "user": "jane", "password": SECRET}
    with served_by("webdav_server.py", options) as port:
        yield Remote(
            "WebDAV",
            {"webdavs://server.example.org/": f"webdav://{HOST}:{port}/", '"$PASSWORD"': shlex.quote(SECRET)},
            secrets=(SECRET,),
        )


def share(project: Path, remote: Remote, shell: Shell, folder: Path) -> tuple[Path, Path]:
    """Name the remote, push, and publish the repository; return a clone that pulled, and where the repository is."""
    hub, sender, receiver = folder / "set.git", folder / "sender", folder / "receiver"
    shell(folder, f"git init --quiet --bare {hub}")
    shutil.copytree(project, sender)
    shell(sender, f"git remote add origin {hub} && git push --quiet --set-upstream origin HEAD")
    shell(sender, remote.lines())
    shell(sender, "git add . && (git diff --cached --quiet || git commit --quiet -m remote) && git push --quiet")
    shell(folder, f"git clone --quiet {hub} {receiver}")
    if (sender / CREDENTIALS).exists():
        shutil.copy(sender / CREDENTIALS, receiver / CREDENTIALS)
    shell(receiver, "dvc pull")
    return receiver, hub


@pytest.mark.parametrize("kind", ["directory", "s3", "ssh", "webdav"])
def test_a_set_travels_between_clones(kind, project, home, tmp_path, request):
    remote: Remote = request.getfixturevalue(kind)
    shell = Shell(home)
    receiver, hub = share(project, remote, shell, tmp_path)
    for name in ("data", "models"):
        # The page that says when and at which commit a run was made belongs to that run, and is no output.
        outputs = {path: content for path, content in files_below(project / name).items() if path != "report.html"}
        assert files_below(receiver / name) == outputs

    # Others want the published set alone, once and to follow.
    published = files_below(project / "data" / "publish")
    given = f"--config {receiver / CREDENTIALS}" if (receiver / CREDENTIALS).exists() else ""
    shell(tmp_path, f"dvc get {given} file://{hub} data/publish --out got")
    assert files_below(tmp_path / "got") == published
    consumer = tmp_path / "consumer"
    consumer.mkdir()
    shell(consumer, "git init --quiet && dvc init --quiet")
    shell(consumer, f"dvc import {given} file://{hub} data/publish --out set")
    assert files_below(consumer / "set") == published
    noted = yaml.safe_load((consumer / "set.dvc").read_text("utf-8"))["deps"][0]["repo"]
    assert noted["rev_lock"] == shell(receiver, "git rev-parse HEAD").strip()

    # What was said with --local is in nobody's repository.
    shell(consumer, "git add . && git commit --quiet -m import")
    for repository in (hub, consumer):
        history = shell(repository, "git log -p --all -- .dvc '*.dvc'")
        assert "file://" in history or "store" in history
        assert not [word for word in (*remote.secrets, "keyfile", "my-profile") if word in history]


def test_training_in_a_clone_gives_the_same_metrics(project, directory, home, tmp_path):
    receiver, _ = share(project, directory, Shell(home), tmp_path)
    shell = Shell(home, {"PYTHONPATH": str(receiver / "src")})
    (line,) = (line for line in GUIDE.read_text("utf-8").splitlines() if line.startswith("dvc repro"))
    said = shell(receiver, line)
    assert "train: " in said
    assert "evaluate: " in said
    for name in ("metrics", "models"):
        assert files_below(receiver / name) == files_below(project / name)
    # Nor has dvc.lock changed: code, params, data and results are what was pushed.
    assert shell(receiver, "git status --porcelain") == ""
