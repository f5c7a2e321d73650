"""The arithmetic of sentence vectors: sums, means, and means by smooth inverse frequency (SIF).

SIF gives a word of probability p the weight a / (a + p), takes the mean, and removes the directions
that all sentences share (Arora, Liang, Ma 2017, "A simple but tough-to-beat baseline for sentence
embeddings", algorithm 1). Theirs are of a batch of sentences; for a sentence alone they are here
computed from the vectors and the counts of words, as those of sentences drawn at random.
"""

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.vectors.rows import blocks

METHODS = ("sum", "mean", "sif")
SMOOTHING = 1e-3  # a, in the paper's middle
_LENGTH = 20  # words of a sentence drawn at random


def check_counts(counts: Array) -> None:
    """Raise InputError when counts are all 0, as those of vectors from other tools' files are."""
    if not counts.any():
        raise InputError(
            "SIF weighs words by their counts, and these vectors come without; "
            "take vectors that textzero made, or the method mean"
        )


def sif_weights(counts: Array, smoothing: float = SMOOTHING, total: int | None = None) -> Array:
    """float32 (n_words,): a / (a + p), where p is a word's share of all counts.

    Args:
        counts: int64 (n_words,).
        smoothing: The a of the formula, above 0.
        total: The sum of all counts, when `counts` are only some of them.

    Raises:
        InputError: The counts are all 0.
        ValueError: `smoothing` is not above 0.
    """
    if not smoothing > 0:
        raise ValueError(f"smoothing must be above 0, got {smoothing}")
    if total is None:
        check_counts(counts)
        total = int(counts.sum())
    return (smoothing / (smoothing + counts / total)).astype(np.float32)


def expected_directions(vectors: Array, counts: Array, n: int) -> Array:
    """Return the directions that sentences of random words share, float32 (n, dim), orthonormal.

    They are the first eigenvectors of E[s s'], where s is the SIF mean of 20 words drawn
    independently by their counts: with u = sum p a v and M = sum p a^2 v v', it is
    u u' (1 - 1/20) + M / 20. The first has a cosine of 0.99 with the first singular vector of
    1,700 sentences of the English Wikipedia.

    Args:
        vectors: float32 (n_words, dim).
        counts: int64 (n_words,).
        n: How many, from 0 to dim - 1: without all of them nothing is left.
    """
    dim = vectors.shape[1]
    if not 0 <= n < dim:
        raise ValueError(f"remove must be from 0 to {dim - 1} directions, got {n}")
    if n == 0:
        return np.zeros((0, dim), np.float32)
    check_counts(counts)
    total = int(counts.sum())
    mean, second = np.zeros(dim), np.zeros((dim, dim))
    for part in blocks(*vectors.shape):
        shares = counts[part] / total
        weights = sif_weights(counts[part], total=total).astype(np.float64)
        rows = np.asarray(vectors[part], np.float64) * weights[:, None]
        mean += shares @ rows
        second += (rows * shares[:, None]).T @ rows
    expected = np.outer(mean, mean) * (1 - 1 / _LENGTH) + second / _LENGTH
    if not np.isfinite(expected).all():
        raise InputError("the vectors must be finite numbers; some are not")
    return np.linalg.eigh(expected)[1][:, ::-1][:, :n].T.astype(np.float32)


def batch_directions(sentences: Array, n: int) -> Array:
    """Return the first right singular vectors of sentences, float32 (at most n, dim).

    Args:
        sentences: float32 (n_sentences, dim).
        n: How many.
    """
    right = np.linalg.svd(sentences.astype(np.float64), full_matrices=False)[2]
    return right[:n].astype(np.float32)


def remove_directions(rows: Array, directions: Array) -> Array:
    """Return the rows without their projections on orthonormal `directions`, float32.

    Args:
        rows: float32 (n_rows, dim) or (dim,).
        directions: float32 (n, dim).
    """
    return (rows - (rows @ directions.T) @ directions).astype(np.float32)


def combine(rows: Array, method: str, weights: Array | None = None) -> Array:
    """Return the vector of one sentence, float32 (dim,).

    Args:
        rows: float32 (n, dim), the vectors of its words, at least one.
        method: One of METHODS.
        weights: float32 (n,) from `sif_weights`, for "sif".
    """
    if method == "sum":
        return rows.sum(axis=0)
    if method == "sif" and weights is not None:
        rows = rows * weights[:, None]
    return rows.mean(axis=0)


def common_directions(vectors: Array, n: int) -> tuple[Array, Array]:
    """Return the mean of all vectors, float32 (dim,), and their n first principal axes, (n, dim).

    Removing both is "all-but-the-top" (Mu, Viswanath 2018), which takes n = dim / 100, about.

    Args:
        vectors: float32 (n_words, dim).
        n: How many, from 0 to dim.
    """
    dim = vectors.shape[1]
    if not 0 <= n <= dim:
        raise ValueError(f"there are from 0 to {dim} common directions, got {n}")
    mean, second = np.zeros(dim), np.zeros((dim, dim))
    for part in blocks(*vectors.shape):
        rows = np.asarray(vectors[part], np.float64)
        mean += rows.sum(axis=0)
        second += rows.T @ rows
    mean /= max(len(vectors), 1)
    covariance = second / max(len(vectors), 1) - np.outer(mean, mean)
    if not np.isfinite(covariance).all():
        raise InputError("the vectors must be finite numbers; some are not")
    axes = np.linalg.eigh(covariance)[1][:, ::-1][:, :n].T
    return mean.astype(np.float32), axes.astype(np.float32)
