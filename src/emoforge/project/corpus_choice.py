"""The project's choice of corpus."""

import os
from pathlib import Path

from emoforge import corpora
from emoforge.project.params import edited


def import_corpus(name: str, root: Path, project: Path) -> str:
    """Check the corpus below *root*, write it into the project's params.yaml and return the closing line.

    Raises:
        EmoforgeError: no such corpus, it is not there, or the project has no params.yaml.
    """
    recordings = corpora.read(name, root)
    with edited(project / "params.yaml") as values:
        # A licence stated for another corpus isn't this one's.
        values["corpus"] |= {"name": corpora.info(name).name, "root": _below(root, project), "licence": ""}
    speakers = len({recording.speaker for recording in recordings})
    return f"{name}: {len(recordings)} recordings of {speakers} speakers; `dvc repro` uses them from now on"


def _below(root: Path, project: Path) -> str:
    """Return *root* as a stage that runs in *project* finds it."""
    return str(root) if root.is_absolute() else os.path.relpath(root, project)
