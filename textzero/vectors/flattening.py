"""Flattening: the directions of w made more alike in size, the products of w and c kept.

Least squares leave a few directions that are much longer than the others and dominate a cosine.
With G = C'C / n_words, w becomes w G^-p and c becomes c G^p: each product stays what it was. Levy,
Goldberg and Dagan 2015 do as much with the exponent of the singular values.
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels import kernel
from textzero.vectors.chunks import chunked_gram, each_chunk


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
    gram = chunked_gram(lambda part: context[part], n_words, dim, workers)
    turn, _, sizes = kernel("whitening").whiten(np.eye(dim), gram / n_words)
    sizes = np.maximum(sizes, max(float(sizes.max()), 1e-30) * 1e-9) ** power
    back = np.ascontiguousarray(turn.T, np.float32)
    less = kernels.multiply((turn / sizes).astype(np.float32), back)  # not BLAS: see whitening
    more = kernels.multiply((turn * sizes).astype(np.float32), back)

    def multiply(part: slice) -> None:
        center[part] = kernels.multiply(center[part], less)
        context[part] = kernels.multiply(context[part], more)

    each_chunk(multiply, n_words, workers)
