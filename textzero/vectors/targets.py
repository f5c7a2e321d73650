"""What <w_i, c_j> is fitted to: the pointwise mutual information of words i and j, less ln k.

    m_ij = ln x_ij - ln X - ln P(i) - ln P_s(j) - ln k        P(i) = n_i / N

n_i is how often a word occurs in what was counted, or with `marginals="pairs"` the sum of its row
of x; P_s is the distribution of n^s, so that s = 1 leaves it as it is. Everything but ln x_ij is a
sum of two biases, one of the row and one of the column.

Sources: Su Jianlin, kexue.fm 4675; Levy and Goldberg 2014 (the shift ln k); Levy, Goldberg and
Dagan 2015 (the power s).
"""

import math

import numpy as np

from textzero._compat import Array
from textzero.cooccurrence import Cooccurrence
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.vectors.blocks import encoded_rows
from textzero.vectors.settings import TrainingSettings

_SUMMED = 1 << 22  # records whose rows are summed at once


def log_probabilities(counts: Array, power: float) -> Array:
    """Return ln(n^power / sum of n^power), float64; a word that was never seen counts as one."""
    logs = power * np.log(np.maximum(counts, 1).astype(np.float64))
    top = logs.max()
    return logs - (top + np.log(np.exp(logs - top).sum()))


def biases(matrix: Cooccurrence, settings: TrainingSettings) -> tuple[Array, Array]:
    """Return what to add to ln x for row i of w, and for row j of c, both float32 (n_words,).

    Args:
        matrix: The counts.
        settings: Resolved ones.

    Raises:
        InputError: The counts are damaged.
    """
    sums = np.zeros(len(matrix.vocabulary))
    for first, last in matrix.blocks(_SUMMED):
        sums[first:last] = _row_sums(matrix, first, last)
    total = float(sums.sum())
    counts = sums if settings.marginals == "pairs" else matrix.occurrences
    own = -log_probabilities(counts, 1.0) - math.log(total * matrix.unit) - math.log(settings.shift)
    other = -log_probabilities(counts, settings.smoothing)
    return own.astype(np.float32), other.astype(np.float32)


def _row_sums(matrix: Cooccurrence, first: int, last: int) -> Array:
    """Units of each row, float64: exact up to 2^53, and larger sums do not overflow."""
    offsets = matrix.offsets[first : last + 1]
    try:
        with encoded_rows(matrix, first, last) as data:
            return kernel("cooccurrence").sum_rows(data, offsets - offsets[0]).astype(np.float64)
    except (ValueError, OverflowError) as error:
        raise InputError(f"the co-occurrences are damaged: {error}") from error
