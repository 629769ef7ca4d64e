"""The work folder of an evaluation of conversion or of a study: what was computed, kept by content.

Every folder carries a key: what its content depends on, code included. A folder with another key is emptied and filled
anew, one with the same key is gone on with, part by part; so a killed run loses at most a part a process.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol as Interface

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emoforge import corpora
from emoforge.base.batch import map_chunks
from emoforge.base.errors import CorpusError, ManifestError
from emoforge.base.outputs import KEY_FILE as KEY_FILE
from emoforge.base.outputs import keyed_folder, written_aside
from emoforge.dataset import manifest
from emoforge.project.checksums import code_sha256, digest
from emoforge.project.layout import Layout
from emoforge.project.params import CorpusParams, Params
from emoforge.project.utterances import open_utterances as open_utterances
from emoforge.stages import ingest, prosody

#: Conversions or clips of a part: what a killed process loses.
CHUNK = 16


class HasWorkers(Interface):
    """What is asked of a protocol here: how many processes compute."""

    workers: int


class Original(Interface):
    """A corpus as a protocol names it, by registry name and folder."""

    name: str
    root: str


@dataclass(frozen=True)
class Corpus:
    """An ingested and analysed corpus.

    Attributes:
        name: registry name.
        layout: its run.
        key: checksum of what the run depends on.
        table: manifest.
    """

    name: str
    layout: Layout
    key: str
    table: pa.Table

    def rows(self, speakers: Iterable[str]) -> list[dict]:
        wanted = pc.is_in(self.table.column("speaker"), pa.array(list(speakers)))
        return self.table.filter(wanted).to_pylist()


@dataclass(frozen=True, slots=True)
class Cell:
    """One system, by its name, on the sources of one rotation, learnt from one corpus."""

    system: str
    corpus: str
    trained_on: str
    rotation: int

    @property
    def name(self) -> str:
        return f"{self.corpus}-{self.rotation}-{self.system.replace(' ', '-')}-from-{self.trained_on}"


def prepare_corpus(corpus: Original, params: Params, protocol: HasWorkers, *, root: Path, work: Path) -> Corpus:
    """Ingest and analyse a corpus, unless that was done.

    Raises:
        CorpusError: the corpus is not where the protocol says.
    """
    original = (root / corpus.root).resolve()
    if not original.exists():
        raise CorpusError(
            f"{corpus.root}: no such folder; fetch the corpus with `emoforge corpora fetch {corpus.name}` or give its "
            "folder as `root` in the protocol"
        )
    # Nobody trains or tests here by the splits that ingest makes: rotations decide.
    settings = params.ingest.model_copy(update={"fold": 0, "val_speakers": 1})
    own = params.model_copy(
        update={
            "corpus": CorpusParams(name=corpus.name, root=str(original), licence=""),
            "ingest": settings,
            "workers": protocol.workers,
        }
    )
    key = {
        "files": _listing_sha256(original),
        "seed": params.seed,
        "ingest": settings.model_dump(),
        "prosody": params.prosody.model_dump(),
        "code": code_sha256(ingest.run, prosody.run, corpora.importer(corpus.name)),
    }
    layout = Layout(keyed_folder(work / "corpora" / corpus.name, key))
    if not layout.manifest("ingest").is_file():
        ingest.run(own, layout)
    if not layout.functionals("prosody").is_file():
        prosody.run(own, layout)
    return Corpus(corpus.name, layout, digest(key), manifest.read(layout.manifest("ingest")))


def _listing_sha256(root: Path) -> str:
    files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
    listing = [(path.relative_to(root).as_posix(), path.stat().st_size) for path in files]
    return digest(listing)


def drain(
    function: Callable,
    jobs: Sequence,
    protocol: HasWorkers,
    description: str,
    unit: str,
    sizes: Sequence[int] | None = None,
) -> None:
    """Run *function*, which leaves its result in a file, over *jobs*."""
    if not jobs:
        return
    for _ in map_chunks(function, jobs, workers=protocol.workers, description=description, unit=unit, sizes=sizes):
        pass


def part_path(folder: Path, number: int) -> Path:
    return folder / f"rows-{number:05d}.parquet"


def write_rows(path: Path, rows: Sequence[dict]) -> None:
    with written_aside(path) as aside:
        pq.write_table(pa.Table.from_pylist(_filled(rows)), aside, compression="zstd")


def _filled(rows: Sequence[dict]) -> list[dict]:
    """Return *rows* with the same keys in each, null where there is no value: the first row names a table's columns."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in names} for row in rows]


def read_rows(folder: Path) -> list[dict]:
    """Return the rows that the parts of a folder hold, in order."""
    return [row for path in sorted(folder.glob("rows-*.parquet")) for row in read_part(path)]


def read_part(path: Path) -> list[dict]:
    """Return the rows of one part.

    Raises:
        ManifestError: the file is missing or damaged.
    """
    try:
        return pq.read_table(path).to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise ManifestError(f"{path}: cannot be read ({error}); remove it and run again") from None
