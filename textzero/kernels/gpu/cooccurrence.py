"""Co-occurrence on the card. Contract: `kernels/reference/cooccurrence.py`.

Pairs become keys, keys are sorted by radix and summed up (`_pairs`), rows are encoded and decoded a
byte a thread (`_rows`). These twins copy to the card and back; `textzero.cooccurrence` keeps what
it can on the card.
"""

import cupy
import numpy as np

from textzero._compat import GpuArray as Array
from textzero.kernels.gpu import _rows
from textzero.kernels.gpu._cuda import upload
from textzero.kernels.gpu._pairs import Pairs, sum_runs


def word_positions(tokens: Array, n_words: int) -> tuple[Array, Array]:
    given = upload(tokens, np.int32)
    places = cupy.flatnonzero(given >= 0)
    order = cupy.argsort(given[places])  # stable
    words = given[places][order]
    starts = cupy.searchsorted(words, cupy.arange(n_words + 1, dtype=np.int32))
    return starts.astype(np.int64).get(), places[order].astype(np.int64).get()


def count_rows(
    tokens: Array,
    fresh: int,
    starts: Array,
    positions: Array,  # noqa: ARG001  the card finds pairs from the tokens alone
    weights: Array,
    first: int,
    last: int,
) -> tuple[Array, Array, Array]:
    given = upload(tokens, np.int32)
    pairs, begin = Pairs(starts.size - 1, weights), 0
    while begin < given.size:
        begin = pairs.add(given, fresh, begin, first, last)
    row_starts, columns, counts, diagonal = pairs.take()
    row_starts = row_starts[first : last + 1]
    part = slice(int(row_starts[0]), int(row_starts[-1]))
    rows = row_starts - row_starts[0], columns[part], counts[part]
    data, offsets = _rows.encode(*rows)
    return data.get(), _lengths(offsets, rows[0]), diagonal[first:last].get()


def _lengths(offsets: Array, starts: Array) -> Array:
    sizes = [offsets[1:] - offsets[:-1], starts[1:] - starts[:-1]]
    return np.stack([size.get() for size in sizes], axis=1)


def decode_rows(data: Array, records: int) -> tuple[Array, Array]:
    ends = cupy.asarray(np.array([0, data.size], np.int64))
    _, columns, counts = _rows.decode(upload(data, np.uint8), ends)
    if columns.size != records:
        raise ValueError(f"a row must hold {records} records, got {columns.size}")
    return columns.get(), counts.get()


def merge_rows(data: Array, offsets: Array, n_words: int) -> tuple[Array, Array]:
    n_rows = offsets.shape[1] - 1
    # the rows of all runs end to end
    parts = [data[row[0] : row[-1]] for row in offsets]
    sizes = np.diff(offsets, axis=1).ravel()
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    if not ends[-1]:
        return np.empty(0, np.uint8), np.zeros((n_rows, 2), np.int64)
    keys, counts = _rows.decode_keys(
        upload(np.concatenate(parts), np.uint8), upload(ends), n_words, max(1, n_rows)
    )
    order = cupy.argsort(keys)
    keys, counts = sum_runs(keys[order], counts[order], 0)
    rows = cupy.arange(n_rows + 1, dtype=np.uint64) << np.uint64(31)
    starts = cupy.searchsorted(keys, rows).astype(np.int64)
    columns = (keys & np.uint64((1 << 31) - 1)).astype(np.int32)
    merged, merged_offsets = _rows.encode(starts, columns, counts)
    return merged.get(), _lengths(merged_offsets, starts)


def sum_rows(data: Array, offsets: Array) -> Array:
    begin, end = (int(offsets[0]), int(offsets[-1])) if offsets.size else (0, 0)
    starts, _, counts = _rows.decode(
        upload(data[begin:end], np.uint8), upload(offsets - begin, np.int64)
    )
    totals = cupy.zeros(counts.size + 1, np.int64)
    cupy.cumsum(counts, out=totals[1:])
    return (totals[starts[1:]] - totals[starts[:-1]]).get()
