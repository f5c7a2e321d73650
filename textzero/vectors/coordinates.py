"""Coordinates in which the part of the problem that all rows share is the identity.

See `kernels/reference/least_squares.py` and `kernels/reference/whitening.py`.
"""

from collections.abc import Callable

import numpy as np

from textzero._compat import Array
from textzero.cooccurrence import Cooccurrence
from textzero.kernels.reference.least_squares import LANES

_FREQUENT = 1 << 13  # rows that the preconditioner is made from: most records are of these columns
Whiten = Callable[[Array, Array], tuple[Array, Array, Array]]


class TooLarge(ArithmeticError):
    """The squares of a matrix have left the range of numbers."""


def record_shares(matrix: Cooccurrence) -> Array:
    """Return the shares of records that the first, most frequent rows have, float32 (n,)."""
    records = matrix.lengths[:_FREQUENT, 1].astype(np.float64)
    return (records / max(records.sum(), 1.0)).astype(np.float32)


def coordinates(
    unobserved: Array, shares: Array, ridge: float, whiten: Whiten
) -> tuple[Array, Array, Array]:
    """Return the way there, the way back and the diagonal of the preconditioner.

    Args:
        unobserved: float64 (dim, dim). C' diag(v) C of the fixed matrix C.
        shares: float64 (dim, dim). The mean of c c' over the records of frequent words.
        ridge: lambda.
        whiten: From the kernels.

    Returns:
        forth: float32 (dim, width), width being dim padded to a multiple of LANES: what the fixed
            matrix is multiplied by, and the transpose of what brings rows back.
        back: float32 (width, dim). The transpose of what brings rows there.
        curvature: float32 (width,). h.

    Raises:
        TooLarge: A number is not finite.
    """
    if not (np.isfinite(unobserved).all() and np.isfinite(shares).all()):
        raise TooLarge("the squares of the vectors are not finite")
    dim = unobserved.shape[0]
    base = ridge * np.eye(dim) + unobserved
    # without a ridge, what no pair decides stays where it is
    base += np.eye(dim) * max(1e-6 * float(np.trace(base)) / dim, 1e-12)
    forth, back, diagonal = whiten(base, shares)
    width = -(-dim // LANES) * LANES
    # zeros at the beginning of the last lanes are packed as zeros, at their end as denormals
    kept = np.r_[: width - LANES, 2 * width - LANES - dim : width]
    wide, tall = np.zeros((dim, width), np.float32), np.zeros((width, dim), np.float32)
    curvature = np.zeros(width, np.float32)
    wide[:, kept], tall[kept], curvature[kept] = forth, back, diagonal
    return wide, tall, curvature
