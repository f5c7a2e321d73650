"""A table of words that never takes more memory than it may: what is too much goes into runs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero._words.merging import Bench, merged, new_name
from textzero._words.runs import Rows, Run, write_run
from textzero.kernels import kernel
from textzero.store import Store

_SLICE = 4096  # tokens that are added at a time when a table is nearly full
_TAKEN = 1 << 14  # words that are taken from a table at a time
_OPEN = 16  # runs of one document that are merged into one


class LongDocument:
    """The words of an open document that memory does not hold: it counts once for each of them."""

    def __init__(self, new_bench: Callable[[], Bench]) -> None:
        self._new_bench = new_bench
        self._runs: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._runs)

    def add(self, words: Iterable[tuple[Array, Array]]) -> None:
        """Keep sorted words, given as text and offsets in parts."""
        bench, name = self._new_bench(), new_name()
        write_run(bench.store, name, (_once(*part) for part in words), bench.block)
        self._runs.append(name)
        if len(self._runs) >= _OPEN:
            self._runs = [self._merge(bench.store)]

    def close(self, store: Store) -> str:
        """End the document: return a run in `store` in which each of its words is held once."""
        name = self._merge(store)
        self._runs = []
        return name

    def _merge(self, store: Store) -> str:
        bench, name = self._new_bench(), new_name()
        small = replace(bench, room=bench.room // 8)
        runs = [Run(bench.store, opened) for opened in self._runs]
        once = (rows._replace(documents=np.minimum(rows.documents, 1))
                for rows in merged(runs, small))  # fmt: skip
        write_run(store, name, once, bench.block)
        bench.store.remove(*self._runs)
        return name


def _once(text: Array, offsets: Array) -> Rows:
    n = offsets.size - 1
    return Rows(text, offsets, np.zeros(n, np.int64), np.ones(n, np.int64))


class BoundedTable:
    """A kernel's word table; when it is full its words become a sorted run, and it is empty again.

    Args:
        documents: Whether documents are counted.
        low: The fewest tokens together.
        high: The most tokens together.
        most: Bytes that the table may take.
        new_bench: Makes the place for what only this run reads; asked when it is needed.
        new_store: Makes the place of the runs.
        wrote: Called with the bytes of each run.

    Attributes:
        table: The kernel's table.
        runs: What was written and not yet taken.
    """

    def __init__(
        self,
        documents: bool,
        low: int,
        high: int,
        most: int,
        new_bench: Callable[[], Bench],
        new_store: Callable[[], Store],
        wrote: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.documents, self.low, self.high, self.most = documents, low, high, most
        self.kernels = kernel("tables")
        self.table: Any = self.kernels.new_table(documents)
        self.new_bench, self.new_store, self.wrote = new_bench, new_store, wrote
        self.runs: list[str] = []
        self._long = LongDocument(new_bench)
        self._is_open = False

    def add_tokens(self, text: Array, starts: Array, stops: Array) -> None:
        """Count the n-grams of a piece; see `kernels/reference/tables.py`."""
        first, n = 0, starts.size
        while first < n:
            last = self._last(text, starts, stops, first)
            ends = np.flatnonzero(starts[first:last] < 0) if self._long else np.zeros(0, np.int64)
            if ends.size:
                last = first + int(ends[0])
            self.kernels.add_tokens(
                self.table, text, starts[first:last], stops[first:last], self.low, self.high
            )
            if ends.size:
                self.end_document()
                last += 1
            else:
                self._is_open = bool(starts[last - 1] >= 0)
            first = last

    def _last(self, text: Array, starts: Array, stops: Array, first: int) -> int:
        """Behind the last token that there is surely room for; make room when there is none."""
        if self._fits(starts.size - first, text.size):
            return starts.size
        orders = sum(range(self.low, self.high + 1))
        last = min(first + max(_SLICE // orders, 1), starts.size)
        if self.documents and (ends := np.flatnonzero(starts[first:last] < 0)).size:
            last = first + int(ends[-1]) + 1  # a table is best written between two documents
        begins = starts[first:last][starts[first:last] >= 0]
        size = int(stops[first:last].max() - begins[0]) if begins.size else 0
        if not self._fits(last - first, size):
            self.dump()
        return last

    def _fits(self, tokens: int, text: int) -> bool:
        """Whether there is room for so many tokens of so many bytes, all of them new."""
        orders = range(self.low, self.high + 1)
        if self.high > 1:
            text = (text + tokens) * sum(orders)
        return self.kernels.size_after(self.table, tokens * len(orders), text) <= self.most

    def end_document(self) -> None:
        """End the current document."""
        if self._long:
            self.dump()
            self.runs.append(self._long.close(self.new_store()))
        self.kernels.end_document(self.table)
        self._is_open = False

    def add_rows(self, rows: Rows) -> None:
        """Add words that were counted before.

        Raises:
            InputError: A sum passes 2^63 - 1.
        """
        start, n = 0, rows.counts.size
        while start < n:
            stop = n
            if not self._fits_rows(rows, start, stop):
                stop = min(start + _SLICE, n)
                if not self._fits_rows(rows, start, stop):
                    self.dump()
            part = rows.part(start, stop)
            self.kernels.add_packed(self.table, *part)
            start = stop

    def _fits_rows(self, rows: Rows, start: int, stop: int) -> bool:
        text = int(rows.offsets[stop] - rows.offsets[start])
        return self.kernels.size_after(self.table, stop - start, text) <= self.most

    def dump(self) -> None:
        """Write all words as a run, and forget them; the open document stays open."""
        if not self.kernels.extent(self.table)[0]:
            return
        bench, store, name = self.new_bench(), self.new_store(), new_name()
        places = self.kernels.sorted_places(self.table)
        rows = (
            Rows(text, offsets, counts, documents - is_open)
            for text, offsets, counts, documents, is_open in self._taken(places)
        )
        size = write_run(store, name, rows, bench.block)
        self.runs.append(name)
        if self.documents and self._is_open:
            self._long.add(self._open_words(places))
        self.kernels.clear(self.table)
        self.wrote(size)

    def rows(self) -> Iterator[Rows]:
        """Yield the words in the order of their bytes; no document is open."""
        for part in self._taken(self.kernels.sorted_places(self.table)):
            yield Rows(*part[:4])

    def _taken(self, places: Array) -> Iterator[tuple[Array, Array, Array, Array, Array]]:
        for start in range(0, places.size, _TAKEN):
            yield self.kernels.take(self.table, places[start : start + _TAKEN])

    def _open_words(self, places: Array) -> Iterator[tuple[Array, Array]]:
        for text, offsets, _, _, is_open in self._taken(places):
            if is_open.any():
                yield kernel("packed").gather(text, offsets, np.flatnonzero(is_open))
