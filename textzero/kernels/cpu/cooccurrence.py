"""Co-occurrence with Numba: one row at a time, added up in an array that stays in cache.

Contract: `kernels/reference/cooccurrence.py`. Every occurrence of a word is visited through its
list of positions, and its neighbours are added to one dense row of the matrix. There are no pairs
to sort; a row depends on nothing but the tokens, so rows can be counted in any order by any thread.
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import byte_at, fetch_ahead, jit
from textzero.kernels.reference.cooccurrence import DOCUMENT_END, LAST_COLUMN

_LARGEST_RECORD = 15  # bytes: five for a column, ten for a count
_TOO_LARGE = "a sum of counts must be below 2^63"
_AHEAD = 8  # occurrences whose neighbourhood is asked of the cache in advance


@jit
def _place(tokens: Array, starts: Array, positions: Array) -> None:
    free = starts[:-1].copy()
    for i in range(tokens.size):
        word = tokens[i]
        if word >= 0:
            positions[free[word]] = i
            free[word] += 1


@jit
def _tally(tokens: Array, starts: Array) -> None:
    for i in range(tokens.size):
        if tokens[i] >= 0:
            starts[tokens[i] + 1] += 1
    for word in range(starts.size - 1):
        starts[word + 1] += starts[word]


def word_positions(tokens: Array, n_words: int) -> tuple[Array, Array]:
    starts = np.zeros(n_words + 1, np.int64)
    _tally(tokens, starts)
    positions = np.empty(int(starts[-1]), np.int64)
    _place(tokens, starts, positions)
    return starts, positions


@jit
def _write(number: int, data: Array, size: int) -> int:
    while number >= 0x80:
        data[size] = number & 0x7F | 0x80
        number >>= 7
        size += 1
    data[size] = number
    return size + 1


@jit
def _write_row(sums: Array, touched: Array, n: int, data: Array, size: int) -> int:
    """Write the touched sums in order of column and clear them; return the next free byte."""
    before = -1
    if n * 24 > sums.size:
        for column in range(sums.size):
            if sums[column]:
                size = _write(column - before - 1, data, size)
                size = _write(sums[column], data, size)
                sums[column] = 0
                before = column
        return size
    touched[:n].sort()
    for k in range(n):
        column = touched[k]
        size = _write(column - before - 1, data, size)
        size = _write(sums[column], data, size)
        sums[column] = 0
        before = column
    return size


@jit
def _count_rows(
    tokens: Array,
    fresh: int,
    starts: Array,
    positions: Array,
    weights: Array,
    first: int,
    last: int,
    sums: Array,
    touched: Array,
    data: Array,
    lengths: Array,
    diagonal: Array,
) -> tuple[int, int]:
    """Return (the first row that did not fit in `data`, bytes written)."""
    size = 0
    window = weights.size
    for word in range(first, last):
        begin, end = starts[word], starts[word + 1]
        if size + min((end - begin) * 2 * window, sums.size) * _LARGEST_RECORD > data.size:
            return word, size
        n = 0
        for o in range(begin, end):
            if o + _AHEAD < end:
                fetch_ahead(tokens, max(0, positions[o + _AHEAD] - window))
                fetch_ahead(tokens, positions[o + _AHEAD] + 1)
            position = positions[o]
            lowest = position
            if position >= fresh:
                lowest -= window
            for place in range(position - 1, max(0, lowest) - 1, -1):
                other = np.int64(tokens[place])
                if other == DOCUMENT_END:
                    break
                if other >= 0:
                    touched[n] = other
                    n += sums[other] == 0
                    sums[other] += weights[position - 1 - place]
            for place in range(position + 1, min(tokens.size, position + 1 + window)):
                other = np.int64(tokens[place])
                if other == DOCUMENT_END:
                    break
                if other >= 0 and place >= fresh:
                    touched[n] = other
                    n += sums[other] == 0
                    sums[other] += weights[place - position - 1]
        diagonal[word - first] = sums[word]
        if sums[word]:
            sums[word] = 0
            for k in range(n):  # the word itself is not part of its row
                if touched[k] == word:
                    touched[k] = touched[n - 1]
                    n -= 1
                    break
        stop = _write_row(sums, touched, n, data, size)
        lengths[word - first, 0] = stop - size
        lengths[word - first, 1] = n
        size = stop
    return last, size


def count_rows(
    tokens: Array,
    fresh: int,
    starts: Array,
    positions: Array,
    weights: Array,
    first: int,
    last: int,
) -> tuple[Array, Array, Array]:
    n_words = starts.size - 1
    sums = np.zeros(n_words, np.int64)
    touched = np.empty(n_words + 1, np.int32)
    lengths = np.zeros((last - first, 2), np.int64)
    diagonal = np.zeros(last - first, np.int64)
    pairs = (starts[first + 1 : last + 1] - starts[first:last]) * (2 * weights.size)
    room = int(np.minimum(pairs, n_words).max(initial=0)) * _LARGEST_RECORD + (1 << 20)
    data = np.empty(room, np.uint8)
    parts, row = [], first
    while row < last:
        done, size = _count_rows(
            *(tokens, fresh, starts, positions, weights, row, last, sums, touched, data),
            *(lengths[row - first :], diagonal[row - first :]),
        )
        parts.append(data[:size].copy())
        row = done
    return np.concatenate(parts) if parts else data[:0], lengths, diagonal


@jit
def _read(data: Array, at: int, end: int) -> tuple[int, int]:
    """Return (number, next byte); the next byte is -1 when the number is not whole."""
    value = shift = 0
    while at < end and shift < 63:
        byte = byte_at(data, at)
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return value, -1


@jit
def _decode_row(data: Array, begin: int, end: int, columns: Array, counts: Array) -> bool:
    """Decode one row into `columns` and `counts`; False when it holds more or fewer records."""
    at, column = begin, -1
    for k in range(columns.size):
        gap, at = _read(data, at, end)
        if at < 0:
            return False
        count, at = _read(data, at, end)
        if at < 0:
            return False
        column += gap + 1  # an overflow is negative
        if not 0 <= column <= LAST_COLUMN or count < 1:
            return False
        columns[k] = column
        counts[k] = count
    return at == end


def decode_rows(data: Array, records: int) -> tuple[Array, Array]:
    columns, counts = np.empty(records, np.int32), np.empty(records, np.int64)
    if not _decode_row(np.ascontiguousarray(data), 0, data.size, columns, counts):
        raise ValueError(f"a row must hold {records} records, got other bytes")
    return columns, counts


@jit
def _merge_rows(
    data: Array, offsets: Array, sums: Array, touched: Array, out: Array, lengths: Array
) -> int:
    """Return the bytes written; -1 when a row is damaged, -2 when a sum is 2^63 or more."""
    size = 0
    for i in range(lengths.shape[0]):
        n = 0
        for run in range(offsets.shape[0]):
            at, end, column = offsets[run, i], offsets[run, i + 1], -1
            while at < end:
                gap, at = _read(data, at, end)
                count, at = _read(data, at, end) if at >= 0 else (0, -1)
                column += gap + 1
                if at < 0 or not 0 <= column < sums.size or count < 1:
                    return -1
                touched[n] = column
                n += sums[column] == 0
                sums[column] += count
                if sums[column] < 0:
                    return -2
        stop = _write_row(sums, touched, n, out, size)
        lengths[i, 0] = stop - size
        lengths[i, 1] = n
        size = stop
    return size


def merge_rows(data: Array, offsets: Array, n_words: int) -> tuple[Array, Array]:
    sums = np.zeros(n_words, np.int64)
    touched = np.empty(n_words + 1, np.int32)
    lengths = np.zeros((offsets.shape[1] - 1, 2), np.int64)
    # a merged gap or sum is never longer than the longest it came from
    out = np.empty(data.size, np.uint8)
    size = _merge_rows(data, offsets, sums, touched, out, lengths)
    if size == -2:
        raise OverflowError(_TOO_LARGE)
    if size < 0:
        raise ValueError(f"rows must be whole records with columns below {n_words}")
    return out[:size], lengths


@jit
def _sum_rows(data: Array, offsets: Array, sums: Array) -> int:
    """Return 0; -1 when a row is damaged, -2 when a sum is 2^63 or more."""
    for i in range(sums.size):
        at, end = offsets[i], offsets[i + 1]
        while at < end:
            _, at = _read(data, at, end)
            count, at = _read(data, at, end) if at >= 0 else (0, -1)
            if at < 0 or count < 1:
                return -1
            sums[i] += count
            if sums[i] < 0:
                return -2
    return 0


def sum_rows(data: Array, offsets: Array) -> Array:
    sums = np.zeros(offsets.size - 1, np.int64)
    wrong = _sum_rows(data, offsets, sums)
    if wrong == -2:
        raise OverflowError(_TOO_LARGE)
    if wrong:
        raise ValueError("rows must be whole records")
    return sums
