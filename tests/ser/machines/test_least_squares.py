"""Least-squares machines: against scikit-learn's kernel ridge regression, and against training again."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel

from emoforge.ser.machines.least_squares import LeastSquaresSvm, VectorPairs

OPTIONS = {"n_classes": 3, "gamma": 0.1, "linear": 0.05, "ridge": 0.3, "seed": 0}


def clips(seed: int, n: int = 90, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    features = rng.normal(size=(n, 6)) + 1.5 * np.eye(n_classes, 6)[labels]
    return features, labels, rng.uniform(0.2, 2.0, n), np.array([f"s{i}" for i in rng.integers(0, 6, n)])


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return rbf_kernel(a, b, gamma=OPTIONS["gamma"]) + OPTIONS["linear"] * linear_kernel(a, b)


def targets_of(labels: np.ndarray, n_classes: int = 3) -> np.ndarray:
    return np.where(np.eye(n_classes)[labels] > 0, 1.0, -1.0 / (n_classes - 1))


@pytest.mark.parametrize("n_classes", [2, 3, 8])
def test_answers_are_those_of_kernel_ridge_regression(n_classes):
    features, labels, weights, groups = clips(1, n_classes=n_classes)
    machine, _ = LeastSquaresSvm.fit(features, labels, weights, groups, **OPTIONS | {"n_classes": n_classes})
    targets = targets_of(labels, n_classes)
    theirs = KernelRidge(alpha=OPTIONS["ridge"], kernel="precomputed")
    theirs.fit(kernel(features, features), targets, sample_weight=weights)
    new = clips(2)[0]
    np.testing.assert_allclose(machine.scores(new), theirs.predict(kernel(new, features)), atol=1e-4)


@pytest.mark.parametrize("sampled", [{}, {"max_exact": 80, "n_sampled": 40}])
def test_left_out_answers_are_those_of_machines_trained_without_the_group(sampled):
    features, labels, weights, groups = clips(3)
    options = OPTIONS | sampled
    machine, left_out = LeastSquaresSvm.fit(features, labels, weights, groups, **options)
    own = groups == "s2"
    # A weight of nearly nothing is as good as not being there, and keeps the sample of vectors the same.
    without, _ = LeastSquaresSvm.fit(features, labels, np.where(own, 1e-9, weights), groups, **options)
    np.testing.assert_allclose(left_out[own], without.scores(features[own]), atol=1e-3)
    assert np.abs(left_out[own] - machine.scores(features[own])).max() > 0.05


def test_a_sample_of_the_clips_answers_nearly_as_all_of_them():
    features, labels, weights, groups = clips(4, n=600)
    test, truth, _, _ = clips(5, n=300)
    exact, sampled = (
        LeastSquaresSvm.fit(features, labels, weights, groups, **OPTIONS, max_exact=n, n_sampled=200)[0]
        for n in (600, 599)
    )
    assert sampled.vectors.shape == (200, 6)
    agreement = np.mean(exact.scores(test).argmax(axis=1) == sampled.scores(test).argmax(axis=1))
    assert agreement > 0.95
    assert np.mean(exact.scores(test).argmax(axis=1) == truth) > 0.7


def test_a_heavier_clip_is_fitted_better():
    features, labels, weights, groups = clips(6)
    heavy = weights.copy()
    heavy[7] = 100.0
    before, after = (LeastSquaresSvm.fit(features, labels, w, groups, **OPTIONS)[0] for w in (weights, heavy))
    own = labels[7]
    assert abs(after.scores(features[7:8])[0, own] - 1) < 0.2 * abs(before.scores(features[7:8])[0, own] - 1)


def test_one_group_leaves_nothing_to_learn_from():
    features, labels, weights, _ = clips(7)
    _, left_out = LeastSquaresSvm.fit(features, labels, weights, np.repeat("one", len(labels)), **OPTIONS)
    assert not left_out.any()


def test_a_prior_leaves_only_its_errors_to_be_learnt():
    first, second, new = clips(8), clips(9), clips(10)[0]
    prior = LeastSquaresSvm.fit(*first, **OPTIONS)[0].scaled(0.5)
    machine, left_out = LeastSquaresSvm.fit(*second, **OPTIONS, prior=prior)
    features, labels, weights, groups = second
    theirs = KernelRidge(alpha=OPTIONS["ridge"], kernel="precomputed")
    theirs.fit(kernel(features, features), targets_of(labels) - prior.scores(features), sample_weight=weights)
    expected = prior.scores(new) + theirs.predict(kernel(new, features))
    np.testing.assert_allclose(machine.scores(new), expected, atol=1e-4)
    own = groups == "s1"
    without, _ = LeastSquaresSvm.fit(features, labels, np.where(own, 1e-9, weights), groups, **OPTIONS, prior=prior)
    np.testing.assert_allclose(left_out[own], without.scores(features[own]), atol=1e-3)


def test_pairs_are_rows_of_differences():
    """The same equations, written out: rows that are differences of the kernel's."""
    (features, labels, weights, groups), new = clips(11), clips(12)[0]
    sources, _, pair_weights, pair_groups = clips(13, n=40)
    emotions = np.arange(40) % 2
    pairs = VectorPairs(sources + 0.8, sources, emotions, np.full(40, 2), pair_weights, pair_groups)
    machine, left_out = LeastSquaresSvm.fit(features, labels, weights, groups, **OPTIONS, pairs=pairs)
    candidates = np.concatenate([features, sources + 0.8, sources])
    of_all = kernel(candidates, candidates)
    rows = np.concatenate([of_all[:90], of_all[90:130] - of_all[130:]])
    wanted = np.concatenate([targets_of(labels), np.eye(3)[emotions] * 1.5 - np.eye(3)[2] * 1.5])
    all_weights = np.concatenate([weights, pair_weights])[:, None]
    coefficients = np.linalg.lstsq(
        rows.T @ (all_weights * rows) + OPTIONS["ridge"] * of_all, rows.T @ (all_weights * wanted), rcond=1e-12
    )[0]
    np.testing.assert_allclose(machine.scores(new), kernel(new, candidates) @ coefficients, atol=1e-3)
    assert left_out.shape == (90, 3)


def test_pairs_teach_what_clips_do_not_show():
    """An emotion that no clip shows is known from pairs, whatever the voice."""
    rng = np.random.default_rng(14)
    voices = rng.normal(0, 2, (60, 6)) * [0, 0, 1, 1, 1, 1]
    known = rng.integers(0, 2, 60)
    clips_of = voices + 2.0 * np.eye(3, 6)[known] * (known == 1)[:, None] + rng.normal(0, 0.2, (60, 6))
    sources = rng.normal(0, 2, (60, 6)) * [0, 0, 1, 1, 1, 1]
    risen = sources + 2.0 * np.eye(3, 6)[0]
    pairs = VectorPairs(risen, sources, np.full(60, 2), np.zeros(60, int), np.ones(60), np.full(60, "p"))
    taught, _ = LeastSquaresSvm.fit(clips_of, known, np.ones(60), np.full(60, "s"), **OPTIONS, pairs=pairs)
    plain, _ = LeastSquaresSvm.fit(clips_of, known, np.ones(60), np.full(60, "s"), **OPTIONS)
    asked = rng.normal(0, 2, (50, 6)) * [0, 0, 1, 1, 1, 1] + 2.0 * np.eye(3, 6)[0]
    assert np.mean(taught.scores(asked).argmax(axis=1) == 2) > 0.9
    assert np.mean(plain.scores(asked).argmax(axis=1) == 2) < 0.2
