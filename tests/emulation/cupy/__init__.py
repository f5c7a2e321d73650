"""A stand-in for the part of CuPy that textzero.kernels.gpu uses, for machines without a GPU.

Device arrays are kept apart from NumPy's as they are in CuPy: mixing them is a TypeError. Kernels
are compiled by g++ (`cupy.compiler`) and run on the processor, in an order that changes with
`cupy.compiler.seed`. Only what is listed here exists; `tests/kernels/gpu/test_emulation.py`
compares the list with the real CuPy where that is installed.
"""

import numpy as np

from cupy import cuda
from cupy.arrays import asarray, asnumpy, empty, function, ndarray
from cupy.compiler import RawModule

__all__ = ["RawModule", "asarray", "asnumpy", "cuda", "empty", "get_default_memory_pool", "ndarray"]

__version__ = "0"
FUNCTIONS = (
    *("abs", "add", "all", "any", "arange", "argmax", "argmin", "array_equal"),
    *("ascontiguousarray", "bincount", "clip", "concatenate", "count_nonzero", "cumsum", "diff"),
    *("divide", "dot", "exp", "eye", "flatnonzero", "full", "isfinite", "isnan", "lexsort", "log"),
    *("matmul", "maximum", "minimum", "multiply", "nonzero", "ones", "power", "rint"),
    *("searchsorted", "sort", "sqrt", "stack", "subtract", "sum", "take", "where", "zeros"),
    *("zeros_like",),
)
for _name in FUNCTIONS:
    globals()[_name] = function(getattr(np, _name))


def argsort(a):
    """Stable, as Thrust's is."""
    return a.argsort()


def copyto(dst, src):
    dst[...] = src


def empty_like(array):
    return empty(array.shape, array.dtype)


class MemoryPool:
    def free_bytes(self):
        return 0

    def used_bytes(self):
        return 0

    def free_all_blocks(self):
        return None


_pool = MemoryPool()


def get_default_memory_pool():
    return _pool
