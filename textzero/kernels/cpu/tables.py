"""Word tables with Numba: open addressing, short words held in the slot itself.

Contract: `kernels/reference/tables.py`. A slot is four uint64: two key words, a value, an offset.
A word of up to 16 bytes *is* its key (no word holds a NUL byte), so finding it touches one half
cache line and no string. A longer word is keyed by its hash and by 0xFF, a byte UTF-8 never uses,
over its length; its bytes lie in an arena and are compared.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.kernels.cpu._jit import byte_at, fetch_ahead, jit, word_at
from textzero.kernels.cpu._slots import (
    KEY0,
    KEY1,
    LONG,
    NOTHING,
    OFFSET,
    VALUE,
    list_places,
    measure,
    settle,
    take_words,
    unpack,
)

_ONE, _SHIFT = np.uint64(1), np.uint64(29)
_MIX0, _MIX1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ENTRIES, _USED, _DOCUMENT, _HELD, _WRAPPED = 0, 1, 2, 3, 4
_SPACE = 0x20
_BATCH = 64


@dataclass
class Table:
    """Growing arrays behind one word table; see `new_table`."""

    documents: bool
    slots: Array = field(default_factory=lambda: np.zeros((1 << 12, 4), np.uint64))
    arena: Array = field(default_factory=lambda: np.zeros(1 << 12, np.uint8))
    # entries, arena bytes used, current document, bytes held, whether a sum has passed 2^63 - 1
    state: Array = field(default_factory=lambda: np.zeros(5, np.int64))
    # per slot: documents that hold the word, the last of them
    seen: Array = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    # the end of the current document's text, for n-grams that reach into the next piece
    held: Array = field(default_factory=lambda: np.zeros(16, np.uint8))

    def __post_init__(self) -> None:
        if self.documents:
            self.seen = np.zeros((self.slots.shape[0], 2), np.int64)
        self.state[_DOCUMENT] = 1


@jit
def _key(text: Array, start: int, stop: int) -> tuple[np.uint64, np.uint64]:
    length = stop - start
    if length <= 8:
        return word_at(text, start) & (_ALL >> np.uint64(64 - 8 * length)), NOTHING
    if length <= 16:
        high = word_at(text, start + 8) & (_ALL >> np.uint64(64 - 8 * (length - 8)))
        return word_at(text, start), high
    digest = np.uint64(length)
    for i in range(start, stop - 7, 8):
        digest = (digest ^ word_at(text, i)) * _MIX0
        digest ^= digest >> _SHIFT
    digest = (digest ^ word_at(text, stop - 8)) * _MIX1
    digest ^= digest >> _SHIFT
    return digest, LONG | np.uint64(length)


@jit
def _home(key0: np.uint64, key1: np.uint64) -> np.uint64:
    mixed = (key0 ^ (key1 * _MIX1)) * _MIX0
    return mixed ^ (mixed >> np.uint64(32))


@jit
def _slot_of(
    slots: Array,
    arena: Array,
    text: Array,
    start: int,
    stop: int,
    key0: np.uint64,
    key1: np.uint64,
) -> np.int64:
    """Return the slot that holds the word, or the free slot where it belongs."""
    mask = np.uint64(slots.shape[0] - 1)
    place = _home(key0, key1) & mask
    while True:
        found0, found1 = slots[place, KEY0], slots[place, KEY1]
        if found0 == key0 and found1 == key1:
            if key1 < LONG:
                return np.int64(place)
            offset = np.int64(slots[place, OFFSET])
            same = True
            for k in range(stop - start):
                if byte_at(arena, offset + k) != byte_at(text, start + k):
                    same = False
                    break
            if same:
                return np.int64(place)
        elif found0 == 0 and found1 == 0:
            return np.int64(place)
        place = (place + _ONE) & mask


@jit
def _add_one(
    slots: Array,
    arena: Array,
    state: Array,
    seen: Array,
    text: Array,
    start: int,
    stop: int,
    count: int,
    documents: int,
) -> bool:
    """Add `count` to one word; False when the table must grow first.

    `documents` is -1 when the current document holds the word, else how many more hold it.
    """
    key0, key1 = _key(text, start, stop)
    place = _slot_of(slots, arena, text, start, stop, key0, key1)
    if slots[place, KEY0] == 0 and slots[place, KEY1] == 0:
        if state[_ENTRIES] * 2 >= slots.shape[0]:
            return False
        if key1 >= LONG:
            used = state[_USED]
            if used + stop - start + 16 > arena.size:
                return False
            for k in range(stop - start):
                arena[used + k] = byte_at(text, start + k)
            slots[place, OFFSET] = np.uint64(used)
            state[_USED] = used + stop - start
        slots[place, KEY0] = key0
        slots[place, KEY1] = key1
        state[_ENTRIES] += 1
    slots[place, VALUE] += np.uint64(count)
    if np.int64(slots[place, VALUE]) < 0:
        state[_WRAPPED] = 1
    if seen.shape[0]:
        if documents >= 0:
            seen[place, 0] += documents
            if seen[place, 0] < 0:
                state[_WRAPPED] = 1
        elif seen[place, 1] != state[_DOCUMENT]:
            seen[place, 0] += 1
            seen[place, 1] = state[_DOCUMENT]
    return True


@jit
def _add_tokens(
    slots: Array,
    arena: Array,
    state: Array,
    seen: Array,
    text: Array,
    starts: Array,
    stops: Array,
    first: int,
) -> int:
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
                key0, key1 = _key(text, start, np.int64(stops[head + b]))
                places[b] = _home(key0, key1) & mask
                fetch_ahead(slots, places[b])
                keys[b, 0], keys[b, 1] = key0, key1
        for b in range(size):
            start = np.int64(starts[head + b])
            if start < 0:
                state[_DOCUMENT] += 1
                continue
            place, key0, key1 = places[b], keys[b, 0], keys[b, 1]
            if seen.shape[0] == 0 and key1 < LONG:
                # the common case: a short word near its home
                while slots[place, KEY0] != key0 or slots[place, KEY1] != key1:
                    if slots[place, KEY0] == 0 and slots[place, KEY1] == 0:
                        break
                    place = (place + _ONE) & mask
                if slots[place, KEY0] == key0 and slots[place, KEY1] == key1:
                    slots[place, VALUE] += _ONE
                    continue
            stop = np.int64(stops[head + b])
            if not _add_one(slots, arena, state, seen, text, start, stop, 1, -1):
                return head + b
    return starts.size


@jit
def _join(text: Array, starts: Array, stops: Array, out: Array, ends: Array, size: int) -> int:
    """Write the tokens with single spaces between, NUL for the end of a document."""
    for k in range(starts.size):
        if starts[k] < 0:
            out[size] = 0
            size += 1
        else:
            for i in range(starts[k], stops[k]):
                out[size] = byte_at(text, i)
                size += 1
            out[size] = _SPACE
            size += 1
        ends[k] = size
    return size


@jit
def _add_ngrams(
    slots: Array,
    arena: Array,
    state: Array,
    seen: Array,
    line: Array,
    begins: Array,
    ends: Array,
    fresh: int,
    low: int,
    high: int,
    first: int,
) -> int:
    """Count the n-grams that end at tokens fresh, fresh + 1, ... ; `first` = token * span + order.

    Token k is line[begins[k] : ends[k] - 1]; a document's end has line[begins[k]] == 0.
    """
    span = high - low + 1
    for job in range(first, (begins.size - fresh) * span):
        k = fresh + job // span
        n = low + job % span
        if line[begins[k]] == 0:
            if n == low:
                state[_DOCUMENT] += 1
            continue
        head = k - n + 1
        if head < 0:
            continue
        whole = True
        for j in range(head, k):
            if line[begins[j]] == 0:
                whole = False
                break
        if whole and not _add_one(
            slots, arena, state, seen, line, begins[head], ends[k] - 1, 1, -1
        ):
            return job
    return (begins.size - fresh) * span


@jit
def _add_packed(
    slots: Array,
    arena: Array,
    state: Array,
    seen: Array,
    text: Array,
    offsets: Array,
    counts: Array,
    documents: Array,
    first: int,
) -> int:
    for k in range(first, counts.size):
        more = documents[k] if documents.size else 0
        if not _add_one(
            slots, arena, state, seen, text, offsets[k], offsets[k + 1], counts[k], more
        ):
            return k
    return counts.size


@jit
def _move(old: Array, old_seen: Array, new: Array, new_seen: Array) -> None:
    """Put every entry into a larger slot array. Keys are unique, so no string is compared."""
    mask = np.uint64(new.shape[0] - 1)
    for i in range(old.shape[0]):
        key0, key1 = old[i, KEY0], old[i, KEY1]
        if key0 == 0 and key1 == 0:
            continue
        place = _home(key0, key1) & mask
        while new[place, KEY0] != 0 or new[place, KEY1] != 0:
            place = (place + _ONE) & mask
        for k in range(4):
            new[place, k] = old[i, k]
        if old_seen.shape[0]:
            new_seen[place, 0] = old_seen[i, 0]
            new_seen[place, 1] = old_seen[i, 1]


def _grow(table: Table, longest: int) -> None:
    """Make room for at least one more word of `longest` bytes."""
    if table.state[_ENTRIES] * 2 >= table.slots.shape[0]:
        capacity = _next_capacity(table.slots.shape[0])
        slots = np.zeros((capacity, 4), np.uint64)
        seen = np.zeros((capacity if table.documents else 0, 2), np.int64)
        _move(table.slots, table.seen, slots, seen)
        table.slots, table.seen = slots, seen
    else:
        arena = np.zeros(table.arena.size * 2 + longest + 16, np.uint8)
        arena[: table.state[_USED]] = table.arena[: table.state[_USED]]
        table.arena = arena


def _next_capacity(capacity: int) -> int:
    return capacity * (4 if capacity < 1 << 20 else 2)


def new_table(documents: bool) -> Table:
    return Table(documents)


def add_tokens(table: Table, text: Array, starts: Array, stops: Array, low: int, high: int) -> None:
    if high > 1:
        _add_joined(table, text, starts, stops, low, high)
        return
    done = 0
    while True:
        done = _add_tokens(
            table.slots, table.arena, table.state, table.seen, text, starts, stops, done
        )
        if done == starts.size:
            return
        _grow(table, int(stops[done] - starts[done]))


def _add_joined(
    table: Table, text: Array, starts: Array, stops: Array, low: int, high: int
) -> None:
    """Count n-grams; up to `high` - 1 tokens of the open document are held for the next piece."""
    held = int(table.state[_HELD])
    line = np.zeros(held + text.size + starts.size + 32, np.uint8)
    line[:held] = table.held[:held]
    kept = np.flatnonzero(line[:held] == _SPACE) + 1
    ends = np.empty(kept.size + starts.size, np.int64)
    ends[: kept.size] = kept
    size = _join(text, starts, stops, line, ends[kept.size :], held)
    begins = np.empty_like(ends)
    begins[:1] = 0
    begins[1:] = ends[:-1]
    done = 0
    while True:
        done = _add_ngrams(
            *(table.slots, table.arena, table.state, table.seen),
            *(line, begins, ends, kept.size, low, high, done),
        )
        if done == starts.size * (high - low + 1):
            break
        _grow(table, int(size))
    keep = ends.size
    while keep > max(0, ends.size - high + 1) and line[begins[keep - 1]] != 0:
        keep -= 1
    tail = line[begins[keep] : size] if keep < ends.size else line[:0]
    table.held = tail.copy()
    table.state[_HELD] = tail.size


def end_document(table: Table) -> None:
    table.state[_DOCUMENT] += 1
    table.state[_HELD] = 0


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
        _grow(table, int(offsets[done + 1] - offsets[done]))


def _refuse_wrapped(table: Table) -> None:
    if table.state[_WRAPPED]:
        raise InputError("a sum of counts must stay below 2^63; count smaller parts apart")


@jit
def _merge_into(
    slots: Array,
    arena: Array,
    state: Array,
    seen: Array,
    other: Array,
    other_arena: Array,
    other_seen: Array,
    scratch: Array,
    first: int,
) -> int:
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
        if not _add_one(slots, arena, state, seen, text, start, stop, count, more):
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
        _grow(table, int(other.slots[done, KEY1] & ~LONG) if other.arena.size else 0)


@jit
def _unload(
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


def unload(table: Table) -> tuple[Array, Array, Array, Array]:
    n = int(table.state[_ENTRIES])
    out = np.zeros(n * 16 + int(table.state[_USED]) + 16, np.uint8)
    offsets = np.zeros(n + 1, np.int64)
    counts = np.zeros(n, np.int64)
    documents = np.zeros(n if table.documents else 0, np.int64)
    size = _unload(table.slots, table.arena, table.seen, out, offsets, counts, documents)
    return out[: size + 16].copy(), offsets, counts, documents


def clear(table: Table) -> None:
    table.slots.fill(0)
    table.seen.fill(0)
    table.state[_ENTRIES] = table.state[_USED] = 0


def extent(table: Table) -> tuple[int, int]:
    entries = int(table.state[_ENTRIES])
    return entries, 16 * entries + int(table.state[_USED])


def size_after(table: Table, words: int, text: int) -> int:
    entries, used = int(table.state[_ENTRIES]) + words, int(table.state[_USED]) + text + 16
    row = 48 if table.documents else 32
    old = capacity = table.slots.shape[0]
    while entries * 2 >= capacity:
        old, capacity = capacity, _next_capacity(capacity)
    arena = table.arena.size
    if used > arena:
        arena += max(2 * arena, used) + text + 16
    # the larger of: two sizes side by side; the arrays that `sorted_places` needs
    return capacity * row + max(old * row * (capacity > old), entries * 32) + arena


def sorted_places(table: Table) -> Array:
    n = int(table.state[_ENTRIES])
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
    is_open = np.equal(seen[:, 1], table.state[_DOCUMENT])
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
                keys[b, 0], keys[b, 1] = _key(text, start, np.int64(stops[head + b]))
                fetch_ahead(slots, _home(keys[b, 0], keys[b, 1]) & mask)
        for b in range(size):
            start, stop = np.int64(starts[head + b]), np.int64(stops[head + b])
            if start < 0:
                ids[head + b] = -1
                continue
            place = _slot_of(slots, arena, text, start, stop, keys[b, 0], keys[b, 1])
            if slots[place, KEY0] == 0 and slots[place, KEY1] == 0:
                ids[head + b] = -2
            else:
                ids[head + b] = np.int32(np.int64(slots[place, VALUE]) - 1)


def look_up(table: Table, text: Array, starts: Array, stops: Array) -> Array:
    ids = np.empty(starts.size, np.int32)
    _look_up(table.slots, table.arena, text, starts, stops, ids)
    return ids
