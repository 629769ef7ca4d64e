"""Where every stage keeps its outputs: the one place that knows the folders dvc.yaml names."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of a run, below the project's *root*."""

    root: Path = Path()

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    def stage(self, name: str) -> Path:
        """Folder of a stage's outputs under ``data/``."""
        return self.root / "data" / name

    def manifest(self, stage: str) -> Path:
        """Manifest that *stage* wrote."""
        return self.stage(stage) / "manifest.parquet"

    def rejected(self, stage: str) -> Path:
        """Table of what *stage* could not use, with reasons."""
        return self.stage(stage) / "rejected.parquet"

    def functionals(self, stage: str) -> Path:
        """Functionals of the clips of *stage*."""
        return self.stage(stage) / "functionals.parquet"

    def embeddings(self, stage: str) -> Path:
        """Embeddings of the clips of *stage*."""
        return self.stage(stage) / "embeddings.parquet"

    def metrics(self, name: str) -> Path:
        """Metrics that *name* wrote, committed with the code."""
        return self.root / "metrics" / f"{name}.json"

    @property
    def report_of_run(self) -> Path:
        """The report with commit and date of the run: beside what DVC keeps, as two equal runs differ in it."""
        return self.root / "data" / "report.html"

    @property
    def plots(self) -> Path:
        return self.root / "metrics" / "plots"

    @property
    def models(self) -> Path:
        return self.root / "models"
