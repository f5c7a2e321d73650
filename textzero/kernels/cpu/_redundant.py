"""Words as paths through other words: which are redundant, and what each is worth."""

import math
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit
from textzero.kernels.cpu._number_tables import child
from textzero.kernels.reference.cutting import NO_WORD


@jit
def _best_parts(
    slots: Array, nodes: Array, words: Array, first: int, last: int, logs: Array, shift: float,
    own: int, best: Array, backs: Array, path: Array,
) -> int:  # fmt: skip
    """Write (start, word) of the best path through a word without itself to path[n:size].

    Returns n.
    """
    size = last - first
    backs[: size + 1, 0] = -1
    for start in range(size):
        node: Any = 0
        alone: Any = -1
        for stop in range(start + 1, size + 1):
            node = child(slots, node, words[first + stop - 1])
            if node < 0:
                break
            word = np.int64(nodes[node])
            if stop == start + 1:
                alone = word
            if word >= 0 and word != own and logs[word] > NO_WORD:
                score = best[start] + (logs[word] - shift)
                if backs[stop, 0] < 0 or score > best[stop]:
                    best[stop], backs[stop, 0], backs[stop, 1] = score, start, word
        if backs[start + 1, 0] < 0:
            best[start + 1] = best[start] + NO_WORD
            backs[start + 1, 0], backs[start + 1, 1] = start, alone
    n = at = size
    while at > 0:
        n -= 1
        path[n] = backs[at]
        at = backs[at, 0]
    return n


@jit
def prune(
    slots: Array, nodes: Array, words: Array, offsets: Array, counts: Array, longest: int,
    in_turn: bool, kept: Array, gains: Array, breaks: Array,
) -> None:  # fmt: skip
    n_words = offsets.size - 1
    logs = np.full(n_words, NO_WORD)
    for word in range(n_words):
        if counts[word] > 0:
            logs[word] = math.log(counts[word])
    most = offsets[1] if n_words else 0
    best = np.ones(most + 1)  # a path begins with 1, as in nlp-zero: sums round alike
    backs, path = np.empty((2, most + 1, 2), np.int64)
    total = counts.sum()
    begin = 0
    while begin < n_words:
        size = offsets[begin + 1] - offsets[begin]
        if size == 1:
            break
        stop = begin + 1
        while not in_turn and stop < n_words and offsets[stop + 1] - offsets[stop] == size:
            stop += 1
        shift = math.log(total)
        for word in range(begin, stop):
            first, last = offsets[word], offsets[word + 1]
            n = _best_parts(slots, nodes, words, first, last, logs, shift, word, best, backs, path)
            gain = logs[word] - shift
            for k in range(n, size):
                part = path[k, 1]
                gain -= (logs[part] if part >= 0 else NO_WORD) - shift
                breaks[first + path[k, 0]] = 1
            gains[word] = gain
            kept[word] = size <= longest and gain >= size - 1
        for word in range(begin, stop):
            if not kept[word]:
                logs[word] = NO_WORD
                total -= counts[word]
                total += _give_to_parts(slots, nodes, words, offsets, counts, word, breaks, logs)
        begin = stop


@jit
def _give_to_parts(
    slots: Array, nodes: Array, words: Array, offsets: Array, counts: Array, word: int,
    breaks: Array, logs: Array,
) -> int:  # fmt: skip
    """Add a word's count to its parts; return the sum of what they got."""
    count, node = counts[word], 0
    given: Any = 0
    for i in range(offsets[word], offsets[word + 1]):
        node = child(slots, node, words[i])
        if node < 0:  # a unit that is in no list: it is a part by itself
            node = 0
        elif i + 1 == offsets[word + 1] or breaks[i + 1]:
            part = nodes[node]
            if part >= 0:
                counts[part] += count
                logs[part] = math.log(counts[part])
                given += count
            node = 0
    return given


@jit
def _times_log(count: int) -> float:
    return count * math.log(count) if count > 0 else 0.0


@jit
def savings(
    slots: Array, nodes: Array, words: Array, offsets: Array, counts: Array, logs: Array,
    total: int, begin: int, end: int, pmi: Array, saved: Array,
) -> None:  # fmt: skip
    most = 0
    for word in range(begin, end):
        most = max(most, offsets[word + 1] - offsets[word])
    best = np.ones(most + 1)
    backs, path = np.empty((2, most + 1, 2), np.int64)
    shift = math.log(total)
    for word in range(begin, end):
        first, last, count = offsets[word], offsets[word + 1], counts[word]
        size = last - first
        if size == 1 or count == 0:
            continue
        n = _best_parts(slots, nodes, words, first, last, logs, shift, word, best, backs, path)
        whole = total + (size - n - 1) * count
        value = math.log(count / whole)
        bits = _times_log(whole) - _times_log(total) + _times_log(count)
        for k in range(n, size):
            part, times, before = path[k, 1], 0, False
            for j in range(n, size):
                same = path[j, 1] == part and (
                    part >= 0 or words[first + path[j, 0]] == words[first + path[k, 0]]
                )
                times += same
                before |= same and j < k
            held = counts[part] if part >= 0 else 0
            joint = held + times * count
            value -= math.log(joint / whole)
            if not before:
                bits -= _times_log(joint) - _times_log(held)
        pmi[word - begin], saved[word - begin] = value, bits
