"""Word tables, as the definition reads: how often each word was seen, and in how many documents.

All texts are UTF-8 in a uint8 array with at least 16 bytes of padding behind the last word. A word
is neither empty nor does it hold a NUL byte. Several words are given as `text` and int64 `offsets`
(n + 1,): word i is text[offsets[i]:offsets[i + 1]].
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels.reference.packed import _packed


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
        starts: int32 (n,). First byte of each token; -1 where a document ends.
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
    """
    for i, count in enumerate(counts.tolist()):
        word = text[offsets[i] : offsets[i + 1]].tobytes()
        table.values[word] = table.values.get(word, 0) + count
        if documents.size:
            table.held[word] = table.held.get(word, 0) + int(documents[i])


def merge_tables(table: Table, other: Table) -> None:
    """Add all of `other` to `table`. Both have ended their last document."""
    for word, count in other.values.items():
        table.values[word] = table.values.get(word, 0) + count
    for word, count in other.held.items():
        table.held[word] = table.held.get(word, 0) + count


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
