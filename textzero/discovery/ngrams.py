"""Every n-gram of units that occurs at least twice: where, how often, and what stands beside it.

N-grams are found level by level. One of n + 1 units is the pair of the n-gram without its last unit
and the n-gram without its first; both repeat if it does, so pairs of repeated ones are all there
are. Pairs are whole numbers: they are sorted in ranges, counted, and looked up at every position.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.discovery.units import Units, room_for
from textzero.kernels import kernel
from textzero.parallel import ordered_threads, ranges_of, run_threads
from textzero.progress import Progress

_BLOCK = 1 << 20
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
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> Ngrams:
    """Find the repeated n-grams of up to `longest` units.

    The same for any number of workers and any `room`.

    Args:
        units: The stream; `units.ids` becomes the first row of `places`.
        longest: Units of the longest n-grams.
        room: Bytes that keys being sorted may take.
        workers: Threads.
        folder: Where to keep `places`; None keeps them in memory.
        progress: Told how many entries were named.
    """
    kernels, progress = kernel("ngrams"), progress or Progress()
    n = units.ids.size
    places = room_for((longest, n), folder)
    places[0] = units.ids
    units.ids = places[0]  # one copy is enough
    least = max(2, -(-units.size // _MOST))
    first = [1, len(units.alphabet) + 1]
    counts = [np.r_[0, units.counts[1:]]]
    prefixes = [np.zeros(first[1], np.int32)]
    suffixes = [np.zeros(first[1], np.int32)]
    lasts = [np.arange(first[1], dtype=np.int32)]
    sums, kinds = [], []
    with progress.stage("n-grams", n * longest, "positions"):
        for level in range(longest):  # of n-grams of level + 1 units, to those of level + 2
            base, size = first[-2], first[-1] - first[-2]
            left, right = places[level, :-1], places[level, 1:]
            keys, found = _repeated_pairs(left, right, base, size, least, room, workers)
            before, behind = keys // max(size, 1), keys % max(size, 1)
            kept = _continuations(before, behind, found, counts[-1][-size:], size)
            sums.append(kept[0])
            kinds.append(kept[1])
            progress.advance(n // 2)
            if level + 1 == longest:
                progress.advance(n - n // 2)
                break
            _name(kernels, keys, left, right, base, size, first[-1], places[level + 1], workers)
            counts.append(found)
            prefixes.append((before + base).astype(np.int32))
            suffixes.append((behind + base).astype(np.int32))
            lasts.append(lasts[-1][-size:][behind])
            first.append(first[-1] + keys.size)
            progress.advance(n - n // 2)
    nothing = np.zeros((2, 1), np.float32)
    return Ngrams(
        units, places, np.array(first, np.int64), np.concatenate(counts),
        np.concatenate(prefixes), np.concatenate(suffixes), np.concatenate(lasts),
        np.concatenate([nothing, *sums], axis=1),
        np.concatenate([nothing, *kinds], axis=1), least,
    )  # fmt: skip


def _repeated_pairs(
    left: Array, right: Array, base: int, size: int, least: int, room: int, workers: int
) -> tuple[Array, Array]:
    """Count pairs of neighbours: (keys seen at least `least` times, ascending; their counts)."""
    kernels = kernel("ngrams")
    histogram = np.zeros(size, np.int64)
    for start in range(0, left.size, 1 << 24):
        part = left[start : start + (1 << 24)]
        histogram += np.bincount(part[part > 0] - base, minlength=size)
    ranges = ranges_of(histogram, max(room // (16 * workers), 1 << 16))

    def work(limits: tuple[int, int]) -> tuple[Array, Array]:
        keys = kernels.pair_keys(left, right, limits[0] + base, limits[1] + base, base, size)
        keys.sort()
        return kernels.repeated(keys, least)

    parts = list(ordered_threads(work, ranges, workers))
    empty = np.zeros(0, np.int64)
    return (
        np.concatenate([empty, *(keys for keys, _ in parts)]),
        np.concatenate([empty, *(counts for _, counts in parts)]),
    )


def _continuations(
    before: Array, behind: Array, found: Array, counts: Array, size: int
) -> tuple[Array, Array]:
    """Return (sum of c ln c, number of continuations) of each n-gram, to both sides."""
    sums, kinds = np.zeros((2, size), np.float32), np.zeros((2, size), np.float32)
    logs = found * np.log(found)
    for side, inner in enumerate((before, behind)):
        sums[side] = np.bincount(inner, logs, minlength=size)
        repeats = np.bincount(inner, minlength=size)
        held = np.bincount(inner, found, minlength=size).astype(np.int64)
        kinds[side] = repeats + (counts - held)
    return sums, kinds


def _name(
    kernels: Any, keys: Array, left: Array, right: Array, base: int, size: int, first: int,
    out: Array, workers: int,
) -> None:  # fmt: skip
    """Write the number of the pair at each position."""
    names = kernels.new_names(keys)
    out[-1] = 0

    def work(_: None, start: int) -> None:
        part = slice(start, min(start + _BLOCK, left.size))
        kernels.name_pairs(names, left[part], right[part], base, size, first, out[part])

    run_threads(work, range(0, left.size, _BLOCK), lambda: None, workers)
