"""Hash tables of numbers: pairs of units, segments with their counts, edges of a tree of words.

Sizes are powers of two. Segments of few units are their own keys, longer ones have a hash and are
compared with the stream where they were first seen. An edge is keyed by its parent and its unit.
"""

from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit

MIX, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


@jit
def home_of(key: Any, mask: int) -> Any:
    mixed = np.uint64(key) * MIX
    return np.int64(mixed ^ (mixed >> _HALF)) & mask


@jit
def fill(keys: Array, slots: Array) -> None:
    mask = slots.size - 1
    for key in keys:
        h = home_of(key, mask)
        while slots[h] >= 0:
            h = (h + 1) & mask
        slots[h] = key


@jit
def _same(ids: Array, a: int, b: int, length: int) -> bool:
    for k in range(length):
        if ids[a + k] != ids[b + k]:
            return False
    return True


@jit
def insert(
    ids: Array, keys: Array, starts: Array, lengths: Array, n: int, exact: int,
    slots: Array, places: Array, held: int,
) -> int:  # fmt: skip
    """Count `n` segments in a table with room for them; return how many it holds."""
    mask = slots.shape[0] - 1
    for k in range(n):
        key, start, length = keys[k], starts[k], lengths[k]
        h = home_of(key, mask)
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
def grown(slots: Array, places: Array) -> tuple[Array, Array]:
    """Return the same table with twice the room."""
    size = 2 * slots.shape[0]
    new_slots, new_places = np.zeros((size, 2), np.int64), np.empty((size, 2), np.int64)
    for i in range(slots.shape[0]):
        if slots[i, 1] != 0:
            h = home_of(slots[i, 0], size - 1)
            while new_slots[h, 1] != 0:
                h = (h + 1) & (size - 1)
            new_slots[h, 0], new_slots[h, 1] = slots[i, 0], slots[i, 1]
            new_places[h, 0], new_places[h, 1] = places[i, 0], places[i, 1]
    return new_slots, new_places


@jit
def child(slots: Array, node: int, unit: int) -> int:
    """Return the node behind `node` by `unit`, -1 when there is none."""
    key, mask = (np.int64(node) << 31) | unit, slots.shape[0] - 1
    h = home_of(key, mask)
    while slots[h, 0] != key:
        if slots[h, 0] < 0:
            return -1
        h = (h + 1) & mask
    return slots[h, 1]


@jit
def grow_tree(words: Array, offsets: Array, slots: Array, nodes: Array) -> int:
    n, mask = 1, slots.shape[0] - 1
    for word in range(offsets.size - 1):
        node = 0
        for i in range(offsets[word], offsets[word + 1]):
            key = (np.int64(node) << 31) | words[i]
            h = home_of(key, mask)
            while slots[h, 0] != key and slots[h, 0] >= 0:
                h = (h + 1) & mask
            if slots[h, 0] < 0:
                slots[h, 0], slots[h, 1] = key, n
                n += 1
            node = slots[h, 1]
        nodes[node] = word
    return n
