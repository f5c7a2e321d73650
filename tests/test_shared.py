import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.vectors import chunks
from textzero.vectors.shared import share


def matrices(n=40, dim=6, seed=0):
    """Float32 w and c whose directions differ in length, neither alike nor unrelated."""
    random = np.random.default_rng(seed)
    w, c = random.normal(size=(2, n, dim)) * np.exp(-np.arange(dim) / 4)
    return w.astype(np.float32), (0.5 * w + c).astype(np.float32)


def nearest(w, c):
    """The positive part of (W C' + C W') / 2, of rank dim at most, by another way."""
    product = w.astype(np.float64) @ c.T.astype(np.float64)
    sizes, turn = np.linalg.eigh((product + product.T) / 2)
    first = np.argsort(-sizes)[: w.shape[1]]
    return (turn[:, first] * np.maximum(sizes[first], 0)) @ turn[:, first].T


def shared(w, c, workers=1):
    """V, once both arrays hold it."""
    center, context = w.copy(), c.copy()
    share(center, context, workers)
    assert_array_equal(center, context)
    assert center.dtype == np.float32 and np.isfinite(center).all()
    return center


def assert_nearest(v, w, c):
    wanted = nearest(w, c)
    # sums of float32: a ten-thousandth of what is largest
    assert_allclose(v @ v.T, wanted, rtol=0, atol=2e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("n, dim", [(40, 1), (40, 6), (300, 33), (600, 64)])
def test_products_are_the_nearest_positive_ones(n, dim):
    w, c = matrices(n, dim)
    assert_nearest(shared(w, c), w, c)


def test_products_of_one_matrix_stay():
    w, _ = matrices()
    assert_allclose(shared(w, w) @ shared(w, w).T, w @ w.T, atol=1e-5)


def test_products_that_are_negative_are_nearest_to_nothing():
    w, _ = matrices()
    assert_allclose(shared(w, -w), 0, atol=1e-3)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_size_of_one_matrix_does_not_matter_when_the_other_makes_up_for_it(factor):
    w, c = matrices()
    factor = np.float32(factor)
    assert_nearest(shared(w * factor, c / factor), w, c)


@pytest.mark.parametrize("n, dim", [(4, 6), (9, 6), (5, 128)])
def test_there_may_be_fewer_words_than_dimensions(n, dim):
    w, c = matrices(n, dim)
    assert_nearest(shared(w, c), w, c)


def test_directions_may_be_missing_from_one_matrix_or_both():
    w, c = matrices(60, 8)
    w[:, 3:] = 0
    c[:, 5:] = 0
    for turn in (np.eye(8), np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]):
        turned = (c @ turn).astype(np.float32)
        assert_nearest(shared(w, turned), w, turned)


@pytest.mark.parametrize("zero", ["w", "c", "both"])
def test_the_products_of_zeros_are_zero(zero):
    w, c = matrices()
    w, c = w * (zero == "c"), c * (zero == "w")
    assert not shared(w, c).any()


@pytest.mark.parametrize("dim", [1, 6, 33])
def test_the_bits_are_the_same_for_any_threads(dim, monkeypatch):
    monkeypatch.setattr(chunks, "_CHUNK", 16)
    w, c = matrices(90, dim)
    made = [shared(w, c, workers) for workers in (1, 2, 7)]
    assert_array_equal(made[1], made[0])
    assert_array_equal(made[2], made[0])
    assert_nearest(made[0], w, c)
