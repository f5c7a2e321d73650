"""The words of a table in the order of their bytes, and words taken out: some, or all."""

from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import byte_at, jit, word_at
from textzero.kernels.cpu._slots import EIGHT, KEY0, KEY1, LONG, NOTHING, OFFSET, VALUE, unpack


@jit
def _swapped(word: np.uint64) -> np.uint64:
    """Return eight bytes the other way round: as a number they sort as text does."""
    swapped = NOTHING
    for _ in range(8):
        swapped = (swapped << EIGHT) | (word & np.uint64(0xFF))
        word >>= EIGHT
    return swapped


@jit
def list_places(slots: Array, arena: Array, places: Array, prefixes: Array) -> None:
    n = 0
    for i in range(slots.shape[0]):
        key0, key1 = slots[i, KEY0], slots[i, KEY1]
        if key0 == 0 and key1 == 0:
            continue
        places[n] = i
        head = key0 if key1 < LONG else word_at(arena, np.int64(slots[i, OFFSET]))
        prefixes[n] = _swapped(head)
        n += 1


@jit
def _follows(slots: Array, arena: Array, a: int, b: int) -> Any:
    """Whether the word in slot a comes behind that in slot b; their first eight bytes are equal."""
    key_a, key_b = slots[a, KEY1], slots[b, KEY1]
    at_a, at_b = np.int64(slots[a, OFFSET]), np.int64(slots[b, OFFSET])
    next_a = _swapped(key_a if key_a < LONG else word_at(arena, at_a + 8))
    next_b = _swapped(key_b if key_b < LONG else word_at(arena, at_b + 8))
    if next_a != next_b or key_b < LONG:
        return next_a > next_b or (next_a == next_b and key_a >= LONG)
    if key_a < LONG:
        return False
    size_a, size_b = np.int64(key_a & ~LONG), np.int64(key_b & ~LONG)
    for k in range(16, min(size_a, size_b)):
        byte_a, byte_b = byte_at(arena, at_a + k), byte_at(arena, at_b + k)
        if byte_a != byte_b:
            return byte_a > byte_b
    return size_a > size_b


@jit
def settle(
    order: Array, prefixes: Array, places: Array, slots: Array, arena: Array, spare: Array
) -> None:
    """Sort every run of equal prefixes in full: merge sort, bottom up."""
    first = 0
    while first < order.size:
        last = first + 1
        while last < order.size and prefixes[order[last]] == prefixes[order[first]]:
            last += 1
        width = 1
        while width < last - first:
            for left in range(first, last, 2 * width):
                middle = min(left + width, last)
                right = min(left + 2 * width, last)
                i, j = left, middle
                for k in range(left, right):
                    if j >= right or (
                        i < middle
                        and not _follows(slots, arena, places[order[i]], places[order[j]])
                    ):
                        spare[k] = order[i]
                        i += 1
                    else:
                        spare[k] = order[j]
                        j += 1
            for k in range(first, last):
                order[k] = spare[k]
            width *= 2
        first = last


@jit
def measure(slots: Array, places: Array, ends: Array) -> None:
    for n in range(places.size):
        key0, key1 = slots[places[n], KEY0], slots[places[n], KEY1]
        size = np.int64(0)
        if key1 >= LONG:
            size = np.int64(key1 & ~LONG)
        else:
            while key0 != 0:
                key0 >>= EIGHT
                size += 1
            while key1 != 0:
                key1 >>= EIGHT
                size += 1
        ends[n + 1] = ends[n] + size


@jit
def take_words(
    slots: Array, arena: Array, places: Array, out: Array, offsets: Array, counts: Array
) -> None:
    for n in range(places.size):
        place = places[n]
        key0, key1 = slots[place, KEY0], slots[place, KEY1]
        if key1 < LONG:
            unpack(key0, key1, out, offsets[n])
        else:
            start = np.int64(slots[place, OFFSET])
            for k in range(offsets[n + 1] - offsets[n]):
                out[offsets[n] + k] = byte_at(arena, start + k)
        counts[n] = slots[place, VALUE]


@jit
def unload_words(
    slots: Array, arena: Array, seen: Array, out: Array, offsets: Array, counts: Array, held: Array
) -> int:
    n = 0
    size: Any = 0
    for i in range(slots.shape[0]):
        key0, key1 = slots[i, KEY0], slots[i, KEY1]
        if key0 == 0 and key1 == 0:
            continue
        if key1 < LONG:
            size = unpack(key0, key1, out, size)
        else:
            start = np.int64(slots[i, OFFSET])
            for k in range(np.int64(key1 & ~LONG)):
                out[size + k] = byte_at(arena, start + k)
            size += np.int64(key1 & ~LONG)
        offsets[n + 1] = size
        counts[n] = slots[i, VALUE]
        if held.size:
            held[n] = seen[i, 0]
        n += 1
    return size
