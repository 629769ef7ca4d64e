"""A project that is ready to be converted, and the small program that converts it."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.shared_folders import filled_once
from tests.small_run import run_stages, small_params

from emoforge.dataset import manifest
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.stages import convert, fit_converter

PROGRAM = Path(__file__).with_name("pitch_program.py")


class ExternalProject:
    """A small project of its own, whose converter is the program of this folder."""

    def __init__(self, root: Path, corpus: Path) -> None:
        self.layout, self._corpus = Layout(root), corpus
        self.mischief_file, self.notes_file = root / "mischief.json", root / "notes.txt"

    def params(self, **changes: Any) -> Params:
        command = [sys.executable, str(PROGRAM), "--mischief", "mischief.json", "--notes", "notes.txt"]
        section = {"command": command, "clip_limit_s": 60.0, "start_limit_s": 120.0, "control_clips": 3} | changes
        return small_params(self._corpus, fit_converter={"method": "external", "external": section})

    def run(self, *stages: str) -> None:
        """Run stages that hear clips without an encoder."""
        run_stages(self.params().model_copy(update={"encoder": ""}), self.layout.root, stages)

    def misbehave(self, **how: Any) -> None:
        """Say for clips (by id) or emotions what the program does wrong; see the program."""
        self.mischief_file.write_text(json.dumps(how))

    def fit(self, **changes: Any) -> dict:
        return fit_converter.run(self.params(**changes), self.layout)

    def convert(self, **changes: Any) -> dict:
        return convert.run(self.params(**changes), self.layout)

    @property
    def notes(self) -> list[str]:
        return self.notes_file.read_text().split() if self.notes_file.exists() else []

    def forget(self) -> None:
        self.notes_file.unlink(missing_ok=True)

    def ingested(self) -> list[dict]:
        return manifest.read(self.layout.manifest("ingest")).to_pylist()

    def sources(self) -> list[str]:
        """The neutral training clips, in the order of their ids."""
        return sorted(
            row["clip_id"] for row in self.ingested() if (row["split"], row["emotion"]) == ("train", "neutral")
        )

    def rejected(self) -> dict[tuple[str, str], str]:
        """Source and emotion → reason."""
        rows = manifest.read(self.layout.rejected("convert"), schema=manifest.REJECTED_SCHEMA).to_pylist()
        return {(row["clip"], row["emotion"]): row["reason"] for row in rows}


@pytest.fixture(scope="session")
def _ingested(small_corpus, tmp_path_factory) -> Path:
    return filled_once(
        tmp_path_factory,
        "external_project",
        lambda root: run_stages(small_params(small_corpus), root, ("ingest", "prosody")),
    )


@pytest.fixture
def project(_ingested, small_corpus, tmp_path) -> ExternalProject:
    return ExternalProject(Path(shutil.copytree(_ingested, tmp_path / "project")), small_corpus)
