"""Weighted least squares with Numba: two passes over a row's records a step, four at a time.

Contract: `kernels/reference/least_squares.py`. A record costs 4 d flops and one gather of 2 d bytes
a pass, and there are steps + 1 passes. Sums over d are reassociated, so bits differ between
processors, never between threads.
"""

from functools import cache
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit, jit_with
from textzero.kernels.cpu._vectors import TILE_COLUMNS, TILE_ROWS, apply_records, tile
from textzero.kernels.cpu.cooccurrence import _read
from textzero.kernels.reference.cooccurrence import LAST_COLUMN
from textzero.kernels.reference.least_squares import LANES

_FAST = {"reassoc", "contract", "nsz"}
_KNOWN = 1 << 12  # counts whose logarithm and weight are looked up
_ROWS = 256  # whose Gram matrix is summed in float32


@jit
def _measure(
    count: int, unit: float, x_max: float, exponent: float, truncate: bool, weight_offset: float
) -> tuple[np.float32, np.float32]:
    """Return (ln x, weight) of a count."""
    log = np.log(count * unit)
    weight = np.exp(exponent * (log - np.log(x_max)))
    if truncate:
        weight = min(weight, 1.0)
    return np.float32(log), np.float32(weight + weight_offset)


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
    known: Array,
) -> bool:
    """Decode; counts below `known`'s length, which most are, have their values looked up."""
    for count in range(1, known.shape[0]):
        known[count] = _measure(count, unit, x_max, exponent, truncate, weight_offset)
    n = 0
    for i in range(records.size):
        at, end, column = offsets[i], offsets[i + 1], -1
        for _ in range(records[i]):
            gap, at = _read(data, at, end)
            if at < 0:
                return False
            count, at = _read(data, at, end)
            if at < 0:
                return False
            column += gap + 1  # an overflow is negative
            if not 0 <= column <= LAST_COLUMN or count < 1:
                return False
            columns[n] = column
            if count < known.shape[0]:
                logs[n], weights[n] = known[count, 0], known[count, 1]
            else:
                logs[n], weights[n] = _measure(
                    count, unit, x_max, exponent, truncate, weight_offset
                )
            n += 1
        if at != end:
            return False
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
    known = np.empty((min(_KNOWN, n), 2), np.float32)
    if not _prepare(
        *(data, offsets, records, unit, x_max, exponent, truncate, weight_offset),
        *(columns, logs, weights, known),
    ):
        raise ValueError("encoded rows must hold the records that their index promises")
    return columns, logs, weights


@jit
def _gram(matrix: Array, weights: Array, out: Array) -> None:
    """Add matrix' diag(weights) matrix to the upper triangle of `out`, float64, padded to tiles."""
    n, d = matrix.shape
    wide = out.shape[0]
    plain = np.zeros((_ROWS, wide), np.float32)
    scaled = np.zeros((_ROWS, wide), np.float32)
    corner = np.empty((TILE_ROWS, TILE_COLUMNS), np.float32)
    for start in range(0, n, _ROWS):
        rows = min(_ROWS, n - start)
        for i in range(rows):
            weight = weights[start + i]
            for k in range(d):
                plain[i, k] = matrix[start + i, k]
                scaled[i, k] = weight * matrix[start + i, k]
        for r in range(0, wide, TILE_ROWS):
            for c in range(r // TILE_COLUMNS * TILE_COLUMNS, wide, TILE_COLUMNS):
                tile(rows, scaled, r, 1, wide, plain, c, wide, corner, 0, TILE_COLUMNS)
                for a in range(TILE_ROWS):
                    for b in range(TILE_COLUMNS):
                        out[r + a, c + b] += corner[a, b]


def gram(matrix: Array, weights: Array) -> Array:
    d = matrix.shape[1]
    wide = -(-d // TILE_COLUMNS) * TILE_COLUMNS
    total = np.zeros((wide, wide))
    _gram(np.ascontiguousarray(matrix), weights, total)
    upper = np.triu(total[:d, :d])
    return upper + np.triu(upper, 1).T


@jit
def _multiply(matrix: Array, factor: Array, out: Array) -> None:
    n, d = matrix.shape
    wide = factor.shape[1]
    whole = n // TILE_ROWS * TILE_ROWS
    for i in range(0, whole, TILE_ROWS):
        for c in range(0, wide, TILE_COLUMNS):
            tile(d, matrix, i * d, d, 1, factor, c, wide, out, i * wide + c, wide)
    if whole < n:
        rest = np.zeros((TILE_ROWS, d), np.float32)
        part = np.empty((TILE_ROWS, wide), np.float32)
        rest[: n - whole] = matrix[whole:]
        for c in range(0, wide, TILE_COLUMNS):
            tile(d, rest, 0, d, 1, factor, c, wide, part, c, wide)
        out[whole:] = part[: n - whole]


def multiply(matrix: Array, factor: Array) -> Array:
    d, e = factor.shape
    wide = -(-e // TILE_COLUMNS) * TILE_COLUMNS
    padded = np.zeros((d, wide), np.float32)
    padded[:, :e] = factor
    out = np.empty((matrix.shape[0], wide), np.float32)
    _multiply(np.ascontiguousarray(matrix), padded, out)
    return out if wide == e else np.ascontiguousarray(out[:, :e])


@jit
def _pack(bits: Array, out: Array) -> None:
    half = LANES // 2
    for i in range(bits.shape[0]):
        for start in range(0, bits.shape[1], LANES):
            for k in range(half):
                first = np.int64(bits[i, start + k])
                second = np.int64(bits[i, start + half + k])
                low = ((first + 0x7FFF + (first >> 16 & 1)) >> 16) & 0xFFFF
                high = max((second - low + 0x8000) >> 16, second >> 31 << 15)
                out[i, start // 2 + k] = np.int32(np.uint32(high << 16 | low))


def pack(matrix: Array) -> Array:
    n, d = matrix.shape
    out = np.empty((n, d // 2), np.int32)
    _pack(np.ascontiguousarray(matrix).view(np.uint32), out)
    return out


@jit
def _unpack(packed: Array, out: Array) -> None:
    half = LANES // 2
    for i in range(packed.shape[0]):
        for k in range(packed.shape[1]):
            at = 2 * (k - k % half) + k % half
            out[i, at] = packed[i, k] << np.uint32(16)
            out[i, at + half] = packed[i, k]


def unpack(packed: Array) -> Array:
    out = np.empty((packed.shape[0], 2 * packed.shape[1]), np.float32)
    _unpack(packed.view(np.uint32), out.view(np.uint32))
    return out


@cache
def _solver(d: int) -> Any:
    """Compile the solver for dimension d.

    Only the number d may be closed over: a closed-over function would change the cache's key in
    every process.
    """

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
        row_weights: Array,
        column_weights: Array,
        curvature: Array,
        steps: int,
        new: Array,
        losses: Array,
        objectives: Array,
    ) -> None:
        longest = 0
        for i in range(rows.shape[0]):
            longest = max(longest, starts[i + 1] - starts[i])
        targets, shifts = np.empty(longest, np.float32), np.empty(longest, np.float32)
        scales = np.empty(longest, np.float32)
        residual, direction = np.empty(d, np.float32), np.empty(d, np.float32)
        image, inverse = np.empty(d, np.float32), np.empty(d, np.float32)
        for i in range(rows.shape[0]):
            begin = starts[i]
            n = starts[i + 1] - begin
            own = columns[begin : begin + n]
            u = row_weights[i]
            total = np.float32(0)
            for j in range(n):
                target = logs[begin + j] + row_bias[i] + column_bias[own[j]]
                target = max(target, clip)
                weight = weights[begin + j]
                scale = weight - u * column_weights[own[j]]
                targets[j], shifts[j], scales[j] = target, -weight * target, scale
                total += scale
            total = max(total, np.float32(0))
            norm = 0.0
            for k in range(d):
                inverse[k] = np.float32(1) / (u + total * curvature[k])
                image[k] = u * rows[i, k]  # becomes A w - b
                norm += np.float64(rows[i, k]) * np.float64(rows[i, k])
            apply_records(d, context, own, n, scales, shifts, rows[i], image)
            loss = objective = 0.0
            for j in range(n):
                fitted, weight = np.float64(shifts[j]), np.float64(weights[begin + j])
                error = fitted - np.float64(targets[j])
                loss += weight * error * error
                objective -= (weight - np.float64(scales[j])) * fitted * fitted
            losses[i] = loss
            objectives[i] = loss + objective + u * norm
            square = np.float32(0)
            for k in range(d):
                residual[k] = -image[k]
                direction[k] = inverse[k] * residual[k]
                new[i, k] = rows[i, k] if steps else rows[i, k] + direction[k]
                square += residual[k] * direction[k]
            for _ in range(steps):
                shifts[:n] = 0
                for k in range(d):
                    image[k] = u * direction[k]
                apply_records(d, context, own, n, scales, shifts, direction, image)
                bend = np.float32(0)
                for k in range(d):
                    bend += direction[k] * image[k]
                if not (square > 0 and bend > 0):  # solved, to the last bit of float32
                    break
                length = square / bend
                before = square
                square = np.float32(0)
                for k in range(d):
                    new[i, k] += length * direction[k]
                    residual[k] -= length * image[k]
                    square += inverse[k] * residual[k] * residual[k]
                for k in range(d):
                    direction[k] = inverse[k] * residual[k] + (square / before) * direction[k]

    return solve


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
    n, d = rows.shape
    new, losses, objectives = np.empty_like(rows), np.zeros(n), np.zeros(n)
    _solver(d)(
        *(rows, context, starts, columns, logs, weights, row_bias, column_bias),
        *(np.float32(clip), row_weights, column_weights, curvature, steps),
        *(new, losses, objectives),
    )
    return new, losses, objectives
