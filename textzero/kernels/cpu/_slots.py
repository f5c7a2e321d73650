"""The slots of a word table, and how they grow: open addressing, short words in the slot itself.

A slot is four uint64: two key words, a value, an offset. A word of up to 16 bytes *is* its key (no
word holds a NUL byte), so finding it touches one half cache line and no string. A longer word is
keyed by its hash and by 0xFF, a byte UTF-8 never uses, over its length; its bytes lie in an arena
and are compared.
"""

from dataclasses import dataclass, field

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import byte_at, jit, word_at

KEY0, KEY1, VALUE, OFFSET = 0, 1, 2, 3
LONG = np.uint64(0xFF << 56)
EIGHT, NOTHING, ONE = np.uint64(8), np.uint64(0), np.uint64(1)
ENTRIES, USED, DOCUMENT, HELD, WRAPPED = 0, 1, 2, 3, 4  # of `Table.state`
_SHIFT = np.uint64(29)
_MIX0, _MIX1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclass
class Table:
    """Growing arrays behind one word table; see `new_table` in the reference."""

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
        self.state[DOCUMENT] = 1


@jit
def key_of(text: Array, start: int, stop: int) -> tuple[np.uint64, np.uint64]:
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
def home_of(key0: np.uint64, key1: np.uint64) -> np.uint64:
    mixed = (key0 ^ (key1 * _MIX1)) * _MIX0
    return mixed ^ (mixed >> np.uint64(32))


@jit
def unpack(key0: np.uint64, key1: np.uint64, out: Array, n: int) -> int:
    """Write the bytes of a short key at out[n], return the next free byte."""
    while key0 != 0:
        out[n] = key0 & np.uint64(0xFF)
        key0 >>= EIGHT
        n += 1
    while key1 != 0:
        out[n] = key1 & np.uint64(0xFF)
        key1 >>= EIGHT
        n += 1
    return n


@jit
def slot_of(
    slots: Array, arena: Array, text: Array, start: int, stop: int, key0: np.uint64,
    key1: np.uint64,
) -> np.int64:  # fmt: skip
    """Return the slot that holds the word, or the free slot where it belongs."""
    mask = np.uint64(slots.shape[0] - 1)
    place = home_of(key0, key1) & mask
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
        place = (place + ONE) & mask


@jit
def add_one(
    slots: Array, arena: Array, state: Array, seen: Array, text: Array, start: int, stop: int,
    count: int, documents: int,
) -> bool:  # fmt: skip
    """Add `count` to one word; False when the table must grow first.

    `documents` is -1 when the current document holds the word, else how many more hold it.
    """
    key0, key1 = key_of(text, start, stop)
    place = slot_of(slots, arena, text, start, stop, key0, key1)
    if slots[place, KEY0] == 0 and slots[place, KEY1] == 0:
        if state[ENTRIES] * 2 >= slots.shape[0]:
            return False
        if key1 >= LONG:
            used = state[USED]
            if used + stop - start + 16 > arena.size:
                return False
            for k in range(stop - start):
                arena[used + k] = byte_at(text, start + k)
            slots[place, OFFSET] = np.uint64(used)
            state[USED] = used + stop - start
        slots[place, KEY0] = key0
        slots[place, KEY1] = key1
        state[ENTRIES] += 1
    slots[place, VALUE] += np.uint64(count)
    if np.int64(slots[place, VALUE]) < 0:
        state[WRAPPED] = 1
    if seen.shape[0]:
        if documents >= 0:
            seen[place, 0] += documents
            if seen[place, 0] < 0:
                state[WRAPPED] = 1
        elif seen[place, 1] != state[DOCUMENT]:
            seen[place, 0] += 1
            seen[place, 1] = state[DOCUMENT]
    return True


@jit
def _move(old: Array, old_seen: Array, new: Array, new_seen: Array) -> None:
    """Put every entry into a larger slot array. Keys are unique, so no string is compared."""
    mask = np.uint64(new.shape[0] - 1)
    for i in range(old.shape[0]):
        key0, key1 = old[i, KEY0], old[i, KEY1]
        if key0 == 0 and key1 == 0:
            continue
        place = home_of(key0, key1) & mask
        while new[place, KEY0] != 0 or new[place, KEY1] != 0:
            place = (place + ONE) & mask
        for k in range(4):
            new[place, k] = old[i, k]
        if old_seen.shape[0]:
            new_seen[place, 0] = old_seen[i, 0]
            new_seen[place, 1] = old_seen[i, 1]


def grow(table: Table, longest: int) -> None:
    """Make room for at least one more word of `longest` bytes."""
    if table.state[ENTRIES] * 2 >= table.slots.shape[0]:
        capacity = next_capacity(table.slots.shape[0])
        slots = np.zeros((capacity, 4), np.uint64)
        seen = np.zeros((capacity if table.documents else 0, 2), np.int64)
        _move(table.slots, table.seen, slots, seen)
        table.slots, table.seen = slots, seen
    else:
        arena = np.zeros(table.arena.size * 2 + longest + 16, np.uint8)
        arena[: table.state[USED]] = table.arena[: table.state[USED]]
        table.arena = arena


def next_capacity(capacity: int) -> int:
    return capacity * (4 if capacity < 1 << 20 else 2)
