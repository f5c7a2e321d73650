"""Co-occurrence, as the definition reads.

Tokens are word ids of all documents, end to end: DOCUMENT_END closes a document, GAP keeps the
place of a word that is not in the vocabulary. Counts are integers: a weight that depends on the
distance is a whole number of units (see `textzero.cooccurrence`), so that any order of addition
gives the same sum.

A row is written as pairs of LEB128 numbers, columns ascending: the gap to the column before,
less one (the column itself at the start), then the count.
"""

from itertools import accumulate

import numpy as np

from textzero._compat import Array

DOCUMENT_END, GAP = -1, -2
LAST_COLUMN = (1 << 31) - 1


def word_positions(tokens: Array, n_words: int) -> tuple[Array, Array]:
    """List where each word stands.

    Args:
        tokens: int32 (n_tokens,).
        n_words: Size of the vocabulary.

    Returns:
        starts: int64 (n_words + 1,). Word i stands at positions[starts[i]:starts[i + 1]].
        positions: int64 (n,). Ascending for each word.
    """
    places = np.flatnonzero(tokens >= 0)
    words = tokens[places]
    starts = np.zeros(n_words + 1, np.int64)
    np.cumsum(np.bincount(words, minlength=n_words), out=starts[1:])
    return starts, places[np.argsort(words, kind="stable")]


def count_rows(
    tokens: Array,
    fresh: int,
    starts: Array,
    positions: Array,
    weights: Array,
    first: int,
    last: int,
) -> tuple[Array, Array, Array]:
    """Count the words around each occurrence of the words first, ..., last - 1.

    Args:
        tokens: int32 (n_tokens,).
        fresh: Tokens before this one were counted before, and are here as neighbours of later
            ones only.
        starts, positions: From `word_positions`.
        weights: int64 (window,). Units that a neighbour at distance d adds: weights[d - 1].
        first, last: The rows to count.

    Returns:
        data: uint8 (n,). The rows, encoded.
        lengths: int64 (last - first, 2). Bytes and records of each row.
        diagonal: int64 (last - first,). The count of each word with itself, which is not in `data`.
    """
    rows = []
    for word in range(first, last):
        row: dict[int, int] = {}
        for position in positions[starts[word] : starts[word + 1]].tolist():
            for step in (-1, 1):
                for distance in range(1, weights.size + 1):
                    place = position + step * distance
                    if not 0 <= place < tokens.size or tokens[place] == DOCUMENT_END:
                        break
                    if tokens[place] >= 0 and max(position, place) >= fresh:
                        other = int(tokens[place])
                        row[other] = row.get(other, 0) + int(weights[distance - 1])
        rows.append(row)
    diagonal = np.array([row.pop(first + i, 0) for i, row in enumerate(rows)], np.int64)
    return *_encode(rows), diagonal


def _encode(rows: list[dict[int, int]]) -> tuple[Array, Array]:
    data = bytearray()
    lengths = np.zeros((len(rows), 2), np.int64)
    for i, row in enumerate(rows):
        begun, before = len(data), -1
        for column in sorted(row):
            for number in (column - before - 1, row[column]):
                while number >= 0x80:
                    data.append(number & 0x7F | 0x80)
                    number >>= 7
                data.append(number)
            before = column
        lengths[i] = len(data) - begun, len(row)
    return np.frombuffer(bytes(data), np.uint8), lengths


def decode_rows(data: Array, records: int) -> tuple[Array, Array]:
    """Undo the encoding of one row.

    Args:
        data: uint8 (n,). One encoded row.
        records: How many records it holds.

    Returns:
        columns: int32 (records,).
        counts: int64 (records,).

    Raises:
        ValueError: The bytes do not hold that many records, or hold more; or one of them is no
            record: a count of 0, a column or a count that is too large.
    """
    numbers, value, shift = [], 0, 0
    for byte in data.tolist():
        if shift == 63:
            raise ValueError("a number must have at most nine bytes")
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
    if len(numbers) != 2 * records or shift:
        raise ValueError(f"a row must hold {records} records, got {len(numbers) / 2:g}")
    columns = list(accumulate(numbers[::2], lambda before, gap: before + gap + 1))
    counts = numbers[1::2]
    if records and (columns[-1] > LAST_COLUMN or not min(counts)):
        raise ValueError(f"a row must have columns up to {LAST_COLUMN} and counts of 1 or more")
    return np.array(columns, np.int32), np.array(counts, np.int64)


def merge_rows(data: Array, offsets: Array, n_words: int) -> tuple[Array, Array]:
    """Add up the rows that several runs hold of the same words.

    Args:
        data: uint8. The encoded rows of all runs.
        offsets: int64 (n_runs, n_rows + 1). Row i of a run is
            data[offsets[run, i]:offsets[run, i + 1]].
        n_words: Size of the vocabulary.

    Returns:
        merged: uint8 (n,).
        lengths: int64 (n_rows, 2). Bytes and records of each row.

    Raises:
        ValueError: The bytes are not whole records, or name a column that is not there.
        OverflowError: A sum is 2^63 or more.
    """
    rows: list[dict[int, int]] = []
    for i in range(offsets.shape[1] - 1):
        row: dict[int, int] = {}
        for run in range(offsets.shape[0]):
            piece = data[offsets[run, i] : offsets[run, i + 1]]
            records = int((piece < 0x80).sum()) // 2
            for column, count in zip(*decode_rows(piece, records), strict=True):
                if column >= n_words:
                    raise ValueError(f"a column must be below {n_words}, got {column}")
                row[int(column)] = _below(row.get(int(column), 0) + int(count))
        rows.append(row)
    return _encode(rows)


def _below(total: int) -> int:
    if total >> 63:
        raise OverflowError(f"a sum of counts must be below 2^63, got {total}")
    return total


def sum_rows(data: Array, offsets: Array) -> Array:
    """Add up the counts of each row.

    Args:
        data: uint8. Encoded rows.
        offsets: int64 (n_rows + 1,). Row i is data[offsets[i]:offsets[i + 1]].

    Returns:
        int64 (n_rows,).

    Raises:
        ValueError: The bytes are not whole records.
        OverflowError: A sum is 2^63 or more.
    """
    sums = np.zeros(offsets.size - 1, np.int64)
    for i in range(sums.size):
        piece = data[offsets[i] : offsets[i + 1]]
        counts = decode_rows(piece, int((piece < 0x80).sum()) // 2)[1]
        sums[i] = _below(sum(counts.tolist()))
    return sums
