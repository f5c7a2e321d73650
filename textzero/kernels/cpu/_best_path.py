"""The best path through a block of characters, among all words that stand in it.

A block is searched level by level: first all words of one character, then all of two, to four; one
level has no branch that depends on the text, so its cache misses overlap. Longer words are few and
are chained by their start. Then one pass chooses the best path to every character, and one goes
back along it.
"""

from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._atoms import CLASS, SHIFT, START, mark_atoms
from textzero.kernels.cpu._double_array import BASE, CHECK, NO_SCORE, SCORE, WORD_OF
from textzero.kernels.cpu._jit import fetch_ahead, jit
from textzero.kernels.reference.text import SEPARATOR

ROOM = 16  # cells behind a block
_NEVER = -(1 << 62)
_LEVELS = 4
_AHEAD = 256
_ONE = np.uint64(1)


@jit
def _first_level(
    cells: Array, m: int, slots: Array, unknown: int, scores: Array, found: Array, alive: Array
) -> int:
    """Find the words of one character; return how many starts may have longer ones."""
    n = 0
    for s in range(m):
        cell = cells[s]
        c = np.uint64(cell >> SHIFT)
        score = slots[c, SCORE]
        other = 0 if cell & CLASS == SEPARATOR else unknown
        score = other if score == NO_SCORE else score
        scores[s, 0] = score if cell & cells[s + 1] & START else NO_SCORE
        scores[s, 1] = scores[s, 2] = scores[s, 3] = NO_SCORE
        found[s, 0] = c
        alive[n] = s
        n += (slots[c, BASE] != 0) & (cell & START != 0)
    return n


@jit
def _next_level(
    cells: Array, slots: Array, scores: Array, found: Array, alive: Array, count: int, depth: int
) -> int:
    """Find the words of `depth` characters among the `count` starts that are left.

    First the cache is asked for the slots of many starts, then they are used.
    """
    n = 0
    this, last = np.uint64(depth - 1), np.uint64(depth - 2)
    for head in range(0, count, _AHEAD):
        tail = min(head + _AHEAD, count)
        for i in range(head, tail):
            s = np.uint64(alive[i])
            slot = slots[np.uint64(found[s, last]), BASE] + (cells[s + this] >> SHIFT)
            found[s, this] = slot
            fetch_ahead(slots, np.int64(slot))
        for i in range(head, tail):
            s = np.uint64(alive[i])
            k = s + this
            u = np.uint64(found[s, this])
            hit = slots[u, CHECK] == cells[k] >> SHIFT
            whole = hit & (cells[k + _ONE] & START != 0)
            scores[s, this] = slots[u, SCORE] if whole else NO_SCORE
            alive[n] = s
            n += hit & (slots[u, BASE] != 0)
    return n


@jit
def _long_words(
    cells: Array, slots: Array, found: Array, alive: Array, count: int, heads: Array, chain: Array
) -> tuple[int, Array]:
    """Find the words of more than four characters.

    A row of `chain` is (stop, slot, the next row of the same start, score, start).
    """
    n = 0
    for i in range(count):
        s = alive[i]
        slot = np.int64(found[s, _LEVELS - 1])
        k = s + _LEVELS
        while slots[slot, BASE] != 0:
            c = cells[k] >> SHIFT
            slot = slots[slot, BASE] + c
            if slots[slot, CHECK] != c:
                break
            k += 1
            if slots[slot, WORD_OF] >= 0 and cells[k] & START:
                chain = _add_long(chain, n, heads, s, k, slot, slots[slot, SCORE])
                n += 1
    return n, chain


@jit
def _add_long(
    chain: Array, n: int, heads: Array, start: int, stop: int, slot: int, score: int
) -> Array:
    if n == chain.shape[0]:
        larger = np.empty((2 * n, 5), np.int64)
        larger[:n] = chain
        chain = larger
    chain[n, 0], chain[n, 1], chain[n, 2], chain[n, 3] = stop, slot, heads[start], score
    chain[n, 4] = start
    heads[start] = n
    return chain


@jit
def _unknown_atoms(
    atoms: Array, count: int, further: int, unknown: int, lowest: int,
    scores: Array, found: Array, m: int, heads: Array, chain: Array, n: int,
) -> Array:  # fmt: skip
    """Make edges of the atoms of several characters that are no words."""
    for i in range(count):
        start, stop = atoms[i, 0], atoms[i, 1]
        if stop > m:
            break
        length = stop - start
        score = max(unknown + further * (length - 1), lowest)
        if length <= _LEVELS:
            if scores[start, length - 1] == NO_SCORE:
                scores[start, length - 1] = score
                found[start, length - 1] = 0
            continue
        edge = heads[start]
        while edge >= 0 and chain[edge, 0] != stop:
            edge = chain[edge, 2]
        if edge < 0:
            chain = _add_long(chain, n, heads, start, stop, 0, score)
            n += 1
    return chain


@jit
def _choose(
    m: int, scores: Array, heads: Array, chain: Array, best: Array, lengths: Array, edges: Array
) -> None:
    """Find the last word of the best path to every character; longer words win ties.

    best[k + 4] is for character k; lengths[k] is 0 for a long word, edges[k] in the chain.
    """
    for k in range(m + _LEVELS + 1):
        best[k] = _NEVER
    best[_LEVELS] = 0
    for k in range(m + 1):
        u = np.uint64(k)
        value, length = best[u + np.uint64(4)], 0
        if k >= 4:
            other = best[u] + scores[u - np.uint64(4), 3]
            length = 4 if other > value else length
            value = max(other, value)
        if k >= 3:
            other = best[u + np.uint64(1)] + scores[u - np.uint64(3), 2]
            length = 3 if other > value else length
            value = max(other, value)
        if k >= 2:
            other = best[u + np.uint64(2)] + scores[u - np.uint64(2), 1]
            length = 2 if other > value else length
            value = max(other, value)
        if k >= 1:
            other = best[u + np.uint64(3)] + scores[u - np.uint64(1), 0]
            length = 1 if other > value else length
            value = max(other, value)
        best[u + np.uint64(4)] = value
        lengths[u] = length
        edge = heads[u]
        while edge >= 0:
            stop = chain[edge, 0]
            total = value + chain[edge, 3]
            if total > best[stop + _LEVELS]:
                best[stop + _LEVELS] = total
                edges[stop] = edge
            edge = chain[edge, 2]


@jit
def _last_cut(m: int, longest: int, cells: Array, scores: Array, heads: Array, chain: Array) -> int:
    """Return the last place that no word crosses and no later character can change; 0 for none."""
    last = m - longest
    for window in (256, m):
        begin = max(0, last - window)
        reach = s = max(0, begin - longest)
        cut = 0
        while s <= last:
            if reach <= s and s >= begin and cells[s] & START:
                cut = s
            reach = max(reach, s + 1)
            for length in range(2, _LEVELS + 1):
                if scores[s, length - 1] != NO_SCORE:
                    reach = max(reach, s + length)
            edge = heads[s]
            while edge >= 0:
                reach = max(reach, chain[edge, 0])
                edge = chain[edge, 2]
            s += 1
        if cut > 0:
            return cut
    return 0


@jit
def _go_back(
    stop: int, lengths: Array, edges: Array, chain: Array, found: Array, trail: Array
) -> int:
    """Write the (start, slot) of the words of the best path, last first."""
    n = 0
    k: Any = stop
    while k > 0:
        length = np.int64(lengths[k])
        if length == 0:
            trail[n, 1] = chain[edges[k], 1]
            k = chain[edges[k], 4]
        else:
            trail[n, 1] = found[k - length, length - 1]
            k -= length
        trail[n, 0] = k
        n += 1
    return n


@jit
def search(
    n: int, final: bool, settings: Array, slots: Array, cells: Array, atoms: Array, scores: Array,
    found: Array, alive: Array, heads: Array, lengths: Array, edges: Array, trail: Array,
    best: Array, chain: Array,
) -> tuple[int, int, Array]:  # fmt: skip
    """Segment a block of `n` cells; return (cells that are done, words, chain).

    The words are in `trail`, last first. Nothing is done when a block that is not final has no
    place to cut: then a larger block is needed.
    """
    unit, unknown, further, lowest, longest = settings[:5]
    for k in range(n, n + ROOM):
        cells[k] = 0
    before_last, several = mark_atoms(cells, n, unit, atoms)
    m = n if final else before_last
    heads[: n + 1] = -1
    left = _first_level(cells, m, slots, unknown, scores, found, alive)
    for depth in range(2, _LEVELS + 1):
        left = _next_level(cells, slots, scores, found, alive, left, depth)
    count, chain = _long_words(cells, slots, found, alive, left, heads, chain)
    chain = _unknown_atoms(
        atoms, several, further, unknown, lowest, scores, found, m, heads, chain, count
    )
    stop = n if final else _last_cut(m, longest, cells, scores, heads, chain)
    if stop == 0:
        return 0, 0, chain
    _choose(stop, scores, heads, chain, best, lengths, edges)
    return stop, _go_back(stop, lengths, edges, chain, found, trail), chain


@jit
def workspace(size: int) -> tuple[Array, ...]:
    """Arrays for blocks of up to `size` cells, in the order in which `search` takes them."""
    room = size + ROOM
    held = np.empty(18 * room, np.int32)  # one allocation, for the sake of short texts
    best = np.empty(room + 160, np.int64)
    return (
        held[:room],  # cells
        held[room : 3 * room].reshape((room, 2)),  # atoms
        held[3 * room : 7 * room].reshape((room, 4)),  # scores
        held[7 * room : 11 * room].reshape((room, 4)),  # found
        held[11 * room : 12 * room],  # alive
        held[12 * room : 13 * room],  # heads
        held[13 * room : 14 * room],  # lengths
        held[14 * room : 15 * room],  # edges
        held[15 * room : 17 * room].reshape((room, 2)),  # trail
        best[:room],  # best
        best[room:].reshape((32, 5)),  # chain
    )
