"""Weighted least squares on the card: what `_solver` and `_matrices` do, for arrays of the host.

Contract: `kernels/reference/least_squares.py`. `_sweeps` keeps on the card what it can.
"""

import cupy
import numpy as np

from textzero._compat import GpuArray as Array
from textzero.kernels.gpu import _matrices
from textzero.kernels.gpu._cuda import upload
from textzero.kernels.gpu._solver import Measure, prepared, records_of, solve
from textzero.kernels.reference.cooccurrence import LAST_COLUMN
from textzero.kernels.reference.least_squares import LANES

_HALF = LANES // 2


def prepare_rows(
    data: Array,
    offsets: Array,
    records: Array,
    unit: float,
    x_max: float,
    exponent: float,
    truncate: bool,
    weight_offset: float,
) -> tuple[Array, Array, Array]:
    measure = Measure(unit, x_max, exponent, truncate, weight_offset)
    begin, end = int(offsets[0]), int(offsets[-1])
    columns, logs, weights = prepared(
        upload(data[begin:end], np.uint8), offsets - begin, records, LAST_COLUMN + 1, measure
    )
    return columns.get(), logs.get(), weights.get()


def gram(matrix: Array, weights: Array) -> Array:
    return _matrices.gram(upload(matrix, np.float32), upload(weights, np.float32)).get()


def multiply(matrix: Array, factor: Array) -> Array:
    return (upload(matrix, np.float32) @ upload(factor, np.float32)).get()


def pack(matrix: Array) -> Array:
    out = cupy.empty((matrix.shape[0], matrix.shape[1] // 2), np.int32)
    _matrices.pack(upload(matrix, np.float32), out)
    return out.get()


def unpack(packed: Array) -> Array:
    n, words = packed.shape
    parts = upload(packed, np.int32).reshape(n, words // _HALF, _HALF)
    halves = cupy.stack([parts << np.int32(16), parts], axis=2)
    return halves.view(np.float32).reshape(n, 2 * words).get()


def solve_rows(
    rows: Array,
    context: Array,
    starts: Array,
    columns: Array,
    logs: Array,
    weights: Array,
    row_bias: Array,
    column_bias: Array,
    clip: float,
    row_weights: Array,
    column_weights: Array,
    curvature: Array,
    steps: int,
) -> tuple[Array, Array, Array]:
    part = slice(int(starts[0]), int(starts[-1]))
    given = upload(columns[part], np.int32), *(upload(x[part], np.float32) for x in (logs, weights))
    numbers = upload(np.stack([column_bias, column_weights], axis=1), np.float32)
    losses, objectives = (cupy.empty(rows.shape[0], np.float64) for _ in range(2))
    new = solve(
        upload(rows, np.float32), upload(context, np.int32), records_of(np.diff(starts), *given),
        upload(row_bias, np.float32), numbers, clip, upload(row_weights, np.float32),
        upload(curvature, np.float32), steps, losses, objectives,
    )  # fmt: skip
    return new.get(), losses.get(), objectives.get()
