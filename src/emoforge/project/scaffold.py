"""A new project for people who installed emoforge without a clone: what `emoforge new` writes."""

from pathlib import Path

import yaml

from emoforge.base.errors import EmoforgeError
from emoforge.project.stage_code import write_code
from emoforge.project.versions import History, start_history

_TEMPLATE = Path(__file__).with_name("template")
# Package data whose names begin with a dot are easily left out of a wheel.
_NAMES = {"gitignore": ".gitignore", "dvcignore": ".dvcignore"}


def create_project(folder: Path) -> History:
    """Write a project on the demo corpus into *folder*, which is made, and put it under git and DVC.

    Returns:
        How the project's history is kept: with git and DVC, or with DVC alone.

    Raises:
        EmoforgeError: the folder is not empty, is not a folder, or cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise EmoforgeError(f"{folder}: not empty; name a folder that is not there yet")
        _write_files(folder)
    except (FileExistsError, NotADirectoryError):
        raise EmoforgeError(f"{folder}: a file is in the way; name a folder that is not there yet") from None
    except OSError as error:
        raise EmoforgeError(f"{folder}: cannot be written to ({error.strerror}); name another folder") from None
    return start_history(folder)


def _write_files(folder: Path) -> None:
    for source in sorted(_TEMPLATE.iterdir()):
        (folder / _NAMES.get(source.name, source.name)).write_bytes(source.read_bytes())
    stages = yaml.safe_load((folder / "dvc.yaml").read_text("utf-8"))["stages"]
    write_code(folder, stages)
    for path in kept_by_git(stages):
        # A file that git knows from the start is in every later `git commit --all`.
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text("{}\n", "utf-8")


def kept_by_git(stages: dict) -> list[str]:
    """Return the outputs of *stages*, as dvc.yaml describes them, that DVC leaves to git."""
    outs = [out for stage in stages.values() for out in [*stage.get("outs", []), *stage.get("metrics", [])]]
    return [path for out in outs if isinstance(out, dict) for path, how in out.items() if how.get("cache") is False]
