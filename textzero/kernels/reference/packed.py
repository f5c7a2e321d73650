"""Packed strings: put in order, gathered, written as rows.

String i is text[offsets[i]:offsets[i + 1]], UTF-8 with padding behind the last.
"""

import heapq
import re
from itertools import pairwise

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError

_MOST = (1 << 63) - 1
_ROW = re.compile(rb"([^\x00-\x1f]+)\t([0-9]{1,19})(?:\t([0-9]{1,19}))?\r?")


def sort_order(text: Array, offsets: Array, counts: Array) -> Array:
    """Return the order of all tables: count descending, then word in code point order.

    Returns:
        int64 (n,). order[k] is the word that comes k-th.
    """
    # UTF-8 sorts by bytes as Unicode does by code points
    words = [text[a:b].tobytes() for a, b in pairwise(offsets)]
    return np.array(sorted(range(counts.size), key=lambda i: (-counts[i], words[i])), np.int64)


def is_ranked(text: Array, offsets: Array, counts: Array) -> bool:
    """Whether words are in the order of all tables, none of them twice in a row."""
    words = [text[a:b].tobytes() for a, b in pairwise(offsets)]
    rows = list(zip((-counts).tolist(), words, strict=True))
    return all(one < next for one, next in pairwise(rows))


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


def parse_rows(text: Array, size: int) -> tuple[Array, Array, Array, Array, int]:
    """Read whole lines of word<TAB>count or word<TAB>count<TAB>documents.

    Args:
        text: uint8 (size + 16 or more,). The lines.
        size: Bytes of text.

    Returns:
        words: uint8. The words, with their padding.
        offsets: int64 (n + 1,).
        counts: int64 (n,).
        documents: int64 (n,). 0 where not told.
        done: `size`, or where the first line begins that is neither empty nor such a row.
    """
    words, numbers, done = [], [], 0
    while done < size:
        line = text[done:size].tobytes().partition(b"\n")[0]
        row = _ROW.fullmatch(line)
        if row:
            found = [int(row[2]), int(row[3] or 0)]
        if (not row or max(found) > _MOST) and line not in (b"", b"\r"):
            break
        if row:
            words.append(row[1])
            numbers.append(found)
        done = min(done + len(line) + 1, size)
    counts, documents = np.array(numbers, np.int64).reshape(-1, 2).T.copy()
    return *_packed(words), counts, documents, done


def merge_sorted(
    text: Array,
    starts: Array,
    stops: Array,
    counts: Array,
    documents: Array,
    heads: Array,
    tails: Array,
    more: Array,
    ranked: bool,
    out_text: Array,
    out_offsets: Array,
    out_counts: Array,
    out_documents: Array,
    filled: int,
) -> int:
    """Merge several runs of sorted words; a word that several runs have is written once.

    Ends when a run is used up that goes on elsewhere, when `out` has no room for the next word,
    or when all runs are used up. A word equal to the last in `out` is added to that one.

    Args:
        text: uint8. The words and padding.
        starts: int64 (n,). First byte of each word.
        stops: int64 (n,). Byte behind each word.
        counts: int64 (n,).
        documents: int64 (n,) or (0,).
        heads: int64 (runs,). The next word of each run; moved forward.
        tails: int64 (runs,). Behind the last word of each run.
        more: bool (runs,). Whether the run goes on elsewhere.
        ranked: Whether the runs are sorted by count, descending, then by bytes; else by bytes.
        out_text: uint8. Room for words.
        out_offsets: int64 (rows + 1,). Begins with 0.
        out_counts: int64 (rows,).
        out_documents: int64 (rows,) or (0,).
        filled: Rows that are in `out`.

    Returns:
        Rows that are in `out` now.

    Raises:
        InputError: A sum passes 2^63 - 1.
    """

    def entry(run: int) -> tuple[int, bytes, int]:
        i = heads[run]
        word = text[starts[i] : stops[i]].tobytes()
        return -int(counts[i]) if ranked else 0, word, run

    heap = [entry(run) for run in range(heads.size) if heads[run] < tails[run]]
    heapq.heapify(heap)
    while heap and not (more & (heads == tails)).any():
        _, word, run = heap[0]
        size = int(out_offsets[filled])
        last = out_text[out_offsets[max(filled - 1, 0)] : size].tobytes()
        if not filled or last != word:
            if filled == out_counts.size or size + len(word) > out_text.size:
                break
            out_text[size : size + len(word)] = np.frombuffer(word, np.uint8)
            out_offsets[filled + 1] = size + len(word)
            out_counts[filled] = 0
            out_documents[filled : filled + 1] = 0
            filled += 1
        for column, out in ((counts, out_counts), (documents, out_documents)):
            if out.size:
                total = int(out[filled - 1]) + int(column[heads[run]])
                if total > _MOST:
                    raise InputError(
                        "a sum of counts must stay below 2^63; count smaller parts apart"
                    )
                out[filled - 1] = total
        heads[run] += 1
        if heads[run] < tails[run]:
            heapq.heapreplace(heap, entry(run))
        else:
            heapq.heappop(heap)
    return filled


def _packed(words: list[bytes]) -> tuple[Array, Array]:
    offsets = np.cumsum([0, *map(len, words)], dtype=np.int64)
    return np.frombuffer(b"".join(words) + bytes(16), np.uint8), offsets
