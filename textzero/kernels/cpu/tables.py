"""Word tables with Numba: counted into, merged, looked up. Contract: `kernels/reference/tables.py`.

A kernel works until the table is full and says where it stopped; then the table grows and the
kernel goes on from there.
"""

from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.kernels.cpu._jit import fetch_ahead, jit
from textzero.kernels.cpu._joined import add_joined
from textzero.kernels.cpu._slots import (
    DOCUMENT,
    ENTRIES,
    HELD,
    KEY0,
    KEY1,
    LONG,
    OFFSET,
    ONE,
    USED,
    VALUE,
    WRAPPED,
    Table,
    add_one,
    grow,
    home_of,
    key_of,
    next_capacity,
    slot_of,
    unpack,
)
from textzero.kernels.cpu._sorted_slots import (
    list_places,
    measure,
    settle,
    take_words,
    unload_words,
)

_BATCH = 64


@jit
def _add_tokens(
    slots: Array, arena: Array, state: Array, seen: Array, text: Array, starts: Array,
    stops: Array, first: int,
) -> int:  # fmt: skip
    """Count tokens from `first` on; return the first that needs a larger table.

    Two passes over a batch: ask the cache for every slot, then use them. The misses of a batch
    overlap instead of following one another.
    """
    keys = np.empty((_BATCH, 2), np.uint64)
    places = np.empty(_BATCH, np.uint64)
    mask = np.uint64(slots.shape[0] - 1)
    for head in range(first, starts.size, _BATCH):
        size = min(_BATCH, starts.size - head)
        for b in range(size):
            start = np.int64(starts[head + b])
            if start >= 0:
                key0, key1 = key_of(text, start, np.int64(stops[head + b]))
                places[b] = home_of(key0, key1) & mask
                fetch_ahead(slots, places[b])
                keys[b, 0], keys[b, 1] = key0, key1
        for b in range(size):
            start = np.int64(starts[head + b])
            if start < 0:
                state[DOCUMENT] += 1
                continue
            place, key0, key1 = places[b], keys[b, 0], keys[b, 1]
            if seen.shape[0] == 0 and key1 < LONG:
                # the common case: a short word near its home
                while slots[place, KEY0] != key0 or slots[place, KEY1] != key1:
                    if slots[place, KEY0] == 0 and slots[place, KEY1] == 0:
                        break
                    place = (place + ONE) & mask
                if slots[place, KEY0] == key0 and slots[place, KEY1] == key1:
                    slots[place, VALUE] += ONE
                    continue
            stop = np.int64(stops[head + b])
            if not add_one(slots, arena, state, seen, text, start, stop, 1, -1):
                return head + b
    return starts.size


@jit
def _add_packed(
    slots: Array, arena: Array, state: Array, seen: Array, text: Array, offsets: Array,
    counts: Array, documents: Array, first: int,
) -> int:  # fmt: skip
    for k in range(first, counts.size):
        more = documents[k] if documents.size else 0
        if not add_one(
            slots, arena, state, seen, text, offsets[k], offsets[k + 1], counts[k], more
        ):
            return k
    return counts.size


def new_table(documents: bool) -> Table:
    return Table(documents)


def add_tokens(table: Table, text: Array, starts: Array, stops: Array, low: int, high: int) -> None:
    if high > 1:
        add_joined(table, text, starts, stops, low, high)
        return
    done = 0
    while True:
        done = _add_tokens(
            table.slots, table.arena, table.state, table.seen, text, starts, stops, done
        )
        if done == starts.size:
            return
        grow(table, int(stops[done] - starts[done]))


def end_document(table: Table) -> None:
    table.state[DOCUMENT] += 1
    table.state[HELD] = 0


def add_packed(table: Table, text: Array, offsets: Array, counts: Array, documents: Array) -> None:
    done = 0
    while True:
        done = _add_packed(
            *(table.slots, table.arena, table.state, table.seen),
            *(text, offsets, counts, documents, done),
        )
        if done == counts.size:
            _refuse_wrapped(table)
            return
        grow(table, int(offsets[done + 1] - offsets[done]))


def _refuse_wrapped(table: Table) -> None:
    if table.state[WRAPPED]:
        raise InputError("a sum of counts must stay below 2^63; count smaller parts apart")


@jit
def _merge_into(
    slots: Array, arena: Array, state: Array, seen: Array, other: Array, other_arena: Array,
    other_seen: Array, scratch: Array, first: int,
) -> int:  # fmt: skip
    start: Any
    for i in range(first, other.shape[0]):
        key0, key1 = other[i, KEY0], other[i, KEY1]
        if key0 == 0 and key1 == 0:
            continue
        count = np.int64(other[i, VALUE])
        more = other_seen[i, 0] if other_seen.shape[0] else 0
        if key1 >= LONG:
            start = np.int64(other[i, OFFSET])
            stop = start + np.int64(key1 & ~LONG)
            text = other_arena
        else:
            start = 0
            stop = unpack(key0, key1, scratch, 0)
            text = scratch
        if not add_one(slots, arena, state, seen, text, start, stop, count, more):
            return i
    return other.shape[0]


def merge_tables(table: Table, other: Table) -> None:
    scratch = np.zeros(32, np.uint8)
    done = 0
    while True:
        done = _merge_into(
            *(table.slots, table.arena, table.state, table.seen),
            *(other.slots, other.arena, other.seen, scratch, done),
        )
        if done == other.slots.shape[0]:
            _refuse_wrapped(table)
            return
        grow(table, int(other.slots[done, KEY1] & ~LONG) if other.arena.size else 0)


def unload(table: Table) -> tuple[Array, Array, Array, Array]:
    n = int(table.state[ENTRIES])
    out = np.zeros(n * 16 + int(table.state[USED]) + 16, np.uint8)
    offsets = np.zeros(n + 1, np.int64)
    counts = np.zeros(n, np.int64)
    documents = np.zeros(n if table.documents else 0, np.int64)
    size = unload_words(table.slots, table.arena, table.seen, out, offsets, counts, documents)
    return out[: size + 16].copy(), offsets, counts, documents


def clear(table: Table) -> None:
    table.slots.fill(0)
    table.seen.fill(0)
    table.state[ENTRIES] = table.state[USED] = 0


def extent(table: Table) -> tuple[int, int]:
    entries = int(table.state[ENTRIES])
    return entries, 16 * entries + int(table.state[USED])


def size_after(table: Table, words: int, text: int) -> int:
    entries, used = int(table.state[ENTRIES]) + words, int(table.state[USED]) + text + 16
    row = 48 if table.documents else 32
    old = capacity = table.slots.shape[0]
    while entries * 2 >= capacity:
        old, capacity = capacity, next_capacity(capacity)
    arena = table.arena.size
    if used > arena:
        arena += max(2 * arena, used) + text + 16
    # the larger of: two sizes side by side; the arrays that `sorted_places` needs
    return capacity * row + max(old * row * (capacity > old), entries * 32) + arena


def sorted_places(table: Table) -> Array:
    n = int(table.state[ENTRIES])
    places, prefixes = np.empty(n, np.int64), np.empty(n, np.uint64)
    list_places(table.slots, table.arena, places, prefixes)
    order = np.argsort(prefixes)
    settle(order, prefixes, places, table.slots, table.arena, np.empty_like(order))
    return places[order]


def take(table: Table, places: Array) -> tuple[Array, Array, Array, Array, Array]:
    offsets, counts = np.zeros(places.size + 1, np.int64), np.empty(places.size, np.int64)
    measure(table.slots, places, offsets)
    out = np.zeros(int(offsets[-1]) + 16, np.uint8)
    take_words(table.slots, table.arena, places, out, offsets, counts)
    seen = table.seen[places] if table.documents else np.zeros((0, 2), np.int64)
    is_open = np.equal(seen[:, 1], table.state[DOCUMENT])
    return out, offsets, counts, seen[:, 0].copy(), is_open


def set_values(table: Table, text: Array, offsets: Array, values: Array) -> None:
    add_packed(table, text, offsets, values + 1, np.zeros(0, np.int64))


@jit
def _look_up(
    slots: Array, arena: Array, text: Array, starts: Array, stops: Array, ids: Array
) -> None:
    keys = np.empty((_BATCH, 2), np.uint64)
    mask = np.uint64(slots.shape[0] - 1)
    for head in range(0, starts.size, _BATCH):
        size = min(_BATCH, starts.size - head)
        for b in range(size):
            start = np.int64(starts[head + b])
            if start >= 0:
                keys[b, 0], keys[b, 1] = key_of(text, start, np.int64(stops[head + b]))
                fetch_ahead(slots, home_of(keys[b, 0], keys[b, 1]) & mask)
        for b in range(size):
            start, stop = np.int64(starts[head + b]), np.int64(stops[head + b])
            if start < 0:
                ids[head + b] = -1
                continue
            place = slot_of(slots, arena, text, start, stop, keys[b, 0], keys[b, 1])
            if slots[place, KEY0] == 0 and slots[place, KEY1] == 0:
                ids[head + b] = -2
            else:
                ids[head + b] = np.int32(np.int64(slots[place, VALUE]) - 1)


def look_up(table: Table, text: Array, starts: Array, stops: Array) -> Array:
    ids = np.empty(starts.size, np.int32)
    _look_up(table.slots, table.arena, text, starts, stops, ids)
    return ids
