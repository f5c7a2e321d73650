"""Weighted least squares with a weight on the pairs that never met, as the definition reads.

For a fixed context matrix C, row i of the other matrix minimises

    sum_j f_ij (<w_i, c_j> - m_ij)^2
        + u_i sum_{j not observed} v_j <w_i, c_j>^2 + u_i lambda |w_i|^2

over the observed j: A w = b with b = sum_j f_ij m_ij c_j and
A = sum_j (f_ij - u_i v_j) c_j c_j' + u_i (C' diag(v) C + lambda I).
The matrix in brackets is the same for all rows, so the rows are solved in coordinates in which it
is the identity (see `whitening.py`). There one or two steps of preconditioned conjugate gradients
from the old row are enough. A row reads C and writes itself: rows are independent, so any number of
threads gives the same bits.

C is read as bfloat16, which halves the bytes that a record costs; sums are float32.

Sources: Su Jianlin, kexue.fm 4675 (the mutual-information target); Hu, Koren and Volinsky 2008
(the Gram matrix of the unobserved part); Takacs, Pilaszy and Tikk 2011 (conjugate gradients).
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels.reference.cooccurrence import decode_rows

LANES = 32  # the width of rows and packed rows is a multiple of so many numbers
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


def gram(matrix: Array, weights: Array) -> Array:
    """Return matrix' diag(weights) matrix, float64 (d, d).

    Args:
        matrix: float32 (n, d).
        weights: float32 (n,).
    """
    wide = matrix.astype(np.float64)
    return (wide * weights[:, None]).T @ wide


def multiply(matrix: Array, factor: Array) -> Array:
    """Return matrix @ factor, float32 (n, e).

    Args:
        matrix: float32 (n, d).
        factor: float32 (d, e).
    """
    return matrix @ factor


def pack(matrix: Array) -> Array:
    """Round a matrix to bfloat16, two numbers in each word.

    Of each 32 numbers of a row, words hold numbers k and k + 16: the first, rounded to nearest, in
    the low half, and in the high half what makes the whole word, read as a float32, nearest to the
    second. So the second costs no instruction to unpack.

    Args:
        matrix: float32 (n, d), d a multiple of LANES.

    Returns:
        int32 (n, d / 2).
    """
    n, d = matrix.shape
    bits = np.ascontiguousarray(matrix).view(np.uint32).astype(np.int64)
    bits = bits.reshape(n, d // LANES, 2, _HALF)
    low = ((bits[:, :, 0] + 0x7FFF + (bits[:, :, 0] >> 16 & 1)) >> 16) & 0xFFFF
    sign = bits[:, :, 1] >> 31 << 15  # kept, lest a negative zero become a NaN
    high = np.maximum((bits[:, :, 1] - low + 0x8000) >> 16, sign)
    return (high << 16 | low).astype(np.uint32).view(np.int32).reshape(n, d // 2)


def unpack(packed: Array) -> Array:
    """Return the float32 (n, 2 words) that the words of `pack` stand for."""
    n, words = packed.shape
    parts = packed.view(np.uint32).reshape(n, words // _HALF, _HALF)
    halves = np.stack([parts << np.uint32(16), parts], axis=2)
    return np.ascontiguousarray(halves).view(np.float32).reshape(n, 2 * words)


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
    """Improve rows by preconditioned conjugate gradients, in whitened coordinates.

    Row i has the matrix A = sum_j (f_ij - u_i v_j) c_j c_j' + u_i I, and is preconditioned by
    diag(u_i + s_i h) with s_i = sum_j (f_ij - u_i v_j), not below 0.

    Args:
        rows: float32 (n_rows, d), d a multiple of LANES. Where to start.
        context: int32 (n_words, d / 2). C, packed.
        starts: int64 (n_rows + 1,). Records of row i are starts[i] ... starts[i + 1] - 1.
        columns: int32 (n,). Rows of `context`.
        logs: float32 (n,). ln x. The target is logs + row_bias + column_bias, at least `clip`.
        weights: float32 (n,). f.
        row_bias: float32 (n_rows,).
        column_bias: float32 (n_words,).
        clip: Lower bound of a target; -inf for none.
        row_weights: float32 (n_rows,). u, above 0.
        column_weights: float32 (n_words,). v.
        curvature: float32 (d,). h, the diagonal of the mean of c c' over records.
        steps: Conjugate-gradient steps; 0 for one step of the preconditioner alone.

    Returns:
        new: float32 (n_rows, d).
        losses: float64 (n_rows,). sum_j f (<w, c_j> - m)^2 over the observed, of the *given* rows.
        objectives: float64 (n_rows,). All that row i minimises, of the *given* rows.
    """
    new = rows.copy()
    losses, objectives = np.zeros(rows.shape[0]), np.zeros(rows.shape[0])
    for i in range(rows.shape[0]):
        part = slice(starts[i], starts[i + 1])
        c, f, u = unpack(context[columns[part]]), weights[part], row_weights[i]
        m = np.maximum(logs[part] + row_bias[i] + column_bias[columns[part]], np.float32(clip))
        unobserved = u * column_weights[columns[part]]
        a = (c.T * (f - unobserved)) @ c + u * np.eye(rows.shape[1], dtype=np.float32)
        inverse = 1 / (u + max((f - unobserved).sum(), np.float32(0)) * curvature)
        fitted = (c @ rows[i]).astype(np.float64)
        losses[i] = (f * (fitted - m) ** 2).sum()
        norm = (rows[i].astype(np.float64) ** 2).sum()
        objectives[i] = losses[i] - (unobserved * fitted**2).sum() + u * norm
        residual = c.T @ (f * m) - a @ rows[i]
        direction = inverse * residual
        if steps == 0:
            new[i] += direction
        square = float(residual @ direction)
        for _ in range(steps):
            image = a @ direction
            bend = float(direction @ image)
            if not (square > 0 and bend > 0):  # solved, to the last bit of float32
                break
            length = np.float32(square / bend)
            new[i] += length * direction
            residual -= length * image
            before, square = square, float(residual @ (inverse * residual))
            direction = inverse * residual + np.float32(square / before) * direction
    return new, losses, objectives
