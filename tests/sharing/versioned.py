"""Put a project under git and DVC, as a run of `dvc repro` leaves it."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from emoforge.project.layout import Layout

_WHO = {f"GIT_{role}_{what}": "tests@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_ENVIRONMENT = os.environ | _WHO | {"DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def git(root: Path, *arguments: str) -> str:
    return _run("git", "-C", str(root), *arguments)


def dvc(root: Path, *arguments: str) -> str:
    return _run(sys.executable, "-m", "dvc", "--cd", str(root), *arguments)


def versioned(root: Path) -> Layout:
    """Make *root* a git and DVC repository whose first commit holds the outputs that are there."""
    stages = {
        name: {"cmd": f"echo {name}", "params": params, "outs": [f"data/{name}"]}
        for name, params in (
            ("ingest", ["ingest"]),
            ("fit_converter", ["fit_converter"]),
            ("convert", ["seed", "fit_converter", "convert"]),
            ("select", ["select"]),
        )
        if (root / "data" / name).exists()
    }
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), "utf-8")
    git(root, "init", "--quiet")
    dvc(root, "init", "--quiet")
    (root / ".gitignore").write_text("/data\n/metrics\n", "utf-8")
    commit(root, "first version")
    return Layout(root)


def commit(root: Path, message: str) -> str:
    """Commit code, params and the outputs as they are; return the commit."""
    dvc(root, "commit", "--force", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=_ENVIRONMENT, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
