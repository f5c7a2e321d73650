"""Rows solved on the card, all in lockstep: a pass over the records, then a step of every row.

Contract of `solve`: `kernels/reference/least_squares.py`. A pass is cut into chunks of CHUNK
records of one row, one warp each; their sums are added in order. So the bits do not depend on how
blocks are scheduled; from the reference's they differ by the order of float32 sums.
"""

from dataclasses import dataclass

import cupy
import numpy as np

from textzero._compat import GpuArray as Array
from textzero.kernels.gpu._cuda import blocks_of, function, launch, upload
from textzero.kernels.gpu._rows import decode

CHUNK = 1024  # records of a warp
_THREADS = 128
_WARPS = _THREADS // 32


@dataclass(frozen=True)
class Measure:
    """What a count says: arguments of `prepare_rows`."""

    unit: float
    x_max: float
    exponent: float
    truncate: bool
    weight_offset: float


@dataclass
class Records:
    """The records of some rows, on the card.

    Attributes:
        starts: int64 (n_rows + 1,). Records of row i are starts[i]:starts[i + 1].
        columns, logs, weights: int32, float32, float32 (n,). As from `prepare_rows`.
        chunks: int64 (n_rows + 1,). Chunks of row i are chunks[i]:chunks[i + 1].
        chunk_rows: int32 (n_chunks,). The row of each chunk.
    """

    starts: Array
    columns: Array
    logs: Array
    weights: Array
    chunks: Array
    chunk_rows: Array


def measured(counts: Array, measure: Measure) -> tuple[Array, Array]:
    """Return ln x and the weights of int64 counts, float32 (n,) each."""
    logs, weights = cupy.empty(counts.size, np.float32), cupy.empty(counts.size, np.float32)
    launch(
        *(function("prepare", "measure_counts"), blocks_of(counts.size)),
        *(counts, np.int64(counts.size), np.float64(measure.unit), np.float64(measure.x_max)),
        *(np.float64(measure.exponent), np.int32(measure.truncate)),
        *(np.float64(measure.weight_offset), logs, weights),
    )
    return logs, weights


def prepared(
    data: Array, offsets: Array, records: Array, n_words: int, measure: Measure
) -> tuple[Array, Array, Array]:
    """Return columns, logs and weights of encoded rows.

    Args:
        data: uint8 (n,), on the card.
        offsets: int64 (n_rows + 1,), of the host. Row i is data[offsets[i]:offsets[i + 1]].
        records: int64 (n_rows,), of the host. Records of each row.
        n_words: Columns are below this.
        measure: What a count says.

    Raises:
        ValueError: The bytes are no such rows.
    """
    starts, columns, counts = decode(data, upload(offsets, np.int64), n_words)
    if not np.array_equal(np.diff(starts.get()), records):
        raise ValueError("encoded rows must hold the records that their index promises")
    return columns, *measured(counts, measure)


def records_of(sizes: Array, columns: Array, logs: Array, weights: Array) -> Records:
    """Cut rows of so many records, int64 (n_rows,) of the host, into chunks."""
    starts, chunks = np.zeros((2, sizes.size + 1), np.int64)
    pieces = -(-sizes // CHUNK)
    np.cumsum(sizes, out=starts[1:])
    np.cumsum(pieces, out=chunks[1:])
    rows = np.repeat(np.arange(sizes.size, dtype=np.int32), pieces)
    return Records(upload(starts), columns, logs, weights, upload(chunks), upload(rows))


def solve(
    rows: Array,
    packed: Array,
    records: Records,
    row_bias: Array,
    column_numbers: Array,
    clip: float,
    row_weights: Array,
    curvature: Array,
    steps: int,
    losses: Array,
    objectives: Array,
) -> Array:
    """Return the improved rows, float32 (n_rows, d); fill losses and objectives, float64 (n_rows,).

    Arguments are those of `solve_rows`, on the card, but for column_numbers, float32 (n_words, 2):
    bias and weight of each column.
    """
    n_rows, d = rows.shape

    def run(kernel: str, warps: int, *arguments: Array | np.generic) -> None:
        compiled = function("least_squares", kernel, DIM=d, CHUNK=CHUNK)
        launch(compiled, blocks_of(warps, _WARPS), np.int64(warps), *arguments, threads=_THREADS)

    n_chunks = records.chunk_rows.size
    sums = cupy.empty((n_chunks, d), np.float32)
    measures = cupy.empty((n_chunks, 3), np.float64)
    scales, squares = (cupy.empty(n_rows, np.float32) for _ in range(2))
    made = cupy.empty((n_rows, d), np.float32)
    residuals, directions = (cupy.empty((n_rows * (steps > 0), d), np.float32) for _ in range(2))
    places = packed, records.starts, records.chunks, records.chunk_rows, records.columns
    run(
        *("first_pass", n_chunks, *places, records.logs, records.weights, row_bias),
        *(column_numbers, np.float32(clip), row_weights, rows, sums, measures),
    )
    run(
        *("begin_rows", n_rows, rows, records.chunks, sums, measures, row_weights, curvature),
        *(np.int32(steps), made, residuals, directions, scales, squares, losses, objectives),
    )
    for step in range(steps):
        run(
            *("step_pass", n_chunks, *places, records.weights, column_numbers, row_weights),
            *(directions, squares, sums),
        )
        run(
            *("move_rows", n_rows, records.chunks, sums, row_weights, curvature, scales),
            *(np.int32(step == steps - 1), made, residuals, directions, squares),
        )
    return made
