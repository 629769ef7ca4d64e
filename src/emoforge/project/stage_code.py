"""The code that every stage runs: DVC follows no imports, so that a stage's dependency on code has to be computed.

In a clone dvc.yaml lists the files (`make dag`). A project of `emoforge new` has no files of ours: there ``code.yaml``
holds a checksum per stage, which dvc.yaml names as a param, and :func:`update_code` renews.
"""

from collections.abc import Iterable
from pathlib import Path

import yaml

from emoforge import __version__
from emoforge.base.errors import EmoforgeError
from emoforge.base.outputs import written_aside
from emoforge.project.checksums import code_of, files_sha256, module_file

CODE_FILE = "code.yaml"
_HEADER = f"""\
# Checksums of the code of every stage in the installed emoforge, which dvc.yaml names as params: `emoforge update`
# renews this file after another version was installed, and `dvc repro` then runs again what has changed.
# emoforge {__version__}
"""


def stage_checksum(stage: str) -> str:
    """Return the checksum of the code of *stage*, without comments, docstrings and layout.

    Raises:
        EmoforgeError: there is no such stage.
    """
    script = module_file(f"emoforge.stages.{stage}")
    if script is None:
        raise EmoforgeError(f"{CODE_FILE}: this emoforge has no stage {stage!r}; take that line out")
    return files_sha256(code_of(stage, script))


def changed_stages(project: Path) -> list[str] | None:
    """Return the stages whose installed code is not what the project's ``code.yaml`` says; None without that file.

    Raises:
        EmoforgeError: the file cannot be read.
    """
    known = _read(project / CODE_FILE)
    return None if known is None else [stage for stage in known if known[stage] != stage_checksum(stage)]


def update_code(project: Path) -> list[str]:
    """Bring the checksums in the project's ``code.yaml`` up to date and return the stages whose code has changed.

    Raises:
        EmoforgeError: the folder has no ``code.yaml``, or it cannot be read.
    """
    changed = changed_stages(project)
    if changed is None:
        raise EmoforgeError(f"{project / CODE_FILE}: no such file; only a project of `emoforge new` has one")
    write_code(project, _read(project / CODE_FILE) or ())
    return changed


def write_code(project: Path, stages: Iterable[str]) -> None:
    """Write the project's ``code.yaml`` with the checksums of *stages* as they are installed."""
    checksums = {stage: stage_checksum(stage) for stage in stages}
    with written_aside(project / CODE_FILE) as aside:
        aside.write_text(_HEADER + yaml.safe_dump(checksums, sort_keys=False), "utf-8")


def outdated(project: Path, stage: str) -> bool:
    """Return whether the project's ``code.yaml`` holds another checksum for *stage* than the installed code has."""
    known = _read(project / CODE_FILE)
    return known is not None and known.get(stage) != stage_checksum(stage)


def _read(path: Path) -> dict[str, str] | None:
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise EmoforgeError(f"{path}: cannot be read ({reason}); take it from git again") from None
    if not isinstance(values, dict):
        raise EmoforgeError(f"{path}: expected a checksum per stage; take it from git again")
    return values
