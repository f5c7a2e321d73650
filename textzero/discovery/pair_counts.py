"""Pairs of neighbours in a stream of numbers, counted in order of their keys.

With room for them, the keys of some left numbers at a time are collected from the whole stream.
With little, blocks of the stream are counted by themselves, and what is in them is put by ranges
of keys into a file: the stream is then read once only.
"""

from collections.abc import Iterator
from itertools import pairwise
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from textzero._compat import Array
from textzero.discovery.arrays import Arrays, blocks, writing
from textzero.kernels import kernel
from textzero.parallel import ordered_threads

_KEY = 16  # bytes that a key takes while it is sorted
_MOST_SCANS = 24  # more often the stream is not read
_STEP = 1 << 20


class Stream(NamedTuple):
    """Numbers base ... base + size - 1, or 0, and those of the next position."""

    left: Array
    right: Array
    base: int
    size: int


def repeated_pairs(
    stream: Stream, occurrences: Array, least: int, room: int, workers: int, arrays: Arrays
) -> Iterator[tuple[Array, Array]]:
    """Yield (keys seen at least `least` times, their counts), ascending, part by part.

    Args:
        stream: The numbers.
        occurrences: int64 (size,). How often each number occurs, or more.
        least: Fewest occurrences of a pair.
        room: Bytes that keys being sorted may take.
        workers: Threads.
        arrays: Where blocks are kept.
    """
    most = max(room // (_KEY * workers), 1 << 16)
    parts = list(ranges(occurrences, most))
    large = len(parts) > max(_MOST_SCANS, 2 * workers) or occurrences.max(initial=0) > 2 * most
    if large and arrays.may_spill:
        yield from _merged(stream, parts, least, most, workers, arrays)
        return
    kernels = kernel("ngrams")

    def work(limits: tuple[int, int]) -> tuple[Array, Array]:
        keys = kernels.pair_keys(
            stream.left, stream.right, limits[0] + stream.base, limits[1] + stream.base,
            stream.base, stream.size,
        )  # fmt: skip
        keys.sort()
        return kernels.repeated(keys, least)

    yield from ordered_threads(work, parts, workers)


def ranges(sizes: Array, most: int) -> Iterator[tuple[int, int]]:
    """Cut 0 ... n into ranges whose sizes sum to at most `most`, or that are one entry."""
    start, held = 0, 0
    for part in blocks(sizes.size, _STEP):
        sums = np.cumsum(sizes[part]) + held
        while sums.size and sums[-1] > most:
            stop = max(int(np.searchsorted(sums, most, side="right")) + part.start, start + 1)
            yield start, stop
            sums = np.cumsum(sizes[stop : part.stop])
            part, start = slice(stop, part.stop), stop
        held = int(sums[-1]) if sums.size else 0
    if start < sizes.size:
        yield start, sizes.size


def _merged(
    stream: Stream, parts: list[tuple[int, int]], least: int, most: int, workers: int,
    arrays: Arrays,
) -> Iterator[tuple[Array, Array]]:  # fmt: skip
    """Count blocks of `most` positions, put what is in them by ranges, merge each range."""
    kernels = kernel("ngrams")

    def count(part: slice) -> tuple[Array, Array]:
        keys = kernels.pair_keys(
            stream.left[part], stream.right[part], stream.base, stream.base + stream.size,
            stream.base, stream.size,
        )  # fmt: skip
        keys.sort()
        return kernels.repeated(keys, 1)

    def merge(number: int) -> tuple[Array, Array]:
        keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        waiting: list[tuple[Array, Array]] = []
        for entry in buckets.read(number):
            waiting.append(entry)
            if sum(k.size for k, _ in waiting) > max(most // 3, keys.size):
                keys, counts = _added(keys, counts, waiting)
        keys, counts = _added(keys, counts, waiting)
        often = counts >= least
        return keys[often], counts[often]

    with arrays.file() as (_, file):
        buckets = _Buckets(file, len(parts), most * _KEY)
        bounds = np.array([first for first, _ in parts[1:]], np.int64) * stream.size
        for keys, counts in ordered_threads(count, blocks(stream.left.size, most), workers):
            cuts = [0, *np.searchsorted(keys, bounds).tolist(), keys.size]
            for number, (a, b) in enumerate(pairwise(cuts)):
                if a < b:
                    buckets.add(number, keys[a:b], counts[a:b])
        buckets.close()
        yield from ordered_threads(merge, range(len(parts)), workers)


def _added(keys: Array, counts: Array, waiting: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Add keys with counts to ascending ones; empties `waiting`."""
    keys = np.concatenate([keys, *(k for k, _ in waiting)])
    counts = np.concatenate([counts, *(c for _, c in waiting)])
    waiting.clear()
    order = np.argsort(keys, kind="stable")
    return kernel("ngrams").merge_sorted(keys[order], counts[order])


class _Buckets:
    """Keys with counts in one file, by the range that they belong to.

    Args:
        file: To write to.
        number: How many ranges there are.
        room: Bytes that wait in memory.
    """

    def __init__(self, file: Any, number: int, room: int) -> None:
        self._file, self._lock = file, Lock()
        self._most = max(room // (12 * max(number, 1)), 256)  # entries of a range that wait
        self._waiting: list[list[tuple[Array, Array]]] = [[] for _ in range(number)]
        self._sizes = [0] * number
        self._places: list[list[tuple[int, int]]] = [[] for _ in range(number)]
        self._end = 0

    def add(self, number: int, keys: Array, counts: Array) -> None:
        """Put entries into a range."""
        self._waiting[number].append((keys.copy(), counts.astype(np.int32)))
        self._sizes[number] += keys.size
        if self._sizes[number] >= self._most:
            self._flush(number)

    def _flush(self, number: int) -> None:
        if size := self._sizes[number]:
            with writing():
                for column in zip(*self._waiting[number], strict=True):
                    self._file.write(np.concatenate(column).data)
            self._places[number].append((self._end, size))
            self._end += 12 * size
        self._waiting[number], self._sizes[number] = [], 0

    def close(self) -> None:
        """Write what waits; only reading comes after this."""
        for number in range(len(self._sizes)):
            self._flush(number)
        with writing():
            self._file.flush()

    def read(self, number: int) -> Iterator[tuple[Array, Array]]:
        """Yield the entries of a range; any thread may."""
        for place, size in self._places[number]:
            with self._lock:
                self._file.seek(place)
                data = self._file.read(12 * size)
            counts = np.frombuffer(data, np.int32, size, 8 * size)
            yield np.frombuffer(data, np.int64, size), counts.astype(np.int64)
