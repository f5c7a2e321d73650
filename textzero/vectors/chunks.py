"""Tall matrices some rows at a time: what is done to each part, and Gram matrices of parts."""

from collections.abc import Callable

import numpy as np

from textzero._compat import Array
from textzero.kernels import kernel
from textzero.parallel import ordered_threads

_CHUNK = 1 << 14  # rows that one thread turns, packs or multiplies at a time


def chunks(n_rows: int) -> list[slice]:
    """Cut 0 ... n_rows into parts that one thread takes at a time."""
    return [slice(start, min(start + _CHUNK, n_rows)) for start in range(0, n_rows, _CHUNK)]


def each_chunk(work: Callable[[slice], None], n_rows: int, workers: int) -> None:
    """Call `work` with every part of n_rows rows, on threads; the first error is raised."""
    for _ in ordered_threads(work, chunks(n_rows), workers):
        pass


def chunked_gram(rows: Callable[[slice], Array], n_rows: int, dim: int, workers: int) -> Array:
    """Return A'A.

    Args:
        rows: Gives a part of A, float32 (rows of the part, dim).
        n_rows: Rows of A.
        dim: Columns of A.
        workers: Threads. Does not change a bit.

    Returns:
        float64 (dim, dim).
    """
    gram, ones = kernel("least_squares").gram, np.ones(_CHUNK, np.float32)

    def gram_of(part: slice) -> Array:
        return gram(rows(part), ones[: part.stop - part.start])

    total = np.zeros((dim, dim))
    for one in ordered_threads(gram_of, chunks(n_rows), workers):
        total += one
    return total
