"""Text to atoms, atoms to words, with Numba. Contract: `kernels/reference/segment.py`.

Words are a double array over dense character numbers: the child of a node by character c is slot
base + c if that slot holds c, and no two nodes have one base. A block of text is searched level by
level: first all words of one character, then all of two, to four; one level has no branch that
depends on the text, so its cache misses overlap. Longer words are few and are chained by their
start. Then one pass chooses the best path to every character, and one goes back along it.
"""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import byte_at, fetch_ahead, jit
from textzero.kernels.cpu.text import _decode
from textzero.kernels.reference.segment import (
    DIGIT,
    LETTER,
    MIDDLE,
    PHRASE,
    RUN,
    SCALE,
    SPACE,
    SPACES,
    SYMBOL,
    UNIT,
    UNKNOWN,
    atom_classes,
)
from textzero.kernels.reference.text import ALONE, APOSTROPHE, MARK, OTHER, SEPARATOR, WORD

_SCRATCH = threading.local()  # fresh pages for every piece would cost as much as the search


@jit
def _class_at(text: Array, i: int, classes: Array) -> tuple[int, int]:
    """Return (class, bytes) of the character at byte i."""
    byte = byte_at(text, i)
    if byte < 0x80:
        return classes[byte], 1
    point, length = _decode(text, i)
    return classes[point], length


@jit
def _find_atoms(
    text: Array, size: int, classes: Array, unit: int, starts: Array, kinds: Array
) -> int:
    i = n = 0
    while i < size:
        kind, length = _class_at(text, i, classes)
        starts[n] = i
        i += length
        if kind == SEPARATOR:
            kinds[n] = SPACE
            n += 1
            continue
        symbol = kind == OTHER or kind == APOSTROPHE or kind == MIDDLE
        if symbol or kind == ALONE or (unit == LETTER and kind != DIGIT):
            kinds[n] = SYMBOL if symbol else UNIT
            while i < size:
                kind, length = _class_at(text, i, classes)
                if kind != MARK:
                    break
                i += length
        else:
            kinds[n] = RUN
            while i < size:
                before = kind
                kind, length = _class_at(text, i, classes)
                if kind == APOSTROPHE or kind == MIDDLE:
                    after = SEPARATOR
                    if i + length < size:
                        after, _ = _class_at(text, i + length, classes)
                    inside = before == DIGIT and after == DIGIT
                    if kind == APOSTROPHE and unit != LETTER:
                        inside = after == WORD or after == DIGIT
                    if not inside:
                        break
                elif kind == WORD:
                    if unit == LETTER:
                        break
                elif kind != DIGIT and kind != MARK:
                    break
                i += length
        n += 1
    starts[n] = size
    return n


def find_atoms(text: Array, size: int, classes: Array, unit: int) -> tuple[Array, Array]:
    held = getattr(_SCRATCH, "atoms", None)
    if held is None or held[1].size < size:
        held = _SCRATCH.atoms = np.empty(size + 1, np.int64), np.empty(size, np.uint8)
    n = _find_atoms(text, size, classes, unit, *held)
    return held[0][: n + 1].copy(), held[1][:n].copy()


# A cell is what the search knows of one character: number << _SHIFT | flags | class.
_CLASS, _START, _FOLDED, _SHIFT = 7, 8, 16, 5
# The columns of a slot of the double array.
_BASE, _CHECK, _SCORE, _WORD = 0, 1, 2, 3
_NO = -(1 << 31)  # the score of a slot that is no word: below any sum that it competes with
_NEVER = -(1 << 62)
_LEVELS = 4
_BLOCK = 2048
_PATIENCE = 64
_FEW = 60
_AHEAD = 256
_ROOM = 16
_HASH = np.uint64(0x9E3779B97F4A7C15)
_TWENTY = np.uint64(20)
_ONE = np.uint64(1)


@dataclass
class Model:
    """A double array with its characters; see `new_model`."""

    cells: Array  # int32 (0x110000,): the cell of every code point
    slots: Array  # int32 (n, 4)
    settings: Array  # int64: unit, costs, longest word, words, whether any character folds


@jit
def _grow_tree(
    numbers: Array, offsets: Array, scores: Array, keys: Array, values: Array,
    parents: Array, labels: Array, words: Array,
) -> int:  # fmt: skip
    """Make the nodes of a tree of words, parents first, by a hash table; return their number."""
    n = 1
    mask = keys.size - 1
    for word in range(offsets.size - 1):
        node = 0
        for i in range(offsets[word], offsets[word + 1]):
            if numbers[i] == 0:
                node = 0
                break
            key = (np.int64(node) << 21) | numbers[i]
            place = np.int64((np.uint64(key) * _HASH) >> _TWENTY) & mask
            while keys[place] != key and keys[place] >= 0:
                place = (place + 1) & mask
            if keys[place] < 0:
                keys[place] = key
                values[place] = n
                parents[n] = node
                labels[n] = numbers[i]
                n += 1
            node = values[place]
        if node > 0 and (words[node] < 0 or scores[word] > scores[words[node]]):
            words[node] = word
    return n


@jit
def _next_free(following: Array, slot: int) -> int:
    """Return the first free slot from `slot` on, shortening the way for the next search."""
    while following[slot] != slot:
        following[slot] = following[following[slot]]
        slot = following[slot]
    return slot


@jit
def _place_nodes(
    children: Array, firsts: Array, counts: Array, queue: Array, labels: Array, alphabet: int,
    bases: Array, places: Array, following: Array,
) -> int:  # fmt: skip
    """Give every node a base where its children find free slots; return the last slot.

    Nodes with many children come first. Where many places in a row do not fit, the next nodes begin
    behind them; those with few children begin anew and fill the holes. A slot is free while
    following[slot] is itself. Returns -1 when there are too few slots.
    """
    room = following.size - alphabet - 1
    taken = np.zeros(following.size, np.bool_)
    low = top = alphabet + 1
    previous = 0
    for node in queue:
        if counts[node] != previous and counts[node] <= _FEW:
            low, previous = alphabet + 1, counts[node]
        first, last = firsts[node], firsts[node] + counts[node]
        begin = labels[children[first]]
        slot = low = _next_free(following, low)
        tries = 0
        while True:
            if slot >= room:
                return -1
            base = slot - begin
            fits = base > 0 and not taken[base]
            for i in range(first + 1, last):
                if not fits:
                    break
                other = base + labels[children[i]]
                fits = following[other] == other
            if fits:
                break
            slot = _next_free(following, slot + 1)
            tries += 1
        if tries > _PATIENCE:
            low = slot
        taken[base] = True
        bases[node] = base
        for i in range(first, last):
            slot = base + labels[children[i]]
            following[slot] = slot + 1
            places[children[i]] = slot
            top = max(top, slot)
    return top


@jit
def _add_weights(parents: Array, weights: Array) -> None:
    """Add to every node the weights of all that are below it."""
    for node in range(parents.size - 1, 0, -1):
        weights[parents[node]] += weights[node]


def new_model(
    text: Array, offsets: Array, scores: Array, costs: Array, folds: Array, unit: int
) -> Any:
    classes = atom_classes()
    lead = text[: offsets[-1]] & 0xC0 != 0x80
    ends = np.r_[0, np.cumsum(lead)][offsets]  # in characters
    string = text[: offsets[-1]].tobytes().decode()
    points = folds[np.frombuffer(string.encode("utf-32-le"), np.uint32)]
    allowed = _allowed(points, ends, unit)
    weights = np.exp(scores / SCALE)
    numbers, alphabet = _number_characters(points, allowed, np.repeat(weights, np.diff(ends)))
    capacity = 1 << int(points.size * 2 + 1).bit_length()
    parents, labels = np.zeros((2, points.size + 1), np.int32)
    words = np.full(points.size + 1, -1, np.int32)
    n = _grow_tree(
        *(np.where(allowed, numbers[points], 0), ends, scores, np.full(capacity, -1, np.int64)),
        *(np.empty(capacity, np.int32), parents, labels, words),
    )
    slots = _double_array(parents[:n], labels[:n], words[:n], scores, weights, alphabet)
    folded = folds != np.arange(folds.size)
    cells = (numbers[folds] << _SHIFT) | classes | np.where(folded, _FOLDED, 0)
    longest = int(np.diff(ends).max(initial=0))
    settings = np.array([unit, *costs, longest, scores.size, folded.any()], np.int64)
    return Model(cells.astype(np.int32), slots, settings)


def _allowed(points: Array, ends: Array, unit: int) -> Array:
    """Tell the characters that may be in a word: no separator but, with PHRASE, single spaces."""
    allowed = atom_classes()[points] != SEPARATOR
    if unit == PHRASE:
        space = points == 0x20
        outer = np.zeros(points.size + 2, bool)
        outer[ends + 1] = outer[ends] = True  # last and first characters
        doubled = np.r_[space[1:], False] | np.r_[False, space[:-1]]
        allowed |= space & ~outer[1:-1] & ~doubled
    return allowed


def _number_characters(points: Array, allowed: Array, weights: Array) -> tuple[Array, int]:
    """Number the characters of words from 1, those of probable words first, so that they are near.

    The others, and those that are not `allowed` anywhere, get 0.
    """
    weights = np.bincount(points, weights, minlength=0x110000)
    seen = np.flatnonzero(np.bincount(points[allowed], minlength=0x110000))
    seen = seen[np.lexsort((seen, -weights[seen]))]
    numbers = np.zeros(0x110000, np.int32)
    numbers[seen] = np.arange(1, seen.size + 1)
    return numbers, seen.size


def _double_array(
    parents: Array, labels: Array, words: Array, scores: Array, weights: Array, alphabet: int
) -> Array:
    """Put a tree into slots, what is often used together near each other."""
    held = words >= 0
    below = np.zeros(parents.size)
    below[held] = weights[words[held]]
    _add_weights(parents, below)
    children = np.argsort((parents[1:].astype(np.int64) << 21) | labels[1:]) + 1
    counts = np.bincount(parents[1:], minlength=parents.size)
    firsts = np.r_[0, np.cumsum(counts)[:-1]]
    inner = np.flatnonzero(counts[1:]) + 1
    queue = inner[np.lexsort((-below[inner], -counts[inner]))]
    room, top = parents.size + parents.size // 2 + 2 * alphabet + 64, -1
    while top < 0:
        bases, places = np.zeros((2, parents.size), np.int64)
        following = np.arange(room)
        top = _place_nodes(
            children, firsts, counts, queue, labels, alphabet, bases, places, following
        )
        room += room // 2
    begins = np.flatnonzero(parents == 0)[1:]
    places[begins] = labels[begins]  # the root's base is 0
    slots = np.zeros((top + alphabet + 2, 4), np.int32)
    slots[:, _CHECK], slots[:, _SCORE], slots[:, _WORD] = -1, _NO, -1
    slots[places[1:], _BASE] = bases[1:]
    slots[places[1:], _CHECK] = labels[1:]
    slots[places[1:], _WORD] = words[1:]
    slots[places[held], _SCORE] = scores[words[held]]
    return slots


@jit
def _mark_atoms(cells: Array, n: int, unit: int, atoms: Array) -> tuple[int, int]:
    """Set _START where atoms begin; return (begin of the last but one, atoms of several cells)."""
    cells[n] = _START
    i = before_last = last = found = 0
    while i < n:
        first = i
        before_last, last = last, i
        kind = cells[i] & _CLASS
        cells[i] |= _START
        i += 1
        if kind == SEPARATOR:
            continue
        if (
            kind == ALONE
            or kind == OTHER
            or kind == APOSTROPHE
            or kind == MIDDLE
            or (unit == LETTER and kind != DIGIT)
        ):
            while i < n and cells[i] & _CLASS == MARK:
                i += 1
        else:
            while i < n:
                before = kind
                kind = cells[i] & _CLASS
                if kind == APOSTROPHE or kind == MIDDLE:
                    after = cells[i + 1] & _CLASS if i + 1 < n else SEPARATOR
                    inside = before == DIGIT and after == DIGIT
                    if kind == APOSTROPHE and unit != LETTER:
                        inside = after == WORD or after == DIGIT
                    if not inside:
                        break
                elif kind == WORD:
                    if unit == LETTER:
                        break
                elif kind != DIGIT and kind != MARK:
                    break
                i += 1
        if i > first + 1:
            atoms[found, 0] = first
            atoms[found, 1] = i
            found += 1
    return before_last, found


@jit
def _first_level(
    cells: Array, m: int, slots: Array, unknown: int, scores: Array, found: Array, alive: Array
) -> int:
    """Find the words of one character; return how many starts may have longer ones."""
    n = 0
    for s in range(m):
        cell = cells[s]
        c = np.uint64(cell >> _SHIFT)
        score = slots[c, _SCORE]
        other = 0 if cell & _CLASS == SEPARATOR else unknown
        score = other if score == _NO else score
        scores[s, 0] = score if cell & cells[s + 1] & _START else _NO
        scores[s, 1] = scores[s, 2] = scores[s, 3] = _NO
        found[s, 0] = c
        alive[n] = s
        n += (slots[c, _BASE] != 0) & (cell & _START != 0)
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
            slot = slots[np.uint64(found[s, last]), _BASE] + (cells[s + this] >> _SHIFT)
            found[s, this] = slot
            fetch_ahead(slots, np.int64(slot))
        for i in range(head, tail):
            s = np.uint64(alive[i])
            k = s + this
            u = np.uint64(found[s, this])
            hit = slots[u, _CHECK] == cells[k] >> _SHIFT
            whole = hit & (cells[k + _ONE] & _START != 0)
            scores[s, this] = slots[u, _SCORE] if whole else _NO
            alive[n] = s
            n += hit & (slots[u, _BASE] != 0)
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
        while slots[slot, _BASE] != 0:
            c = cells[k] >> _SHIFT
            slot = slots[slot, _BASE] + c
            if slots[slot, _CHECK] != c:
                break
            k += 1
            if slots[slot, _WORD] >= 0 and cells[k] & _START:
                chain = _add_long(chain, n, heads, s, k, slot, slots[slot, _SCORE])
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
            if scores[start, length - 1] == _NO:
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
            if reach <= s and s >= begin and cells[s] & _START:
                cut = s
            reach = max(reach, s + 1)
            for length in range(2, _LEVELS + 1):
                if scores[s, length - 1] != _NO:
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
def _search(
    n: int, final: bool, settings: Array, slots: Array, cells: Array, atoms: Array, scores: Array,
    found: Array, alive: Array, heads: Array, lengths: Array, edges: Array, trail: Array,
    best: Array, chain: Array,
) -> tuple[int, int, Array]:  # fmt: skip
    """Segment a block of `n` cells; return (cells that are done, words, chain).

    The words are in `trail`, last first. Nothing is done when a block that is not final has no
    place to cut: then a larger block is needed.
    """
    unit, unknown, further, lowest, longest = settings[:5]
    for k in range(n, n + _ROOM):
        cells[k] = 0
    before_last, several = _mark_atoms(cells, n, unit, atoms)
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
def _workspace(size: int) -> tuple[Array, ...]:
    """Arrays for blocks of up to `size` cells, in the order in which `_search` takes them."""
    room = size + _ROOM
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


@jit
def _cut(
    points: Array, cells_of: Array, slots: Array, settings: Array, spaces: bool,
    tokens: Array,
) -> tuple[int, int]:  # fmt: skip
    longest, n_words, folds = settings[4], settings[5], settings[6]
    limit = max(_BLOCK, 4 * longest + 64)
    size = min(limit, points.size)
    space = _workspace(size)
    at = out = unread = 0
    while at < points.size:
        n = min(size, points.size - at)
        cells, trail, chain = space[0], space[8], space[10]
        for i in range(n):
            cells[i] = cells_of[points[at + i]]
        final = at + n == points.size
        done, count, chain = _search(n, final, settings, slots, *space[:10], chain)
        if done == 0:
            size = min(2 * size, points.size - at)
            space = _workspace(size)
            continue
        for j in range(count - 1, -1, -1):
            start = np.int64(trail[j, 0])
            stop = np.int64(trail[j - 1, 0]) if j > 0 else done
            word = slots[trail[j, 1], _WORD]
            point = np.int64(points[at + start])
            plain = (stop == start + 1) & (point < 0x10000)
            other = n_words + point if plain else -1
            blank = cells[start] & _CLASS == SEPARATOR
            read = word if word >= 0 else other
            if folds and word >= 0:
                for i in range(start, stop):
                    if cells[i] & _FOLDED:
                        read = -1
            tokens[0, out] = at + start
            tokens[1, out] = at + stop
            tokens[2, out] = SPACES if blank else word
            tokens[3, out] = read
            if spaces or not blank:
                if read < 0:
                    tokens[4, unread] = out
                    unread += 1
                out += 1
        at += done
    return out, unread


def cut(model: Any, points: Array, spaces: bool) -> tuple[Array, Array]:
    tokens = np.empty((5, points.size), np.int32)
    n, unread = _cut(points, model.cells, model.slots, model.settings, spaces, tokens)
    return tokens[:4, :n], tokens[4, :unread]


@jit
def _cells_of_bytes(
    text: Array, at: int, size: int, n: int, cells_of: Array, cells: Array, places: Array
) -> int:
    """Make up to `n` cells of the bytes from `at`; return how many. places[k] is where k begins."""
    count = 0
    while at < size and count < n:
        places[count] = at
        point, length = _decode(text, at)
        cells[count] = cells_of[point]
        at += length
        count += 1
    places[count] = at
    return count


@jit
def _find_words(
    text: Array, size: int, boundary: int, cells_of: Array, slots: Array, settings: Array,
    starts: Array, stops: Array,
) -> int:  # fmt: skip
    block = min(max(_BLOCK, 4 * settings[4] + 64), size)
    space = _workspace(block)
    places = np.empty(block + 1, np.int32)
    at: Any = 0
    out = 0
    while at < size:
        cells, trail, chain = space[0], space[8], space[10]
        n = _cells_of_bytes(text, at, size, block, cells_of, cells, places)
        final = np.int64(places[n]) == size
        done, count, chain = _search(n, final, settings, slots, *space[:10], chain)
        if done == 0:
            block = min(2 * block, size)
            space = _workspace(block)
            places = np.empty(block + 1, np.int32)
            continue
        for j in range(count - 1, -1, -1):
            start = np.int64(trail[j, 0])
            if cells[start] & _CLASS == SEPARATOR:
                if byte_at(text, places[start]) == boundary and (out == 0 or starts[out - 1] >= 0):
                    starts[out] = stops[out] = -1
                    out += 1
                continue
            starts[out] = places[start]
            stops[out] = places[trail[j - 1, 0]] if j > 0 else places[done]
            out += 1
        at = np.int64(places[done])
    return out


def find_words(model: Any, text: Array, size: int, boundary: int) -> tuple[Array, Array]:
    spans = getattr(_SCRATCH, "spans", None)
    if spans is None or spans.shape[1] < size:
        spans = _SCRATCH.spans = np.empty((2, size), np.int32)
    starts, stops = spans
    n = _find_words(text, size, boundary, model.cells, model.slots, model.settings, starts, stops)
    return starts[:n], stops[:n]


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
        slot = np.int64(cells[s] >> _SHIFT)
        k = s + 1
        alone = False
        while True:
            word = slots[slot, _WORD]
            if k == behind or word >= 0:
                if word >= 0 and cells[k] & _START:
                    alone |= k == behind
                    if stops.size:
                        stops[count], starts[count], found[count] = numbers[k], a, word
                        scores[count] = slots[slot, _SCORE]
                    count += 1
            base = slots[slot, _BASE]
            c = np.int64(cells[k] >> _SHIFT)
            if base == 0 or slots[base + c, _CHECK] != c:
                break
            slot = base + c
            k += 1
        if not alone:
            if stops.size:
                space = cells[s] & _CLASS == SEPARATOR
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


def lattice(model: Any, points: Array) -> tuple[Array, Array, Array, Array, Array]:
    n = points.size
    cells = np.zeros(n + _ROOM, np.int32)
    cells[:n] = model.cells[points]
    _mark_atoms(cells, n, int(model.settings[0]), np.empty((n, 2), np.int32))
    places = np.flatnonzero(cells[: n + 1] & _START)
    numbers = np.zeros(n + 1, np.int32)
    numbers[places] = np.arange(places.size)
    none = np.zeros(0, np.int32)
    common = (cells, model.settings, model.slots, places, numbers)
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
