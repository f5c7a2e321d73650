"""Packed strings with Numba: put in order, gathered, written as rows.

Contract: `kernels/reference/packed.py`. Sorting goes by one number a word first, then settles ties.
"""

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
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
def _is_ranked(text: Array, offsets: Array, counts: Array) -> bool:
    for i in range(counts.size - 1):
        if not _precedes(text, offsets, counts, i, i + 1):
            return False
    return True


def is_ranked(text: Array, offsets: Array, counts: Array) -> bool:
    return _is_ranked(text, offsets, counts)


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


@jit
def _parse_rows(
    text: Array, size: int, words: Array, offsets: Array, numbers: Array
) -> tuple[int, int]:
    n, done, end = 0, 0, 0
    while done < size:
        at = done
        while at < size and byte_at(text, at) >= 0x20:
            words[end + at - done] = byte_at(text, at)
            at += 1
        word = at - done
        columns = 0
        while columns < 2 and at < size and byte_at(text, at) == 9:
            at += 1
            first, value = at, np.uint64(0)
            while at < size and 48 <= byte_at(text, at) < 58:
                value = value * np.uint64(10) + np.uint64(byte_at(text, at) - 48)
                at += 1
            # 19 digits stay below 2^64
            if not 0 < at - first < 20 or np.int64(value) < 0:
                return n, done
            numbers[columns, n] = np.int64(value)
            columns += 1
        if at < size and byte_at(text, at) == 13:
            at += 1
        if (at < size and byte_at(text, at) != 10) or (word > 0) != (columns > 0):
            return n, done
        if word > 0:
            if columns == 1:
                numbers[1, n] = 0
            end += word
            n += 1
            offsets[n] = end
        done = min(at + 1, size)
    return n, done


def parse_rows(text: Array, size: int) -> tuple[Array, Array, Array, Array, int]:
    words = np.empty(size + 16, np.uint8)
    most = int(np.count_nonzero(text[:size] == 10)) + 1
    offsets, numbers = np.zeros(most + 1, np.int64), np.empty((2, most), np.int64)
    n, done = _parse_rows(text, size, words, offsets, numbers)
    offsets = offsets[: n + 1]
    return words[: offsets[-1] + 16], offsets, numbers[0, :n], numbers[1, :n], done


@jit
def _first_bytes(text: Array, start: int, stop: int) -> np.uint64:
    """The first eight bytes as a number that sorts as they do."""
    prefix = np.uint64(0)
    for k in range(8):
        prefix <<= _EIGHT
        if start + k < stop:
            prefix |= np.uint64(byte_at(text, start + k))
    return prefix


@jit
def _comes_first(
    text: Array, starts: Array, stops: Array, keys: Array, heads: Array, a: int, b: int, at: int
) -> bool:
    """Whether the next word of run a comes before that of run b; equal keys: from byte `at` on."""
    if keys[a] != keys[b]:
        return keys[a] < keys[b]
    i, j = heads[a], heads[b]
    size_a, size_b = stops[i] - starts[i], stops[j] - starts[j]
    for k in range(at, min(size_a, size_b)):
        byte_a, byte_b = byte_at(text, starts[i] + k), byte_at(text, starts[j] + k)
        if byte_a != byte_b:
            return byte_a < byte_b
    if size_a != size_b:
        return size_a < size_b
    return a < b


@jit
def _sink(
    text: Array, starts: Array, stops: Array, keys: Array, heads: Array, heap: Array, size: int,
    place: int, at: int,
) -> None:  # fmt: skip
    """Move the run at `place` of a heap down to where it belongs."""
    run = heap[place]
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and _comes_first(
            text, starts, stops, keys, heads, heap[child + 1], heap[child], at
        ):
            child += 1
        if not _comes_first(text, starts, stops, keys, heads, heap[child], run, at):
            break
        heap[place] = heap[child]
        place = child
    heap[place] = run


@jit
def _merge_sorted(
    text: Array,
    starts: Array,
    stops: Array,
    counts: Array,
    documents: Array,
    heads: Array,
    tails: Array,
    more: Array,
    ranked: bool,
    out_text: Array,
    out_offsets: Array,
    out_counts: Array,
    out_documents: Array,
    filled: int,
) -> int:
    """Return -1 when a sum passes 2^63 - 1."""
    keys, heap, size = np.empty(heads.size, np.uint64), np.empty(heads.size, np.int64), 0
    at = 0 if ranked else 8
    for run in range(heads.size):
        if heads[run] < tails[run]:
            i = heads[run]
            keys[run] = np.uint64(~counts[i]) if ranked else _first_bytes(text, starts[i], stops[i])
            heap[size] = run
            size += 1
        elif more[run]:
            return filled
    for place in range(size // 2 - 1, -1, -1):
        _sink(text, starts, stops, keys, heads, heap, size, place, at)
    while size:
        run = heap[0]
        i = heads[run]
        length, end = stops[i] - starts[i], out_offsets[filled]
        same = filled > 0 and end - out_offsets[filled - 1] == length
        if same:
            for k in range(length):
                if byte_at(out_text, end - length + k) != byte_at(text, starts[i] + k):
                    same = False
                    break
        if same:
            out_counts[filled - 1] += counts[i]
            if out_counts[filled - 1] < 0:
                return -1
            if out_documents.size:
                out_documents[filled - 1] += documents[i]
                if out_documents[filled - 1] < 0:
                    return -1
        else:
            if filled == out_counts.size or end + length > out_text.size:
                return filled
            for k in range(length):
                out_text[end + k] = byte_at(text, starts[i] + k)
            out_counts[filled] = counts[i]
            if out_documents.size:
                out_documents[filled] = documents[i]
            filled += 1
            out_offsets[filled] = end + length
        heads[run] += 1
        i += 1
        if i < tails[run]:
            keys[run] = np.uint64(~counts[i]) if ranked else _first_bytes(text, starts[i], stops[i])
        else:
            if more[run]:
                return filled
            size -= 1
            heap[0] = heap[size]
        if size:
            _sink(text, starts, stops, keys, heads, heap, size, 0, at)
    return filled


def merge_sorted(
    text: Array,
    starts: Array,
    stops: Array,
    counts: Array,
    documents: Array,
    heads: Array,
    tails: Array,
    more: Array,
    ranked: bool,
    out_text: Array,
    out_offsets: Array,
    out_counts: Array,
    out_documents: Array,
    filled: int,
) -> int:
    done = _merge_sorted(
        *(text, starts, stops, counts, documents, heads, tails, more, ranked),
        *(out_text, out_offsets, out_counts, out_documents, filled),
    )
    if done < 0:
        raise InputError("a sum of counts must stay below 2^63; count smaller parts apart")
    return done
