"""The one cache of experiments: what studies and the evaluation of conversion compute, and read back.

Everything that is kept lies in an *entry*: a folder with a key, which says what its content depends on. The code part
of the key is computed from the functions that fill the entry, see :func:`emoforge.project.checksums.code_sha256`;
nobody else who computes or plans has to think of source files. An entry is filled part by part, in any number of
processes, and a part is there whole or not at all: a killed run loses at most one part per process, and the next one
goes on with the rest.

    cache = Cache(Path("data/study"), workers=2)
    entry = cache.entry("augmented", augment_part, key={"corpus": corpus.key, "seed": 0})
    parts = [entry.part_of(chunk) for chunk in chunks]
    cache.fill(augment_part, [Job(part, chunk) for part, chunk in zip(parts, chunks) if not part.is_whole()], ...)
    rows = [row for part in parts for row in part.rows()]
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emoforge.base.batch import map_chunks
from emoforge.base.errors import ManifestError
from emoforge.base.outputs import built_aside, keyed_folder, written_aside
from emoforge.dataset.clips import shard_path, write_shard
from emoforge.project.checksums import code_sha256, digest

#: How many hexadecimal digits of a checksum name a folder, and a part in it.
_FOLDER_DIGITS, _PART_DIGITS = 24, 15


#: Description, number, and what is counted.
Report = Callable[[str, int, str], None]


def silent(description: str, number: int, unit: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Part:
    """Some rows of an entry, and their audio where it is kept; written in one go.

    Attributes:
        folder: of the entry.
        number: of the part in the entry.
    """

    folder: Path
    number: int

    @property
    def path(self) -> Path:
        return self.folder / f"rows-{self.number:05d}.parquet"

    def is_whole(self, *, audio: bool = False) -> bool:
        """Return whether the part is there; with *audio*, whether its clips are too."""
        return self.path.is_file() and (not audio or shard_path(self.folder, self.number).is_file())

    def write(
        self, rows: Sequence[dict], *, clips: Sequence[tuple[str, np.ndarray]] | None = None, sampling_rate: int = 0
    ) -> None:
        """Write the part.

        Args:
            rows: of anything that Parquet holds; what a row lacks is null.
            clips: pairs of clip_id and signal (n_samples,); None keeps no audio.
            sampling_rate: of the clips, in Hz.
        """
        if clips is not None:
            write_shard(shard_path(self.folder, self.number), clips, sampling_rate=sampling_rate)
        # The rows come last: where they are, the part is whole. The first row names a table's columns.
        names = list(dict.fromkeys(name for row in rows for name in row))
        table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows])
        with written_aside(self.path) as aside:
            pq.write_table(table, aside, compression="zstd")

    def rows(self) -> list[dict]:
        """Return the rows.

        Raises:
            ManifestError: the file is missing or damaged.
        """
        try:
            return pq.read_table(self.path).to_pylist()
        except (pa.ArrowInvalid, OSError) as error:
            raise ManifestError(f"{self.path}: cannot be read ({error}); remove it and run again") from None


@dataclass(frozen=True)
class Entry:
    """A folder of the cache, begun with a key.

    Attributes:
        folder: where it lies.
        checksum: of the key: what stands for the entry in the key of whatever is made from it.
    """

    folder: Path
    checksum: str

    def part(self, number: int) -> Part:
        """Return the part with a *number*, for entries that are cut into the same parts every time."""
        return Part(self.folder, number)

    def part_of(self, content: object) -> Part:
        """Return the part that *content* (anything JSON can hold) tells apart from all others of the entry."""
        return Part(self.folder, int(digest(content)[:_PART_DIGITS], 16))

    def rows(self) -> list[dict]:
        """Return the rows of all parts that are there, in the order of their numbers."""
        numbers = sorted(int(path.stem.removeprefix("rows-")) for path in self.folder.glob("rows-*.parquet"))
        return [row for number in numbers for row in self.part(number).rows()]

    def path(self, name: str) -> Path:
        """Return where a folder *name* of the entry lies, such as that of a model."""
        return self.folder / name

    def holds(self, name: str) -> bool:
        return self.path(name).exists()

    @contextmanager
    def building(self, name: str) -> Iterator[Path]:
        """Yield a folder to fill, which becomes the folder *name* of the entry when the block ends without an error."""
        with built_aside(self.path(name)) as aside:
            yield aside

    def write_arrays(self, **arrays: np.ndarray) -> None:
        """Keep arrays by name, without pickles."""
        with written_aside(self._arrays) as aside, aside.open("wb") as file:
            np.savez(file, **cast("dict[str, Any]", arrays))

    @property
    def holds_arrays(self) -> bool:
        return self._arrays.is_file()

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what :meth:`write_arrays` kept."""
        with np.load(self._arrays, allow_pickle=False) as file:
            return dict(file)

    @property
    def _arrays(self) -> Path:
        return self.folder / "arrays.npz"


@dataclass(frozen=True)
class Cache:
    """What experiments keep in a folder, by kind and key.

    Attributes:
        folder: of all entries.
        workers: processes that fill them; 0 means one for every core.
        report: told what is computed before it is: description, number, and what is counted.
    """

    folder: Path
    workers: int = 0
    report: Report = silent

    def entry(
        self, kind: str, *makers: Callable | ModuleType, key: Mapping[str, object], name: str | None = None
    ) -> Entry:
        """Return the entry of *kind* with this *key*, begun empty unless it is there.

        Args:
            kind: folder of the cache.
            makers: the functions (classes, modules) that fill the entry: their code is part of the key.
            key: what else the content depends on, as JSON holds it.
            name: of the entry's folder; an earlier entry of that name with another key is deleted. Without a name, the
                folder is named after the key, and entries with different keys lie side by side.
        """
        whole = {**key, "code": code_sha256(*makers)}
        checksum = digest(whole)
        folder = self.folder / kind / (checksum[:_FOLDER_DIGITS] if name is None else name)
        return Entry(keyed_folder(folder, whole), checksum)

    def fill(
        self,
        worker: Callable,
        jobs: Sequence,
        *,
        description: str,
        unit: str,
        sizes: Iterable[int] | None = None,
    ) -> None:
        """Run *worker*, which leaves its result in an entry, over *jobs*, with a progress bar.

        Args:
            worker: a module-level function of one job, a frozen dataclass.
            jobs: only those whose part is not there.
            description: what stands before the bar.
            unit: what one step of the bar counts.
            sizes: how many of these every job holds; 1 each without.
        """
        if not jobs:
            return
        counts = [1] * len(jobs) if sizes is None else list(sizes)
        self.report(description, sum(counts), unit)
        for _ in map_chunks(worker, jobs, workers=self.workers, description=description, unit=unit, sizes=counts):
            pass
