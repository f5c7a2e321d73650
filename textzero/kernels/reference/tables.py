"""Word tables, as the definition reads: how often each word was seen, and in how many documents.

All texts are UTF-8 in a uint8 array with at least 16 bytes of padding behind the last word. A word
is neither empty nor does it hold a NUL byte. Several words are given as `text` and int64 `offsets`
(n + 1,): word i is text[offsets[i]:offsets[i + 1]].
"""

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.kernels.reference.packed import _packed

_MOST = (1 << 63) - 1


class Table:
    """What one thread has counted; see `new_table`. A twin may hold anything else."""

    def __init__(self, documents: bool) -> None:
        self.documents = documents
        self.values: dict[bytes, int] = {}
        self.held: dict[bytes, int] = {}  # documents that hold the word, the current one apart
        self.current: set[bytes] = set()  # words of the current document
        self.tail: list[bytes] = []  # its last tokens, for n-grams that reach into the next piece


def new_table(documents: bool) -> Table:
    """Make an empty table; `documents` says whether it counts the documents that hold a word."""
    return Table(documents)


def add_tokens(table: Table, text: Array, starts: Array, stops: Array, low: int, high: int) -> None:
    """Count the n-grams of a piece for low <= n <= high, their tokens joined by single spaces.

    N-grams do not cross the end of a document; they do reach back into the piece before when no
    document ended between.

    Args:
        table: The table.
        text: uint8. The piece.
        starts: int32 (n,). First byte of each token, which is not empty and holds neither a space
            nor NUL; -1 where a document ends.
        stops: int32 (n,). Byte behind each token.
        low: The fewest tokens together.
        high: The most tokens together.
    """
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if start < 0:
            end_document(table)
            continue
        table.tail.append(text[start:stop].tobytes())
        for n in range(low, min(high, len(table.tail)) + 1):
            word = b" ".join(table.tail[-n:])
            table.values[word] = table.values.get(word, 0) + 1
            table.current.add(word)
        if len(table.tail) == high:
            del table.tail[0]


def end_document(table: Table) -> None:
    """End the current document, as a boundary in `add_tokens` does."""
    for word in table.current:
        table.held[word] = table.held.get(word, 0) + 1
    table.current.clear()
    table.tail.clear()


def add_packed(table: Table, text: Array, offsets: Array, counts: Array, documents: Array) -> None:
    """Add words that were counted before.

    Args:
        table: The table.
        text: uint8. The words.
        offsets: int64 (n + 1,).
        counts: int64 (n,). What to add to each word's count.
        documents: int64 (n,). What to add to each word's documents; or empty.

    Raises:
        InputError: A sum passes 2^63 - 1.
    """
    for i, count in enumerate(counts.tolist()):
        word = text[offsets[i] : offsets[i + 1]].tobytes()
        table.values[word] = _sum(table.values.get(word, 0), count)
        if documents.size:
            table.held[word] = _sum(table.held.get(word, 0), int(documents[i]))


def merge_tables(table: Table, other: Table) -> None:
    """Add all of `other` to `table`. Both have ended their last document.

    Raises:
        InputError: A sum passes 2^63 - 1.
    """
    for word, count in other.values.items():
        table.values[word] = _sum(table.values.get(word, 0), count)
    for word, count in other.held.items():
        table.held[word] = _sum(table.held.get(word, 0), count)


def _sum(one: int, other: int) -> int:
    if one + other > _MOST:
        raise InputError("a sum of counts must stay below 2^63; count smaller parts apart")
    return one + other


def clear(table: Table) -> None:
    """Forget the words. The open document stays open, so that its n-grams reach back."""
    table.values.clear()
    table.held.clear()
    table.current.clear()


def extent(table: Table) -> tuple[int, int]:
    """Return (words, most bytes of their text)."""
    return len(table.values), sum(map(len, table.values))


def size_after(table: Table, words: int, text: int) -> int:
    """Return the most bytes that a table may take when more is added and then sorted.

    Args:
        table: The table.
        words: Words that may be new.
        text: Bytes of their text, at most.
    """
    held, size = extent(table)
    return (held + words) * 200 + size + text


def sorted_places(table: Table) -> Array:
    """Return int64 (n,): where in the table its words are, in the order of their bytes."""
    words = list(table.values)
    return np.array(sorted(range(len(words)), key=words.__getitem__), np.int64)


def take(table: Table, places: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Return the words at some places, which stay in the table.

    Returns:
        text: uint8. The words, with their padding.
        offsets: int64 (n + 1,).
        counts: int64 (n,).
        documents: int64 (n,), or (0,) when the table does not count them.
        is_open: bool (n,). Whether the open document, which is counted, holds the word; or (0,).
    """
    rows = list(table.values.items())
    rows = [rows[i] for i in places.tolist()]
    text, offsets = _packed([word for word, _ in rows])
    counts = np.array([count for _, count in rows], np.int64)
    is_open = np.array([w in table.current for w, _ in rows if table.documents], bool)
    held = np.array([table.held.get(w, 0) for w, _ in rows if table.documents], np.int64)
    return text, offsets, counts, held + is_open, is_open


def unload(table: Table) -> tuple[Array, Array, Array, Array]:
    """Take a table apart.

    Returns:
        text: uint8. The words, in no meaningful order, with their padding.
        offsets: int64 (n + 1,).
        counts: int64 (n,).
        documents: int64 (n,), or (0,) when the table does not count them.
    """
    text, offsets = _packed(list(table.values))
    counts = np.array(list(table.values.values()), np.int64)
    held = [table.held.get(w, 0) + (w in table.current) for w in table.values if table.documents]
    return text, offsets, counts, np.array(held, np.int64)


def set_values(table: Table, text: Array, offsets: Array, values: Array) -> None:
    """Give each of some new words the value that `look_up` returns.

    Args:
        table: An empty table.
        text: uint8. The words, each once.
        offsets: int64 (n + 1,).
        values: int64 (n,). At least 0, below 2^31 - 1.
    """
    add_packed(table, text, offsets, values + 1, np.zeros(0, np.int64))


def look_up(table: Table, text: Array, starts: Array, stops: Array) -> Array:
    """Find the values of a piece's tokens in a table filled by `set_values`.

    Returns:
        int32 (n,). -1 where a document ends, -2 where the table does not have the token.
    """
    ids = [
        table.values.get(text[start:stop].tobytes(), -1) - 1 if start >= 0 else -1
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
    ]
    return np.array(ids, np.int32)
