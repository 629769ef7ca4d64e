"""What changed between two versions of a set."""

from pathlib import Path

from emoforge.dataset import manifest
from emoforge.project.layout import Layout
from emoforge.project.versions import table_at
from emoforge.sharing.compare import compare


def diff(before: str, after: str | None = None, *, root: Path = Path()) -> dict:
    """Return what changed in the project's set, as :func:`emoforge.sharing.compare.compare` tells it.

    Args:
        before: a git revision, or the name of an experiment.
        after: another; the working tree without it.
        root: the project.

    Raises:
        EmoforgeError: no such revision, or its manifest is nowhere to be had.
    """
    path = Layout(root).manifest("select")
    first = table_at(root, path, before)
    second = table_at(root, path, after) if after else manifest.read_table(path)
    return {"revisions": [before, after or "workspace"]} | compare(first, second)
