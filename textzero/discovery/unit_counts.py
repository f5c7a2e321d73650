"""The units of a corpus counted and numbered; what does not fit in memory goes through files.

A run is the lines "folded TAB spelling TAB count" of one table, in order. Runs are merged: of each
folded form come its count and its spellings. No unit holds white space.
"""

import gzip
import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from textzero._compat import Array
from textzero.discovery.arrays import Arrays, Column, Strings, writing
from textzero.disk import disk
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.packed import PackedStrings

ENTRY = 130  # bytes of a table for each of its words, as it grows
_FAN_IN = 64
_LINES = 1 << 14


@dataclass
class Alphabet:
    """Numbered units.

    Attributes:
        units: The units seen twice or more, folded, in code point order.
        counts: int64 (len(units) + 1,). How often each was seen; counts[0] is of those seen once.
        spellings: As what they stand in the text.
        numbers: int32 (len(spellings),). What each spelling's place in `units` is.
    """

    units: PackedStrings
    counts: Array
    spellings: PackedStrings
    numbers: Array

    def table(self, arrays: Arrays) -> Any:
        """Return a table in which `look_up` finds the place of a spelling in `units`."""
        tables = kernel("tables")
        table = tables.new_table(False)
        entries, size = self.numbers.size, int(self.spellings.offsets[-1])
        if hasattr(table, "slots") and entries * ENTRY > arrays.left:  # mapped, never to grow
            table.slots = arrays.new((1 << (2 * entries + 2).bit_length(), 4), np.uint64, True)
            table.arena = arrays.new(size + 32, np.uint8)
        numbers = self.numbers.astype(np.int64)
        tables.set_values(table, self.spellings.text, self.spellings.offsets, numbers)
        return table

    def parts(self) -> list[Array]:
        """All of it as arrays."""
        held = [self.counts, self.numbers]
        for strings in (self.units, self.spellings):
            held += [strings.text, strings.offsets]
        return held

    @classmethod
    def of_sizes(cls, sizes: list[int], arrays: Arrays) -> "Alphabet":
        """Make one whose `parts` have these sizes, to be filled."""
        kinds = (np.int64, np.int32, np.uint8, np.int64, np.uint8, np.int64)
        if len(sizes) != len(kinds):
            raise InputError(f"an alphabet must have {len(kinds)} parts, got {len(sizes)}")
        counts, numbers, *rest = map(arrays.new, sizes, kinds)
        return cls(PackedStrings(*rest[:2]), counts, PackedStrings(*rest[2:]), numbers)


Lines = Callable[[], Iterator[bytes]]


class Runs:
    """Tables that were counted, as sorted lines: in memory, or in files."""

    def __init__(self, folds: Array, arrays: Arrays) -> None:
        self._folds, self._arrays = folds, arrays
        self._runs: list[Lines] = []
        self._paths: list[Path] = []

    def add(self, table: Any) -> None:
        """Take what a table holds."""
        lines = table_lines(table, self._folds)
        self._runs.append(lambda: iter(lines))

    def spill(self, table: Any) -> None:
        """Write what a table holds to a file; any thread may."""
        self._write(table_lines(table, self._folds))

    def take(self, run: Lines) -> None:
        """Take a run from elsewhere."""
        self._runs.append(run)

    def _write(self, lines: Iterable[bytes]) -> None:
        path = self._arrays.path("run")
        with writing(), disk().create(path) as file:
            write_lines(file, lines)
        self._paths.append(path)
        self._runs.append(lambda: read_lines(disk().open(path)))

    def alphabet(self) -> Alphabet:
        """Merge all runs."""
        while len(self._runs) > _FAN_IN:
            some, self._runs = self._runs[:_FAN_IN], self._runs[_FAN_IN:]
            self._write(heapq.merge(*(run() for run in some)))
        alphabet = numbered(heapq.merge(*(run() for run in self._runs)), self._arrays)
        self._runs.clear()
        for path in self._paths:
            disk().remove(path)
        return alphabet


def entries(table: Any) -> int:
    """How many words a table holds."""
    return int(table.state[0]) if hasattr(table, "state") else len(table.values)


def table_lines(table: Any, folds: Array) -> list[bytes]:
    """Return what a table holds as the lines of a run."""
    text, offsets, counts, _ = kernel("tables").unload(table)
    packed = PackedStrings(text, offsets)
    rows = zip(_folded(packed, folds), packed, counts.tolist(), strict=True)
    return sorted(f"{folded}\t{spelling}\t{count}\n".encode() for folded, spelling, count in rows)


def write_lines(file: BinaryIO, lines: Iterable[bytes]) -> None:
    """Write a run, compressed."""
    with gzip.GzipFile("", "wb", 1, file, mtime=0) as packed:
        rest = iter(lines)
        while block := b"".join(islice(rest, _LINES)):
            packed.write(block)


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Read what `write_lines` wrote, and close the file."""
    with file, gzip.GzipFile("", "rb", fileobj=file) as packed:
        yield from packed


def _lines_of(path: Path) -> Iterator[bytes]:
    return read_lines(disk().open(path))


def numbered(lines: Iterable[bytes], arrays: Arrays) -> Alphabet:
    """Number the forms of a merged run that were seen at least twice."""
    made = _Numbering(arrays)
    form, total = b"", 0
    spelled: list[bytes] = []
    for line in lines:
        folded, spelling, count = line.split(b"\t")
        if folded != form:
            made.add(form, total, spelled)
            form, total, spelled = folded, 0, []
        total += int(count)
        if not spelled or spelled[-1] != spelling:
            spelled.append(spelling)
    made.add(form, total, spelled)
    return made.done()


class _Numbering:
    """An alphabet that is being made, some thousand units at a time."""

    def __init__(self, arrays: Arrays) -> None:
        self.units, self.spellings = Strings(arrays), Strings(arrays)
        self.counts, self.numbers = Column(arrays, np.int64), Column(arrays, np.int32)
        self.counts.add(np.zeros(1, np.int64))  # of what is rare
        self.rare = self.found = 0
        self.waiting: tuple[list[bytes], list[int], list[bytes], list[int]] = [], [], [], []

    def add(self, form: bytes, count: int, spelled: list[bytes]) -> None:
        if count < 2:
            self.rare += count
            return
        forms, counts, spellings, numbers = self.waiting
        forms.append(form)
        counts.append(count)
        spellings += spelled
        numbers += [self.found] * len(spelled)
        self.found += 1
        if len(forms) >= _LINES:
            self._flush()

    def _flush(self) -> None:
        forms, counts, spellings, numbers = self.waiting
        self.units.add(_packed(forms))
        self.spellings.add(_packed(spellings))
        self.counts.add(np.array(counts, np.int64))
        self.numbers.add(np.array(numbers, np.int32))
        for column in self.waiting:
            column.clear()

    def done(self) -> Alphabet:
        self._flush()
        counts = self.counts.array()
        counts[0] = self.rare
        return Alphabet(self.units.packed(), counts, self.spellings.packed(), self.numbers.array())


def _packed(strings: list[bytes]) -> PackedStrings:
    offsets = np.zeros(len(strings) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, strings), np.int64, len(strings)), out=offsets[1:])
    return PackedStrings(np.frombuffer(b"".join(strings), np.uint8), offsets)


def _folded(strings: PackedStrings, folds: Array) -> Iterator[str]:
    """Yield strings, each character as the one that it is compared as."""
    data = strings.text[: strings.offsets[-1]]
    ends = np.r_[0, np.cumsum(data & 0xC0 != 0x80)][strings.offsets]  # in characters
    points = np.frombuffer(data.tobytes().decode().encode("utf-32-le"), np.uint32)
    text = folds[points].astype("<u4").tobytes().decode("utf-32-le")
    for start, stop in pairwise(ends.tolist()):
        yield text[start:stop]
