"""Runs: sorted words with their counts in one compressed file, read block by block.

A run is zstd frames, a block each, then an index: where each block is, its checksum, its size, its
first word. A run that was cut or changed is noticed.
"""

import json
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from textzero._compat import Array
from textzero.corpus.compression import zstd_module
from textzero.disk import disk
from textzero.errors import InputError, ResourceError
from textzero.packed import PADDING
from textzero.store import Store

ROW_BYTES = 32  # of a word in memory while runs are merged, beside its text
SMALLEST, LARGEST = 1 << 16, 2 << 20  # bytes of a block in memory
_MAGIC = b"tzwords1"
_HEAD = struct.Struct("<IIBBBx")  # words, bytes of text, bytes a length, a count, a number of docs
_TAIL = struct.Struct("<QII8s")  # where the index is, its size, its checksum
_WIDTHS = ((1, np.uint8), (2, np.uint16), (4, np.uint32), (8, np.int64))


class Rows(NamedTuple):
    """Some words with their counts.

    Attributes:
        text: uint8. The words, with padding.
        offsets: int64 (n + 1,).
        counts: int64 (n,).
        documents: int64 (n,), or (0,) when they are not counted.
    """

    text: Array
    offsets: Array
    counts: Array
    documents: Array

    def word(self, i: int) -> bytes:
        """The bytes of word i."""
        return self.text[self.offsets[i] : self.offsets[i + 1]].tobytes()

    def part(self, start: int, stop: int) -> "Rows":
        """Words start ... stop - 1."""
        return Rows(
            self.text, self.offsets[start : stop + 1], self.counts[start:stop],
            self.documents[start:stop],
        )  # fmt: skip

    def place(self, word: bytes) -> int:
        """How many words come before `word`, when they are sorted by bytes."""
        low, high = 0, self.counts.size
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.word(middle) < word else (low, middle)
        return low


class Scratch(Store):
    """A folder whose files only this run reads: nothing is flushed, nothing renamed."""

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Write a file.

        Raises:
            ResourceError: It cannot be written.
        """
        path = Path(self.address) / name
        try:
            with disk().create(path) as file:
                yield file
        except OSError as error:
            raise ResourceError(f"{path} cannot be written: {error.strerror}") from error


@dataclass(frozen=True)
class Block:
    """Where a block is: offset, stored bytes, CRC-32, words, bytes of text, the first word."""

    offset: int
    stored: int
    checksum: int
    words: int
    text: int
    first: bytes

    @classmethod
    def of(cls, entry: list[Any]) -> "Block":
        """From an index."""
        offset, stored, checksum, words, text, first = entry
        return cls(offset, stored, checksum, words, text, first.encode())

    @property
    def memory(self) -> int:
        """Bytes that the block takes while it is merged."""
        return self.text + self.words * ROW_BYTES


def write_run(store: Store, name: str, parts: Iterable[Rows], block: int) -> int:
    """Write rows in their order as a run of blocks of about `block` bytes in memory.

    Returns:
        Bytes written.
    """
    index: list[list[Any]] = []
    with store.create(name) as file:
        size = 0
        for rows in parts:
            for piece in cut(rows, block):
                data = _packed(piece)
                words, text = piece.counts.size, int(piece.offsets[-1] - piece.offsets[0])
                first = piece.word(0).decode()
                index.append([size, len(data), zlib.crc32(data), words, text, first])
                file.write(data)
                size += len(data)
        tail = zstd_module().compress(json.dumps(index).encode(), 1)
        file.write(tail)
        file.write(_TAIL.pack(size, len(tail), zlib.crc32(tail), _MAGIC))
        return size + len(tail) + _TAIL.size


def cut(rows: Rows, block: int) -> Iterator[Rows]:
    """Cut rows into blocks of about `block` bytes in memory, at least a word each."""
    start, n = 0, rows.counts.size
    sizes = rows.offsets + np.arange(n + 1) * ROW_BYTES
    while start < n:
        stop = max(int(np.searchsorted(sizes, sizes[start] + block, side="right")) - 1, start + 1)
        yield rows.part(start, stop)
        start = stop


def _packed(rows: Rows) -> bytes:
    lengths = np.diff(rows.offsets)
    columns = [_narrowed(column) for column in (lengths, rows.counts, rows.documents)]
    text = rows.text[rows.offsets[0] : rows.offsets[-1]]
    widths = [column.dtype.itemsize if column.size else 0 for column in columns]
    head = _HEAD.pack(lengths.size, text.size, *widths)
    raw = b"".join([head, text.tobytes(), *(column.tobytes() for column in columns)])
    return zstd_module().compress(raw, 1)


def _narrowed(column: Array) -> Array:
    largest = int(column.max(initial=0))
    kind = next(kind for width, kind in _WIDTHS if largest <= np.iinfo(kind).max)
    return column.astype(kind)


class Run:
    """A run in a store.

    Raises:
        InputError: It is not there, cut or changed.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.name = store, name
        self.size = store.size(name)
        try:
            with self._open() as file:
                file.seek(max(self.size - _TAIL.size, 0))
                offset, size, checksum, magic = _TAIL.unpack(file.read(_TAIL.size))
                if magic != _MAGIC or offset + size + _TAIL.size != self.size:
                    raise self._damage("it is cut")
                file.seek(offset)
                tail = file.read(size)
            if zlib.crc32(tail) != checksum:
                raise self._damage("its index was changed")
            index = json.loads(zstd_module().decompress(tail))
        except struct.error as error:
            raise self._damage("it is cut") from error
        self.blocks = [Block.of(entry) for entry in index]
        self.words = sum(block.words for block in self.blocks)
        self.text = sum(block.text for block in self.blocks)

    @property
    def largest(self) -> int:
        """Bytes of its largest block in memory."""
        return max((block.memory for block in self.blocks), default=0)

    def span(self, low: bytes, high: bytes | None) -> tuple[int, int]:
        """The blocks first ... last - 1 that may hold words in [low, high), `high` None: all."""
        firsts = [block.first for block in self.blocks]
        start = max(bisect_right(firsts, low) - 1, 0)
        stop = len(firsts)
        while high is not None and stop > start and firsts[stop - 1] >= high:
            stop -= 1
        return start, stop

    def read(self, number: int) -> Rows:
        """Read one block.

        Raises:
            InputError: It was changed.
        """
        block = self.blocks[number]
        with self._open() as file:
            file.seek(block.offset)
            data = file.read(block.stored)
        if len(data) != block.stored or zlib.crc32(data) != block.checksum:
            raise self._damage(f"block {number + 1} of {len(self.blocks)} was changed")
        raw = zstd_module().decompress(data)
        words, text, *widths = _HEAD.unpack_from(raw)
        offsets = np.zeros(words + 1, np.int64)
        at = _HEAD.size + text
        columns = []
        for width in widths:
            column = np.zeros(0, np.int64)
            if width:
                kind = dict(_WIDTHS)[width]
                column = np.frombuffer(raw, kind, words, at).astype(np.int64)
                at += words * width
            columns.append(column)
        np.cumsum(columns[0], out=offsets[1:])
        words_text = np.zeros(text + PADDING, np.uint8)
        words_text[:text] = np.frombuffer(raw, np.uint8, text, _HEAD.size)
        return Rows(words_text, offsets, columns[1], columns[2])

    def rows(self) -> Iterator[Rows]:
        """Yield its blocks."""
        for number in range(len(self.blocks)):
            yield self.read(number)

    def _open(self) -> BinaryIO:
        return self.store.open(self.name)

    def _damage(self, what: str) -> InputError:
        return InputError(
            f"{self.store.address}/{self.name} is damaged: {what}; remove it and run again"
        )
