"""The best columns of each row of a block of scores, as the definition reads."""

import numpy as np

from textzero._compat import Array


def best_columns(scores: Array, first: int, n: int, minimum: float) -> tuple[Array, Array, Array]:
    """Return the columns with the highest scores of each row, without the row's own.

    Args:
        scores: float32 (n_rows, n_columns). NaN is never among the best.
        first: Row r of the block is item `first` + r, which is not a neighbour of itself.
        n: At most so many columns a row.
        minimum: Lowest score.

    Returns:
        sizes: int64 (n_rows,). How many columns each row has.
        columns: int32 (sum of sizes,). Highest score first, ties by number.
        values: float32 (sum of sizes,). Their scores.
    """
    sizes, columns = [], []
    for r, row in enumerate(scores):
        order = np.lexsort((np.arange(row.size), -row))
        kept = order[(row[order] >= np.float32(minimum)) & (order != first + r)][:n]
        sizes.append(kept.size)
        columns.append(kept)
    found = np.concatenate([np.empty(0, np.int32), *columns]).astype(np.int32)
    rows = np.repeat(np.arange(len(sizes)), np.array(sizes, np.int64))
    return np.array(sizes, np.int64), found, scores[rows, found]
