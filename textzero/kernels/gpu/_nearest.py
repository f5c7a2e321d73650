"""Nearest rows on the card: blocks of products, and the best of each row.

Products of float32 are made in float32: CuPy asks cuBLAS for TF32 only when the environment says
CUPY_TF32=1. Their last bits depend on the library, so rows whose scores differ by a rounding may
change places; products of `exact` numbers (see `textzero.vectors.clustering`) do not.
"""

from collections.abc import Iterator

import cupy
import numpy as np

from textzero._compat import GpuArray as Array
from textzero.kernels.gpu._cuda import blocks_of, free_memory, function, launch, upload

_MOST_SCORES = 1 << 30  # of a block
_KEY_BYTES = 80  # of a key that is kept: its row, its place, both once more, room for the sort
_LOWEST = float(np.finfo(np.float32).min)  # above -inf, the score of a row that is left out


def best_of(scores: Array, owns: Array, n: int, minimum: float) -> tuple[Array, Array, Array]:
    """Return `best_columns` of scores on the device, as arrays of the device.

    Args:
        scores: float32 (n_rows, n_columns), rows end to end.
        owns: int64 (n_rows,). A column of each row to leave out, or -1.
        n: At most so many columns a row.
        minimum: Lowest score.
    """
    n_rows, n_columns = scores.shape
    n = min(n, n_columns)
    sizes = cupy.zeros(n_rows, np.int64)
    if n < 1 or not n_rows:
        return sizes, cupy.empty(0, np.int32), cupy.empty(0, np.float32)
    keys = cupy.empty((n_rows, n), np.uint64)
    launch(
        *(function("neighbours", "select_best"), n_rows, scores, np.int64(n_columns), owns),
        *(np.int64(n), np.float32(minimum), sizes, keys),
    )
    kept = cupy.flatnonzero(cupy.arange(n, dtype=np.int64) < sizes[:, None])
    keys, rows = keys.ravel()[kept], kept // n
    # two stable sorts: by key, then by row
    order = cupy.argsort(keys)
    order = order[cupy.argsort(rows[order])]
    keys, rows = keys[order], rows[order]
    columns, values = cupy.empty(keys.size, np.int32), cupy.empty(keys.size, np.float32)
    launch(
        *(function("neighbours", "read_best"), blocks_of(keys.size), keys, rows),
        *(np.int64(keys.size), scores, np.int64(n_columns), columns, values),
    )
    return sizes, columns, values


def _step(n_columns: int, n: int, itemsize: int) -> int:
    """How many rows of scores a block has: half of the free memory.

    A score is made of `itemsize` bytes and looked at; of a row, n keys are sorted twice.
    """
    n_columns = max(1, n_columns)
    row = n_columns * (itemsize + 8) + min(max(n, 1), n_columns) * _KEY_BYTES
    most = min(_MOST_SCORES // n_columns, free_memory() // 2 // row)
    return max(1, min(most, (1 << 31) - 1))


def neighbours_of_rows(
    exact: Array, n: int, minimum: float
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield `best_columns` of blocks of rows of exact' exact, as NumPy arrays.

    Args:
        exact: float64 (n_rows, dim). Multiples of 2^-26, in rows of length 1: every sum of products
            is exact, and the same as on the host.
        n: Neighbours of a row, at most.
        minimum: Lowest score.
    """
    rows = upload(exact, np.float64)
    step = _step(len(exact), n, 12)
    for first in range(0, len(exact), step):
        scores = (rows[first : first + step] @ rows.T).astype(np.float32)
        owns = cupy.arange(first, first + len(scores), dtype=np.int64)
        sizes, columns, values = best_of(scores, owns, n, minimum)
        yield sizes.get(), columns.get(), values.get()


def nearest_rows(
    vectors: Array, norms: Array | None, queries: Array, n: int, leave_out: Array
) -> tuple[Array, Array]:
    """Return the rows with the highest products with each query.

    Args:
        vectors: float32 (n_words, dim).
        norms: float32 (n_words,), what each product is divided by, or None.
        queries: float32 (n_queries, dim).
        n: How many rows a query.
        leave_out: int64 (n_queries,), a row that is not among the best of each query, or -1.

    Returns:
        places: int64 (n_queries, k). The best rows, best first, ties by place; k is the lesser of
            n and n_words, and -1 stands where there are no more.
        scores: float32 (n_queries, k). Their products, -inf where there are no more.

    Raises:
        ValueError: A product is not finite.
    """
    k = min(n, len(vectors))
    places = np.full((len(queries), k), -1, np.int64)
    best = np.full((len(queries), k), -np.inf, np.float32)
    words = upload(vectors, np.float32)
    divisors = None if norms is None else cupy.maximum(upload(norms, np.float32), np.float32(1e-12))
    step = _step(len(vectors), k, 4)
    for first in range(0, len(queries), step):
        asked = slice(first, first + step)
        scores = upload(queries[asked], np.float32) @ words.T
        if divisors is not None:
            scores /= divisors
        if not bool(cupy.isfinite(scores).all()):
            raise ValueError("products of vectors must be finite")
        sizes, columns, values = best_of(scores, upload(leave_out[asked], np.int64), k, _LOWEST)
        kept = np.arange(k) < sizes.get()[:, None]
        places[asked][kept], best[asked][kept] = columns.get(), values.get()
    return places, best
