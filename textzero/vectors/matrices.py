"""Matrices of a training: in memory, or in mapped files when the bound on memory is small.

A sweep reads and writes them row after row, so mapped files serve as well; what it reads at random,
a packed copy of one of them, is always in memory.
"""

import os
import tempfile
import uuid
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.disk import disk
from textzero.errors import ResourceError
from textzero.files import refuse_small_disk, size_text
from textzero.kernels.reference.least_squares import LANES
from textzero.memory import BASE

BLOCK_RECORDS = 1 << 18
RECORD_BYTES = 12  # column, logarithm and weight in memory
TURNED = 1 << 14  # rows that a thread turns and packs at a time
MATRICES = 4  # w, c, the rows that a sweep writes, and the matrix that they replace
_WORD_BYTES = 96  # of a word: its letters, counts, lengths, offsets, starts and biases
_SCRATCH_BYTES = 24  # of a record while its block is decoded and solved
_LEAST_BASE = 100 << 20  # what the program takes without what other stages of it need


class Matrices:
    """Makes float32 matrices.

    Args:
        folder: Where their files are, each gone with its array; None to have them in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def new(self, rows: int, dim: int) -> Array:
        """Return zeros.

        Raises:
            ResourceError: The disk is too small.
        """
        if self.folder is None:
            return np.zeros((rows, dim), np.float32)
        size = rows * dim * 4
        refuse_small_disk(self.folder, size, "a matrix")
        with hidden_file(self.folder) as file:
            try:
                disk().reserve(file, size)
            except OSError as error:
                message = f"{self.folder} cannot be written: {error.strerror}; free some space"
                raise ResourceError(message) from error
            return np.memmap(file, np.float32, "r+", shape=(rows, dim))


def hidden_file(folder: Path | None) -> Any:
    """Open a file to write and read that goes when it is closed, and unmapped.

    Args:
        folder: Where; None for the system's temporary folder.

    Raises:
        ResourceError: It cannot be made.
    """
    if os.name != "posix":
        return tempfile.TemporaryFile(dir=folder)
    path = Path(folder or tempfile.gettempdir()) / f"textzero-{uuid.uuid4().hex}"
    try:
        file = disk().create(path, "w+b")
        disk().remove(path)
    except OSError as error:
        raise ResourceError(f"{path} cannot be written: {error.strerror}") from error
    return file


def under_way(n_words: int, dim: int, workers: int, records: int, rows: int) -> int:
    """Bytes of blocks that threads work on.

    Args:
        n_words, dim: Of a matrix.
        workers: Threads.
        records, rows: Of the largest block.
    """
    # rows that are turned, solved and turned back; with a packed copy of the fixed matrix
    turned = max(rows, min(TURNED, n_words)) * _width(dim) * 4 * 3
    return workers * (records * (2 * RECORD_BYTES + _SCRATCH_BYTES) + turned)


def always(n_words: int, dim: int) -> int:
    """Bytes of what is in memory in any case."""
    return n_words * (_width(dim) * 2 + _WORD_BYTES)


def are_mapped(n_words: int, dim: int, memory: int, workers: int) -> bool:
    """Whether the matrices of a training by least squares are to be in mapped files.

    Raises:
        ResourceError: Even so the bound on memory is too small; the message says what would do.
    """

    def needed(n: int) -> int:
        records = min(max(BLOCK_RECORDS, n), n**2)
        return always(n, dim) + under_way(n, dim, workers, records, 0)

    _refuse_little(needed, n_words, dim, memory)
    return BASE + needed(n_words) + n_words * MATRICES * dim * 4 > memory


def check_adagrad(n_words: int, dim: int, memory: int, shared: bool) -> None:
    """Refuse a bound on memory that does not hold vectors, squares, and the last good vectors.

    Raises:
        ResourceError: It does not; the message says what would do.
    """
    each = (3 if shared else 6) * dim * 4 + _WORD_BYTES
    _refuse_little(lambda n: n * each, n_words, dim, memory)


def _refuse_little(needed: Callable[[int], int], n_words: int, dim: int, memory: int) -> None:
    """Refuse a bound on memory below what so many words need, which grows with their number."""
    least, room = needed(n_words) + _LEAST_BASE, memory - _LEAST_BASE
    if least <= memory:
        return
    most = bisect_right(range(n_words), room, lo=1, key=needed) - 1
    instead = f"use --max-words {most}" if most > 1 else "use a lower --dim or fewer --workers"
    raise ResourceError(
        f"training {n_words:,} vectors of dimension {dim} needs a --memory of at least "
        f"{size_text(least * 1.05)}, got {size_text(memory)}; or {instead}"
    )


def _width(dim: int) -> int:
    return -(-dim // LANES) * LANES
