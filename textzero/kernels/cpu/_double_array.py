"""Words as a double array over dense character numbers.

The child of a node by character c is slot base + c if that slot holds c, and no two nodes have one
base. What is often used together lies near each other.
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit

# The columns of a slot.
BASE, CHECK, SCORE, WORD_OF = 0, 1, 2, 3
NO_SCORE = -(1 << 31)  # of a slot that is no word: below any sum that it competes with
_PATIENCE = 64
_FEW = 60
_HASH = np.uint64(0x9E3779B97F4A7C15)
_TWENTY = np.uint64(20)


def double_array(
    numbers: Array, offsets: Array, scores: Array, weights: Array, alphabet: int
) -> Array:
    """Return int32 (n, 4), the slots of words; what holds a number 0 is no word.

    Args:
        numbers: int32. The characters of the words, end to end, from 1 to `alphabet`.
        offsets: int64 (n_words + 1,). Where words begin in `numbers`.
        scores: int64 (n_words,). Of two equal words that with the higher score is kept.
        weights: float64 (n_words,). How often a word is looked for.
    """
    capacity = 1 << int(numbers.size * 2 + 1).bit_length()
    parents, labels = np.zeros((2, numbers.size + 1), np.int32)
    words = np.full(numbers.size + 1, -1, np.int32)
    n = _grow_tree(
        *(numbers, offsets, scores, np.full(capacity, -1, np.int64)),
        *(np.empty(capacity, np.int32), parents, labels, words),
    )
    return _slots(parents[:n], labels[:n], words[:n], scores, weights, alphabet)


@jit
def _grow_tree(
    numbers: Array, offsets: Array, scores: Array, keys: Array, values: Array,
    parents: Array, labels: Array, words: Array,
) -> int:  # fmt: skip
    """Make the nodes of a tree of words, parents first, by a hash table; return their number."""
    n = 1
    mask = keys.size - 1
    for word in range(offsets.size - 1):
        node = 0
        for i in range(offsets[word], offsets[word + 1]):
            if numbers[i] == 0:
                node = 0
                break
            key = (np.int64(node) << 21) | numbers[i]
            place = np.int64((np.uint64(key) * _HASH) >> _TWENTY) & mask
            while keys[place] != key and keys[place] >= 0:
                place = (place + 1) & mask
            if keys[place] < 0:
                keys[place] = key
                values[place] = n
                parents[n] = node
                labels[n] = numbers[i]
                n += 1
            node = values[place]
        if node > 0 and (words[node] < 0 or scores[word] > scores[words[node]]):
            words[node] = word
    return n


@jit
def _next_free(following: Array, slot: int) -> int:
    """Return the first free slot from `slot` on, shortening the way for the next search."""
    while following[slot] != slot:
        following[slot] = following[following[slot]]
        slot = following[slot]
    return slot


@jit
def _place_nodes(
    children: Array, firsts: Array, counts: Array, queue: Array, labels: Array, alphabet: int,
    bases: Array, places: Array, following: Array,
) -> int:  # fmt: skip
    """Give every node a base where its children find free slots; return the last slot.

    Nodes with many children come first. Where many places in a row do not fit, the next nodes begin
    behind them; those with few children begin anew and fill the holes. A slot is free while
    following[slot] is itself. Returns -1 when there are too few slots.
    """
    room = following.size - alphabet - 1
    taken = np.zeros(following.size, np.bool_)
    low = top = alphabet + 1
    previous = 0
    for node in queue:
        if counts[node] != previous and counts[node] <= _FEW:
            low, previous = alphabet + 1, counts[node]
        first, last = firsts[node], firsts[node] + counts[node]
        begin = labels[children[first]]
        slot = low = _next_free(following, low)
        tries = 0
        while True:
            if slot >= room:
                return -1
            base = slot - begin
            fits = base > 0 and not taken[base]
            for i in range(first + 1, last):
                if not fits:
                    break
                other = base + labels[children[i]]
                fits = following[other] == other
            if fits:
                break
            slot = _next_free(following, slot + 1)
            tries += 1
        if tries > _PATIENCE:
            low = slot
        taken[base] = True
        bases[node] = base
        for i in range(first, last):
            slot = base + labels[children[i]]
            following[slot] = slot + 1
            places[children[i]] = slot
            top = max(top, slot)
    return top


@jit
def _add_weights(parents: Array, weights: Array) -> None:
    """Add to every node the weights of all that are below it."""
    for node in range(parents.size - 1, 0, -1):
        weights[parents[node]] += weights[node]


def _slots(
    parents: Array, labels: Array, words: Array, scores: Array, weights: Array, alphabet: int
) -> Array:
    """Put a tree into slots, what is often used together near each other."""
    held = words >= 0
    below = np.zeros(parents.size)
    below[held] = weights[words[held]]
    _add_weights(parents, below)
    children = np.argsort((parents[1:].astype(np.int64) << 21) | labels[1:]) + 1
    counts = np.bincount(parents[1:], minlength=parents.size)
    firsts = np.r_[0, np.cumsum(counts)[:-1]]
    inner = np.flatnonzero(counts[1:]) + 1
    queue = inner[np.lexsort((-below[inner], -counts[inner]))]
    room, top = parents.size + parents.size // 2 + 2 * alphabet + 64, -1
    while top < 0:
        bases, places = np.zeros((2, parents.size), np.int64)
        following = np.arange(room)
        top = _place_nodes(
            children, firsts, counts, queue, labels, alphabet, bases, places, following
        )
        room += room // 2
    begins = np.flatnonzero(parents == 0)[1:]
    places[begins] = labels[begins]  # the root's base is 0
    slots = np.zeros((top + alphabet + 2, 4), np.int32)
    slots[:, CHECK], slots[:, SCORE], slots[:, WORD_OF] = -1, NO_SCORE, -1
    slots[places[1:], BASE] = bases[1:]
    slots[places[1:], CHECK] = labels[1:]
    slots[places[1:], WORD_OF] = words[1:]
    slots[places[held], SCORE] = scores[words[held]]
    return slots
