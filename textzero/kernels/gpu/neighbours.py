"""The best columns on the card: selection by radix. Contract: `kernels/reference/neighbours.py`.

Scores that are made on the card need not leave it: `_nearest`.
"""

import cupy
import numpy as np

from textzero._compat import GpuArray as Array
from textzero.kernels.gpu._cuda import upload
from textzero.kernels.gpu._nearest import best_of


def best_columns(scores: Array, first: int, n: int, minimum: float) -> tuple[Array, Array, Array]:
    owns = cupy.arange(first, first + len(scores), dtype=np.int64)
    sizes, columns, values = best_of(upload(scores, np.float32), owns, n, minimum)
    return sizes.get(), columns.get(), values.get()
