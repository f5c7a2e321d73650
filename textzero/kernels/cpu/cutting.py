"""Streams of units cut where pairs are weak, with Numba. Contract: `kernels/reference/cutting.py`.

The hash tables are in `_number_tables.py`; which words are redundant, in `_redundant.py`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu import _redundant
from textzero.kernels.cpu._jit import fetch_ahead, jit
from textzero.kernels.cpu._number_tables import MIX, fill, grow_tree, grown, home_of, insert
from textzero.kernels.reference.cutting import NO_WORD

_BATCH = 64
_SMALL = 1 << 12
_BLOCK = 1 << 12


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


def new_pairs(keys: Array) -> Any:
    slots = np.full(1 << int(2 * keys.size + 1).bit_length(), -1, np.int64)
    fill(keys, slots)
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
                h = home_of(key, mask)
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
                    key = (key ^ (key >> np.uint64(29)) ^ unit) * MIX
            if length > exact:
                key |= np.uint64(1 << 63)
            if (((key * MIX) >> np.uint64(44)) * np.uint64(parts)) >> np.uint64(20) == share:
                keys[n] = np.int64(key)
                starts[n], lengths[n] = begins[k], length
                fetch_ahead(slots, home_of(keys[n], slots.shape[0] - 1))
                n += 1
                if n == _BATCH:
                    held = insert(ids, keys, starts, lengths, n, exact, slots, places, held)
                    n = 0
                    if held > most:
                        return slots[:0], places[:0]
                    if 2 * (held + _BATCH) > slots.shape[0]:
                        slots, places = grown(slots, places)
    held = insert(ids, keys, starts, lengths, n, exact, slots, places, held)
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


def new_words(words: Array, offsets: Array) -> Any:
    slots = np.full((1 << int(2 * words.size + 1).bit_length(), 2), -1, np.int64)
    nodes = np.full(words.size + 1, -1, np.int32)
    n = grow_tree(words, offsets, slots, nodes)
    return Words(slots, nodes[:n].copy(), words, offsets)


def prune(words: Any, counts: Array, longest: int, in_turn: bool) -> tuple[Array, ...]:
    n = counts.size
    counts, kept = counts.copy(), np.ones(n, np.bool_)
    gains, breaks = np.full(n, np.nan), np.zeros(words.words.size, np.bool_)
    _redundant.prune(
        *(words.slots, words.nodes, words.words, words.offsets, counts, longest, in_turn),
        *(kept, gains, breaks),
    )
    return counts, kept, gains, breaks


def savings(words: Any, counts: Array, begin: int, end: int) -> tuple[Array, Array]:
    pmi, saved = np.full((2, end - begin), np.nan)
    logs = np.full(counts.size, NO_WORD)
    used = counts > 0
    logs[used] = np.log(counts[used])
    _redundant.savings(
        *(words.slots, words.nodes, words.words, words.offsets, counts, logs),
        *(int(counts.sum()), begin, end, pmi, saved),
    )
    return pmi, saved
