"""Sweeps over one matrix on the card: blocks of rows alternate on two streams.

While a block is solved on one stream, the next comes in on the other: the bytes of its encoded rows
when its records are not kept on the card, and its rows when the matrices are not. What is kept
decides how rows are cut into blocks, and so the last bits of their products, and nothing more.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import cupy
import numpy as np

from textzero._compat import GpuArray as Array
from textzero.kernels.gpu import _matrices
from textzero.kernels.gpu._cuda import free_memory, pinned, upload
from textzero.kernels.gpu._plan import plan
from textzero.kernels.gpu._solver import Measure, Records, prepared, records_of, solve
from textzero.kernels.reference.least_squares import LANES

_PART = 0.9  # of the free memory; a pool has gaps

Read = Callable[[int, int], AbstractContextManager[Array]]


class _Slot:
    """A stream, and pinned memory from which it copies."""

    def __init__(self) -> None:
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self.staged = np.empty(0, np.uint8)

    def bring(self, data: Array) -> Array:
        """Return a copy of bytes on the card, made while the host goes on."""
        if self.staged.size < data.size:
            self.staged = pinned(data.size + data.size // 4, np.uint8)
        self.staged[: data.size] = data
        made = cupy.empty(data.size, np.uint8)
        made.set(self.staged[: data.size], stream=self.stream)
        return made


class Engine:
    """Solves rows against a fixed matrix; matrices are arrays of the card while these fit."""

    def __init__(
        self,
        offsets: Array,
        records: Array,
        read: Read,
        measure: Measure,
        word_weights: Array,
        dim: int,
        matrices: int,
        room: int | None = None,
    ) -> None:
        """Lay out the memory.

        Args:
            offsets: int64 (n_words + 1,). Where the encoded rows begin.
            records: int64 (n_words,). Records of each row.
            read: Gives the bytes of rows first ... last - 1, uint8.
            measure: What a count says.
            word_weights: float32 (n_words,). u.
            dim: Length of a vector.
            matrices: Float32 matrices that exist at a time.
            room: Bytes of the card to take; None: most of what is free.

        Raises:
            ResourceError: Not even the packed matrix and two small blocks fit.
        """
        self.offsets, self.records, self.read, self.measure = offsets, records, read, measure
        self.n_words, self.dim, self.width = records.size, dim, -(-dim // LANES) * LANES
        room = int(free_memory() * _PART) if room is None else room
        self.plan = plan(records, dim, self.width, matrices, room)
        self.weights = upload(word_weights, np.float32)
        self.slots = _Slot(), _Slot()
        self.kept: dict[int, Records] = {}

    def place(self, matrix: Array) -> Array:
        """Return a float32 matrix of the host where sweeps want it: on the card, or pinned."""
        if isinstance(matrix, cupy.ndarray):
            return matrix
        if self.plan.is_resident:
            return upload(matrix, np.float32)
        made = self._new(matrix.shape)
        made[:] = matrix
        return made

    def host(self, matrix: Array) -> Array:
        """Return a placed matrix as a NumPy array, itself if it is one."""
        return matrix.get() if isinstance(matrix, cupy.ndarray) else matrix

    def gram(self, matrix: Array, weights: Array) -> Array:
        """Return matrix' diag(weights) matrix of the first rows, float64 (dim, dim), on the host.

        Blocks of rows are summed in float32, the blocks in float64.

        Args:
            matrix: float32 (n_words, dim), placed.
            weights: float32 (n,), of the host.
        """
        given, total = upload(weights, np.float32), cupy.zeros((self.dim, self.dim), np.float64)
        for part in self._parts(weights.size):
            total += _matrices.gram(self._on_card(matrix, part), given[part])
        return total.get()

    def squared_norm(self, matrix: Array) -> Array:
        """Return sum_i u_i |matrix_i|^2, float64 () on the card, which may be at work on it yet."""
        total = cupy.zeros((), np.float64)
        for part in self._parts(self.n_words):
            total += _matrices.squared_norm(self._on_card(matrix, part), self.weights[part])
        return total

    def pack(self, fixed: Array, forth: Array) -> Array:
        """Return fixed @ forth, packed, on the card."""
        factor = upload(forth, np.float32)
        packed = cupy.empty((self.n_words, self.width // 2), np.int32)
        for part in self._parts(self.n_words):
            _matrices.pack(self._on_card(fixed, part) @ factor, packed[part])
        return packed

    def sweep(
        self,
        rows: Array,
        packed: Array,
        row_bias: Array,
        column_bias: Array,
        clip: float,
        unobserved_weight: float,
        onto: Array,
        away: Array,
        curvature: Array,
        steps: int,
        advance: Callable[[int], None],
    ) -> tuple[Array, float, float, bool]:
        """Return the new rows, the sums of losses and objectives, whether all rows are finite.

        Args:
            rows: float32 (n_words, dim), placed. Where to start.
            packed: int32 (n_words, width / 2), from `pack`.
            row_bias, column_bias: float32 (n_words,), of the host.
            clip: Lower bound of a target.
            unobserved_weight: v is this times u.
            onto: float32 (dim, width). From coordinates of `rows` to those of `packed`.
            away: float32 (width, dim). The way back.
            curvature: float32 (width,). h.
            steps: Conjugate-gradient steps.
            advance: Told how many records were used.

        Raises:
            ValueError: The bytes are no such rows.
        """
        there, back = upload(onto, np.float32), upload(away, np.float32)
        curvature, bias = upload(curvature, np.float32), upload(row_bias, np.float32)
        unobserved = np.float32(unobserved_weight) * self.weights
        numbers = cupy.stack([upload(column_bias, np.float32), unobserved], axis=1)
        losses, objectives = (cupy.empty(self.n_words, np.float64) for _ in range(2))
        finite = cupy.empty(len(self.plan.ranges), np.bool_)
        new = self._new(rows.shape)
        cupy.cuda.get_current_stream().synchronize()  # the slots' streams read all of this
        try:
            for i, (first, last) in enumerate(self.plan.ranges):
                slot, part = self.slots[i % 2], slice(first, last)
                slot.stream.synchronize()  # nothing is under way from its pinned memory
                with slot.stream:
                    records = self._records(i, slot)
                    solved = solve(
                        self._on_card(rows, part) @ there, packed, records, bias[part], numbers,
                        clip, self.weights[part], curvature, steps, losses[part],
                        objectives[part],
                    )  # fmt: skip
                    turned = solved @ back
                    finite[i] = cupy.isfinite(turned).all()
                    if self.plan.is_resident:
                        new[part] = turned
                    else:
                        turned.get(stream=slot.stream, out=new[part], blocking=False)
                advance(int(self.records[part].sum()))
        finally:
            for slot in self.slots:
                slot.stream.synchronize()
        return new, float(losses.sum()), float(objectives.sum()), bool(finite.all())

    def _records(self, i: int, slot: _Slot) -> Records:
        if i in self.kept:
            return self.kept[i]
        first, last = self.plan.ranges[i]
        sizes = self.records[first:last]
        offsets = self.offsets[first : last + 1] - self.offsets[first]
        with self.read(first, last) as data:
            brought = slot.bring(data)
        made = prepared(brought, offsets, sizes, self.n_words, self.measure)
        records = records_of(sizes, *made)
        if i < self.plan.keeps:
            self.kept[i] = records
        return records

    def _parts(self, n: int) -> Iterator[slice]:
        """Cut the first n rows into parts that are summed or packed at a time."""
        for start in range(0, n, self.plan.step):
            yield slice(start, min(start + self.plan.step, n))

    def _new(self, shape: tuple[int, ...]) -> Array:
        if self.plan.is_resident:
            return cupy.empty(shape, np.float32)
        return pinned(shape, np.float32)

    def _on_card(self, matrix: Array, part: slice) -> Array:
        """Rows of a placed matrix, on the card; the copy of the current stream, if it is one."""
        if isinstance(matrix, cupy.ndarray):
            return matrix[part]
        stream = cupy.cuda.get_current_stream()
        made = cupy.empty((part.stop - part.start, matrix.shape[1]), np.float32)
        made.set(matrix[part], stream=stream)
        return made
