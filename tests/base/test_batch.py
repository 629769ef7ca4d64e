import os

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from emoforge.base.batch import chunked, map_chunks, one_thread, reproducible


def total(chunk):
    return float(np.sum(np.sqrt(np.asarray(chunk))))


def threads(_):
    return max(pool["num_threads"] for pool in threadpool_info())


def boom(chunk):
    raise ValueError(f"bad chunk {chunk}")


def test_chunks_hold_every_item_once_and_in_order():
    assert [item for chunk in chunked(list(range(10)), 4) for item in chunk] == list(range(10))
    assert [len(chunk) for chunk in chunked(list(range(10)), 4)] == [4, 4, 2]


@pytest.mark.slow
def test_results_are_the_same_and_in_order_for_any_number_of_workers():
    chunks = chunked(np.random.default_rng(0).random(1000), 90)
    assert list(map_chunks(total, chunks, workers=1)) == list(map_chunks(total, chunks, workers=2))


def test_every_worker_computes_on_one_thread():
    # Side by side, tests start with one thread already.
    with threadpool_limits(3):
        assert threads(None) == 3
        assert set(map_chunks(threads, [0, 1], workers=1)) == {1}


def test_an_error_in_a_chunk_reaches_the_caller():
    with pytest.raises(ValueError, match="bad chunk 3"):
        list(map_chunks(boom, [3], workers=1))


@pytest.mark.parametrize("context", [one_thread, reproducible])
def test_threads_are_as_before_after_the_block_whatever_happened_in_it(context, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with pytest.raises(ValueError, match="in the block"), context():
            assert threads(None) == torch.get_num_threads() == 1
            assert os.environ["OMP_NUM_THREADS"] == "1"
            assert torch.are_deterministic_algorithms_enabled() == (context is reproducible)
            raise ValueError("in the block")
        assert torch.get_num_threads() == 3
        assert os.environ["OMP_NUM_THREADS"] == "2"
        assert not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(before)
