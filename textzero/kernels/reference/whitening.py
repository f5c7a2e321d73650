"""Coordinates in which one symmetric matrix is the identity and another one diagonal."""

import numpy as np

from textzero._compat import Array


def whiten(base: Array, other: Array) -> tuple[Array, Array, Array]:
    """Diagonalise two symmetric matrices at once.

    Args:
        base: float64 (d, d), positive definite.
        other: float64 (d, d), positive semidefinite.

    Returns:
        forth: float64 (d, d). T with T' base T = I.
        back: float64 (d, d). The inverse of T.
        diagonal: float64 (d,). The diagonal of T' other T, whose other elements are far smaller.

    Raises:
        ValueError: `base` is not positive definite.
    """
    try:
        lower = np.linalg.cholesky(base)
    except np.linalg.LinAlgError as error:
        raise ValueError("the matrix to whiten must be positive definite") from error
    inverse = np.linalg.inv(lower)
    diagonal, turn = np.linalg.eigh(inverse @ other @ inverse.T)
    return inverse.T @ turn, turn.T @ lower.T, np.maximum(diagonal, 0)
