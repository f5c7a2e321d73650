"""Weighted least squares with Numba: kernels compiled for one dimension, four records at a time.

Contract: `kernels/reference/least_squares.py`. A record costs 4 d flops and one gather of 4 d bytes
a pass, and there are steps + 1 passes; rows that are needed soon are asked of the cache.
Sums over d are reassociated (`_FAST`), so bits differ between processors, never between threads.
"""

from functools import cache
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import fetch_ahead, jit, jit_with
from textzero.kernels.cpu.cooccurrence import _decode_row
from textzero.kernels.reference.least_squares import BLOCK

_FAST = {"reassoc", "contract", "nsz"}


@jit
def _prepare(
    data: Array,
    offsets: Array,
    records: Array,
    unit: float,
    x_max: float,
    exponent: float,
    truncate: bool,
    weight_offset: float,
    columns: Array,
    logs: Array,
    weights: Array,
    counts: Array,
) -> bool:
    n = 0
    for i in range(records.size):
        size = records[i]
        if not _decode_row(data, offsets[i], offsets[i + 1], columns[n : n + size], counts[:size]):
            return False
        for k in range(size):
            x = counts[k] * unit
            log = np.log(x)
            weight = np.exp(exponent * (log - np.log(x_max)))
            if truncate:
                weight = min(weight, 1.0)
            logs[n + k] = log
            weights[n + k] = weight + weight_offset
        n += size
    return True


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
    n = int(records.sum())
    columns, logs = np.empty(n, np.int32), np.empty(n, np.float32)
    weights = np.empty(n, np.float32)
    counts = np.empty(int(records.max(initial=0)), np.int64)
    if not _prepare(
        *(data, offsets, records, unit, x_max, exponent, truncate, weight_offset),
        *(columns, logs, weights, counts),
    ):
        raise ValueError("encoded rows must hold the records that their index promises")
    return columns, logs, weights


@jit_with(fastmath=_FAST, forceinline=True)
def _dot(d: int, a: Array, b: Array) -> np.float32:
    total = np.float32(0)
    for k in range(d):
        total += a[k] * b[k]
    return total


@jit_with(fastmath=_FAST, forceinline=True)
def _apply(
    d: int, context: Array, columns: Array, scales: Array, shifts: Array, vector: Array, out: Array
) -> None:
    """Add sum_j (scales_j <c_j, vector> + shifts_j) c_j to `out`; dots go to `shifts`."""
    n = columns.size
    j = 0
    while j + 4 <= n:
        r0, r1 = np.int64(columns[j]), np.int64(columns[j + 1])
        r2, r3 = np.int64(columns[j + 2]), np.int64(columns[j + 3])
        if j + 12 <= n:
            for ahead in range(8, 12):
                fetch_ahead(context, np.int64(columns[j + ahead]))
        t0 = t1 = t2 = t3 = np.float32(0)
        for k in range(d):
            v = vector[k]
            t0 += context[r0, k] * v
            t1 += context[r1, k] * v
            t2 += context[r2, k] * v
            t3 += context[r3, k] * v
        s0 = scales[j] * t0 + shifts[j]
        s1 = scales[j + 1] * t1 + shifts[j + 1]
        s2 = scales[j + 2] * t2 + shifts[j + 2]
        s3 = scales[j + 3] * t3 + shifts[j + 3]
        shifts[j], shifts[j + 1], shifts[j + 2], shifts[j + 3] = t0, t1, t2, t3
        for k in range(d):
            out[k] += (
                s0 * context[r0, k]
                + s1 * context[r1, k]
                + s2 * context[r2, k]
                + s3 * context[r3, k]
            )
        j += 4
    while j < n:
        r0 = np.int64(columns[j])
        t0 = np.float32(0)
        for k in range(d):
            t0 += context[r0, k] * vector[k]
        s0 = scales[j] * t0 + shifts[j]
        shifts[j] = t0
        for k in range(d):
            out[k] += s0 * context[r0, k]
        j += 1


@jit_with(fastmath=_FAST, forceinline=True)
def _apply_dense(
    d: int, matrix: Array, scale: float, ridge: float, vector: Array, out: Array
) -> None:
    """Add (scale matrix + ridge I) vector to `out`; the matrix is symmetric."""
    for a in range(d):
        t = scale * vector[a]
        for b in range(d):
            out[b] += t * matrix[a, b]
    for b in range(d):
        out[b] += ridge * vector[b]


@cache
def _kernels(d: int) -> Any:
    """Compile the kernels for dimension d.

    Only the number d may be closed over: a closed-over function would change the cache's key in
    every process. The helpers above are inlined, so d is a constant in them too.
    """

    @jit_with(fastmath=_FAST)
    def gram_of(matrix: Array, out: Array) -> None:
        part = np.empty((d, d), np.float32)
        for start in range(0, matrix.shape[0], BLOCK):
            part[:] = 0
            stop = min(start + BLOCK, matrix.shape[0])
            i = start
            while i + 4 <= stop:
                for a in range(d):
                    x0, x1 = matrix[i, a], matrix[i + 1, a]
                    x2, x3 = matrix[i + 2, a], matrix[i + 3, a]
                    for b in range(d):
                        part[a, b] += (
                            x0 * matrix[i, b]
                            + x1 * matrix[i + 1, b]
                            + x2 * matrix[i + 2, b]
                            + x3 * matrix[i + 3, b]
                        )
                i += 4
            while i < stop:
                for a in range(d):
                    x0 = matrix[i, a]
                    for b in range(d):
                        part[a, b] += x0 * matrix[i, b]
                i += 1
            for a in range(d):
                for b in range(d):
                    out[a, b] += part[a, b]

    @jit_with(fastmath=_FAST)
    def solve(
        rows: Array,
        context: Array,
        starts: Array,
        columns: Array,
        logs: Array,
        weights: Array,
        row_bias: Array,
        column_bias: Array,
        clip: float,
        context_gram: Array,
        unobserved_weight: float,
        regularisation: float,
        steps: int,
        new: Array,
        losses: Array,
    ) -> None:
        longest = 0
        for i in range(rows.shape[0]):
            longest = max(longest, starts[i + 1] - starts[i])
        targets, shifts = np.empty(longest, np.float32), np.empty(longest, np.float32)
        scales = np.empty(longest, np.float32)
        residual, direction = np.empty(d, np.float32), np.empty(d, np.float32)
        image = np.empty(d, np.float32)
        for i in range(rows.shape[0]):
            begin, end = starts[i], starts[i + 1]
            n = end - begin
            columns_i = columns[begin:end]
            for j in range(n):
                target = logs[begin + j] + row_bias[i] + column_bias[columns_i[j]]
                targets[j] = max(target, clip)
                shifts[j] = -weights[begin + j] * targets[j]
                scales[j] = weights[begin + j] - unobserved_weight
            image[:] = 0  # becomes A w - b
            _apply(d, context, columns_i, scales[:n], shifts[:n], rows[i], image)
            _apply_dense(d, context_gram, unobserved_weight, regularisation, rows[i], image)
            loss = 0.0
            for j in range(n):
                error = np.float64(shifts[j]) - np.float64(targets[j])
                loss += np.float64(weights[begin + j]) * error * error
            losses[i] = loss
            for k in range(d):
                new[i, k] = rows[i, k]
                residual[k] = -image[k]
                direction[k] = -image[k]
            square = _dot(d, residual, residual)
            for _ in range(steps):
                image[:] = 0
                shifts[:n] = 0
                _apply(d, context, columns_i, scales[:n], shifts[:n], direction, image)
                _apply_dense(d, context_gram, unobserved_weight, regularisation, direction, image)
                curvature = _dot(d, direction, image)
                if not (square > 0 and curvature > 0):  # solved, to the last bit of float32
                    break
                length = square / curvature
                for k in range(d):
                    new[i, k] += length * direction[k]
                    residual[k] -= length * image[k]
                before = square
                square = _dot(d, residual, residual)
                for k in range(d):
                    direction[k] = residual[k] + (square / before) * direction[k]

    return gram_of, solve


def gram(matrix: Array) -> Array:
    total = np.zeros((matrix.shape[1], matrix.shape[1]))
    _kernels(matrix.shape[1])[0](matrix, total)
    return total.astype(np.float32)


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
    context_gram: Array,
    unobserved_weight: float,
    regularisation: float,
    steps: int,
) -> tuple[Array, Array]:
    new, losses = np.empty_like(rows), np.zeros(rows.shape[0])
    _kernels(rows.shape[1])[1](
        *(rows, context, starts, columns, logs, weights, row_bias, column_bias),
        *(np.float32(clip), context_gram, np.float32(unobserved_weight)),
        *(np.float32(regularisation), steps, new, losses),
    )
    return new, losses
