"""Repeated n-grams of a stream, as the definition reads.

A stream holds numbers of n-grams of one length: at each position that of the n-gram which begins
there, or 0 when it has none. Numbers are base, base + 1, ..., base + size - 1. Two neighbours a and
b overlap in all but one unit, so they stand for an n-gram that is one unit longer; its key is
(a - base) * size + (b - base). Numbers are int32, so size is below 2^31 and a key below 2^62.
"""

from typing import Any

import numpy as np

from textzero._compat import Array


def pair_keys(left: Array, right: Array, first: int, last: int, base: int, size: int) -> Array:
    """Collect the keys of pairs whose left number is in a range.

    Args:
        left: int32 (n,). The stream.
        right: int32 (n,). The stream one position on.
        first: The least left number, at least `base`.
        last: One past the greatest.
        base: The least number.
        size: How many numbers there are.

    Returns:
        int64 (m,). The key of each pair without a 0, as often as it occurs, in the order of the
        stream.
    """
    keys = [
        (a - base) * size + (b - base)
        for a, b in zip(left.tolist(), right.tolist(), strict=True)
        if first <= a < last and b != 0
    ]
    return np.array(keys, np.int64)


def repeated(keys: Array, least: int) -> tuple[Array, Array]:
    """Count sorted keys and keep the frequent ones.

    Args:
        keys: int64 (n,). Ascending.
        least: How often a key must occur, at least 1.

    Returns:
        keys: int64 (m,). Each once, ascending.
        counts: int64 (m,).
    """
    counts: dict[int, int] = {}
    for key in keys.tolist():
        counts[key] = counts.get(key, 0) + 1
    kept = [key for key, count in counts.items() if count >= least]
    return np.array(kept, np.int64), np.array([counts[key] for key in kept], np.int64)


def new_names(keys: Array) -> Any:
    """Return a handle in which `name_pairs` looks up keys.

    Args:
        keys: int64 (m,). Each once.
    """
    return {key: number for number, key in enumerate(keys.tolist())}


def name_pairs(
    names: Any, left: Array, right: Array, base: int, size: int, first: int, out: Array
) -> None:
    """Number the pairs of a part of the stream.

    Args:
        names: From `new_names`.
        left: int32 (n,). A part of the stream.
        right: int32 (n,). The same part one position on.
        base: The least number in the stream.
        size: How many numbers there are.
        first: The number of the first key of `names`.
        out: int32 (n,). Filled: `first` + k for a pair that is key k, 0 for any other.
    """
    for k, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        key = (a - base) * size + (b - base) if a != 0 and b != 0 else -1
        out[k] = first + names[key] if key in names else 0


def find_pairs(
    starts: Array, rights: Array, left: Array, right: Array, base: int, first: int, out: Array
) -> None:
    """Do what `name_pairs` does without a handle: slower, and in less memory.

    Args:
        starts: int64 (size + 1,). Where the keys of each left number begin.
        rights: int32 (m,). The right number of each key, ascending for one left number.
        left, right, base, first, out: As for `name_pairs`.
    """
    for k, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        held = rights[starts[a - base] : starts[a - base + 1]].tolist() if a and b else []
        out[k] = first + starts[a - base] + held.index(b) if b in held else 0


def add_continuations(inner: Array, counts: Array, terms: Array, sums: Array, kinds: Array) -> None:
    """Add n-grams to the n-grams that they prolong.

    Args:
        inner: int64 (n,). Which n-gram each prolongs.
        counts: int64 (n,). Occurrences.
        terms: float64 (n,). What is summed up.
        sums: float64 (m,). sums[k] grows by the terms, one after the other.
        kinds: int64 (m,). kinds[k] grows by 1 - count for each.
    """
    for k, count, term in zip(inner.tolist(), counts.tolist(), terms.tolist(), strict=True):
        sums[k] += term
        kinds[k] += 1 - count


def merge_sorted(keys: Array, counts: Array) -> tuple[Array, Array]:
    """Add up the counts of equal keys.

    Args:
        keys: int64 (n,). Ascending.
        counts: int64 (n,).

    Returns:
        keys: int64 (m,). Each once, ascending.
        counts: int64 (m,).
    """
    sums: dict[int, int] = {}
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        sums[key] = sums.get(key, 0) + count
    return np.array(list(sums), np.int64), np.array(list(sums.values()), np.int64)
