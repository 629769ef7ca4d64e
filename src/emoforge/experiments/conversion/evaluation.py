"""`emoforge evaluate-conversion`: every converter on the same clips, judged by those who learnt from nobody involved.

See studies/conversion.yaml for the protocol and :mod:`emoforge.experiments.cache` for what is kept between runs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emoforge.base.batch import one_thread
from emoforge.base.outputs import write_json, written_aside
from emoforge.experiments.cache import Cache
from emoforge.experiments.conversion.conversions import convert_all
from emoforge.experiments.conversion.converters import fit_converters
from emoforge.experiments.conversion.design import make_design
from emoforge.experiments.conversion.fidelity.embedded import embed_converted, embed_recorded
from emoforge.experiments.conversion.fidelity.words import transcribe
from emoforge.experiments.conversion.judges import ask_judges, train_judges
from emoforge.experiments.conversion.measures import measure_converted, measure_recorded
from emoforge.experiments.conversion.page import page
from emoforge.experiments.conversion.protocol import load_protocol
from emoforge.experiments.conversion.rows import Measured, result_rows
from emoforge.experiments.conversion.samples import write_samples
from emoforge.experiments.conversion.speed import time_systems
from emoforge.project.params import load_params
from emoforge.project.versions import commit_of


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation of conversion found.

    Attributes:
        rows: of results.json: one per system, corpus, corpus learnt from and judge.
        page: the Markdown page of the results.
        output: folder of results.json and README.md; None where nothing was written.
        seconds: that the run took.
    """

    rows: Sequence[dict]
    page: str
    output: Path | None
    seconds: float


def run(
    path: Path,
    *,
    root: Path = Path(),
    systems: Sequence[str] = (),
    corpora: Sequence[str] = (),
    chosen_rotations: Sequence[int] = (),
    output: Path | None = None,
    samples: tuple[int, Path] | None = None,
    command: str = "",
) -> Evaluation:
    """Evaluate conversion by the protocol at *path*.

    A part of the protocol is written to *output* only; the whole goes to ``studies/<name of the protocol>`` where no
    *output* is given.

    Args:
        path: of the protocol, from the project folder.
        root: project folder, which holds params.yaml.
        systems: of the protocol; all where empty.
        corpora: of the protocol; all where empty.
        chosen_rotations: numbers of rotations; all where empty.
        output: folder of results.json and README.md.
        samples: how many conversions of each corpus to write as WAV, and to which folder.
        command: command line that the results can be made again with, written beside them.

    Raises:
        EmoforgeError: the protocol or the choice of a part is wrong, or a corpus is not there.
    """
    started = time.monotonic()
    path = root / path
    protocol, params = load_protocol(path), load_params(root / "params.yaml")
    cache = Cache(root / protocol.work, workers=protocol.workers)
    design = make_design(
        protocol, params, systems=systems, corpora=corpora, numbers=chosen_rotations, root=root, cache=cache
    )
    with one_thread():
        converters = fit_converters(design, cache)
        conversions = convert_all(design, converters, cache)
        converted = measure_converted(design, conversions, cache)
        recorded = measure_recorded(design, cache)
        embedded = embed_recorded(design, cache)
        embedded_conversions = embed_converted(design, conversions, cache)
        words = transcribe(design, conversions, recorded, cache)
        judges = train_judges(design, embedded, cache)
        heard = ask_judges(design, judges, conversions, converted, embedded, embedded_conversions, cache)
        if samples is not None:
            n_clips, folder = samples
            write_samples(design, conversions, converted, n_clips=n_clips, folder=folder)
        heard_real = {name: judge.rows() for name, judge in judges.items()}
        rows = result_rows(
            design, Measured(recorded, converted, heard_real, heard, embedded, embedded_conversions, words)
        )
        speed = time_systems(design, converters)
    results = {
        "protocol": protocol.model_dump(),
        "rows": rows,
        "speed": speed,
        "command": command,
        "commit": commit_of(root),
    }
    text = page(results)
    if output is None and design.is_whole:
        output = root / "studies" / path.stem
    if output is not None:
        write_json(output / "results.json", results)
        with written_aside(output / "README.md") as aside:
            aside.write_text(text, "utf-8")
    return Evaluation(rows, text, output, time.monotonic() - started)
