"""AdaGrad on the card: chunks of records side by side, the records of a chunk in levels.

Contract of a chunk: `kernels/reference/adagrad.py`. Every vector sees the same records in the same
order as if they came one after the other, so that only the order of the sums of a product, and
where a product is added in one rounding, tell the results from the reference's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cupy
import numpy as np

from textzero._compat import GpuArray as Array
from textzero.errors import ResourceError
from textzero.kernels.cpu._jit import jit
from textzero.kernels.gpu._cuda import free_memory, function, launch, upload
from textzero.kernels.reference.adagrad import EPSILON, RECORD

_THREADS = 512
_PART = 0.9  # of the free memory; a pool has gaps


@dataclass
class Levels:
    """Chunks of records on the card, in the order of their levels.

    Attributes:
        records: RECORD as uint8 (16 n,). Chunks end to end.
        chunk_levels: int64 (n_chunks + 1,). Levels of chunk b are from chunk_levels[b] on.
        level_starts: int64 (n_levels + 1,). Records of level l are from level_starts[l] on.
    """

    records: Array
    chunk_levels: Array
    level_starts: Array

    @property
    def nbytes(self) -> int:
        """Bytes of the card."""
        return int(self.records.nbytes + self.chunk_levels.nbytes + self.level_starts.nbytes)


@jit
def _level(records: Array, center_levels: Array, context_levels: Array, levels: Array) -> int:
    """Fill the level of each record; return how many levels there are.

    Args:
        records: RECORD (n,).
        center_levels, context_levels: int32 (n_words,). 0 for the words of these records; changed
            to one above the last level of each. The same array if the matrices are the same.
        levels: int32 (n,).
    """
    depth = 0
    for k in range(records.size):
        i, j = np.int64(records[k].row), np.int64(records[k].column)
        level = max(center_levels[i], context_levels[j])
        levels[k] = level
        center_levels[i] = context_levels[j] = level + 1
        depth = max(depth, level + 1)
    return depth


@jit
def _sort(records: Array, levels: Array, starts: Array, out: Array) -> None:
    """Bring records into the order of their levels; starts, zeros before, gets where each begins.

    Args:
        records: RECORD (n,).
        levels: int32 (n,).
        starts: int64 (n_levels + 1,).
        out: RECORD (n,).
    """
    for level in levels:
        starts[level + 1] += 1
    for level in range(1, starts.size):
        starts[level] += starts[level - 1]
    ends = starts.copy()
    for k in range(records.size):
        out[ends[levels[k]]] = records[k]
        ends[levels[k]] += 1


def levels_of(chunks: Sequence[Array], n_words: int, is_shared: bool) -> Levels:
    """Sort chunks of records by level and bring them to the card.

    Args:
        chunks: RECORD (n,) each; no two touch a common vector.
        n_words: Rows and columns are below this.
        is_shared: Whether rows and columns are vectors of the same matrix.
    """
    center_levels = np.zeros(n_words, np.int32)
    context_levels = center_levels if is_shared else np.zeros(n_words, np.int32)
    records = np.empty(sum(chunk.size for chunk in chunks), RECORD)
    chunk_levels, level_starts, begin = [0], [np.zeros(1, np.int64)], 0
    for chunk in chunks:
        levels = np.empty(chunk.size, np.int32)
        depth = _level(chunk, center_levels, context_levels, levels)
        starts = np.zeros(depth + 1, np.int64)
        _sort(chunk, levels, starts, records[begin : begin + chunk.size])
        chunk_levels.append(chunk_levels[-1] + depth)
        level_starts.append(begin + starts[1:])
        begin += chunk.size
    return Levels(
        upload(records.view(np.uint8)), upload(np.array(chunk_levels), np.int64),
        upload(np.concatenate(level_starts), np.int64),
    )  # fmt: skip


def visit(
    levels: Levels,
    center: Array,
    context: Array,
    center_squares: Array,
    context_squares: Array,
    learning_rate: float,
    costs: Array,
    skipped: Array,
) -> None:
    """Visit the records of some chunks, as `visit_records` does, in place, on the card.

    Args:
        levels: From `levels_of`.
        center, context, center_squares, context_squares: float32 (n_words, d).
        learning_rate: eta.
        costs: float64 (n_chunks or more,). The cost of chunk b is added to costs[b].
        skipped: int64 (n_chunks or more,). Likewise.
    """
    launch(
        *(function("adagrad", "visit_levels", DIM=center.shape[1]), levels.chunk_levels.size - 1),
        *(levels.records, levels.chunk_levels, levels.level_starts, center, context),
        *(center_squares, context_squares, np.float32(learning_rate), np.float32(EPSILON)),
        *(costs, skipped),
        threads=_THREADS,
    )


class Visits:
    """Vectors and squares on the card, and the records that are visited, while there is room."""

    def __init__(
        self,
        read: Callable[[int, int], Array],
        matrices: Sequence[Array],
        learning_rate: float,
        room: int | None = None,
    ) -> None:
        """Bring the matrices to the card.

        Args:
            read: Gives the RECORD (n,) of one chunk of a tile.
            matrices: center, context, center_squares, context_squares: float32 (n_words, d), of
                the host; the second may be the first, and the fourth the third.
            learning_rate: eta.
            room: Bytes of the card to take; None: most of what is free.

        Raises:
            ResourceError: The matrices do not fit.
        """
        self.read, self.given, self.learning_rate = read, matrices, learning_rate
        self.is_shared = matrices[1] is matrices[0]
        room = int(free_memory() * _PART) if room is None else room
        needed = sum(matrix.nbytes for matrix in matrices) // (2 if self.is_shared else 1)
        if needed > room:
            raise ResourceError(
                f"AdaGrad on the GPU must have at least {needed:,} bytes of its memory, for the "
                f"vectors and their squares; {room:,} are free: use device='cpu', fewer words or a "
                "smaller dim"
            )
        self.room = room - needed
        held = [upload(matrix, np.float32) for matrix in matrices[:: 2 if self.is_shared else 1]]
        self.held = [held[0], held[0], held[1], held[1]] if self.is_shared else held
        self.kept: dict[tuple[int, int], Levels] = {}
        self.costs, self.skipped = zeros(1)

    def visit(self, chunks: Sequence[tuple[int, int]]) -> int:
        """Visit the records of chunks that touch no common vector; return how many there are."""
        if not chunks:
            return 0
        if len(chunks) > self.costs.size:
            costs, skipped = zeros(len(chunks))
            costs[: self.costs.size], skipped[: self.skipped.size] = self.costs, self.skipped
            self.costs, self.skipped = costs, skipped
        levels = self._levels(chunks)
        center, context, center_squares, context_squares = self.held
        visit(
            levels, center, context, center_squares, context_squares, self.learning_rate,
            self.costs, self.skipped,
        )  # fmt: skip
        return levels.records.size // RECORD.itemsize

    def finish(self) -> tuple[float, int]:
        """Copy the matrices back into those given; return cost and skipped since the last time."""
        step = 2 if self.is_shared else 1
        for given, held in zip(self.given[::step], self.held[::step], strict=True):
            held.get(out=given)
        cost, skipped = float(self.costs.get().sum()), int(self.skipped.get().sum())
        self.costs.fill(0)
        self.skipped.fill(0)
        return cost, skipped

    def _levels(self, chunks: Sequence[tuple[int, int]]) -> Levels:
        """The chunks of a round, which is known by its first."""
        found = self.kept.get(chunks[0])
        if found is None:
            records = [self.read(*chunk) for chunk in chunks]
            found = levels_of(records, self.given[0].shape[0], self.is_shared)
            if found.nbytes <= self.room:
                self.kept[chunks[0]] = found
                self.room -= found.nbytes
        return found


def zeros(n_chunks: int) -> tuple[Array, Array]:
    """Return costs and skipped records of so many chunks, all zero, for `visit`."""
    return cupy.zeros(n_chunks, np.float64), cupy.zeros(n_chunks, np.int64)
