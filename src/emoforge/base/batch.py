"""Run one function over many chunks of work, on one core or several, with the same bytes either way."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def chunked(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Cut *items* into consecutive chunks of *size*; the last one may be shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def available_workers(workers: int | None = None) -> int:
    """Return *workers*, or where it is 0 or None the number of cores this process may use."""
    from joblib import cpu_count

    return workers or cpu_count()


def map_chunks(
    function: Callable[[Item], Result],
    chunks: Sequence[Item],
    *,
    workers: int | None = None,
    description: str = "",
    unit: str = "chunk",
    sizes: Sequence[int] | None = None,
) -> Iterator[Result]:
    """Yield ``function(chunk)`` for every chunk, in the order of *chunks*, with a progress bar.

    Numeric libraries are held to one thread in every worker, and also when there is only one worker: a sum that is
    cut into two parts rounds differently, and the results would depend on the number of cores.

    Args:
        function: a module-level function; with several workers it runs in other processes.
        chunks: what to call it with.
        workers: number of processes; 0 or None means one for every core.
        description: what stands before the progress bar.
        unit: what one step of the bar counts.
        sizes: how many units every chunk holds, when the bar is to count those.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    sizes = [1] * len(chunks) if sizes is None else sizes
    workers = min(available_workers(workers), max(1, len(chunks)))
    parallel = Parallel(
        n_jobs=workers, backend="sequential" if workers == 1 else "loky", return_as="generator", batch_size=1
    )
    results = parallel(delayed(_on_one_thread)(function, chunk) for chunk in chunks)
    with tqdm(total=sum(sizes), desc=description, unit=unit, disable=None) as bar:
        for result, size in zip(results, sizes, strict=True):
            yield result
            bar.update(size)


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold numeric libraries to one thread, those loaded already and those that are loaded within the block.

    Sums are cut in as many parts as there are threads: one thread gives the same bytes on every machine. Afterwards
    as many threads are allowed as before.
    """
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    torch_threads = torch.get_num_threads() if torch else None
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        with threadpool_limits(limits=1):
            if torch:
                torch.set_num_threads(1)
            yield
    finally:
        if torch:
            torch.set_num_threads(torch_threads)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


@contextmanager
def reproducible() -> Iterator[None]:
    """Run torch on one thread, as :func:`one_thread` does, and with deterministic algorithms only."""
    import torch

    deterministic = torch.are_deterministic_algorithms_enabled()
    with one_thread():
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic)


def _on_one_thread(function: Callable[[Item], Result], chunk: Item) -> Result:
    with one_thread():
        return function(chunk)
