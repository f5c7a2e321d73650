"""Chains of words in sentences on the CPU. The docstrings are in the reference."""

from typing import NamedTuple

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit
from textzero.kernels.reference.templates import GONE, SKIP

_SPREAD = -7046029254386353131  # 2^64 / golden ratio, as int64


class Tree(NamedTuple):
    """Keys by hash, -1 where there is none, and their nodes."""

    slots: Array
    nodes: Array


@jit
def _fill(keys: Array, first: int, slots: Array, nodes: Array) -> None:
    mask = slots.size - 1
    for k in range(keys.size):
        at = (keys[k] * _SPREAD >> 20) & mask
        while slots[at] >= 0:
            at = (at + 1) & mask
        slots[at] = keys[k]
        nodes[at] = first + k


@jit
def _child(slots: Array, nodes: Array, key: int) -> int:
    mask = slots.size - 1
    at = (key * _SPREAD >> 20) & mask
    while slots[at] >= 0:
        if slots[at] == key:
            return nodes[at]
        at = (at + 1) & mask
    return -1


def new_tree(keys: Array, n_words: int) -> Tree:
    size = 1 << max(4, int(2 * keys.size).bit_length())
    slots, nodes = np.full(size, -1, np.int64), np.empty(size, np.int32)
    _fill(keys, 2 * n_words, slots, nodes)
    return Tree(slots, nodes)


@jit
def _mark_edges(
    tokens: Array,
    starts: Array,
    positions: Array,
    window: int,
    min_count: int,
    scale: float,
    first: int,
    last: int,
    marks: Array,
    sums: Array,
) -> None:
    for word in range(first, last):
        begin, end = starts[word], starts[word + 1]
        for k in range(begin, end):
            i = positions[k]
            for j in range(i + 1, min(i + window + 1, tokens.size)):
                if tokens[j] == -1:
                    break
                if tokens[j] >= 0:
                    sums[tokens[j]] += 1
        for k in range(begin, end):
            i = positions[k]
            bits = 0
            for j in range(i + 1, min(i + window + 1, tokens.size)):
                other = tokens[j]
                if other == -1:
                    break
                if other >= 0 and sums[other] >= min_count:
                    expected = float(end - begin) * float(starts[other + 1] - starts[other])
                    if sums[other] * scale > expected:
                        bits |= 1 << (j - i - 1)
            marks[i] |= np.uint32(bits)
        for k in range(begin, end):
            i = positions[k]
            for j in range(i + 1, min(i + window + 1, tokens.size)):
                if tokens[j] == -1:
                    break
                if tokens[j] >= 0:
                    sums[tokens[j]] = 0


def mark_edges(
    tokens: Array,
    starts: Array,
    positions: Array,
    window: int,
    min_count: int,
    scale: float,
    first: int,
    last: int,
    marks: Array,
) -> None:
    sums = np.zeros(starts.size - 1, np.int64)
    _mark_edges(*(tokens, starts, positions, window, min_count, scale, first, last, marks), sums)


@jit
def _add(state: Array, size: int, node: int, values: Array, beam: int) -> int:
    """Put a new node into the list of a place; when it is full, the worst one goes."""
    if size < beam:
        state[size] = node
        return size + 1
    worst = 0
    for k in range(1, size):
        a, b = state[k], state[worst]
        if values[a] < values[b] or (values[a] == values[b] and a > b):
            worst = k
    other = state[worst]
    if values[node] > values[other] or (values[node] == values[other] and node < other):
        state[worst] = node
    return size


@jit
def _states_at(
    tokens: Array,
    marks: Array,
    begin: int,
    p: int,
    slots: Array,
    nodes: Array,
    values: Array,
    window: int,
    beam: int,
    ring: Array,
    sizes: Array,
    seen: Array,
) -> int:
    """Find the nodes that end at token p, into ring[p % (window + 1)]; return how many."""
    row = p % (window + 1)
    state, size, word = ring[row], 0, tokens[p]
    if word >= 0:
        root = 2 * word + (p == begin)
        if values[root] != GONE:
            size = _add(state, size, root, values, beam)
        for q in range(max(begin, p - window), p):
            if not (marks[q] >> np.uint32(p - q - 1)) & np.uint32(1):
                continue
            tail = word | SKIP if p - q > 1 else word
            from_row = q % (window + 1)
            for k in range(sizes[from_row]):
                child = _child(slots, nodes, (np.int64(ring[from_row, k]) << 32) | tail)
                if child >= 0 and seen[child] != p and values[child] != GONE:
                    seen[child] = p
                    size = _add(state, size, child, values, beam)
    sizes[row] = size
    return row


@jit
def _scratch(n_nodes: int, window: int, beam: int) -> tuple[Array, Array, Array]:
    ring = np.empty((window + 1, beam), np.int32)
    return ring, np.zeros(window + 1, np.int64), np.full(n_nodes, -1, np.int64)


@jit
def _longer(keys: Array, n: int, more: int) -> Array:
    longer = np.empty(2 * keys.size + more, np.int64)
    longer[:n] = keys[:n]
    return longer


@jit
def _compact(keys: Array, begin: int, end: int) -> int:
    """Sort keys[begin:end], keep each once; return the new end."""
    if end - begin < 2:
        return end
    keys[begin:end] = np.sort(keys[begin:end])
    n = begin + 1
    for k in range(begin + 1, end):
        if keys[k] != keys[n - 1]:
            keys[n] = keys[k]
            n += 1
    return n


@jit
def _extensions(
    tokens: Array,
    offsets: Array,
    marks: Array,
    slots: Array,
    nodes: Array,
    values: Array,
    depths: Array,
    depth: int,
    window: int,
    beam: int,
    first: int,
    last: int,
) -> Array:
    """Return the keys of all sentences, each as often as sentences have it."""
    ring, sizes, seen = _scratch(values.size, window, beam)
    keys, n = np.empty(1 << 16, np.int64), 0
    for s in range(first, last):
        begun, begin = n, offsets[s]
        for p in range(begin, offsets[s + 1] - 1):
            _states_at(
                *(tokens, marks, begin, p, slots, nodes, values, window, beam, ring, sizes, seen)
            )
            word = tokens[p]
            if word < 0:
                continue
            if n + window * beam > keys.size:
                n = _compact(keys, begun, n)
                if n + window * beam > keys.size // 2:
                    keys = _longer(keys, n, window * beam)
            for q in range(max(begin, p - window), p):
                if not (marks[q] >> np.uint32(p - q - 1)) & np.uint32(1):
                    continue
                tail = word | SKIP if p - q > 1 else word
                row = q % (window + 1)
                for k in range(sizes[row]):
                    if depths[ring[row, k]] == depth:
                        keys[n] = (np.int64(ring[row, k]) << 32) | tail
                        n += 1
        n = _compact(keys, begun, n)
    return keys[:n]


def count_extensions(
    tokens: Array,
    offsets: Array,
    marks: Array,
    tree: Tree,
    values: Array,
    depths: Array,
    depth: int,
    window: int,
    beam: int,
    first: int,
    last: int,
) -> tuple[Array, Array]:
    keys = _extensions(
        *(tokens, offsets, marks, *tree, values, depths, depth, window, beam, first, last)
    )
    return np.unique(keys, return_counts=True)


@jit
def _holders(
    tokens: Array,
    offsets: Array,
    marks: Array,
    slots: Array,
    nodes: Array,
    values: Array,
    numbers: Array,
    labels: Array,
    window: int,
    beam: int,
    first: int,
    last: int,
) -> Array:
    """Return the keys of all sentences, each as often as sentences have it."""
    ring, sizes, seen = _scratch(values.size, window, beam)
    counted = np.full(int(numbers.max()) + 1, -1, np.int64)
    keys, n = np.empty(1 << 16, np.int64), 0
    for s in range(first, last):
        begin, end = offsets[s], offsets[s + 1] - 1
        for p in range(begin, end):
            row = _states_at(
                *(tokens, marks, begin, p, slots, nodes, values, window, beam, ring, sizes, seen)
            )
            if n + beam > keys.size:
                keys = _longer(keys, n, beam)
            for k in range(sizes[row]):
                number = numbers[ring[row, k], int(p < end - 1)]
                if number >= 0 and counted[number] != s:
                    counted[number] = s
                    keys[n] = (np.int64(number) << 32) | labels[s]
                    n += 1
    return keys[:n]


def count_holders(
    tokens: Array,
    offsets: Array,
    marks: Array,
    tree: Tree,
    values: Array,
    numbers: Array,
    labels: Array,
    window: int,
    beam: int,
    first: int,
    last: int,
) -> tuple[Array, Array]:
    keys = _holders(
        *(tokens, offsets, marks, *tree, values, numbers, labels, window, beam, first, last)
    )
    return np.unique(keys, return_counts=True)


@jit
def _choose(
    tokens: Array,
    offsets: Array,
    marks: Array,
    slots: Array,
    nodes: Array,
    values: Array,
    numbers: Array,
    gains: Array,
    shapes: Array,
    factorials: Array,
    null: int,
    window: int,
    beam: int,
    which: Array,
    best: Array,
    second: Array,
    worths: Array,
) -> None:
    ring, sizes, seen = _scratch(values.size, window, beam)
    for i in range(which.size):
        s = which[i]
        a, a_worth, b, b_worth = -1, null, -2, GONE
        begin, end = offsets[s], offsets[s + 1] - 1
        for p in range(begin, end):
            row = _states_at(
                *(tokens, marks, begin, p, slots, nodes, values, window, beam, ring, sizes, seen)
            )
            closing = int(p < end - 1)
            for k in range(sizes[row]):
                number = numbers[ring[row, k], closing]
                if number < 0 or number == a or number == b:
                    continue
                worth = gains[number]
                placeholders = shapes[number, 1]
                if placeholders > 0:
                    free = end - begin - shapes[number, 0]
                    worth -= (
                        factorials[free - 1]
                        - factorials[placeholders - 1]
                        - factorials[free - placeholders]
                    )
                if worth > a_worth or (worth == a_worth and number < a):
                    b, b_worth = a, a_worth
                    a, a_worth = number, worth
                elif b == -2 or worth > b_worth or (worth == b_worth and number < b):
                    b, b_worth = number, worth
        best[i], worths[i, 0] = a, a_worth
        second[i], worths[i, 1] = b, b_worth


def choose_templates(
    tokens: Array,
    offsets: Array,
    marks: Array,
    tree: Tree,
    values: Array,
    numbers: Array,
    gains: Array,
    sizes: Array,
    factorials: Array,
    null: int,
    window: int,
    beam: int,
    which: Array,
) -> tuple[Array, Array, Array]:
    best = np.empty(which.size, np.int32)
    second, worths = np.empty_like(best), np.empty((which.size, 2), np.int64)
    _choose(
        *(tokens, offsets, marks, *tree, values, numbers, gains, sizes, factorials, null),
        *(window, beam, which, best, second, worths),
    )
    return best, second, worths
