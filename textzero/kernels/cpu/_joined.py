"""N-grams of tokens added to a word table: tokens joined by spaces, over the ends of pieces."""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import byte_at, jit
from textzero.kernels.cpu._slots import DOCUMENT, HELD, Table, add_one, grow

_SPACE = 0x20


def add_joined(table: Table, text: Array, starts: Array, stops: Array, low: int, high: int) -> None:
    """Count n-grams; up to `high` - 1 tokens of the open document are held for the next piece."""
    held = int(table.state[HELD])
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
        grow(table, int(size))
    keep = ends.size
    while keep > max(0, ends.size - high + 1) and line[begins[keep - 1]] != 0:
        keep -= 1
    tail = line[begins[keep] : size] if keep < ends.size else line[:0]
    table.held = tail.copy()
    table.state[HELD] = tail.size


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
    slots: Array, arena: Array, state: Array, seen: Array, line: Array, begins: Array,
    ends: Array, fresh: int, low: int, high: int, first: int,
) -> int:  # fmt: skip
    """Count the n-grams that end at tokens fresh, fresh + 1, ... ; `first` = token * span + order.

    Token k is line[begins[k] : ends[k] - 1]; a document's end has line[begins[k]] == 0.
    """
    span = high - low + 1
    for job in range(first, (begins.size - fresh) * span):
        k = fresh + job // span
        n = low + job % span
        if line[begins[k]] == 0:
            if n == low:
                state[DOCUMENT] += 1
            continue
        head = k - n + 1
        if head < 0:
            continue
        whole = True
        for j in range(head, k):
            if line[begins[j]] == 0:
                whole = False
                break
        if whole and not add_one(slots, arena, state, seen, line, begins[head], ends[k] - 1, 1, -1):
            return job
    return (begins.size - fresh) * span
