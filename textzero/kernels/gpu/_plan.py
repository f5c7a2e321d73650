"""What of a training stays on the card, by how much memory there is."""

from dataclasses import dataclass

import numpy as np

from textzero._compat import GpuArray as Array
from textzero.errors import ResourceError
from textzero.kernels.gpu._solver import CHUNK

RECORD_BYTES = 12  # column, logarithm and weight
_DECODED_BYTES = 56  # of a record while its block is decoded and solved
_ROW_BYTES = 100  # of a row besides its vectors: starts, chunks, measures
_WORD_BYTES = 64  # of a word: biases, weights, losses
_MOST_RECORDS = 1 << 24  # of a block: some waves of a large card
_LEAST_RECORDS, _LEAST_ROWS = 1 << 16, 1 << 10
_MOST_NUMBERS = 1 << 26  # of the rows of a block
_PART_NUMBERS, _PART_ROWS = 1 << 23, 1 << 10  # of the rows that are summed or packed at a time
_PART_BYTES = 20  # of each number of these, with what is made from it
_BLOCKS = 2  # under way at a time
_SHARE = 8  # of the memory that is left goes to a block under way


@dataclass(frozen=True)
class Plan:
    """How training is laid out.

    Attributes:
        ranges: First and last row of each block.
        step: Rows that are summed or packed at a time.
        is_resident: Whether the matrices stay on the card; otherwise they stream through it.
        keeps: How many blocks, from the first, have their records kept on the card.
    """

    ranges: list[tuple[int, int]]
    step: int
    is_resident: bool
    keeps: int


def plan(lengths: Array, dim: int, width: int, matrices: int, room: int) -> Plan:
    """Divide the memory: the packed matrix and two blocks first, matrices next, records last.

    Args:
        lengths: int64 (n_words,). Records of each row.
        dim: Length of a vector.
        width: The same, padded.
        matrices: Float32 matrices that exist at a time.
        room: Bytes of the card that we may take.

    Raises:
        ResourceError: Not even the packed matrix and two small blocks fit.
    """
    n_words, longest = lengths.size, int(lengths.max(initial=0))
    per_record = _DECODED_BYTES + -(-4 * width // CHUNK)
    per_row = 4 * (2 * dim + 5 * width) + _ROW_BYTES
    step = min(n_words, max(_PART_NUMBERS // width, _PART_ROWS))
    shared = n_words * (2 * width + _WORD_BYTES) + step * width * _PART_BYTES
    least = max(longest, _LEAST_RECORDS) * per_record + min(n_words, _LEAST_ROWS) * per_row
    if shared + _BLOCKS * least > room:
        raise ResourceError(
            f"training on the GPU must have at least {shared + _BLOCKS * least:,} bytes of its "
            f"memory, for {n_words:,} packed rows of {dim} numbers and two blocks of records; "
            f"{room:,} are free: use device='cpu', fewer words or a smaller dim"
        )
    whole = n_words * dim * 4 * matrices
    is_resident = shared + _BLOCKS * least + whole <= room
    left = room - shared - (whole if is_resident else 0)
    block = max(least, left // _SHARE)
    records = max(longest, min(block // 2 // per_record, _MOST_RECORDS), _LEAST_RECORDS)
    rows = max(min(block // 2 // per_row, _MOST_NUMBERS // width), _LEAST_ROWS)
    ranges = ranges_of(lengths, records, rows)
    left -= _BLOCKS * (records * per_record + min(rows, n_words) * per_row)
    kept = np.cumsum([int(lengths[a:b].sum()) * RECORD_BYTES for a, b in ranges])
    return Plan(ranges, step, is_resident, int((kept <= left).sum()))


def ranges_of(lengths: Array, most_records: int, most_rows: int) -> list[tuple[int, int]]:
    """Cut rows into ranges of at most so many records (or one row) and rows."""
    sums = np.cumsum(lengths)
    ranges, start = [], 0
    while start < lengths.size:
        before = int(sums[start - 1]) if start else 0
        stop = int(np.searchsorted(sums, before + most_records, side="right"))
        stop = min(max(stop, start + 1), start + most_rows)
        ranges.append((start, stop))
        start = stop
    return ranges
