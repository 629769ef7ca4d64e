"""The cache of experiments: what is kept, what is gone on with, what is never mistaken for something else."""

from dataclasses import dataclass

import numpy as np
import pytest

from emoforge.base.errors import ManifestError
from emoforge.dataset.clips import ClipStore
from emoforge.experiments.cache import Cache, Part


@dataclass(frozen=True)
class Square:
    part: Part
    numbers: tuple[int, ...]


def square_and_keep(job: Square) -> None:
    if 13 in job.numbers:
        raise RuntimeError("killed")
    job.part.write([{"number": number, "square": number**2} for number in job.numbers])


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path, workers=1)


def fill(cache: Cache, chunks: list[tuple[int, ...]]) -> tuple[list[dict], int]:
    """Return the rows and how many chunks were computed."""
    entry = cache.entry("squares", key={})
    jobs = [Square(entry.part_of(list(chunk)), chunk) for chunk in chunks]
    todo = [job for job in jobs if not job.part.is_whole()]
    cache.fill(square_and_keep, todo, description="square", unit="number")
    return [row for job in jobs for row in job.part.rows()], len(todo)


def test_what_is_there_is_not_computed_again(cache):
    rows, computed = fill(cache, [(1, 2), (3,)])
    assert [row["square"] for row in rows] == [1, 4, 9]
    assert computed == 2
    assert fill(cache, [(1, 2), (3,), (4,)])[1] == 1


def test_a_killed_run_goes_on(cache):
    with pytest.raises(RuntimeError):
        fill(cache, [(1,), (2,), (13,), (3,)])
    rows, computed = fill(cache, [(1,), (2,), (3,)])
    assert computed == 1
    assert len(rows) == 3


def test_another_key_is_another_entry(cache):
    first, second = cache.entry("squares", key={"seed": 0}), cache.entry("squares", key={"seed": 1})
    first.part(0).write([{"number": 1}])
    assert not second.part(0).is_whole()
    assert cache.entry("squares", key={"seed": 0}).rows() == [{"number": 1}]
    assert first.checksum != second.checksum


def test_an_entry_with_a_name_is_emptied_by_another_key(cache):
    cache.entry("corpora", key={"seed": 0}, name="demo").part(0).write([{"number": 1}])
    assert cache.entry("corpora", key={"seed": 0}, name="demo").part(0).is_whole()
    assert cache.entry("corpora", key={"seed": 1}, name="demo").rows() == []
    # And the first is gone for good, rather than half there.
    assert cache.entry("corpora", key={"seed": 0}, name="demo").rows() == []


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe"])
def test_a_folder_whose_key_cannot_be_read_is_emptied(cache, damage):
    entry = cache.entry("squares", key={"seed": 0})
    entry.part(0).write([{"number": 1}])
    (entry.folder / "key.json").write_bytes(damage)
    assert cache.entry("squares", key={"seed": 0}).rows() == []


def test_parts_come_back_in_the_order_of_their_numbers(cache):
    entry = cache.entry("squares", key={})
    for number in (100_000, 2, 0):
        entry.part(number).write([{"number": number}])
    assert [row["number"] for row in entry.rows()] == [0, 2, 100_000]


def test_rows_that_lack_a_value_and_parts_without_rows_are_kept(cache):
    entry = cache.entry("squares", key={})
    entry.part(0).write([{"a": 1}, {"b": "x"}])
    entry.part(1).write([])
    assert entry.part(0).rows() == [{"a": 1, "b": None}, {"a": None, "b": "x"}]
    assert entry.part(1).is_whole()
    assert entry.part(1).rows() == []


def test_a_part_without_audio_is_not_whole_where_audio_is_asked_for(cache):
    part = cache.entry("clips", key={}).part(0)
    signal = np.linspace(-0.5, 0.5, 800, dtype=np.float32)
    part.write([{"clip_id": "a"}])
    assert part.is_whole()
    assert not part.is_whole(audio=True)
    part.write([{"clip_id": "a"}], clips=[("a", signal)], sampling_rate=16000)
    assert part.is_whole(audio=True)
    assert ClipStore(part.folder).read("a")[0] == pytest.approx(signal, abs=1e-4)


def test_a_model_is_there_when_it_is_whole(cache):
    entry = cache.entry("models", key={})
    with pytest.raises(RuntimeError), entry.building("model") as folder:
        (folder / "weights").write_text("half")
        raise RuntimeError
    assert not entry.holds("model")
    with entry.building("model") as folder:
        (folder / "weights").write_text("whole")
    assert [path.name for path in entry.path("model").iterdir()] == ["weights"]


def test_a_damaged_part_is_one_line(cache):
    part = cache.entry("squares", key={}).part(0)
    part.write([{"number": 1}])
    part.path.write_bytes(b"no Parquet")
    with pytest.raises(ManifestError, match="remove it and run again") as raised:
        part.rows()
    assert "\n" not in str(raised.value)


def test_what_is_computed_is_reported_before_it_is(tmp_path):
    seen = []
    cache = Cache(tmp_path, workers=1, report=lambda *what: seen.append(what))
    fill(cache, [(1,), (2,)])
    fill(cache, [(1,), (2,)])
    assert seen == [("square", 2, "number")]
