"""Clips of another corpus, moved to where those of one lie."""

import numpy as np
import pytest

from emoforge.ser.domains import Domain


@pytest.fixture
def corpora() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(2, 3, (50, 2, 4)).astype(np.float32), rng.normal(-1, 0.5, (80, 2, 4)).astype(np.float32)


def test_moved_clips_lie_where_those_of_the_other_corpus_do(corpora):
    theirs, ours = corpora
    moved = Domain.of(theirs).moved(theirs, Domain.of(ours))
    assert (moved.shape, moved.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(moved.mean(axis=0), ours.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(moved.std(axis=0), ours.std(axis=0), atol=1e-5)
    np.testing.assert_array_equal(moved[:, 0, 0].argsort(), theirs[:, 0, 0].argsort())


def test_clips_move_alike_whoever_is_moved_with_them(corpora):
    theirs, ours = corpora
    domain, to = Domain.of(theirs), Domain.of(ours)
    np.testing.assert_array_equal(domain.moved(theirs[:3], to), domain.moved(theirs, to)[:3])


def test_pairs_are_moved_side_by_side(corpora):
    theirs, ours = corpora
    pairs, to = list(zip(theirs, theirs[:, 0], strict=True)), Domain.of(list(zip(ours, ours[:, 0], strict=True)))
    moved = Domain.of(pairs).moved(pairs, to)
    layers, functionals = zip(*moved, strict=True)
    expected = Domain.of(theirs).moved(theirs, Domain.of(ours))
    np.testing.assert_array_equal(np.stack(layers), expected)
    np.testing.assert_array_equal(np.stack(functionals), expected[:, 0])


def test_a_value_that_never_changes_is_shifted(corpora):
    theirs, ours = corpora
    theirs[:, 0, 0] = 7.0
    moved = Domain.of(theirs).moved(theirs, Domain.of(ours))
    np.testing.assert_allclose(moved[:, 0, 0], ours[:, 0, 0].mean(), atol=1e-5)
