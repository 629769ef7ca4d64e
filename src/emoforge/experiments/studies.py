"""What all kinds of studies share: where their files lie, which kind one is, and how results are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from emoforge.base.errors import ParamsError, unknown_value
from emoforge.base.outputs import write_json, written_aside
from emoforge.report.plots import Plot

HELPFULNESS, RECOGNITION = "helpfulness", "recognition"
KINDS = (HELPFULNESS, RECOGNITION)


@dataclass(frozen=True)
class Studied:
    """A finished study.

    Attributes:
        results: where its results.json lies.
        n_rows: rows in it.
        seconds: it took.
    """

    results: Path
    n_rows: int
    seconds: float


def study_path(name: str, root: Path) -> Path:
    """Return where the study *name* lies: a path of a YAML file, or the name of one in ``studies/``."""
    return root / name if name.endswith((".yaml", ".yml")) else root / "studies" / f"{name}.yaml"


def kind_of(path: Path) -> str:
    """Return the key `kind` of the study at *path*, :data:`HELPFULNESS` where it has none.

    A file that is missing or no YAML counts as such too: whoever reads it whole says what is wrong.

    Raises:
        ParamsError: there is no such kind.
    """
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return HELPFULNESS
    kind = values.get("kind", HELPFULNESS) if isinstance(values, dict) else HELPFULNESS
    if kind not in KINDS:
        raise ParamsError(f"{path}: {unknown_value('kind', kind, KINDS)}")
    return kind


def write_results(folder: Path, results: Mapping, page: str, plots: Mapping[str, Plot]) -> None:
    """Write results.json, README.md and the plots of a study to *folder*."""
    write_json(folder / "results.json", results)
    for name, plot in plots.items():
        with written_aside(folder / f"{name}.svg") as aside:
            aside.write_text(plot.svg, "utf-8")
    with written_aside(folder / "README.md") as aside:
        aside.write_text(page, "utf-8")
