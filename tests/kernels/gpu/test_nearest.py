"""Nearest rows from products made on the card, against the host."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

UNIT = 1 << 26


def unit_rows(n, dim, seed=0):
    rows = np.random.default_rng(seed).normal(size=(n, dim))
    rows[5] = rows[3]  # a tie
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    return np.rint(rows * UNIT) / UNIT


@pytest.mark.usefixtures("cupy")
def test_neighbours_of_rows_are_those_of_the_host(monkeypatch):
    from textzero.kernels import kernel
    from textzero.kernels.gpu import _nearest

    exact = unit_rows(40, 6)
    scores = (exact @ exact.T).astype(np.float32)
    expected = kernel("neighbours", "reference").best_columns(scores, 0, 5, 0.2)
    for most in (1 << 20, 7 * 40):
        monkeypatch.setattr(_nearest, "_MOST_SCORES", most)
        blocks = list(_nearest.neighbours_of_rows(exact, 5, 0.2))
        assert len(blocks) == (1 if most > 1600 else 6)
        for got, array in zip(zip(*blocks, strict=True), expected, strict=True):
            assert_array_equal(np.concatenate(got), array)


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("with_norms", [False, True])
def test_nearest_rows_of_queries(monkeypatch, with_norms):
    from textzero.kernels.gpu import _nearest

    monkeypatch.setattr(_nearest, "_MOST_SCORES", 90)
    random = np.random.default_rng(3)
    vectors, queries = (random.integers(-9, 9, (n, 4)).astype(np.float32) for n in (30, 8))
    norms = np.exp2(random.integers(-1, 3, 30)).astype(np.float32) if with_norms else None
    leave_out = np.where(np.arange(8) % 3, np.arange(8), -1)
    places, scores = _nearest.nearest_rows(vectors, norms, queries, 6, leave_out)
    products = queries @ vectors.T / (1 if norms is None else norms)
    for i in range(8):
        allowed = [j for j in range(30) if j != leave_out[i]]
        best = sorted(allowed, key=lambda j: (-products[i, j], j))[:6]
        assert places[i].tolist() == best
        assert_array_equal(scores[i], products[i, best])


@pytest.mark.usefixtures("cupy")
def test_there_are_no_more_rows_than_there_are():
    from textzero.kernels.gpu import _nearest

    vectors = np.eye(3, dtype=np.float32)
    places, scores = _nearest.nearest_rows(vectors, None, vectors[:1], 9, np.array([0]))
    assert places.tolist() == [[1, 2, -1]] and scores.tolist() == [[0, 0, -np.inf]]


@pytest.mark.usefixtures("cupy")
def test_a_product_that_is_not_finite_is_refused():
    from textzero.kernels.gpu import _nearest

    vectors = np.full((2, 2), np.float32(3e38))
    with pytest.raises(ValueError, match="must be finite"):
        _nearest.nearest_rows(vectors, None, vectors, 1, np.array([-1, -1]))


@pytest.mark.usefixtures("cupy")
def test_the_network_of_a_clustering_is_the_same():
    from textzero.vectors.clustering import nearest_neighbours

    rows = unit_rows(200, 5, seed=4).astype(np.float32)
    expected = nearest_neighbours(rows, 7, 0.1, workers=2)
    for got, array in zip(nearest_neighbours(rows, 7, 0.1, device="gpu"), expected, strict=True):
        assert got.dtype == array.dtype
        assert_array_equal(got, array)


@pytest.mark.usefixtures("cupy")
def test_blocks_are_smaller_where_more_is_kept_of_a_row(monkeypatch):
    from textzero.kernels.gpu import _nearest

    monkeypatch.setattr(_nearest, "free_memory", lambda: 1 << 30)
    few, all_ = (_nearest._step(1 << 16, n, 4) for n in (10, 1 << 40))
    assert 1 <= all_ < few / 5
    assert all_ * (1 << 16) * (4 + _nearest._KEY_BYTES) <= 1 << 29
    assert few * (1 << 16) * (4 + 8) <= 1 << 29
    monkeypatch.setattr(_nearest, "free_memory", lambda: 0)
    assert _nearest._step(1 << 40, 10, 4) == 1
