"""Packed strings with Numba: put in order, gathered, written as rows.

Contract: `kernels/reference/packed.py`. Sorting goes by one number a word first, then settles ties.
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import byte_at, jit

_EIGHT = np.uint64(8)


@jit
def _prefixes(text: Array, offsets: Array, counts: Array, out: Array) -> None:
    """One sortable number per word: rarer is larger, then the first six bytes.

    Words with 65535 or more all get 0: there are few, and `_settle` sorts them.
    """
    for i in range(counts.size):
        if counts[i] >= 65535:
            out[i] = 0
            continue
        start, stop = offsets[i], offsets[i + 1]
        prefix = np.uint64(65535 - counts[i])
        for k in range(6):
            prefix <<= _EIGHT
            if start + k < stop:
                prefix |= np.uint64(byte_at(text, start + k))
        out[i] = prefix


@jit
def _precedes(text: Array, offsets: Array, counts: Array, a: int, b: int) -> bool:
    if counts[a] != counts[b]:
        return counts[a] > counts[b]
    size_a, size_b = offsets[a + 1] - offsets[a], offsets[b + 1] - offsets[b]
    for k in range(min(size_a, size_b)):
        byte_a, byte_b = byte_at(text, offsets[a] + k), byte_at(text, offsets[b] + k)
        if byte_a != byte_b:
            return byte_a < byte_b
    return size_a < size_b


@jit
def _settle(
    order: Array, prefixes: Array, text: Array, offsets: Array, counts: Array, spare: Array
) -> None:
    """Sort every run of equal prefixes in full: merge sort, bottom up."""
    n = order.size
    first = 0
    while first < n:
        last = first + 1
        while last < n and prefixes[order[last]] == prefixes[order[first]]:
            last += 1
        width = 1
        while width < last - first:
            for left in range(first, last, 2 * width):
                middle = min(left + width, last)
                right = min(left + 2 * width, last)
                i, j = left, middle
                for k in range(left, right):
                    if j >= right or (
                        i < middle and not _precedes(text, offsets, counts, order[j], order[i])
                    ):
                        spare[k] = order[i]
                        i += 1
                    else:
                        spare[k] = order[j]
                        j += 1
            for k in range(first, last):
                order[k] = spare[k]
            width *= 2
        first = last


def sort_order(text: Array, offsets: Array, counts: Array) -> Array:
    prefixes = np.empty(counts.size, np.uint64)
    _prefixes(text, offsets, counts, prefixes)
    order = np.argsort(prefixes)
    _settle(order, prefixes, text, offsets, counts, np.empty_like(order))
    return order


@jit
def _gather(text: Array, offsets: Array, order: Array, out: Array, ends: Array) -> int:
    size = 0
    for i in range(order.size):
        for k in range(offsets[order[i]], offsets[order[i] + 1]):
            out[size] = byte_at(text, k)
            size += 1
        ends[i + 1] = size
    return size


def gather(text: Array, offsets: Array, order: Array) -> tuple[Array, Array]:
    ends = np.zeros(order.size + 1, np.int64)
    out = np.zeros(int((offsets[order + 1] - offsets[order]).sum()) + 16, np.uint8)
    _gather(text, offsets, order, out, ends)
    return out, ends


@jit
def _digits(value: int, out: Array, n: int) -> int:
    """Write a non-negative number in decimal at out[n], return the next free byte."""
    stop = n + 1
    rest = value // 10
    while rest:
        stop += 1
        rest //= 10
    for k in range(stop - 1, n - 1, -1):
        out[k] = 48 + value % 10
        value //= 10
    return stop


@jit
def _format_rows(text: Array, offsets: Array, numbers: Array, between: int, out: Array) -> int:
    n = 0
    for i in range(offsets.size - 1):
        for k in range(offsets[i], offsets[i + 1]):
            out[n] = byte_at(text, k)
            n += 1
        for column in range(numbers.shape[1]):
            out[n] = between
            n = _digits(numbers[i, column], out, n + 1)
        out[n] = 10
        n += 1
    return n


def format_rows(text: Array, offsets: Array, numbers: Array, between: int) -> Array:
    room = int(offsets[-1] - offsets[0]) + numbers.shape[0] * (numbers.shape[1] * 20 + 1)
    out = np.empty(room, np.uint8)
    return out[: _format_rows(text, offsets, numbers, between, out)]
