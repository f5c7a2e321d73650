"""Packed strings: put in order, gathered, written as rows.

String i is text[offsets[i]:offsets[i + 1]], UTF-8 with padding behind the last.
"""

from itertools import pairwise

import numpy as np

from textzero._compat import Array


def sort_order(text: Array, offsets: Array, counts: Array) -> Array:
    """Return the order of all tables: count descending, then word in code point order.

    Returns:
        int64 (n,). order[k] is the word that comes k-th.
    """
    # UTF-8 sorts by bytes as Unicode does by code points
    words = [text[a:b].tobytes() for a, b in pairwise(offsets)]
    return np.array(sorted(range(counts.size), key=lambda i: (-counts[i], words[i])), np.int64)


def gather(text: Array, offsets: Array, order: Array) -> tuple[Array, Array]:
    """Return the text, with its padding, and the offsets of words order[0], order[1], ..."""
    return _packed([text[offsets[i] : offsets[i + 1]].tobytes() for i in order])


def format_rows(text: Array, offsets: Array, numbers: Array, between: int) -> Array:
    """Write a line for each word: the word, then its numbers in decimal.

    Args:
        text: uint8. The words.
        offsets: int64 (n + 1,).
        numbers: int64 (n, columns). None negative.
        between: The byte before each number.

    Returns:
        uint8. The lines.
    """
    lines = []
    for i, row in enumerate(numbers.tolist()):
        fields = [text[offsets[i] : offsets[i + 1]].tobytes(), *(b"%d" % n for n in row)]
        lines.append(bytes([between]).join(fields) + b"\n")
    return np.frombuffer(b"".join(lines), np.uint8)


def _packed(words: list[bytes]) -> tuple[Array, Array]:
    offsets = np.cumsum([0, *map(len, words)], dtype=np.int64)
    return np.frombuffer(b"".join(words) + bytes(16), np.uint8), offsets
