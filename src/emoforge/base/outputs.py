"""Outputs are written aside and renamed, so that a killed run leaves either nothing or something whole."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emoforge.base.errors import ManifestError

#: Name of the file that holds the key, in the folder that belongs to it.
KEY_FILE = "key.json"


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


def keyed_folder(folder: str | os.PathLike, key: object) -> Path:
    """Return *folder*, made or emptied unless it was begun with an equal *key*.

    Everything that can be resumed is resumed through this function. A folder with another key, or one whose key cannot
    be read, is emptied, so that its content is never taken for that of this key.

    Args:
        folder: where the key lies too, in ``key.json``.
        key: what the content depends on, as JSON holds it.
    """
    folder = Path(folder)
    stamp = folder / KEY_FILE
    wanted = json.dumps(key, sort_keys=True, indent=2).encode()
    if not (stamp.is_file() and stamp.read_bytes() == wanted):
        # The key goes first and comes last: killed in between, a run leaves a folder that is emptied again.
        stamp.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with written_aside(stamp) as aside:
            aside.write_bytes(wanted)
    return folder


@contextmanager
def built_aside(folder: str | os.PathLike, *, key: object = None) -> Iterator[Path]:
    """Yield a folder beside *folder* to fill; it takes the place of *folder* when the block ends without an error.

    Args:
        folder: where the result belongs.
        key: what the result depends on, see :func:`keyed_folder`: a folder that a killed run left behind is yielded
            again, with what it holds, when it was begun with an equal key. Without a key it starts empty.
    """
    folder = Path(folder)
    aside = folder.with_name(f"{folder.name}.partial")
    if key is None:
        shutil.rmtree(aside, ignore_errors=True)
    keyed_folder(aside, key)
    yield aside
    # The old result goes aside before the new one takes its place, and the key goes last: killed anywhere in here,
    # a run finds the whole new result again.
    former = folder.with_name(f"{folder.name}.former.partial")
    shutil.rmtree(former, ignore_errors=True)
    if folder.exists():
        folder.replace(former)
    aside.replace(folder)
    (folder / KEY_FILE).unlink()
    shutil.rmtree(former, ignore_errors=True)


def read_json(path: str | os.PathLike) -> dict:
    """Read what :func:`write_json` wrote.

    Raises:
        ManifestError: the file is missing or not JSON.
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
