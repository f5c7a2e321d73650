"""A co-occurrence matrix in blocks of rows, ready for a training kernel.

Prepared blocks stay in memory while there is room; the others are decoded anew in each sweep. The
encoded rows are mapped, and pages that were read are given back at once, so that they are part of
the system's cache but not of this process.
"""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from textzero._compat import Array
from textzero.cooccurrence import Cooccurrence
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.kernels.reference.cooccurrence import LAST_COLUMN
from textzero.memory import BASE
from textzero.parallel import ranges_of
from textzero.vectors.matrices import (
    BLOCK_RECORDS,
    MATRICES,
    RECORD_BYTES,
    TURNED,
    always,
    under_way,
)
from textzero.vectors.settings import TrainingSettings

_AROUND = 1 << 16  # bytes before and behind a page that the system maps with it


@dataclass
class Block:
    """Some rows of the matrix, ready for the kernel.

    Attributes:
        first, last: Rows first ... last - 1.
        starts: int64 (last - first + 1,). Records of row first + i are starts[i]:starts[i + 1].
        columns: int32 (n,). Checked to be in the vocabulary.
        logs: float32 (n,). ln x.
        weights: float32 (n,).
    """

    first: int
    last: int
    starts: Array
    columns: Array
    logs: Array
    weights: Array


class Blocks:
    """The matrix in blocks of rows; prepared blocks stay in memory while there is room.

    Attributes:
        ranges: First and last row of each block: at most BLOCK_RECORDS records and TURNED rows,
            or one row.
        keeps: How many blocks, from the first, stay in memory once they are prepared.
    """

    def __init__(
        self, matrix: Cooccurrence, settings: TrainingSettings, memory: int, workers: int,
        mapped: bool = False,
    ) -> None:  # fmt: skip
        """Divide the memory: matrices and blocks under way first, kept blocks with the rest.

        Args:
            matrix: The counts.
            settings: Resolved ones, with a number for `dim`.
            memory: Bytes that the whole process may take.
            workers: Threads that ask for blocks.
            mapped: Whether the matrices that are trained are in files.

        Raises:
            InputError: There are more words than int32 can number.
        """
        n_words, dim = len(matrix.vocabulary), int(settings.dim)
        if n_words - 1 > LAST_COLUMN:
            raise InputError(f"a vocabulary must be below 2^31 words, got {n_words:,}")
        self.matrix, self.settings = matrix, settings
        # a row counts as some records, so that rows without any do not make a block of all
        rows_too = matrix.lengths[:, 1] + BLOCK_RECORDS // TURNED
        self.ranges = ranges_of(rows_too, BLOCK_RECORDS)
        self.kept: dict[int, Block] = {}
        sizes = np.add.reduceat(matrix.lengths[:, 1], [a for a, _ in self.ranges])
        rows = np.array([b - a for a, b in self.ranges])
        room = memory - BASE - always(n_words, dim)
        room -= under_way(n_words, dim, workers, int(sizes.max()), int(rows.max()))
        if not mapped:
            room -= n_words * MATRICES * dim * 4
        self.keeps = int((np.cumsum(sizes * RECORD_BYTES) <= room).sum())

    def block(self, i: int) -> Block:
        """Decode block i, or take it from memory. Called from any thread.

        Raises:
            InputError: The counts are damaged.
        """
        if i in self.kept:
            return self.kept[i]
        first, last = self.ranges[i]
        records, columns, logs, weights = decoded_rows(self.matrix, self.settings, first, last)
        starts = np.zeros(last - first + 1, np.int64)
        np.cumsum(records, out=starts[1:])
        block = Block(first, last, starts, columns, logs, weights)
        if i < self.keeps:
            self.kept[i] = block
        return block


def decoded_rows(
    matrix: Cooccurrence, settings: TrainingSettings, first: int, last: int
) -> tuple[Array, Array, Array, Array]:
    """Return rows first ... last - 1 as a training kernel takes them.

    Returns:
        records: int64 (last - first,). How many records each row has.
        columns: int32 (n,). Checked to be in the vocabulary.
        logs: float32 (n,). ln x.
        weights: float32 (n,).

    Raises:
        InputError: The counts are damaged.
    """
    offsets = matrix.offsets[first : last + 1]
    records = np.ascontiguousarray(matrix.lengths[first:last, 1])
    try:
        with encoded_rows(matrix, first, last) as data:
            columns, logs, weights = kernel("least_squares").prepare_rows(
                data, offsets - offsets[0], records, matrix.unit, settings.x_max,
                settings.exponent, settings.truncate, settings.weight_offset,
            )  # fmt: skip
    except ValueError as error:
        raise InputError(f"the co-occurrences are damaged: {error}") from error
    if columns.size and not 0 <= columns.min() <= columns.max() < len(matrix.vocabulary):
        raise InputError("the co-occurrences are damaged: a column is not in the vocabulary")
    return records, columns, logs, weights


@contextmanager
def encoded_rows(matrix: Cooccurrence, first: int, last: int) -> Iterator[Array]:
    """Give the bytes of rows first ... last - 1, uint8; the pages of a mapped file go back."""
    begin, end = int(matrix.offsets[first]), int(matrix.offsets[last])
    yield np.asarray(matrix.data[begin:end])
    give_back(matrix.data, begin, end)


def give_back(array: Array, begin: int = 0, end: int | None = None) -> None:
    """Let the system take back the pages of a mapped array; what is read again is mapped again.

    Does nothing to an array in memory, or where the system has no such call.

    Args:
        array: Of any shape.
        begin, end: Which bytes of it; all by default.
    """
    mapping = array.base if isinstance(array, np.memmap) else None
    end = array.nbytes if end is None else end
    if not isinstance(mapping, mmap.mmap) or not hasattr(mapping, "madvise") or begin >= end:
        return
    # the map begins at a multiple of the granularity, at or before the array
    shift = array.offset % mmap.ALLOCATIONGRANULARITY
    start = max(begin + shift - _AROUND, 0) // mmap.PAGESIZE * mmap.PAGESIZE
    stop = min(end + shift + _AROUND, len(mapping))
    mapping.madvise(mmap.MADV_DONTNEED, start, stop - start)
