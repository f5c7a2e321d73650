"""Runs: files of encoded rows in order, compressed in blocks, that can be read from any row on.

Blocks lie end to end, each a zstd frame with a checksum: int64 (k, rows) of what stands beside the
rows, bytes and records of each row first, then the rows as `kernels/reference/cooccurrence.py`
encodes them. Behind them are int64 (n_blocks + 1, 3): the first row of each block, where its frame
begins, and the bytes of rows before it; the number of blocks, and the CRC-32 of that table.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from zlib import crc32

import numpy as np

from textzero._compat import Array
from textzero.corpus.sources import zstd_module
from textzero.errors import InputError
from textzero.parallel import ranges_of
from textzero.store import Store

BLOCK = 256 << 10  # bytes of rows that are compressed together, or one row
_LEVEL = 1  # rows shrink by a third at several hundred MB/s; the next levels gain little


class Rows(NamedTuple):
    """Some rows in order.

    Attributes:
        data: uint8. The encoded rows, end to end.
        beside: int64 (k, n). For each row: bytes, records, units of the word with itself and,
            where words are sub-sampled, occurrences that stayed.
    """

    data: Array
    beside: Array


def write_run(store: Store, name: str, rows: Iterable[Rows]) -> int:
    """Write rows as a run; return its size in bytes.

    Raises:
        ResourceError: The disk is full.
    """
    zstd = zstd_module()
    options = {
        zstd.CompressionParameter.compression_level: _LEVEL,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    index = [(0, 0, 0)]
    with store.create(name) as file:
        for block in _blocks(rows):
            first, begin, before = index[-1]
            frame = zstd.compress(block.beside.tobytes() + block.data.tobytes(), options=options)
            file.write(frame)
            rows_in = block.beside.shape[1]
            index.append((first + rows_in, begin + len(frame), before + block.data.size))
        table = np.array(index, np.int64)
        content = table.tobytes()
        file.write(content + np.array([len(index) - 1, crc32(content)]).tobytes())
    return int(table[-1, 1]) + table.nbytes + 16


def _blocks(rows: Iterable[Rows]) -> Iterator[Rows]:
    for data, beside in rows:
        ends = np.concatenate([[0], np.cumsum(beside[0])])
        for first, last in ranges_of(beside[0], BLOCK):
            yield Rows(data[ends[first] : ends[last]], np.ascontiguousarray(beside[:, first:last]))


class Run:
    """A run that is read from its first row to its last.

    Attributes:
        index: int64 (n_blocks + 1, 3). First row, place of the frame and bytes of rows before it.

    Raises:
        InputError: It is not there, or damaged.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.name = f"{store.address}/{name}"
        self._file = store.open(name)
        self._held: tuple[int, Rows] = -1, Rows(np.zeros(0, np.uint8), np.zeros((2, 0), np.int64))
        try:
            size = self._file.seek(0, 2)
            self._file.seek(max(size - 16, 0))
            blocks, checksum = np.frombuffer(self._file.read(16), np.int64).tolist()
            if not 0 <= blocks < size // 24:
                raise ValueError(f"{blocks} blocks")
            self._file.seek(size - 16 - (blocks + 1) * 24)
            content = self._file.read((blocks + 1) * 24)
            if crc32(content) != checksum:
                raise ValueError("an index that was changed")
            self.index = np.frombuffer(content, np.int64).reshape(-1, 3)
        except (ValueError, IndexError, OSError) as error:
            self._file.close()
            raise self._damaged(error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def rows(self, first: int, last: int) -> Rows:
        """Return rows first ... last - 1; the block in which they end stays in memory."""
        starts = self.index[:, 0]
        begin = int(np.searchsorted(starts, first, side="right")) - 1
        parts = []
        for number in range(begin, int(np.searchsorted(starts, last, side="left"))):
            block, start = self._block(number), int(starts[number])
            ends = np.concatenate([[0], np.cumsum(block.beside[0])])
            low, high = max(first - start, 0), min(last - start, block.beside.shape[1])
            parts.append(Rows(block.data[ends[low] : ends[high]], block.beside[:, low:high]))
        if len(parts) == 1:
            return parts[0]
        return Rows(
            np.concatenate([part.data for part in parts]),
            np.concatenate([part.beside for part in parts], axis=1),
        )

    def blocks(self) -> Iterator[Rows]:
        """Yield all rows."""
        for number in range(len(self.index) - 1):
            yield self._block(number)

    def _block(self, number: int) -> Rows:
        if self._held[0] == number:
            return self._held[1]
        (first, begin, before), (last, end, after) = self.index[number : number + 2].tolist()
        try:
            self._file.seek(begin)
            frame = self._file.read(end - begin)
            size = zstd_module().get_frame_info(frame).decompressed_size or 0
            beside, rest = divmod(size - (after - before), 8 * (last - first))
            if rest or beside not in (3, 4):
                raise ValueError("a block of another size")
            content = zstd_module().decompress(frame)
            split = 8 * beside * (last - first)
            block = Rows(
                np.frombuffer(content, np.uint8, offset=split),
                np.frombuffer(content[:split], np.int64).reshape(beside, -1),
            )
            if int(block.beside[0].sum()) != block.data.size or block.beside.min(initial=0) < 0:
                raise ValueError("rows of other lengths")
        except (ValueError, OSError, zstd_module().ZstdError) as error:
            raise self._damaged(error) from error
        self._held = number, block
        return block

    def _damaged(self, error: Exception) -> InputError:
        return InputError(f"{self.name} is damaged ({error}); remove it and run again")
