"""Nearest neighbours of many queries: exact, by blocks of products, or from an index.

The products of all queries with all words are never held at once: a block has at most 16 MB of
scores, and its best are merged with the best of the blocks before. The index is usearch's HNSW
graph (Malkov, Yashunin 2018), an optional package: it looks at a few thousand words a query rather
than at all, and misses some.
"""

from typing import Any

import numpy as np

from textzero._compat import Array, has_gpu, has_package
from textzero.errors import InputError, ResourceError
from textzero.kernels import kernel
from textzero.vectors.rows import NUMBERS, LazyRows

_SCORES = 1 << 22  # of one block, float32: 16 MB
_QUERIES = 1 << 10
_LOWEST = float(np.finfo(np.float32).min)  # above -inf, the score of a word that is left out


def nearest_rows(
    vectors: Array | LazyRows,
    norms: Array | None,
    queries: Array,
    n: int,
    leave_out: Array | None = None,
    device: str = "cpu",
) -> tuple[Array, Array]:
    """Return the rows with the highest products with each query, exactly.

    Args:
        vectors: float32 (n_words, dim), or what gives such rows for a slice, and has a length.
        norms: float32 (n_words,), what each product is divided by, or None.
        queries: float32 (n_queries, dim).
        n: How many rows a query, at least 1.
        leave_out: int64 (n_queries,), a row that is not among the best of each query, or -1.
        device: Where the products are made: "cpu", "gpu" or "auto".

    Returns:
        places: int64 (n_queries, k). The best rows, best first, ties by place; k is the lesser of
            n and n_words, and -1 stands where there are no more.
        scores: float32 (n_queries, k). Their products, -inf where there are no more.

    Raises:
        InputError: A vector or a query is not finite.
        ResourceError: The GPU has too little memory.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    kernel("neighbours", device)  # is there such a device?
    if not np.isfinite(queries).all():
        raise InputError("a vector to find neighbours of must be finite numbers")
    out = np.full(len(queries), -1, np.int64) if leave_out is None else leave_out
    if device == "gpu" or (device == "auto" and has_gpu()):
        try:  # products and their best stay on the card
            whole = np.asarray(vectors[: len(vectors)])
            return kernel("_nearest", "gpu").nearest_rows(whole, norms, queries, n, out)
        except ValueError as error:
            raise InputError(f"the vectors must be finite numbers: {error}") from error
        except MemoryError as error:  # CuPy's is one
            raise ResourceError(
                f"the GPU has too little memory for {len(vectors):,} vectors; "
                "--device cpu needs none of it"
            ) from error
    k = min(n, len(vectors))
    places = np.full((len(queries), k), -1, np.int64)
    best = np.full((len(queries), k), -np.inf, np.float32)
    for begin in range(0, len(queries), _QUERIES):
        asked = slice(begin, begin + _QUERIES)
        block = np.ascontiguousarray(queries[asked], np.float32)
        step = max(k, min(_SCORES // len(block), NUMBERS // max(block.shape[1], 1)))
        for start in range(0, len(vectors), step):
            part = np.asarray(vectors[start : start + step])
            with np.errstate(invalid="ignore", over="ignore"):  # looked for below
                scores = block @ part.T
                if norms is not None:
                    scores /= np.maximum(norms[start : start + step], 1e-12)
            if not np.isfinite(scores).all():
                raise InputError("the vectors must be finite numbers; some are not")
            rows = np.flatnonzero((out[asked] >= start) & (out[asked] < start + len(part)))
            scores[rows, out[asked][rows] - start] = -np.inf
            _merge(places[asked], best[asked], *_best_of(scores, k), start)
    return places, best


def _best_of(scores: Array, k: int) -> tuple[Array, Array]:
    """Columns and scores, (n_rows, k), of the best of a block; -1 and -inf where there are none."""
    last = scores.shape[1]  # no row of the block is one of the columns
    sizes, columns, values = kernel("neighbours", "cpu").best_columns(scores, last, k, _LOWEST)
    kept = np.arange(k) < sizes[:, None]
    found, held = np.full(kept.shape, -1, np.int64), np.full(kept.shape, -np.inf, np.float32)
    found[kept], held[kept] = columns, values
    return found, held


def _merge(places: Array, best: Array, columns: Array, values: Array, start: int) -> None:
    """Put the best of a block among the best so far, in place; an earlier row wins a tie."""
    k = places.shape[1]
    both = np.concatenate([best, values], axis=1)
    order = np.argsort(-both, axis=1, kind="stable")[:, :k]
    names = np.concatenate([places, np.where(columns >= 0, columns + start, -1)], axis=1)
    best[:] = np.take_along_axis(both, order, axis=1)
    places[:] = np.take_along_axis(names, order, axis=1)


def build_index(unit: Array, connectivity: int = 16, workers: int = 1) -> Any:
    """Return a usearch index of rows of length 1.

    Args:
        unit: float32 (n_words, dim), rows of length 1 or 0.
        connectivity: Links of a word in the graph; more find more and take more memory.
        workers: Threads. With more than one the graph, and what it misses, differ between runs.

    Raises:
        ImportError: usearch is not installed.
    """
    if not has_package("usearch"):
        raise ImportError(
            "an index needs the package usearch: pip install 'textzero[usearch]', or leave out "
            "index=True for the exact search"
        )
    from usearch.index import Index

    index = Index(ndim=unit.shape[1], metric="ip", dtype="f32", connectivity=connectivity)
    index.add(np.arange(len(unit)), unit, threads=workers)
    return index


def search_index(
    index: Any, queries: Array, n: int, leave_out: Array | None = None
) -> tuple[Array, Array]:
    """Return what `nearest_rows` does, from an index; some of the best may be missing.

    Args:
        index: From `build_index`.
        queries: float32 (n_queries, dim), rows of length 1 or 0.
        n: How many rows a query, at least 1.
        leave_out: int64 (n_queries,), a row that is not among the best of each query, or -1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if not np.isfinite(queries).all():
        raise InputError("a vector to find neighbours of must be finite numbers")
    more = min(n + 1, len(index))
    found = index.search(queries, more, threads=1)
    places = np.asarray(found.keys, np.int64).reshape(len(queries), more)
    scores = 1 - np.asarray(found.distances, np.float32).reshape(places.shape)
    counts = np.asarray(getattr(found, "counts", more)).reshape(-1, 1)
    dropped = np.arange(more) >= counts
    if leave_out is not None:
        dropped |= places == leave_out[:, None]
    scores = np.where(dropped, -np.inf, scores).astype(np.float32)
    places = np.where(dropped, -1, places)
    order = np.lexsort((places, -scores), axis=1)[:, : min(n, len(index))]
    return np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1)
