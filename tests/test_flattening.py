import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.vectors import chunks
from textzero.vectors.flattening import flatten


def matrices(n=60, dim=7, seed=0):
    random = np.random.default_rng(seed)
    sizes = np.exp(-np.arange(dim)).astype(np.float32)
    turn = np.linalg.qr(random.normal(size=(dim, dim)))[0].astype(np.float32)
    made = (random.normal(size=(n, dim)).astype(np.float32) * sizes @ turn for _ in range(2))
    return tuple(made)


@pytest.mark.parametrize("power", [0.125, 0.5])
def test_products_stay_and_the_directions_of_w_are_more_alike(power):
    w, c = matrices()
    before = [np.linalg.svd(w.astype(float), compute_uv=False)]
    products, gram = w.astype(float) @ c.T, c.T.astype(float) @ c / 60
    flatten(w, c, power, 1)
    assert w.dtype == c.dtype == np.float32
    assert_allclose(w.astype(float) @ c.T, products, atol=1e-4 * np.abs(products).max())
    # c G^p has the Gram matrix G^(1 + 2 p)
    values, turn = np.linalg.eigh(gram)
    expected = (turn * values ** (1 + 2 * power)) @ turn.T
    assert_allclose(c.T.astype(float) @ c / 60, expected, rtol=1e-3, atol=1e-4 * values.max())
    before.append(np.linalg.svd(w.astype(float), compute_uv=False))
    assert before[1][0] / before[1][-1] < 0.7 * before[0][0] / before[0][-1]


def test_a_power_of_nothing_changes_nothing():
    w, c = matrices()
    before = w.copy(), c.copy()
    flatten(w, c, 0.0, 1)
    assert_array_equal(w, before[0])
    assert_array_equal(c, before[1])


@pytest.mark.parametrize("dim", [1, 33])
def test_the_bits_are_the_same_for_any_threads(dim, monkeypatch):
    monkeypatch.setattr(chunks, "_CHUNK", 16)
    made = []
    for workers in (1, 2, 7):
        w, c = matrices(dim=dim)
        flatten(w, c, 0.125, workers)
        made.append((w, c))
    for w, c in made[1:]:
        assert_array_equal(w, made[0][0])
        assert_array_equal(c, made[0][1])


def test_directions_that_hold_nothing_stay_finite():
    w, c = matrices(n=20, dim=30)  # fewer words than dimensions
    products = w @ c.T
    flatten(w, c, 0.125, 1)
    assert np.isfinite(w).all() and np.isfinite(c).all()
    assert_allclose(w @ c.T, products, atol=1e-4 * np.abs(products).max())
    w[:], c[:] = 0, 0
    flatten(w, c, 0.125, 1)
    assert not w.any() and not c.any()
