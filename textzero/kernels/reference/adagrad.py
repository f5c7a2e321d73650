"""AdaGrad, one record after the other, as the author of Simpler-GloVe trains.

A record says that row i of one matrix and row j of the other should have the product m, and how
much that weighs. With e = <v_i, c_j> - m and the factor 2 of the derivative left out,

    g = f e c_j   and   h = f e v_i                                 (both from the old rows)
    G_i += g g;  v_i -= eta g / sqrt(G_i + 1e-8);   the same for c_j with h and its own G

so the squares of this very step are in G before it is used.

Sources: Su Jianlin, kexue.fm 4675 and 4677, and what his simpler_glove on GitHub does; Duchi, Hazan
and Singer 2011 (AdaGrad).
"""

import numpy as np

from textzero._compat import Array

EPSILON = 1e-8
RECORD = np.dtype(
    [("row", "<i4"), ("column", "<i4"), ("target", "<f4"), ("weight", "<f4")]
)  # what is visited, 16 bytes


def visit_records(
    records: Array,
    center: Array,
    context: Array,
    center_squares: Array,
    context_squares: Array,
    learning_rate: float,
) -> tuple[float, int]:
    """Visit records one after the other and move the two rows of each, in place.

    Args:
        records: RECORD (n,). Row and column of a record differ.
        center: float32 (n_words, d). Changed.
        context: float32 (n_words, d). Changed. May be the same array as `center`.
        center_squares: float32 (n_words, d). G of `center`, 1 before the first record. Changed.
        context_squares: float32 (n_words, d). G of `context`, and the same array as
            `center_squares` when the matrices are the same. Changed.
        learning_rate: eta.

    Returns:
        cost: Sum of f e^2 / 2, each at the moment of its visit.
        skipped: Records whose e or f e is not finite; they change nothing.
    """
    cost, skipped = 0.0, 0
    eta, epsilon = np.float32(learning_rate), np.float32(EPSILON)
    for record in records:
        i, j = record["row"], record["column"]
        v, c = center[i].copy(), context[j].copy()
        with np.errstate(over="ignore", invalid="ignore"):
            error = v @ c - record["target"]
            pull = record["weight"] * error
        if not (np.isfinite(error) and np.isfinite(pull)):
            skipped += 1
            continue
        cost += 0.5 * float(pull) * float(error)
        with np.errstate(over="ignore", invalid="ignore"):
            g, h = pull * c, pull * v
            center_squares[i] += g * g
            context_squares[j] += h * h
            center[i] = v - eta * g / np.sqrt(center_squares[i] + epsilon)
            context[j] = c - eta * h / np.sqrt(context_squares[j] + epsilon)
    return cost, skipped
