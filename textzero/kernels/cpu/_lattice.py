"""All words of a text as edges between places: the n best paths, sums over all, one drawn."""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._atoms import CLASS, SHIFT, START, mark_atoms
from textzero.kernels.cpu._best_path import ROOM
from textzero.kernels.cpu._double_array import BASE, CHECK, SCORE, WORD_OF
from textzero.kernels.cpu._jit import jit
from textzero.kernels.reference.segment import SPACES, UNKNOWN
from textzero.kernels.reference.text import SEPARATOR


@jit
def _edges(
    cells: Array, settings: Array, slots: Array, atoms: Array, numbers: Array, stops: Array,
    starts: Array, found: Array, scores: Array,
) -> int:  # fmt: skip
    """List the edges by start, then stop, as places; with empty arrays only count them."""
    unknown, further, lowest = settings[1], settings[2], settings[3]
    count = 0
    for a in range(atoms.size - 1):
        s, behind = atoms[a], atoms[a + 1]
        slot = np.int64(cells[s] >> SHIFT)
        k = s + 1
        alone = False
        while True:
            word = slots[slot, WORD_OF]
            if k == behind or word >= 0:
                if word >= 0 and cells[k] & START:
                    alone |= k == behind
                    if stops.size:
                        stops[count], starts[count], found[count] = numbers[k], a, word
                        scores[count] = slots[slot, SCORE]
                    count += 1
            base = slots[slot, BASE]
            c = np.int64(cells[k] >> SHIFT)
            if base == 0 or slots[base + c, CHECK] != c:
                break
            slot = base + c
            k += 1
        if not alone:
            if stops.size:
                space = cells[s] & CLASS == SEPARATOR
                stops[count], starts[count] = a + 1, a
                found[count] = SPACES if space else UNKNOWN
                score = max(unknown + further * (behind - s - 1), lowest)
                scores[count] = 0 if space else score
            count += 1
    return count


@jit
def _sorted_by_stop(stops: Array, offsets: Array) -> Array:
    """Return the order of edges by stop, then start; offsets[k] is where stop k begins."""
    for edge in range(stops.size):
        offsets[stops[edge] + 1] += 1
    for place in range(1, offsets.size):
        offsets[place] += offsets[place - 1]
    following = offsets.copy()
    order = np.empty(stops.size, np.int64)
    for edge in range(stops.size):
        order[following[stops[edge]]] = edge
        following[stops[edge]] += 1
    return order


def lattice(
    found: Array, settings: Array, slots: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Return what the reference's `lattice` does, of a text's cells."""
    n = found.size
    cells = np.zeros(n + ROOM, np.int32)
    cells[:n] = found
    mark_atoms(cells, n, int(settings[0]), np.empty((n, 2), np.int32))
    places = np.flatnonzero(cells[: n + 1] & START)
    numbers = np.zeros(n + 1, np.int32)
    numbers[places] = np.arange(places.size)
    none = np.zeros(0, np.int32)
    common = (cells, settings, slots, places, numbers)
    count = _edges(*common, none, none, none, np.zeros(0, np.int64))
    stops, starts, words = np.empty((3, count), np.int32)
    scores = np.empty(count, np.int64)
    _edges(*common, stops, starts, words, scores)
    offsets = np.zeros(places.size + 1, np.int64)
    order = _sorted_by_stop(stops, offsets)
    return places, offsets, starts[order], words[order], scores[order]


@jit
def _best_paths(
    offsets: Array, starts: Array, scores: Array, n: int, totals: Array, edges: Array, ranks: Array
) -> int:
    """Keep the `n` best paths to every place; return how many there are to the last."""
    held = np.zeros(offsets.size - 1, np.int64)
    held[0] = 1
    totals[0, 0] = 0
    for place in range(1, offsets.size - 1):
        size = 0
        for edge in range(offsets[place], offsets[place + 1]):
            for rank in range(held[starts[edge]]):
                total = totals[starts[edge], rank] + scores[edge]
                if size == n and total <= totals[place, n - 1]:
                    break  # the other ranks are no better
                at = min(size, n - 1)
                while at > 0 and totals[place, at - 1] < total:
                    totals[place, at] = totals[place, at - 1]
                    edges[place, at] = edges[place, at - 1]
                    ranks[place, at] = ranks[place, at - 1]
                    at -= 1
                totals[place, at], edges[place, at], ranks[place, at] = total, edge, rank
                size = min(size + 1, n)
        held[place] = size
    return held[-1]


def best_paths(offsets: Array, starts: Array, scores: Array, n: int) -> tuple[Array, Array]:
    places = offsets.size - 1
    totals, edges = np.empty((2, places, n), np.int64)
    ranks = np.empty((places, n), np.int32)
    paths = []
    for k in range(_best_paths(offsets, starts, scores, n, totals, edges, ranks)):
        path, place, rank = [], places - 1, k
        while place > 0:
            edge = edges[place, rank]
            path.append(edge)
            place, rank = starts[edge], ranks[place, rank]
        paths.append(path[::-1])
    joined = np.array([edge for path in paths for edge in path], np.int64)
    return joined, np.r_[0, np.cumsum([len(path) for path in paths])].astype(np.int64)


@jit
def forward(offsets: Array, starts: Array, logs: Array) -> Array:
    sums = np.zeros(offsets.size - 1)
    for place in range(1, sums.size):
        most = -np.inf
        for edge in range(offsets[place], offsets[place + 1]):
            most = max(most, sums[starts[edge]] + logs[edge])
        total = 0.0
        for edge in range(offsets[place], offsets[place + 1]):
            total += np.exp(sums[starts[edge]] + logs[edge] - most)
        sums[place] = most + np.log(total)
    return sums


@jit
def backward(offsets: Array, starts: Array, logs: Array) -> Array:
    sums = np.full(offsets.size - 1, -np.inf)
    sums[-1] = 0.0
    for place in range(sums.size - 1, 0, -1):
        for edge in range(offsets[place], offsets[place + 1]):
            start = starts[edge]
            sums[start] = np.logaddexp(sums[start], sums[place] + logs[edge])
    return sums


@jit
def draw_path(offsets: Array, starts: Array, logs: Array, sums: Array, uniforms: Array) -> Array:
    path = np.empty(offsets.size - 1, np.int64)
    place, n = offsets.size - 2, 0
    while place > 0:
        left = uniforms[place]
        edge = offsets[place]
        while True:
            left -= np.exp(sums[starts[edge]] + logs[edge] - sums[place])
            if left < 0 or edge + 1 == offsets[place + 1]:
                break
            edge += 1
        path[n] = edge
        n += 1
        place = np.int64(starts[edge])  # type: ignore[assignment]
    return path[:n][::-1].copy()
