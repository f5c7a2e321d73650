"""Rows of vectors some at a time, so that what is mapped from a file is never copied whole.

Blocks have the same sizes whatever the bound on memory, and so the same last digits.
"""

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.disk import disk
from textzero.errors import ResourceError
from textzero.files import size_text

NUMBERS = 1 << 20  # of a block
_CANDIDATES = 1 << 16  # scores that the best are chosen from at once


def blocks(length: int, dim: int) -> Iterator[slice]:
    """Yield all rows of (length, dim), some at a time."""
    step = max(1, NUMBERS // max(dim, 1))
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def unit_rows(matrix: Array) -> Array:
    """Return the rows scaled to length 1 (zero rows stay), float32."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / np.maximum(lengths, 1e-12)).astype(np.float32)


def products(table: Any, query: Array) -> Array:
    """float32 (n_rows,): table @ query.

    Args:
        table: float32 (n_rows, dim), or `LazyRows`.
        query: float32 (dim,).
    """
    scores = np.empty(len(table), np.float32)
    for part in blocks(len(table), query.size):
        np.matmul(table[part], query, out=scores[part])
    return scores


def best_places(scores: Array, n: int) -> Array:
    """int64 (at most n,): where the highest finite scores are, highest first, ties by place."""
    chosen = [np.zeros(0, np.int64)]
    for start in range(0, len(scores), _CANDIDATES):
        part = scores[start : start + _CANDIDATES]
        lowest = np.partition(part, -n)[-n] if n < len(part) else -np.inf
        chosen.append(start + np.flatnonzero(part >= lowest))
    places = np.concatenate(chosen)
    places = places[np.isfinite(scores[places])]
    return places[np.lexsort((places, -scores[places]))][:n]


class LazyRows:
    """float32 (n_rows, dim): rows that are made when a slice asks for them.

    Args:
        length: How many.
        make: From a slice to its rows.
    """

    def __init__(self, length: int, make: Callable[[slice], Array]) -> None:
        self._length, self._make = length, make

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, rows: slice) -> Array:
        return self._make(rows)


def room_on_disk(shape: tuple[int, ...]) -> Array:
    """Return float32 zeros of a shape, mapped from a file that is gone with the array.

    Raises:
        ResourceError: The disk is full.
    """
    size = 4 * int(np.prod(shape))
    with tempfile.TemporaryFile(prefix="textzero-") as file:
        try:
            disk().reserve(file, size)
        except OSError as error:
            raise ResourceError(
                f"{tempfile.gettempdir()} has no room for {size_text(size)} of vectors: "
                f"{error.strerror}; set TMPDIR to another folder"
            ) from error
        return np.memmap(file, np.float32, "r+", 0, shape)
