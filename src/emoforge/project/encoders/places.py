"""Folders of encoders that a project names, wherever a command is started from."""

from pathlib import Path

from emoforge.project.encoders.catalogue import CATALOGUE


def located(source: str, root: Path) -> str:
    """Return *source* with folders below *root* named so that they are found from the current folder.

    params.yaml and the files of studies name folders from the project; a command with ``--project`` runs elsewhere.

    Args:
        source: see :func:`emoforge.project.encoders.load_encoder`; a part that is no folder below *root* stays as it
            is.
        root: project folder.
    """
    if not source or source in CATALOGUE:
        return source
    if (root / source).is_dir():
        return str(root / source)
    if "+" in source:
        return "+".join(located(part.strip(), root) for part in source.split("+"))
    return source
