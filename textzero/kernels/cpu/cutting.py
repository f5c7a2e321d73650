"""Streams of units cut into words, with Numba. Contract: `kernels/reference/cutting.py`.

Words are nodes of a tree whose edges are in one hash table, keyed by parent and unit. Segments are
counted in a hash table too: those of few units by themselves, longer ones by a hash, and then
compared with the stream where the segment was first seen.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import fetch_ahead, jit
from textzero.kernels.reference.cutting import NO_WORD

_MIX, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_BATCH = 64
_SMALL = 1 << 12
_BLOCK = 1 << 12


@jit
def _home(key: Any, mask: int) -> Any:
    mixed = np.uint64(key) * _MIX
    return np.int64(mixed ^ (mixed >> _HALF)) & mask


# --- pairs ----------------------------------------------------------------------------------


@jit
def count_pairs(
    ids: Array, ranks: Array, first: int, last: int, matrix: Array, rare: Array
) -> None:
    wide = matrix.shape[0]
    before: Any = -1
    unit = 0
    for p in range(ids.size):
        behind = np.int64(ranks[ids[p]])
        if first <= before < last and behind >= 0:
            if before < wide and behind < wide:
                matrix[before, behind] += 1
            else:
                rare[unit] += 1
        before, unit = behind, ids[p]


@jit
def _rare_keys(ids: Array, ranks: Array, wide: int, first: int, last: int, keys: Array) -> int:
    n = 0
    before: Any = -1
    for p in range(ids.size):
        behind = np.int64(ranks[ids[p]])
        if (before >= wide or behind >= wide) and before >= 0 and behind >= 0:
            a = np.int64(ids[p - 1])
            if first <= a < last:
                keys[n] = a * ranks.size + ids[p]
                n += 1
        before = behind
    return n


def rare_keys(ids: Array, ranks: Array, wide: int, first: int, last: int, most: int) -> Array:
    keys = np.empty(most, np.int64)
    return keys[: _rare_keys(ids, ranks, wide, first, last, keys)]


@jit
def strong_pairs(
    matrix: Array, logs: Array, total: int, least: int, min_pmi: float, margin: float, first: int,
    strong: Array,
) -> None:  # fmt: skip
    log_total = math.log(total)
    for a in range(matrix.shape[0]):
        for b in range(matrix.shape[1]):
            count = matrix[a, b]
            if count >= least:
                pmi = math.log(count) - log_total - logs[first + a] - logs[b]
                if pmi - margin / math.sqrt(count) > min_pmi:
                    strong[a, b >> 3] |= np.uint8(1 << (b & 7))


@jit
def strong_keys(
    keys: Array, counts: Array, logs: Array, total: int, min_pmi: float, margin: float,
    strong: Array,
) -> None:  # fmt: skip
    log_total = math.log(total)
    for i in range(keys.size):
        a, b = keys[i] // logs.size, keys[i] % logs.size
        pmi = math.log(counts[i]) - log_total - logs[a] - logs[b]
        strong[i] = pmi - margin / math.sqrt(counts[i]) > min_pmi


@jit
def _fill(keys: Array, slots: Array) -> None:
    mask = slots.size - 1
    for key in keys:
        h = _home(key, mask)
        while slots[h] >= 0:
            h = (h + 1) & mask
        slots[h] = key


def new_pairs(keys: Array) -> Any:
    slots = np.full(1 << int(2 * keys.size + 1).bit_length(), -1, np.int64)
    _fill(keys, slots)
    return slots


@jit
def _join_pairs(ids: Array, ranks: Array, strong: Array, slots: Array, joins: Array) -> None:
    wide, mask = strong.shape[0], slots.size - 1
    before = np.int64(ranks[ids[0]])
    for p in range(joins.size):
        behind = np.int64(ranks[ids[p + 1]])
        joined = False
        if before >= 0 and behind >= 0:
            if before < wide and behind < wide:
                joined = (strong[before, behind >> 3] >> (behind & 7)) & 1 != 0
            else:
                key = np.int64(ids[p]) * ranks.size + ids[p + 1]
                h = _home(key, mask)
                while slots[h] >= 0:
                    if slots[h] == key:
                        joined = True
                        break
                    h = (h + 1) & mask
        joins[p] = joined
        before = behind


def join_pairs(ids: Array, ranks: Array, strong: Array, pairs: Any, joins: Array) -> None:
    _join_pairs(ids, ranks, strong, pairs, joins)


@jit
def join_spans(places: Array, strong: Array, joins: Array) -> None:
    reach = 0
    for p in range(places.shape[1]):
        for n in range(1, places.shape[0]):
            if strong[places[n, p]]:
                reach = max(reach, p + n)
        joins[p] = p < reach


# --- segments -------------------------------------------------------------------------------


@jit
def _same(ids: Array, a: int, b: int, length: int) -> bool:
    for k in range(length):
        if ids[a + k] != ids[b + k]:
            return False
    return True


@jit
def _insert(
    ids: Array, keys: Array, starts: Array, lengths: Array, n: int, exact: int,
    slots: Array, places: Array, held: int,
) -> int:  # fmt: skip
    """Count `n` segments in a table with room for them; return how many it holds."""
    mask = slots.shape[0] - 1
    for k in range(n):
        key, start, length = keys[k], starts[k], lengths[k]
        h = _home(key, mask)
        while slots[h, 1] != 0:
            if slots[h, 0] == key and (
                length <= exact
                or (places[h, 1] == length and _same(ids, places[h, 0], start, length))
            ):
                break
            h = (h + 1) & mask
        if slots[h, 1] == 0:
            slots[h, 0] = key
            places[h, 0] = start
            places[h, 1] = length
            held += 1
        slots[h, 1] += 1
    return held


@jit
def _grown(slots: Array, places: Array) -> tuple[Array, Array]:
    """Return the same table with twice the room."""
    size = 2 * slots.shape[0]
    new_slots, new_places = np.zeros((size, 2), np.int64), np.empty((size, 2), np.int64)
    for i in range(slots.shape[0]):
        if slots[i, 1] != 0:
            h = _home(slots[i, 0], size - 1)
            while new_slots[h, 1] != 0:
                h = (h + 1) & (size - 1)
            new_slots[h, 0], new_slots[h, 1] = slots[i, 0], slots[i, 1]
            new_places[h, 0], new_places[h, 1] = places[i, 0], places[i, 1]
    return new_slots, new_places


@jit
def _begins(joins: Array, first: int, stop: int, begins: Array) -> int:
    """List where segments of several units begin; no branch depends on the text."""
    n = 0
    before = joins[first - 1] if first > 0 else False
    for p in range(first, stop):
        begins[n] = p
        n += joins[p] & (not before)
        before = joins[p]
    return n


@jit
def _count_singles(ids: Array, joins: Array, singles: Array) -> None:
    before = False
    for p in range(ids.size):
        singles[ids[p]] += not (joins[p] | before)
        before = joins[p]
    singles[0] = 0


@jit
def _count_segments(
    ids: Array, joins: Array, bits: int, part: int, parts: int, most: int, singles: Array
) -> tuple[Array, Array]:
    slots, places = np.zeros((_SMALL, 2), np.int64), np.empty((_SMALL, 2), np.int64)
    keys, starts, lengths = np.empty((3, _BATCH), np.int64)
    begins = np.empty(_BLOCK + 1, np.int64)
    held = n = 0
    exact, share = 62 // bits, np.uint64(part)
    if part == 0:
        _count_singles(ids, joins, singles)
    for first in range(0, ids.size, _BLOCK):
        for k in range(_begins(joins, first, min(first + _BLOCK, ids.size), begins)):
            p = begins[k]
            key = np.uint64(ids[p])
            length = 1
            while joins[p]:
                p += 1
                length += 1
                unit = np.uint64(ids[p])
                if length <= exact:
                    key = (key << np.uint64(bits)) | unit
                else:
                    key = (key ^ (key >> np.uint64(29)) ^ unit) * _MIX
            if length > exact:
                key |= np.uint64(1 << 63)
            if (((key * _MIX) >> np.uint64(44)) * np.uint64(parts)) >> np.uint64(20) == share:
                keys[n] = np.int64(key)
                starts[n], lengths[n] = begins[k], length
                fetch_ahead(slots, _home(keys[n], slots.shape[0] - 1))
                n += 1
                if n == _BATCH:
                    held = _insert(ids, keys, starts, lengths, n, exact, slots, places, held)
                    n = 0
                    if held > most:
                        return slots[:0], places[:0]
                    if 2 * (held + _BATCH) > slots.shape[0]:
                        slots, places = _grown(slots, places)
    held = _insert(ids, keys, starts, lengths, n, exact, slots, places, held)
    return (slots, places) if held <= most else (slots[:0], places[:0])


def count_segments(
    ids: Array, joins: Array, part: int, parts: int, least: int, most: int, singles: Array
) -> tuple[Array, Array, Array] | None:
    bits = max(int(singles.size).bit_length(), 1)
    slots, places = _count_segments(ids, joins, bits, part, parts, most, singles)
    if not slots.size:
        return None
    kept = slots[:, 1] >= max(least, 1)
    return places[kept, 0], places[kept, 1], slots[kept, 1]


# --- words ----------------------------------------------------------------------------------


@dataclass
class Words:
    """A tree of words; see `new_words`."""

    slots: Array  # int64 (n, 2): parent << 31 | unit, and the node; -1 where free
    nodes: Array  # int32 (n_nodes,): the word that ends at a node, -1 for none
    words: Array
    offsets: Array


@jit
def _child(slots: Array, node: int, unit: int) -> int:
    """Return the node behind `node` by `unit`, -1 when there is none."""
    key, mask = (np.int64(node) << 31) | unit, slots.shape[0] - 1
    h = _home(key, mask)
    while slots[h, 0] != key:
        if slots[h, 0] < 0:
            return -1
        h = (h + 1) & mask
    return slots[h, 1]


@jit
def _grow_tree(words: Array, offsets: Array, slots: Array, nodes: Array) -> int:
    n, mask = 1, slots.shape[0] - 1
    for word in range(offsets.size - 1):
        node = 0
        for i in range(offsets[word], offsets[word + 1]):
            key = (np.int64(node) << 31) | words[i]
            h = _home(key, mask)
            while slots[h, 0] != key and slots[h, 0] >= 0:
                h = (h + 1) & mask
            if slots[h, 0] < 0:
                slots[h, 0], slots[h, 1] = key, n
                n += 1
            node = slots[h, 1]
        nodes[node] = word
    return n


def new_words(words: Array, offsets: Array) -> Any:
    slots = np.full((1 << int(2 * words.size + 1).bit_length(), 2), -1, np.int64)
    nodes = np.full(words.size + 1, -1, np.int32)
    n = _grow_tree(words, offsets, slots, nodes)
    return Words(slots, nodes[:n].copy(), words, offsets)


@jit
def _best_parts(
    slots: Array, nodes: Array, words: Array, first: int, last: int, logs: Array, shift: float,
    own: int, best: Array, backs: Array, path: Array,
) -> int:  # fmt: skip
    """Write (start, word) of the best path through a word without itself to path[n:size].

    Returns n.
    """
    size = last - first
    backs[: size + 1, 0] = -1
    for start in range(size):
        node: Any = 0
        alone: Any = -1
        for stop in range(start + 1, size + 1):
            node = _child(slots, node, words[first + stop - 1])
            if node < 0:
                break
            word = np.int64(nodes[node])
            if stop == start + 1:
                alone = word
            if word >= 0 and word != own and logs[word] > NO_WORD:
                score = best[start] + (logs[word] - shift)
                if backs[stop, 0] < 0 or score > best[stop]:
                    best[stop], backs[stop, 0], backs[stop, 1] = score, start, word
        if backs[start + 1, 0] < 0:
            best[start + 1] = best[start] + NO_WORD
            backs[start + 1, 0], backs[start + 1, 1] = start, alone
    n = at = size
    while at > 0:
        n -= 1
        path[n] = backs[at]
        at = backs[at, 0]
    return n


@jit
def _prune(
    slots: Array, nodes: Array, words: Array, offsets: Array, counts: Array, longest: int,
    in_turn: bool, kept: Array, gains: Array, breaks: Array,
) -> None:  # fmt: skip
    n_words = offsets.size - 1
    logs = np.full(n_words, NO_WORD)
    for word in range(n_words):
        if counts[word] > 0:
            logs[word] = math.log(counts[word])
    most = offsets[1] if n_words else 0
    best = np.ones(most + 1)  # a path begins with 1, as in nlp-zero: sums round alike
    backs, path = np.empty((2, most + 1, 2), np.int64)
    total = counts.sum()
    begin = 0
    while begin < n_words:
        size = offsets[begin + 1] - offsets[begin]
        if size == 1:
            break
        stop = begin + 1
        while not in_turn and stop < n_words and offsets[stop + 1] - offsets[stop] == size:
            stop += 1
        shift = math.log(total)
        for word in range(begin, stop):
            first, last = offsets[word], offsets[word + 1]
            n = _best_parts(slots, nodes, words, first, last, logs, shift, word, best, backs, path)
            gain = logs[word] - shift
            for k in range(n, size):
                part = path[k, 1]
                gain -= (logs[part] if part >= 0 else NO_WORD) - shift
                breaks[first + path[k, 0]] = 1
            gains[word] = gain
            kept[word] = size <= longest and gain >= size - 1
        for word in range(begin, stop):
            if not kept[word]:
                logs[word] = NO_WORD
                total -= counts[word]
                total += _give_to_parts(slots, nodes, words, offsets, counts, word, breaks, logs)
        begin = stop


@jit
def _give_to_parts(
    slots: Array, nodes: Array, words: Array, offsets: Array, counts: Array, word: int,
    breaks: Array, logs: Array,
) -> int:  # fmt: skip
    """Add a word's count to its parts; return the sum of what they got."""
    count, node = counts[word], 0
    given: Any = 0
    for i in range(offsets[word], offsets[word + 1]):
        node = _child(slots, node, words[i])
        if node < 0:  # a unit that is in no list: it is a part by itself
            node = 0
        elif i + 1 == offsets[word + 1] or breaks[i + 1]:
            part = nodes[node]
            if part >= 0:
                counts[part] += count
                logs[part] = math.log(counts[part])
                given += count
            node = 0
    return given


def prune(words: Any, counts: Array, longest: int, in_turn: bool) -> tuple[Array, ...]:
    n = counts.size
    counts, kept = counts.copy(), np.ones(n, np.bool_)
    gains, breaks = np.full(n, np.nan), np.zeros(words.words.size, np.bool_)
    _prune(
        *(words.slots, words.nodes, words.words, words.offsets, counts, longest, in_turn),
        *(kept, gains, breaks),
    )
    return counts, kept, gains, breaks


@jit
def _times_log(count: int) -> float:
    return count * math.log(count) if count > 0 else 0.0


@jit
def _savings(
    slots: Array, nodes: Array, words: Array, offsets: Array, counts: Array, logs: Array,
    total: int, begin: int, end: int, pmi: Array, saved: Array,
) -> None:  # fmt: skip
    most = 0
    for word in range(begin, end):
        most = max(most, offsets[word + 1] - offsets[word])
    best = np.ones(most + 1)
    backs, path = np.empty((2, most + 1, 2), np.int64)
    shift = math.log(total)
    for word in range(begin, end):
        first, last, count = offsets[word], offsets[word + 1], counts[word]
        size = last - first
        if size == 1 or count == 0:
            continue
        n = _best_parts(slots, nodes, words, first, last, logs, shift, word, best, backs, path)
        whole = total + (size - n - 1) * count
        value = math.log(count / whole)
        bits = _times_log(whole) - _times_log(total) + _times_log(count)
        for k in range(n, size):
            part, times, before = path[k, 1], 0, False
            for j in range(n, size):
                same = path[j, 1] == part and (
                    part >= 0 or words[first + path[j, 0]] == words[first + path[k, 0]]
                )
                times += same
                before |= same and j < k
            held = counts[part] if part >= 0 else 0
            joint = held + times * count
            value -= math.log(joint / whole)
            if not before:
                bits -= _times_log(joint) - _times_log(held)
        pmi[word - begin], saved[word - begin] = value, bits


def savings(words: Any, counts: Array, begin: int, end: int) -> tuple[Array, Array]:
    pmi, saved = np.full((2, end - begin), np.nan)
    logs = np.full(counts.size, NO_WORD)
    used = counts > 0
    logs[used] = np.log(counts[used])
    _savings(
        *(words.slots, words.nodes, words.words, words.offsets, counts, logs),
        *(int(counts.sum()), begin, end, pmi, saved),
    )
    return pmi, saved
