"""Encoded rows on the card: bytes to columns and counts, and back.

Rows in memory are (starts, columns, counts): int64 (n_rows + 1,), int32 (n,), int64 (n,), columns
ascending in each row. Everything here takes and returns arrays of the device.
"""

from collections.abc import Iterator

import cupy
import numpy as np

from textzero._compat import GpuArray as Array
from textzero.kernels.gpu._cuda import blocks_of, function, launch
from textzero.kernels.reference.cooccurrence import LAST_COLUMN

_TILE = 4096  # bytes that a block reads; TILE of rows.cu
_WARPS = 8  # of a block


def decode(data: Array, offsets: Array, n_words: int = LAST_COLUMN + 1) -> tuple[Array, ...]:
    """Return (starts, columns, counts) of encoded rows.

    Args:
        data: uint8 (n,).
        offsets: int64 (n_rows + 1,). Row i is data[offsets[i]:offsets[i + 1]]; the first is 0 and
            the last is n.
        n_words: Columns are below this.

    Raises:
        ValueError: The bytes are no such rows.
    """
    starts, columns, counts, _ = _decode(data, offsets, n_words, 0)
    return starts, columns, counts


def decode_keys(data: Array, offsets: Array, n_words: int, n_rows: int) -> tuple[Array, Array]:
    """Return uint64 keys, (row % n_rows) << 31 | column, and int64 counts of encoded rows."""
    _, _, counts, keys = _decode(data, offsets, n_words, n_rows)
    return keys, counts


def _decode(data: Array, offsets: Array, n_words: int, modulus: int) -> tuple[Array, ...]:
    size, n_rows = data.size, offsets.size - 1
    if not size:
        empty = (cupy.empty(0, kind) for kind in (np.int32, np.int64, np.uint64))
        return cupy.zeros(n_rows + 1, np.int64), *empty
    tiles = blocks_of(size, _TILE)
    before = cupy.zeros(tiles + 1, np.int64)
    launch(function("rows", "count_numbers"), tiles, data, np.int64(size), before[1:])
    before = cupy.cumsum(before)
    records = int(before[-1]) // 2
    steps, counts = cupy.empty(records + 1, np.int64), cupy.empty(records + 1, np.int64)
    damaged = cupy.zeros(1, np.int32)
    launch(
        *(function("rows", "read_numbers"), tiles, data, np.int64(size), before),
        *(steps, counts, damaged),
    )
    starts = cupy.empty(n_rows + 1, np.int64)
    launch(
        *(function("rows", "row_starts"), blocks_of(n_rows + 1, _WARPS), data, before, offsets),
        *(np.int64(n_rows + 1), starts, damaged),
    )
    columns = cupy.empty(records, np.int32)
    keys = cupy.empty(records if modulus else 1, np.uint64)
    whole = not int(damaged[0]) and records > 0 and int(starts[-1]) == records
    if whole:
        launch(
            *(function("rows", "number_columns"), blocks_of(n_rows, _WARPS)),
            *(cupy.cumsum(steps[:records]), starts, np.int64(n_rows), np.int64(max(1, modulus))),
            *(np.int64(n_words), columns, keys, np.int32(modulus > 0), damaged),
        )
    if not whole or int(damaged[0]):
        raise ValueError(f"rows must be whole records with columns below {n_words}")
    return starts, columns, counts[:records], keys[: records if modulus else 0]


def encode(starts: Array, columns: Array, counts: Array) -> tuple[Array, Array]:
    """Return (uint8 data, int64 (n_rows + 1,) offsets) of rows."""
    n_rows, records = starts.size - 1, columns.size
    if not records:
        return cupy.empty(0, np.uint8), cupy.zeros(n_rows + 1, np.int64)
    blocks = blocks_of(n_rows, _WARPS)
    sizes = cupy.empty(records, np.uint8)
    rows = columns, counts, starts, np.int64(n_rows)
    launch(function("rows", "record_sizes"), blocks, *rows, sizes)
    ends = cupy.zeros(records + 1, np.int64)
    cupy.cumsum(sizes, dtype=np.int64, out=ends[1:])
    data = cupy.empty(int(ends[-1]), np.uint8)
    launch(function("rows", "write_records"), blocks, *rows, ends[1:], data)
    return data, ends[starts]


def encoded_blocks(
    starts: Array, columns: Array, counts: Array, most_records: int
) -> Iterator[tuple[Array, Array]]:
    """Yield encoded rows in blocks of at most `most_records` records (or one row), for the host.

    Each block is NumPy arrays: data, uint8 (n,), and lengths, int64 (n_rows, 2), the bytes and
    records of each row.
    """
    ends, first = starts.get(), 0
    while first < ends.size - 1:
        last = int(np.searchsorted(ends, ends[first] + most_records, side="right")) - 1
        last = max(last, first + 1)
        part = slice(int(ends[first]), int(ends[last]))
        local = starts[first : last + 1] - part.start
        data, offsets = encode(local, columns[part], counts[part])
        lengths = np.stack([np.diff(offsets.get()), np.diff(ends[first : last + 1])], axis=1)
        yield data.get(), lengths
        first = last
