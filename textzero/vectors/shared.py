"""One matrix from two: the rows whose products with each other come nearest to those of w and c.

With model "shared" a word has one vector v, and <v_i, v_j> stands for <w_i, c_j>. The symmetric
matrix (W C' + C W') / 2 has at most dim positive eigenvalues; V holds those, which is the nearest
V V' in the sum of squares (Eckart and Young 1936, Higham 1988).
"""

import math

import numpy as np

from textzero._compat import Array
from textzero.kernels import kernel
from textzero.vectors.chunks import chunked_gram, each_chunk

_NOTHING = 1e-6  # of the squares of all directions: less is the rounding of float32 sums


def share(center: Array, context: Array, workers: int) -> None:
    """Replace both matrices by V, in place.

    Args:
        center: float32 (n_words, dim). w.
        context: float32 (n_words, dim). c.
        workers: Threads. Does not change a bit.
    """
    multiply, (n_words, dim) = kernel("least_squares").multiply, context.shape

    def both(part: slice) -> Array:
        return np.concatenate([center[part], context[part]], axis=1)

    gram = chunked_gram(both, n_words, 2 * dim, workers)
    squares = [float(np.trace(half)) for half in (gram[:dim, :dim], gram[dim:, dim:])]
    if 0 in squares:  # so is every product
        center[:] = context[:] = 0
        return
    # a W and C / a have the same products: with a trace of 1 for each, neither drowns in rounding
    lengths = np.repeat(np.sqrt(squares), dim)
    basis, back = _orthonormal(gram / np.outer(lengths, lengths))
    # the symmetric matrix is [W C] K [W C]', where K swaps the halves and divides by 2
    inner = _product(np.roll(back, dim, axis=1), back.T) * math.sqrt(squares[0] * squares[1]) / 2
    turn, sizes = _eigenvectors(inner)
    first = np.argsort(-sizes, kind="stable")[:dim]
    scaled = turn[:, first] * np.sqrt(np.maximum(sizes[first], 0))
    factor = (_product(basis, scaled) / lengths[:, None]).astype(np.float32)

    def replace(part: slice) -> None:
        center[part] = context[part] = multiply(both(part), factor)

    each_chunk(replace, n_words, workers)


def _product(a: Array, b: Array) -> Array:
    """Return a b without a linear algebra library, whose bits may depend on its threads."""
    return np.einsum("ij,jk->ik", a, b)


def _orthonormal(gram: Array) -> tuple[Array, Array]:
    """Return T with T' gram T = I, and its inverse; both are 0 for what is only noise."""
    whiten, eye = kernel("whitening").whiten, np.eye(len(gram))
    turn, _, sizes = whiten(eye, gram)
    is_there = sizes > _NOTHING * float(np.trace(gram))
    lengths = np.sqrt(np.where(is_there, sizes, 1.0))
    first = turn / lengths * is_there
    # nearly the identity, for turns are not exact
    rest = _product(first.T, _product(gram, first)) + np.diag(~is_there * 1.0)
    forth, back, _ = whiten(rest, np.zeros_like(gram))
    return _product(first, forth), _product(back, (turn * lengths * is_there).T)


def _eigenvectors(matrix: Array) -> tuple[Array, Array]:
    """Return eigenvectors as columns, and eigenvalues, of a symmetric matrix of even size."""
    size, eye = len(matrix), np.eye(len(matrix))
    matrix = (matrix + matrix.T) / 2
    bound = float(np.abs(matrix).sum(axis=1).max())  # no eigenvalue is below - bound
    turn, _, _ = kernel("whitening").whiten(eye, matrix + bound * eye)
    matrix, turn = _product(turn.T, _product(matrix, turn)), turn.copy()
    order = np.arange(size)
    for _ in range(size - 1):  # each pair once, half as many at a time (Brent and Luk 1985)
        p, q = order[: size // 2], order[size // 2 :][::-1]
        apart = matrix[q, q] - matrix[p, p]
        tilt = 2 * matrix[p, q] * np.where(apart < 0, -1.0, 1.0)
        angle = np.arctan2(tilt, np.abs(apart)) / 2
        cosine, sine = np.cos(angle), np.sin(angle)
        for columns in (matrix, matrix.T, turn):
            x, y = columns[:, p], columns[:, q]
            columns[:, p], columns[:, q] = cosine * x - sine * y, sine * x + cosine * y
        order = np.r_[order[:1], order[-1:], order[1:-1]]
    return turn, np.diag(matrix).copy()
