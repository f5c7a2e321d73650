"""Runs merged by ranges of rows: what is in memory is bounded, whatever their size and number."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Self

import numpy as np

from textzero._compat import Array
from textzero._cooccurrence.journal import Journal, Part
from textzero._cooccurrence.runs import Rows, Run
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.parallel import ordered_threads, ranges_of
from textzero.store import Store

FAN_IN = 64
_RANGE = 8 << 20  # bytes of rows that are merged at once, at most
_LEAST_RANGE = 256 << 10
_COPIES = 4  # of a range: read, joined, merged, waiting to be written
_GRID = 64  # rows between two places where a range may end
_ROW_BYTES = 32  # of a row in each run, besides its records: what stands beside it, and its offset


class Merge:
    """The rows of several runs added up; used in a `with` statement, for it holds them open.

    Args:
        store: Where the runs are.
        names: Of the runs.
        n_words: Size of the vocabulary.
        room: Bytes to use.
        workers: Threads.
        n_rows: Rows of each run; None for all words.
    """

    def __init__(
        self, store: Store, names: Sequence[str], n_words: int, room: int, workers: int,
        n_rows: int | None = None,
    ) -> None:  # fmt: skip
        self.n_words, self.workers = n_words, workers
        self._open = ExitStack()
        self.runs: list[Run] = []
        try:
            for name in names:
                self.runs.append(Run(store, name))
                self._open.callback(self.runs[-1].close)
                if self.runs[-1].index[-1, 0] != (n_rows or n_words):
                    raise InputError(f"{name} must hold {n_rows or n_words:,} rows")
        except BaseException:
            self._open.close()
            raise
        self.most = min(max(room // ((2 * workers + 1) * _COPIES), _LEAST_RANGE), _RANGE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def rows(self, first: int = 0, last: int | None = None) -> Iterator[Rows]:
        """Yield rows first ... last - 1 in order, by default all.

        Raises:
            InputError: A run is damaged, or a sum is 2^63 or more.
        """
        ranges = even_ranges([run.index for run in self.runs], self.most, first, last)
        read = ([run.rows(*limits) for run in self.runs] for limits in ranges)
        yield from ordered_threads(self._merged, read, self.workers)

    def _merged(self, parts: list[Rows]) -> Rows:
        if len(parts) == 1:
            return parts[0]
        offsets = np.zeros((len(parts), parts[0].beside.shape[1] + 1), np.int64)
        begin = 0
        for part, row in zip(parts, offsets, strict=True):
            np.cumsum(part.beside[0], out=row[1:])
            row += begin
            begin += part.data.size
        try:
            data, lengths = kernel("cooccurrence").merge_rows(
                np.concatenate([part.data for part in parts]), offsets, self.n_words
            )
        except (ValueError, OverflowError) as error:
            raise InputError(f"{self.runs[0].name} and others cannot be merged: {error}") from error
        sums = exact_sum([part.beside[2:] for part in parts])
        return Rows(data, np.concatenate([lengths.T, sums]))


def even_ranges(
    indexes: Sequence[Array], most: int, first: int = 0, last: int | None = None
) -> list[tuple[int, int]]:
    """Cut rows first ... last - 1 into ranges of about so many bytes in all runs together.

    Rare words have more rows than bytes, and each row takes some bytes in every run.

    Args:
        indexes: Of the runs.
        most: Bytes.
        first, last: By default all rows.
    """
    last = int(indexes[0][-1, 0]) if last is None else last
    grid = np.concatenate([np.arange(first, last, _GRID), *(index[:, 0] for index in indexes)])
    grid = np.unique(np.append(grid[(grid > first) & (grid < last)], [first, last]))
    before = grid * float(_ROW_BYTES * len(indexes))
    for index in indexes:
        before += np.interp(grid, index[:, 0], index[:, 2])
    cells = np.diff(before).astype(np.int64)
    return [(int(grid[a]), int(grid[b])) for a, b in ranges_of(cells, most)]


def exact_sum(parts: Sequence[Array]) -> Array:
    """Return the sum of int64 arrays without a negative number.

    Raises:
        InputError: A sum is 2^63 or more.
    """
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
        if total.size and total.min() < 0:  # two numbers below 2^63 that wrap are negative
            raise InputError("a sum of co-occurrences is 2^63 or more: too much to be counted")
    return total


def fan_in(longest: int, room: int) -> int:
    """Return how many runs can be merged at once: the longest row of each is in memory."""
    return max(2, min(FAN_IN, room // (_COPIES * longest)))


def reduce_runs(journal: Journal, n_words: int, room: int, workers: int) -> None:
    """Merge the smallest runs of a journal until the rest can be merged at once.

    At most FAN_IN are merged at a time, and only as many as have room for their longest rows.
    """
    known: dict[str, tuple[int, int]] = {}  # bytes, and those of the longest row
    while True:
        for name in set(journal.runs) - known.keys():
            known[name] = measured(journal.store, name)
        names = sorted(journal.runs, key=lambda name: (known[name], name))
        longest = max((known[name][1] for name in names), default=1)
        most = fan_in(longest, room // workers)
        if len(names) <= most:
            return
        chosen = set(names[: min(most, len(names) - most + 1)])
        old = {n: part for n, part in journal.parts.items() if chosen.intersection(part.runs)}
        new = Part(replaces=list(old))
        for part in old.values():
            new.join(part)
        new.runs = [name for name in new.runs if name not in chosen]
        with Merge(journal.store, sorted(chosen), n_words, room, workers) as merge:
            new.runs.append(journal.write(merge.rows()))
        journal.commit(new)


def measured(store: Store, name: str) -> tuple[int, int]:
    """Return the bytes of a run, and those of its longest row."""
    run = Run(store, name)
    run.close()
    return int(run.index[-1, 1]), max(1, int(np.diff(run.index[:, 2]).max(initial=1)))
