"""Whitening with Numba, so that the bits do not depend on a linear algebra library or its threads.

Cholesky, then one-sided Jacobi (Hestenes 1958) on the rows of a factor of the other matrix. A
preconditioner needs no exact eigenvectors, so a few rounds of rotations are enough.
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit_with

_ROUNDS = 8
_SMALL = 1e-4  # cosine of two rows that count as orthogonal
_FAST = {"reassoc", "contract", "nsz"}


@jit_with(fastmath=_FAST)
def _cholesky(matrix: Array, floor: float) -> Array:
    """Return the lower triangle L with L L' = matrix; nothing when that is not positive definite.

    With a floor above 0, a pivot below it is raised to it, and what it would be divided into, which
    is rounding, is left out: dividing would let it grow from column to column.
    """
    d = matrix.shape[0]
    lower, raised = np.zeros((d, d)), np.zeros(d, np.bool_)
    for i in range(d):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i > j:
                lower[i, j] = 0.0 if raised[j] else total / lower[j, j]
            elif total > floor:
                lower[i, i] = np.sqrt(total)
            elif floor > 0:
                lower[i, i], raised[i] = np.sqrt(floor), True
            else:
                return np.zeros((0, 0))
    return lower


@jit_with(fastmath=_FAST)
def _inverse(lower: Array) -> Array:
    """Return the inverse of a lower triangle."""
    d = lower.shape[0]
    out = np.zeros((d, d))
    for i in range(d):
        out[i, i] = 1 / lower[i, i]
        for k in range(i):
            factor = lower[i, k] / lower[i, i]
            for j in range(k + 1):
                out[i, j] -= factor * out[k, j]
    return out


@jit_with(fastmath=_FAST)
def _product(a: Array, b: Array) -> Array:
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            factor = a[i, k]
            for j in range(b.shape[1]):
                out[i, j] += factor * b[k, j]
    return out


@jit_with(fastmath=_FAST)
def _orthogonal(rows: Array, turn: Array, rounds: int, small: float) -> None:
    """Rotate pairs of rows until all are orthogonal; `turn` goes along."""
    d = rows.shape[0]
    for _ in range(rounds):
        turned = False
        for p in range(d - 1):
            for q in range(p + 1, d):
                aa = bb = ab = 0.0
                for k in range(d):
                    aa += rows[p, k] * rows[p, k]
                    bb += rows[q, k] * rows[q, k]
                    ab += rows[p, k] * rows[q, k]
                if not np.abs(ab) > small * np.sqrt(aa * bb):
                    continue
                turned = True
                ratio = (bb - aa) / (2 * ab)
                sign = 1.0 if ratio >= 0 else -1.0
                tangent = sign / (np.abs(ratio) + np.sqrt(1 + ratio * ratio))
                cosine = 1 / np.sqrt(1 + tangent * tangent)
                sine = cosine * tangent
                for k in range(d):
                    x, y = rows[p, k], rows[q, k]
                    rows[p, k], rows[q, k] = cosine * x - sine * y, sine * x + cosine * y
                for k in range(d):
                    x, y = turn[p, k], turn[q, k]
                    turn[p, k], turn[q, k] = cosine * x - sine * y, sine * x + cosine * y
        if not turned:
            break


def whiten(base: Array, other: Array) -> tuple[Array, Array, Array]:
    d = base.shape[0]
    lower = _cholesky(base, 0.0)
    if not lower.size:
        raise ValueError("the matrix to whiten must be positive definite")
    inverse = _inverse(lower)
    inner = _product(_product(inverse, other), np.ascontiguousarray(inverse.T))
    floor = max(float(np.trace(inner)), 1e-300) * 1e-12
    rows, turn = _cholesky((inner + inner.T) / 2, floor), np.eye(d)
    _orthogonal(rows, turn, _ROUNDS, _SMALL)
    diagonal = np.einsum("ij,ij->i", rows, rows)
    forth = _product(np.ascontiguousarray(inverse.T), np.ascontiguousarray(turn.T))
    return forth, _product(turn, np.ascontiguousarray(lower.T)), diagonal
