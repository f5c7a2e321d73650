"""AdaGrad with Numba: a kernel compiled for one dimension.

Contract: `kernels/reference/adagrad.py`. A record reads and writes two rows of vectors and two of
squares; those of records that come soon are asked of the cache. Sums over d are reassociated
(`_FAST`), so bits differ between processors, never between threads.
"""

from functools import cache
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import fetch_ahead, jit_with
from textzero.kernels.reference.adagrad import EPSILON

_FAST = {"reassoc", "contract", "nsz"}
_AHEAD = 4  # records whose rows are asked of the cache in advance
_LINE = 16  # numbers that a line of the cache holds


@cache
def _kernel(d: int) -> Any:
    """Compile the kernel for dimension d, the only thing closed over (see least_squares)."""

    @jit_with(fastmath=_FAST, error_model="numpy")
    def visit(
        records: Array,
        center: Array,
        context: Array,
        center_squares: Array,
        context_squares: Array,
        eta: float,
        epsilon: float,
    ) -> tuple[float, int]:
        cost, skipped = 0.0, 0
        v_all, c_all = center.reshape(center.size), context.reshape(context.size)
        g_all = center_squares.reshape(center.size)
        h_all = context_squares.reshape(context.size)
        for k in range(records.size):
            if k + _AHEAD < records.size:
                coming = records[k + _AHEAD]
                i, j = np.int64(coming.row), np.int64(coming.column)
                for a in range(0, d, _LINE):
                    fetch_ahead(v_all, i * d + a)
                    fetch_ahead(g_all, i * d + a)
                    fetch_ahead(c_all, j * d + a)
                    fetch_ahead(h_all, j * d + a)
            record = records[k]
            i, j = np.int64(record.row), np.int64(record.column)
            error = np.float32(0)
            for a in range(d):
                error += center[i, a] * context[j, a]
            error -= record.target
            pull = record.weight * error
            if not (np.isfinite(error) and np.isfinite(pull)):
                skipped += 1
                continue
            cost += 0.5 * np.float64(pull) * np.float64(error)
            for a in range(d):
                v, c = center[i, a], context[j, a]
                g, h = pull * c, pull * v
                g_sum = center_squares[i, a] + g * g
                h_sum = context_squares[j, a] + h * h
                center_squares[i, a] = g_sum
                context_squares[j, a] = h_sum
                center[i, a] = v - eta * g / np.sqrt(g_sum + epsilon)
                context[j, a] = c - eta * h / np.sqrt(h_sum + epsilon)
        return cost, skipped

    return visit


def visit_records(
    records: Array,
    center: Array,
    context: Array,
    center_squares: Array,
    context_squares: Array,
    learning_rate: float,
) -> tuple[float, int]:
    cost, skipped = _kernel(center.shape[1])(
        *(records, center, context, center_squares, context_squares),
        *(np.float32(learning_rate), np.float32(EPSILON)),
    )
    return float(cost), int(skipped)
