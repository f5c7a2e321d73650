"""The best columns with Numba: one look at each score. Contract: `kernels/reference/neighbours.py`.

A row keeps its best so far in order; most scores are below the last of them and cost a comparison.
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit


@jit
def _best(
    scores: Array, first: int, minimum: np.float32, sizes: Array, columns: Array, values: Array
) -> None:
    n = columns.shape[1]
    for r in range(scores.shape[0]):
        size, lowest = 0, minimum
        for column in range(scores.shape[1]):
            score = scores[r, column]
            # a later column must be better than the last, not as good; NaN is neither
            if not (score > lowest or (size < n and score >= lowest)) or column == first + r:
                continue
            place = size if size < n else n - 1
            while place > 0 and values[r, place - 1] < score:
                values[r, place] = values[r, place - 1]
                columns[r, place] = columns[r, place - 1]
                place -= 1
            values[r, place] = score
            columns[r, place] = column
            size = min(size + 1, n)
            if size == n:
                lowest = values[r, n - 1]
        sizes[r] = size


def best_columns(scores: Array, first: int, n: int, minimum: float) -> tuple[Array, Array, Array]:
    shape = scores.shape[0], min(n, scores.shape[1])
    sizes = np.zeros(shape[0], np.int64)
    columns, values = np.empty(shape, np.int32), np.empty(shape, np.float32)
    _best(scores, first, np.float32(minimum), sizes, columns, values)
    kept = np.arange(shape[1]) < sizes[:, None]
    return sizes, columns[kept], values[kept]
