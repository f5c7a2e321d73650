"""A stream of units cut into segments, and the segments counted: candidates for words."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from textzero._compat import Array
from textzero.discovery.arrays import Arrays
from textzero.discovery.units import Units, runs_in_blocks
from textzero.kernels import kernel
from textzero.parallel import ordered_threads, run_threads
from textzero.progress import Progress

_SLOT = 192  # bytes that a segment may take in a table, while the table grows
_SHARES = 1 << 12  # further than into so many shares a stream is not cut


@dataclass
class Segments:
    """Different segments, the longest first; of one length in the order in which they were seen.

    Attributes:
        units: int32. The units of all segments, end to end.
        offsets: int64 (n + 1,). Segment i is units[offsets[i]:offsets[i + 1]].
        counts: int64 (n,). Occurrences.
        places: int64 (n,). Where in the stream each was first seen; -1 for single units.
    """

    units: Array
    offsets: Array
    counts: Array
    places: Array

    @property
    def lengths(self) -> Array:
        """int64 (n,): units of each segment."""
        return np.diff(self.offsets)

    def take(self, which: Array) -> "Segments":
        """Return some of them, by a mask or by their numbers, in that order."""
        units, offsets = gather(self.units, self.offsets[:-1][which], self.lengths[which])
        return Segments(units, offsets, self.counts[which], self.places[which])


def gather(values: Array, starts: Array, lengths: Array) -> tuple[Array, Array]:
    """Put pieces of an array end to end; return them and where each one begins."""
    places, offsets = count_up(starts, lengths)
    return values[places], offsets


def count_up(starts: Array, lengths: Array) -> tuple[Array, Array]:
    """Count up from each start; return the numbers end to end and where each row begins."""
    offsets = np.zeros(starts.size + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    places = np.repeat(starts - offsets[:-1], lengths)
    places += np.arange(offsets[-1])
    return places, offsets


def join(
    units: Units,
    work: Callable[[slice, Array], None],
    *,
    workers: int,
    arrays: Arrays,
) -> Array:
    """Return bool (n,): whether each entry of the stream is joined with the next one.

    `work(part, joins)` fills the answer for a part of the stream that ends at a boundary.
    """
    n = units.ids.size
    joins = arrays.new(n, np.bool_)
    joins[-1] = False

    def fill(_: None, limits: tuple[int, int]) -> None:
        work(slice(*limits), joins[slice(*limits)])

    run_threads(fill, runs_in_blocks(units.ids), lambda: None, workers)
    return joins


def count_segments(
    units: Units,
    joins: Array,
    least: int,
    *,
    workers: int,
    room: int,
    progress: Progress,
) -> Segments:
    """Count the segments between which nothing is joined; those of one unit come in unit order.

    Args:
        units: The stream.
        joins: From `join`.
        least: Segments of several units seen less often are left out. All units are returned.
        workers: Threads.
        room: Bytes that the tables may take.
        progress: Told what part of the stream was counted.
    """
    kernels, n_units, ids = kernel("cutting"), units.counts.size, np.asarray(units.ids)
    most = max(room // (_SLOT * workers), 1)

    def work(share: tuple[int, int]) -> tuple[Array, ...] | tuple[int, int]:
        part, parts = share
        singles = np.zeros(n_units, np.int64)
        limit = most if parts < _SHARES else ids.size
        found = kernels.count_segments(ids, joins, part, parts, least, limit, singles)
        if found is None:
            return share
        progress.advance(ids.size // parts)
        return (*found, singles)

    found: list[tuple[Array, ...]] = []
    shares = [(part, workers) for part in range(workers)]
    with progress.stage("segments", ids.size, "positions"):
        while shares:  # a share that needs more than its room is cut in two
            results = list(ordered_threads(work, shares, workers))
            found += [result for result in results if len(result) == 4]
            too_large = [result for result in results if len(result) == 2]
            cut = [(int(part), int(parts)) for part, parts in too_large]
            shares = [(2 * part + k, 2 * parts) for part, parts in cut for k in (0, 1)]
    places, lengths, counts = (np.concatenate([f[k] for f in found]) for k in range(3))
    order = np.lexsort((places, -lengths))
    packed, offsets = gather(units.ids, places[order], lengths[order])
    singles = np.sum([f[3] for f in found], axis=0)[1:]
    return Segments(
        np.concatenate([packed, np.arange(1, n_units, dtype=np.int32)]),
        np.concatenate([offsets, offsets[-1] + np.arange(1, n_units)]),
        np.concatenate([counts[order], singles]),
        np.concatenate([places[order], np.full(n_units - 1, -1)]),
    )


def by_count(found: Segments) -> Array:
    """Return the order of segments by count, the highest first, then by their units."""
    bits = int(found.units.max(initial=1)).bit_length()
    columns: list[Array] = []
    lengths = found.lengths
    for first in range(0, int(lengths.max(initial=0)), 62 // bits):
        key = np.zeros(found.counts.size, np.int64)
        for k in range(first, first + 62 // bits):
            here = lengths > k
            key <<= bits
            key[here] |= found.units[found.offsets[:-1][here] + k]
        columns.append(key)
    return np.lexsort((*columns[::-1], -found.counts))


def strings(units: Units, found: Segments, breaks: Array | None = None) -> list[str]:
    """Return the segments as text; with `breaks`, a space before each unit where one is True."""
    if not found.counts.size:
        return []
    alphabet, glue = units.alphabet, units.joiner.encode()
    starts = alphabet.offsets[:-1][found.units - 1]
    lengths = np.diff(alphabet.offsets)[found.units - 1]
    # behind every unit stands what separates it from the next, one byte at most
    between = np.full(found.units.size, glue[0] if glue else 0, np.uint8)
    if breaks is not None:
        between[:-1][breaks[1:]] = 0x20
    between[found.offsets[1:] - 1] = 0x0A
    room = lengths + (between > 0)
    text, offsets = gather(alphabet.text, starts, room)  # units have padding behind them
    text = text.copy()
    at = offsets[1:] - 1
    text[at[between > 0]] = between[between > 0]
    return text[: offsets[-1] - 1].tobytes().decode().split("\n")


def least_count(share: float, total: int) -> int:
    """Return the least count of which ln(count) - ln(total) > ln(share), at least 1."""
    if share <= 0 or total <= 0:
        return 1
    count = max(int(share * total) - 1, 1)
    while not math.log(count) - math.log(total) > math.log(share):
        count += 1
    return count


def shares(weights: Array, parts: int) -> Iterable[tuple[int, int]]:
    """Cut 0 ... n into `parts` ranges of about equal weight; some may be empty."""
    sums = np.cumsum(weights)
    total = int(sums[-1]) if sums.size else 0
    cuts = np.searchsorted(sums, [total * k / parts for k in range(1, parts)], side="left")
    bounds = [0, *(cuts + 1).tolist(), weights.size]
    for first, last in pairwise(bounds):
        if min(last, weights.size) > first:
            yield first, min(last, weights.size)
