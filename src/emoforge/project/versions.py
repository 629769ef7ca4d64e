"""What git and DVC know of a project: what dvc.lock says, which commit made an output, and tables of other versions."""

import logging
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from emoforge.base.errors import EmoforgeError, ManifestError

_LOCK = "dvc.lock"


@dataclass(frozen=True, slots=True)
class Commit:
    """A git commit.

    Attributes:
        sha: its whole id.
        date: of the commit, ISO 8601.
        subject: first line of its message.
    """

    sha: str
    date: str
    subject: str


@dataclass(frozen=True, slots=True)
class History:
    """How a project's history is kept.

    Attributes:
        git: whether git keeps it; where git is not installed, DVC alone does.
        top: the git repository that the project is part of; None where it has its own.
    """

    git: bool
    top: Path | None


def start_history(folder: Path) -> History:
    """Put *folder* under git, unless a repository around it does so already, and under DVC.

    All files are added to git's index, so that `git commit --all` has them, and committed where there is no commit yet.
    DVC is told to send no usage data, and to add its own files to the index from now on.

    Raises:
        EmoforgeError: git or DVC refuse.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    git = shutil.which("git") is not None
    top = _git(folder, "rev-parse", "--show-toplevel") if git else None
    if git and top is None and _git(folder, "init", "--quiet") is None:
        raise EmoforgeError(f"{folder}: git cannot start a repository here; `git init` in that folder says why")
    try:
        # DVC's own announcement would be the first thing that people read.
        with (
            _quiet_dvc(),
            Repo.init(str(folder), no_scm=not git, subdir=top is not None) as repository,
            repository.config.edit("repo") as settings,
        ):
            settings["core"] |= {"analytics": False, "autostage": git}
    except DvcException as error:
        raise EmoforgeError(f"{folder}: `dvc init` failed: {' '.join(str(error).split())}") from None
    if git:
        _git(folder, "add", "--all", ".")
        if _git(folder, "rev-parse", "--verify", "HEAD") is None:
            _commit_first(folder)
    return History(git=git, top=Path(top) if top else None)


def _commit_first(folder: Path) -> None:
    """Commit *folder*: DVCLive and experiments need a first commit."""
    commit = ("commit", "--quiet", "--message", "A project of emoforge", "--", ".")
    nobody = ("-c", "user.name=emoforge", "-c", "user.email=emoforge@localhost", "-c", "commit.gpgsign=false")
    # Where git knows no author, the first commit gets a placeholder; git asks at the next one.
    if _git(folder, *commit) is None and _git(folder, *nobody, *commit) is None:
        raise EmoforgeError(f"{folder}: git cannot commit here; `git commit` in that folder says why")


def commit_of(root: Path) -> str:
    """Return the commit that is checked out, marked where tracked code differs from it."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return "unknown"
    return commit if _git(root, "diff", "--quiet", "HEAD", "--", "src") is not None else commit + "+changes"


def read_lock(root: Path) -> dict:
    """Return the stages of the project's dvc.lock: name → ``params`` and ``outs``; empty without the file.

    Raises:
        ManifestError: the file is not YAML.
    """
    try:
        return (yaml.safe_load((root / _LOCK).read_text("utf-8")) or {}).get("stages", {})
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as error:
        raise ManifestError(
            f"{root / _LOCK}: not valid YAML ({' '.join(str(error).split())}); take it from git again"
        ) from None


def locked_params(lock: dict, *stages: str) -> dict:
    """Return the params with which *stages* last ran, sections as in params.yaml; empty where they never did."""
    found: dict = {}
    for stage in stages:
        found |= lock.get(stage, {}).get("params", {}).get("params.yaml", {})
    return found


def locked_checksum(lock: dict, stage: str, out: str) -> str | None:
    """Return the checksum by which dvc.lock knows the output *out* of *stage*; None where it does not."""
    return next((entry.get("md5") for entry in lock.get(stage, {}).get("outs", []) if entry["path"] == out), None)


def made_by(root: Path, checksum: str) -> Commit | None:
    """Return the first commit whose dvc.lock holds *checksum*: of HEAD's history, else of any branch or experiment."""
    for where in ("HEAD", "--all"):
        found = _git(root, "log", where, "--reverse", "-S", checksum, "--format=%H%x00%cI%x00%s", "--", _LOCK)
        if found:
            return Commit(*found.splitlines()[0].split("\0"))
    return None


def differs_from_lock(root: Path, path: Path) -> bool:
    """Return whether the output *path* on disk is another than the one dvc.lock names.

    Raises:
        EmoforgeError: the project is not under DVC.
    """
    with _repository(root) as repository:
        return any(out.changed() for out in repository.index.outs if Path(out.fs_path) == path.absolute())


def table_at(root: Path, path: Path, revision: str) -> pa.Table:
    """Return the Parquet table *path* as it was at *revision*, from DVC's cache or remote; no working file changes.

    Args:
        root: folder of the project.
        path: of an output, in the working tree.
        revision: anything that names a commit to git, or the name of a DVC experiment.

    Raises:
        EmoforgeError: the project is not under DVC, or there is no such revision.
        ManifestError: the revision has no such file, or neither cache nor remote hold it.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.scm import RevError, resolve_rev
    from dvc_data.index import DataIndexDirError

    with _repository(root) as repository:
        try:
            commit = resolve_rev(repository.scm, revision)
        except (RevError, DvcException):
            raise EmoforgeError(
                f"unknown revision {revision!r} of {root}; name a commit, branch or tag (`git log --oneline`), or an "
                "experiment (`dvc exp show`)"
            ) from None
        inside = path.absolute().relative_to(repository.root_dir).as_posix()
        top = repository.root_dir
    try:
        with DVCFileSystem(top, rev=commit).open(inside, "rb") as file:
            return pq.read_table(pa.BufferReader(file.read()))
    except (FileNotFoundError, DataIndexDirError) as error:
        if _git(root, "cat-file", "-e", f"{commit}:./{_LOCK}") is None:
            raise ManifestError(f"{revision}: has no {_LOCK}, so no version of {inside} belongs to it") from error
        raise ManifestError(
            f"{inside} of {revision} is neither in DVC's cache nor in a remote; fetch it with `dvc fetch --all-commits "
            f"{inside}`, or run `dvc repro` at that revision"
        ) from error
    except pa.ArrowInvalid as error:
        raise ManifestError(f"{inside} of {revision}: not a Parquet file ({str(error).splitlines()[0]})") from None


@contextmanager
def _quiet_dvc() -> Iterator[None]:
    logger = logging.getLogger("dvc")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _repository(root: Path) -> Iterator:
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        repository = Repo(str(root.absolute()))
    except NotDvcRepoError:
        raise EmoforgeError(f"{root}: not a DVC project; run from its folder, or name it with -C") from None
    try:
        yield repository
    finally:
        repository.close()


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints; None where it fails, such as outside a repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, encoding="utf-8", check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
