"""Products of matrices on the card, in true float32 (CuPy uses TF32 only where CUPY_TF32=1)."""

import cupy
import numpy as np

from textzero._compat import GpuArray as Array
from textzero.kernels.gpu._cuda import blocks_of, function, launch

_BLOCK = 1 << 10  # rows whose Gram matrix is summed in float32, or 8 times the width


def gram(matrix: Array, weights: Array) -> Array:
    """Return matrix' diag(weights) matrix, float64 (d, d).

    Blocks of rows are summed in float32, the blocks in float64.
    """
    n, d = matrix.shape
    block = max(_BLOCK, 8 * d)
    scaled, whole = matrix * weights[:, None], n // block * block
    total = cupy.zeros((d, d), np.float64)
    if whole < n:
        total += scaled[whole:].T @ matrix[whole:]
    if whole:
        left = scaled[:whole].reshape(-1, block, d).transpose(0, 2, 1)
        total += (left @ matrix[:whole].reshape(-1, block, d)).sum(axis=0, dtype=np.float64)
    return (total + total.T) / 2


def squared_norm(matrix: Array, weights: Array) -> Array:
    """Return sum_i weights_i |matrix_i|^2, float64 ()."""
    wide = matrix.astype(np.float64)
    return ((wide * wide).sum(axis=1) * weights).sum()


def pack(matrix: Array, out: Array) -> None:
    """Round rows of float32 to bfloat16, two in each word of `out`, int32 (n, d / 2)."""
    words = out.size
    kernel = function("prepare", "pack_words")
    launch(kernel, blocks_of(words), matrix, np.int64(words), out)
