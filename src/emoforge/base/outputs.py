"""Outputs are written aside and renamed, so that a killed run leaves either nothing or something whole."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emoforge.base.errors import ManifestError

_KEY_FILE = "building.json"


@contextmanager
def written_aside(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a path beside *path* to write to; it takes the place of *path* when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.partial")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def built_aside(folder: str | os.PathLike, *, key: dict | None = None) -> Iterator[Path]:
    """Yield a folder beside *folder* to fill; it takes the place of *folder* when the block ends without an error.

    Args:
        folder: where the result belongs.
        key: what the result depends on. A folder that a killed run left behind is yielded again, with what it
            holds, when it was begun with an equal key; otherwise, and without a key, it starts empty.
    """
    folder = Path(folder)
    aside = folder.with_name(f"{folder.name}.partial")
    stamp = aside / _KEY_FILE
    wanted = json.dumps(key, sort_keys=True, default=str)
    if not (key is not None and stamp.is_file() and stamp.read_text("utf-8") == wanted):
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        stamp.write_text(wanted, "utf-8")
    yield aside
    # The old result goes aside before the new one takes its place, and the stamp goes last: killed anywhere in here,
    # a run finds the whole new result again.
    former = folder.with_name(f"{folder.name}.former.partial")
    shutil.rmtree(former, ignore_errors=True)
    if folder.exists():
        folder.replace(former)
    aside.replace(folder)
    (folder / _KEY_FILE).unlink()
    shutil.rmtree(former, ignore_errors=True)


def read_json(path: str | os.PathLike) -> dict:
    """Read what :func:`write_json` wrote.

    Raises:
        ManifestError: the file is missing or no JSON.
    """
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ManifestError(f"{path}: not there; run the stage that writes it (`dvc repro`)") from None
    except ValueError as error:
        raise ManifestError(f"{path}: not JSON ({error}); run the stage that writes it again") from None


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write *value* as JSON a person can read and git can compare: indented, keys in the order given."""
    with written_aside(path) as aside:
        aside.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
