"""Every n-gram of units that occurs at least twice: where, how often, and what stands beside it.

N-grams are found level by level. One of n + 1 units is the pair of the n-gram without its last unit
and the n-gram without its first; both repeat if it does, so pairs of repeated ones are all there
are. Pairs are whole numbers: they are sorted in ranges, counted, and looked up at every position.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.discovery.arrays import Arrays, Column, blocks
from textzero.discovery.journal import Journal, Write, reading_arrays, write_arrays
from textzero.discovery.pair_counts import Stream, repeated_pairs
from textzero.discovery.units import Units
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.parallel import run_threads
from textzero.progress import Progress
from textzero.store import Store

_NAME = 80  # bytes that an n-gram takes while positions are named by a table
_MOST = 1 << 25  # occurrences for which an n-gram seen twice is kept; with more text, in proportion


@dataclass
class Ngrams:
    """Repeated n-grams of 1 to `longest` units, numbered through, shorter ones first.

    Number 0 stands for "no repeated n-gram". Numbers of level n are first[n - 1] to first[n] - 1.

    Attributes:
        units: The stream.
        places: int32 (longest, n). places[k, p] is the number of the n-gram of k + 1 units at p.
        first: int64 (longest + 1,). The first number of each level, and one past the last.
        counts: int64 (m,). Occurrences.
        prefixes: int32 (m,). The n-gram without its last unit; 0 for single units.
        suffixes: int32 (m,). The n-gram without its first unit.
        lasts: int32 (m,). The last unit.
        sums: float32 (2, m). Sum of c ln c over the repeated n-grams that prolong it by one unit to
            the right [0] or to the left [1].
        kinds: float32 (2, m). How many different continuations it has; every boundary is one, and
            so is every unit that makes no repeated n-gram, each time.
        least: N-grams of two units or more that are seen less often have no number: 2, or more
            when the text is long.
    """

    units: Units
    places: Array
    first: Array
    counts: Array
    prefixes: Array
    suffixes: Array
    lasts: Array
    sums: Array
    kinds: Array
    least: int

    @property
    def longest(self) -> int:
        """Units of the longest n-grams."""
        return self.first.size - 1

    def level(self, n: int) -> slice:
        """The numbers of n-grams of `n` units."""
        return slice(int(self.first[n - 1]), int(self.first[n]))

    def units_of(self, number: int) -> list[int]:
        """The units of an n-gram, from its number."""
        found: list[int] = []
        while number:
            found.append(int(self.lasts[number]))
            number = int(self.prefixes[number])
        return found[::-1]

    def text(self, number: int) -> str:
        """The string of an n-gram."""
        return self.units.text(self.units_of(number))

    def find(self, word: list[int]) -> int:
        """The number of an n-gram given by its units, 0 when it has none."""
        number = word[0] if 0 < len(word) <= self.longest else 0
        for n, unit in enumerate(word[1:], 2):
            level = self.level(n)
            fits = (self.prefixes[level] == number) & (self.lasts[level] == unit)
            number = int(np.flatnonzero(fits)[0]) + level.start if fits.any() else 0
            if not number:
                break
        return number

    def entropies(self, numbers: slice | Array = slice(None), correction: float = 1.0) -> Array:
        """Entropies of the next and of the previous unit, in nats.

        The plug-in estimate plus `correction` times Miller and Madow's term (K - 1) / 2N.

        Args:
            numbers: Of the n-grams; all by default.
            correction: Of the estimate.

        Returns:
            float64 (2, n). Row 0 looks right, row 1 left.
        """
        n = np.maximum(self.counts[numbers], 1)
        terms = self.kinds[:, numbers].astype(np.float64) - 1
        plug_in = np.maximum(np.log(n) - self.sums[:, numbers] / n, 0)  # sums are rounded
        return plug_in + correction * terms / (2 * n)

    def unit_entropy(self) -> float:
        """Entropy of the units of the text, in nats."""
        single = self.counts[self.level(1)].astype(np.float64)
        total = single.sum()
        return float(np.log(total) - (single * np.log(single)).sum() / total)


def count_ngrams(
    units: Units,
    longest: int,
    *,
    room: int,
    workers: int,
    arrays: Arrays | None = None,
    journal: Journal | None = None,
    progress: Progress | None = None,
) -> Ngrams:
    """Find the repeated n-grams of up to `longest` units.

    The same for any number of workers and any `room`.

    Args:
        units: The stream; `units.ids` becomes the first row of `places`.
        longest: Units of the longest n-grams.
        room: Bytes that keys being sorted may take.
        workers: Threads.
        arrays: Where to keep what is found; None keeps it in memory.
        journal: Where what is done is kept for another run.
        progress: Told how many entries were named.
    """
    arrays, journal, progress = arrays or Arrays(), journal or Journal(), progress or Progress()
    n = units.ids.size
    places = arrays.new((longest, n), np.int32)
    for part in blocks(n):
        places[0, part] = units.ids[part]
    units.ids = places[0]  # one copy is enough
    least = max(2, -(-units.size // _MOST))
    levels = [_singles(units, arrays)]
    with progress.stage("n-grams", n * longest, "positions"):
        for level in range(longest):  # of n-grams of level + 1 units, to those of level + 2
            here, last = levels[-1], level + 1 == longest
            found = None if last else _done(journal, level, here, places, arrays)
            if found is None:
                found = _longer(here, places, level, least, room, workers, arrays, last)
                if not last:
                    _name(here, found, places, level, workers, arrays)
                    journal.add(f"level-{level}", _level_writer(here, found, places[level + 1]))
            progress.advance(n)
            if not last:
                levels.append(found)
    journal.drop()
    return _joined(units, places, levels, least, arrays)


@dataclass
class _Level:
    """The n-grams of one length.

    Attributes:
        base: Number of the first one.
        counts, prefixes, suffixes, lasts: As of `Ngrams`.
        sums, kinds: float32 (2, size). As of `Ngrams`; known when the next level is.
    """

    base: int
    counts: Array
    prefixes: Array
    suffixes: Array
    lasts: Array
    sums: Array
    kinds: Array

    @property
    def size(self) -> int:
        """How many there are."""
        return self.sums.shape[1]


def _new_level(
    base: int, counts: Array, prefixes: Array, suffixes: Array, lasts: Array, arrays: Arrays
) -> _Level:
    sides = (2, counts.size)
    sums, kinds = arrays.new(sides, np.float32), arrays.new(sides, np.float32)
    return _Level(base, counts, prefixes, suffixes, lasts, sums, kinds)


def _singles(units: Units, arrays: Arrays) -> _Level:
    size = len(units.alphabet)
    none = np.zeros(size, np.int32)
    return _new_level(
        1, units.counts[1:], none, none, np.arange(1, size + 1, dtype=np.int32), arrays
    )


def _longer(
    here: _Level, places: Array, level: int, least: int, room: int, workers: int, arrays: Arrays,
    last: bool,
) -> _Level:  # fmt: skip
    """Return the n-grams that are one unit longer; say of those here what they are prolonged by."""
    stream = Stream(places[level, :-1], places[level, 1:], here.base, here.size)
    add = kernel("ngrams").add_continuations
    counts, prefixes, suffixes, lasts = (
        Column(arrays, kind) for kind in (np.int64, np.int32, np.int32, np.int32)
    )
    sums = arrays.new((2, here.size), np.float64)
    kinds = arrays.new((2, here.size), np.int64)
    kinds[:] = here.counts
    for keys, found in repeated_pairs(stream, here.counts, least, room, workers, arrays):
        terms = found * np.log(found)
        for side, inner in enumerate(np.divmod(keys, max(here.size, 1))):
            add(inner, found, terms, sums[side], kinds[side])
            if not last:
                (prefixes, suffixes)[side].add((inner + here.base).astype(np.int32))
                if side:
                    lasts.add(here.lasts[inner])
        counts.add(found)
    for part in blocks(here.size):
        here.sums[:, part], here.kinds[:, part] = sums[:, part], kinds[:, part]
    return _new_level(
        here.base + here.size, counts.array(), prefixes.array(), suffixes.array(), lasts.array(),
        arrays,
    )  # fmt: skip


def _name(
    here: _Level, found: _Level, places: Array, level: int, workers: int, arrays: Arrays
) -> None:
    """Write the number of the pair at each position."""
    kernels, left, right, out = (
        kernel("ngrams"),
        places[level],
        places[level, 1:],
        places[level + 1],
    )
    out[-1] = 0
    if found.size * _NAME <= arrays.left:
        keys = found.prefixes.astype(np.int64) - here.base
        keys *= here.size
        keys += found.suffixes - here.base
        names = kernels.new_names(keys)

        def work(_: None, part: slice) -> None:
            kernels.name_pairs(
                names, left[part], right[part], here.base, here.size, found.base, out[part]
            )
    else:
        starts = arrays.new(here.size + 1, np.int64, True)
        for part in blocks(here.size):
            numbers = np.arange(part.start, part.stop, dtype=np.int32) + np.int32(here.base)
            starts[part] = np.searchsorted(found.prefixes, numbers)
        starts[-1] = found.size

        def work(_: None, part: slice) -> None:
            kernels.find_pairs(
                starts, found.suffixes, left[part], right[part], here.base, found.base, out[part]
            )

    run_threads(work, blocks(right.size), lambda: None, workers)


def _level_writer(here: _Level, found: _Level, row: Array) -> Write:
    """Return what writes one level: all that `_longer` and `_name` have found."""

    def write(store: Store, name: str) -> dict[str, Any]:
        with store.create(name) as file:
            known = [found.counts, found.prefixes, found.suffixes, found.lasts]
            write_arrays(file, [*known, *here.sums, *here.kinds, row])
        return {"size": found.size}

    return write


def _done(
    journal: Journal, level: int, here: _Level, places: Array, arrays: Arrays
) -> _Level | None:
    """Return the level that an earlier run has found."""
    if f"level-{level}" not in journal.found:
        return None
    with reading_arrays(journal.store, f"level-{level}") as (sizes, read):
        if len(sizes) != 9 or sizes[4:] != [here.size] * 4 + [places.shape[1]]:
            raise InputError(f"level-{level} in {journal.store} is of another text")
        kinds = (np.int64, np.int32, np.int32, np.int32)
        columns = [arrays.new(size, kind) for size, kind in zip(sizes, kinds, strict=False)]
        for column in (*columns, *here.sums, *here.kinds, places[level + 1]):
            read(column)
    counts, prefixes, suffixes, lasts = columns
    return _new_level(here.base + here.size, counts, prefixes, suffixes, lasts, arrays)


def _joined(
    units: Units, places: Array, levels: list[_Level], least: int, arrays: Arrays
) -> Ngrams:
    """Put the levels together, number 0 first."""
    first = np.array([1, *(level.base + level.size for level in levels)], np.int64)
    size = int(first[-1])
    columns = {}
    for name, kind in (
        ("counts", np.int64), ("prefixes", np.int32), ("suffixes", np.int32), ("lasts", np.int32)
    ):  # fmt: skip
        columns[name] = arrays.new(size, kind, True)
        for level in levels:
            columns[name][level.base : level.base + level.size] = getattr(level, name)
            setattr(level, name, None)
    for name in ("sums", "kinds"):
        columns[name] = arrays.new((2, size), np.float32)
        for level in levels:
            columns[name][:, level.base : level.base + level.sums.shape[1]] = getattr(level, name)
    return Ngrams(units, places, first, least=least, **columns)
