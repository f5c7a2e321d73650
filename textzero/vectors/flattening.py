"""Flattening: the directions of w made more alike in size, the products of w and c kept.

Least squares leave a few directions that are much longer than the others and dominate a cosine.
With G = C'C / n_words, w becomes w G^-p and c becomes c G^p: each product stays what it was. Levy,
Goldberg and Dagan 2015 do as much with the exponent of the singular values.
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels import kernel
from textzero.parallel import ordered_threads

_CHUNK = 1 << 14  # rows at a time


def flatten(center: Array, context: Array, power: float, workers: int) -> None:
    """Replace w by w G^-p and c by c G^p, in place.

    Args:
        center: float32 (n_words, dim). w.
        context: float32 (n_words, dim). c.
        power: p; 0 leaves the matrices as they are.
        workers: Threads. Does not change a bit.
    """
    if power == 0:
        return
    kernels, (n_words, dim) = kernel("least_squares"), context.shape
    parts = [slice(start, start + _CHUNK) for start in range(0, n_words, _CHUNK)]
    gram, ones = np.zeros((dim, dim)), np.ones(_CHUNK, np.float32)

    def gram_of(part: slice) -> Array:
        return kernels.gram(context[part], ones[: len(context[part])])

    for one in ordered_threads(gram_of, parts, workers):
        gram += one
    turn, _, sizes = kernel("whitening").whiten(np.eye(dim), gram / n_words)
    sizes = np.maximum(sizes, max(float(sizes.max()), 1e-30) * 1e-9) ** power
    back = np.ascontiguousarray(turn.T, np.float32)
    less = kernels.multiply((turn / sizes).astype(np.float32), back)  # not BLAS: see whitening
    more = kernels.multiply((turn * sizes).astype(np.float32), back)

    def multiply(part: slice) -> None:
        center[part] = kernels.multiply(center[part], less)
        context[part] = kernels.multiply(context[part], more)

    for _ in ordered_threads(multiply, parts, workers):
        pass
