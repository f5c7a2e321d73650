import numpy as np
import pytest
from numpy.testing import assert_allclose

from textzero.kernels import kernel


def pair(seed, d, spread=3.0):
    """A positive definite matrix, and a semidefinite one of a few directions, as counts give."""
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.normal(size=(d, d)))[0]
    base = (turn * np.exp(random.uniform(-spread, spread, d))) @ turn.T
    rows = random.normal(size=(max(d // 2, 1), d)) * np.exp(random.uniform(-2, 2, d))
    return (base + base.T) / 2, rows.T @ rows


@pytest.mark.parametrize("d", [1, 2, 5, 33, 50])
@pytest.mark.parametrize("seed", range(3))
def test_there_one_is_the_identity_and_the_other_nearly_diagonal(device, d, seed):
    base, other = pair(seed, d)
    forth, back, diagonal = kernel("whitening", device).whiten(base, other)
    assert forth.dtype == back.dtype == diagonal.dtype == np.float64
    assert forth.shape == back.shape == (d, d) and diagonal.shape == (d,)
    assert_allclose(forth.T @ base @ forth, np.eye(d), atol=1e-9)
    assert_allclose(forth @ back, np.eye(d), atol=1e-9)
    assert_allclose(back @ forth, np.eye(d), atol=1e-9)
    turned = forth.T @ other @ forth
    assert (diagonal >= 0).all()
    assert_allclose(np.diag(turned), diagonal, rtol=1e-6, atol=1e-8 * diagonal.max())
    # cosines of 1e-4, but for directions that hold next to nothing
    scale = np.sqrt(np.outer(diagonal, diagonal)) + 1e-3 * diagonal.max()
    assert (np.abs(turned - np.diag(np.diag(turned))) <= 1e-3 * scale).all()


@pytest.mark.parametrize("d", [5, 50])
def test_the_diagonals_of_the_devices_are_the_eigenvalues(device, d):
    base, other = pair(7, d)
    _, _, diagonal = kernel("whitening", device).whiten(base, other)
    _, _, expected = kernel("whitening", "reference").whiten(base, other)
    expected = np.sort(expected)
    assert_allclose(np.sort(diagonal), expected, rtol=1e-5, atol=1e-7 * expected.max())


def test_nothing_besides_the_base_is_no_error(device):
    base, _ = pair(0, 6)
    forth, back, diagonal = kernel("whitening", device).whiten(base, np.zeros((6, 6)))
    assert_allclose(forth.T @ base @ forth, np.eye(6), atol=1e-9)
    assert_allclose(forth @ back, np.eye(6), atol=1e-9)
    assert_allclose(diagonal, 0, atol=1e-12)


def test_given_matrices_are_left_as_they_are(device):
    base, other = pair(1, 9)
    before = base.copy(), other.copy()
    kernel("whitening", device).whiten(base, other)
    assert (base == before[0]).all() and (other == before[1]).all()


@pytest.mark.parametrize("eigenvalues", [[1.0, 0.0], [1.0, -1.0], [0.0, 0.0]])
def test_a_base_that_is_not_positive_definite_is_refused(device, eigenvalues):
    with pytest.raises(ValueError, match="must be positive definite"):
        kernel("whitening", device).whiten(np.diag(eigenvalues), np.eye(2))


@pytest.mark.parametrize("rank", [1, 20, 49])
def test_directions_that_hold_nothing_do_no_harm(device, rank):
    # fewer words than dimensions, and next to no regularisation
    random = np.random.default_rng(rank)
    rows = random.normal(size=(rank, 50)) * np.exp(-random.uniform(0, 12, 50))
    gram = rows.T @ rows
    base = gram * 0.03 + np.eye(50) * 1e-6 * np.trace(gram) / 50
    forth, back, diagonal = kernel("whitening", device).whiten(base, gram / rank)
    assert np.isfinite(forth).all() and np.isfinite(back).all()
    assert_allclose(forth.T @ base @ forth, np.eye(50), atol=1e-6)
    # gram / rank is at most base / 0.03 / rank
    assert (0 <= diagonal).all() and (diagonal < 1.01 / 0.03 / rank).all()
