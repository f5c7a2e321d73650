"""One matrix from two: the rows whose products with each other come nearest to those of w and c.

With model "shared" a word has one vector v, and <v_i, v_j> stands for <w_i, c_j>. The symmetric
matrix (W C' + C W') / 2 has rank 2 dim at most; V holds its largest positive eigenvalues, which is
the nearest V V' in the sum of squares (Eckart and Young 1936).
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels import kernel
from textzero.parallel import ordered_threads

_CHUNK = 1 << 14  # rows at a time
_NOTHING = 1e-9  # of the largest square of a direction: none


def share(center: Array, context: Array, workers: int) -> None:
    """Replace both matrices by V, in place.

    Args:
        center: float32 (n_words, dim). w.
        context: float32 (n_words, dim). c.
        workers: Threads. Does not change a bit.
    """
    kernels, whiten = kernel("least_squares"), kernel("whitening").whiten
    n_words, dim = context.shape
    parts = [slice(start, start + _CHUNK) for start in range(0, n_words, _CHUNK)]
    gram, ones = np.zeros((2 * dim, 2 * dim)), np.ones(_CHUNK, np.float32)

    def both(part: slice) -> Array:
        return np.concatenate([center[part], context[part]], axis=1)

    def gram_of(part: slice) -> Array:
        return kernels.gram(both(part), ones[: len(context[part])])

    for one in ordered_threads(gram_of, parts, workers):
        gram += one
    eye = np.eye(2 * dim)
    gram += eye * max(float(np.trace(gram)) * _NOTHING, 1e-30)
    basis, back, _ = whiten(gram, np.zeros_like(gram))  # the columns of [W C] basis are orthonormal
    swap = np.roll(back, dim, axis=1) / 2  # back K, where [W C] K [W C]' is the symmetric matrix
    inner = np.einsum("ij,kj->ik", swap, back)
    bound = float(np.abs(inner).sum(axis=1).max())  # no eigenvalue is below - bound
    turn, _, sizes = whiten(eye, (inner + inner.T) / 2 + bound * eye)
    sizes = sizes - bound
    first = np.argsort(-sizes, kind="stable")[:dim]
    scaled = turn[:, first] * np.sqrt(np.maximum(sizes[first], 0))
    factor = np.einsum("ij,jk->ik", basis, scaled).astype(np.float32)

    def multiply(part: slice) -> None:
        center[part] = context[part] = kernels.multiply(both(part), factor)

    for _ in ordered_threads(multiply, parts, workers):
        pass
