"""Weighted least squares with a weight on the pairs that never met, as the definition reads.

For a fixed context matrix C, row i of the other matrix minimises

    sum_j f_ij (<w_i, c_j> - m_ij)^2  +  w0 sum_{j not observed} <w_i, c_j>^2  +  lambda |w_i|^2

over the observed j: A w = b with A = sum_j (f_ij - w0) c_j c_j' + w0 C'C + lambda I and
b = sum_j f_ij m_ij c_j. A few steps of conjugate gradients from the old row solve it well enough.
A row reads C and writes itself: rows are independent, so any number of threads gives the same bits.

Sources: Su Jianlin, kexue.fm 4675 (the mutual-information target); Hu, Koren and Volinsky 2008
(the Gram matrix of the unobserved part); Takacs, Pilaszy and Tikk 2011 (conjugate gradients).
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels.reference.cooccurrence import decode_rows

BLOCK = 1024  # rows whose Gram matrix is summed at once


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
    """Turn encoded counts into what `solve_rows` needs.

    Args:
        data: uint8. The encoded rows.
        offsets: int64 (n_rows + 1,). Row i is data[offsets[i]:offsets[i + 1]].
        records: int64 (n_rows,). Records of each row.
        unit: What one unit of a count is worth.
        x_max, exponent, truncate: The weight is (x / x_max) ** exponent, at most 1 when truncated.
        weight_offset: Added to every weight.

    Returns:
        columns: int32 (n,).
        logs: float32 (n,). ln x.
        weights: float32 (n,).

    Raises:
        ValueError: The bytes are not that many records.
    """
    rows = [
        decode_rows(data[offsets[i] : offsets[i + 1]], int(records[i])) for i in range(records.size)
    ]
    columns = np.concatenate([np.empty(0, np.int32), *(row[0] for row in rows)])
    x = np.concatenate([np.empty(0, np.int64), *(row[1] for row in rows)]) * unit
    weights = (x / x_max) ** exponent
    if truncate:
        weights = np.minimum(weights, 1)
    return columns, np.log(x).astype(np.float32), (weights + weight_offset).astype(np.float32)


def gram(matrix: Array) -> Array:
    """Return matrix' matrix as float32 (d, d), summed in float64 over blocks in a fixed order."""
    total = np.zeros((matrix.shape[1], matrix.shape[1]))
    for start in range(0, matrix.shape[0], BLOCK):
        block = matrix[start : start + BLOCK]
        total += block.T @ block
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
    """Improve rows by conjugate gradients.

    Args:
        rows: float32 (n_rows, d). Where to start.
        context: float32 (n_words, d).
        starts: int64 (n_rows + 1,). Records of row i are starts[i] ... starts[i + 1] - 1.
        columns: int32 (n,). Rows of `context`.
        logs: float32 (n,). ln x. The target is logs + row_bias + column_bias, at least `clip`.
        weights: float32 (n,).
        row_bias: float32 (n_rows,).
        column_bias: float32 (n_words,).
        clip: Lower bound of a target; -inf for none.
        context_gram: float32 (d, d). gram(context).
        unobserved_weight: w0.
        regularisation: lambda.
        steps: Conjugate-gradient steps.

    Returns:
        new: float32 (n_rows, d).
        losses: float64 (n_rows,). sum_j f (<w, c_j> - m)^2 over the observed, of the *given* rows.
    """
    new, losses = rows.copy(), np.zeros(rows.shape[0])
    for i in range(rows.shape[0]):
        part = slice(starts[i], starts[i + 1])
        c, f = context[columns[part]], weights[part]
        m = np.maximum(logs[part] + row_bias[i] + column_bias[columns[part]], np.float32(clip))
        a = (c.T * (f - np.float32(unobserved_weight))) @ c
        a += np.float32(unobserved_weight) * context_gram
        a += np.float32(regularisation) * np.eye(rows.shape[1], dtype=np.float32)
        errors = c @ rows[i] - m
        losses[i] = (f.astype(np.float64) * errors.astype(np.float64) ** 2).sum()
        residual = c.T @ (f * m) - a @ rows[i]
        direction = residual.copy()
        square = float(residual @ residual)
        for _ in range(steps):
            image = a @ direction
            curvature = float(direction @ image)
            if not (square > 0 and curvature > 0):  # solved, to the last bit of float32
                break
            length = np.float32(square / curvature)
            new[i] += length * direction
            residual -= length * image
            before, square = square, float(residual @ residual)
            direction = residual + np.float32(square / before) * direction
    return new, losses
