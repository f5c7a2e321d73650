"""Chains of words in sentences, as the definition reads: what sentence templates are made of.

A chain is a sequence of places of one sentence, each at most `window` behind the one before and
linked to it by an edge. Its pattern is: whether it begins with the sentence, its words, and where
it skips words. Patterns are the nodes of a tree: node 2 w + a is the single word w, with a = 1 at
the beginning of a sentence; node 2 n_words + k is made from another by keys[k] =
parent << 32 | skip << 31 | word, where the parent is an earlier node. Both closings of a node are
templates: 0 ends with the sentence, 1 has a placeholder behind it.

At each place only the `beam` nodes of the highest value are followed (ties: the lower node), so
that a dense sentence costs no more than beam x window a word. Sums are integers: they can be added
in any order.
"""

from itertools import pairwise

import numpy as np

from textzero._compat import Array

SKIP = 1 << 31
GONE = -(1 << 62)  # the value of a node that is not followed


class Tree:
    """The nodes of a tree of patterns; see `new_tree`. A twin may hold anything else."""

    def __init__(self, keys: Array, n_words: int) -> None:
        nodes = range(2 * n_words, 2 * n_words + keys.size)
        self.children = dict(zip(keys.tolist(), nodes, strict=True))


def new_tree(keys: Array, n_words: int) -> Tree:
    """Make a tree from its keys: int64 (n_nodes - 2 n_words,), all different."""
    return Tree(keys, n_words)


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
    """Mark the edges that begin at the words first, ..., last - 1.

    The pair (a, b) is an edge when b follows a at a distance of at most `window` in one sentence
    at least `min_count` times, and count * scale > count of a * count of b.

    Args:
        tokens: int32 (n,). Word ids; -2 for a rare word; -1 behind each sentence.
        starts, positions: From `cooccurrence.word_positions`.
        window: At most 31.
        min_count: The fewest times.
        scale: Words^2 / (pairs e^min_pmi).
        first, last: The words.
        marks: uint32 (n,), changed. Bit d - 1 of marks[i] says that tokens i, i + d are an edge.
    """
    for word in range(first, last):
        places = positions[starts[word] : starts[word + 1]].tolist()
        behind = [
            (place, distance, int(tokens[place + distance]))
            for place in places
            for distance in range(1, window + 1)
            if place + distance < tokens.size
            and -1 not in tokens[place : place + distance + 1]
            and tokens[place + distance] >= 0
        ]
        counts: dict[int, int] = {}
        for _, _, other in behind:
            counts[other] = counts.get(other, 0) + 1
        for place, distance, other in behind:
            expected = float(len(places)) * float(starts[other + 1] - starts[other])
            if counts[other] >= min_count and counts[other] * scale > expected:
                marks[place] |= np.uint32(1 << (distance - 1))


def _states(
    sentence: list[int], marks: list[int], tree: Tree, values: list[int], window: int, beam: int
) -> list[list[int]]:
    """Return the nodes that end at each place of a sentence."""
    states: list[list[int]] = []
    for p, word in enumerate(sentence):
        found = set()
        if word >= 0:
            found.add(2 * word + (p == 0))
            for q in range(max(0, p - window), p):
                if marks[q] >> (p - q - 1) & 1:
                    keys = [node << 32 | (p - q > 1) * SKIP | word for node in states[q]]
                    found.update(tree.children[key] for key in keys if key in tree.children)
        alive = [node for node in found if values[node] != GONE]
        states.append(sorted(alive, key=lambda node: (-values[node], node))[:beam])
    return states


def _sentences(
    tokens: Array, offsets: Array, marks: Array, first: int, last: int
) -> list[tuple[list[int], list[int]]]:
    limits = [(a, b - 1) for a, b in pairwise(offsets[first : last + 1].tolist())]
    return [(tokens[a:b].tolist(), marks[a:b].tolist()) for a, b in limits]


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
    """Count the sentences that hold each pattern one word longer than `depth` words.

    Args:
        tokens: int32 (n,). As for `mark_edges`.
        offsets: int64 (n_sentences + 1,). Sentence s is tokens[offsets[s]:offsets[s + 1] - 1].
        marks: uint32 (n,). From `mark_edges`.
        tree: From `new_tree`.
        values: int64 (n_nodes,). GONE: not followed.
        depths: uint8 (n_nodes,). Words of each node.
        depth: The words of the nodes to extend, the most that a node has.
        window, beam: See above.
        first, last: The sentences.

    Returns:
        keys: int64 (n,). Ascending.
        counts: int64 (n,).
    """
    counts: dict[int, int] = {}
    value_list = values.tolist()
    for sentence, bits in _sentences(tokens, offsets, marks, first, last):
        states = _states(sentence, bits, tree, value_list, window, beam)
        keys = {
            node << 32 | (p - q > 1) * SKIP | word
            for p, word in enumerate(sentence)
            for q in range(max(0, p - window), p)
            for node in states[q]
            if word >= 0 and bits[q] >> (p - q - 1) & 1 and depths[node] == depth
        }
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
    return _sorted(counts)


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
    """Count the sentences that hold each template, apart for each label of a sentence.

    Args:
        tokens, offsets, marks, tree, values, window, beam, first, last: As for `count_extensions`.
        numbers: int32 (n_nodes, 2). The template of each closing, or -1.
        labels: int32 (n_sentences,). At least 0.

    Returns:
        keys: int64 (n,). template << 32 | label, ascending.
        counts: int64 (n,).
    """
    counts: dict[int, int] = {}
    value_list = values.tolist()
    for s, (sentence, bits) in enumerate(_sentences(tokens, offsets, marks, first, last), first):
        states = _states(sentence, bits, tree, value_list, window, beam)
        found = {
            int(numbers[node, int(p < len(sentence) - 1)])
            for p, nodes in enumerate(states)
            for node in nodes
        }
        for number in found - {-1}:
            key = number << 32 | int(labels[s])
            counts[key] = counts.get(key, 0) + 1
    return _sorted(counts)


def _sorted(counts: dict[int, int]) -> tuple[Array, Array]:
    keys = sorted(counts)
    return np.array(keys, np.int64), np.array([counts[key] for key in keys], np.int64)


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
    """Find the best and the second template of some sentences.

    A template of m words and s placeholders is worth its gain less log2 C(n - m - 1, s - 1), what
    it costs to say where the words of a sentence of n words are skipped; no template is worth
    `null`. Ties: the lower number; none is before any.

    Args:
        tokens, offsets, marks, tree, values, window, beam: As for `count_extensions`.
        numbers: As for `count_holders`.
        gains: int64 (n_templates,).
        sizes: int32 (n_templates, 2). Words and placeholders.
        factorials: int64 (longest sentence + 1,). log2 k!, in the unit of the gains.
        null: The worth of no template.
        which: int64 (n,). The sentences.

    Returns:
        best, second: int32 (n,). A template or -1 for none; `second` is -2 when nothing is left.
        worths: int64 (n, 2). GONE where nothing is left.
    """
    best = np.full(which.size, -1, np.int32)
    second = np.full(which.size, -2, np.int32)
    worths = np.full((which.size, 2), GONE, np.int64)
    value_list = values.tolist()
    for s, number_of in enumerate(which.tolist()):
        [(sentence, bits)] = _sentences(tokens, offsets, marks, number_of, number_of + 1)
        states = _states(sentence, bits, tree, value_list, window, beam)
        ranking = {-1: null}
        for p, nodes in enumerate(states):
            for node in nodes:
                number = int(numbers[node, int(p < len(sentence) - 1)])
                if number >= 0:
                    words, slots = sizes[number].tolist()
                    free = len(sentence) - words
                    ways = 0
                    if slots > 0:
                        ways = (
                            factorials[free - 1] - factorials[slots - 1] - factorials[free - slots]
                        )
                    ranking[number] = int(gains[number] - ways)
        order = sorted(ranking, key=lambda number: (-ranking[number], number))[:2]
        best[s], worths[s, 0] = order[0], ranking[order[0]]
        if len(order) > 1:
            second[s], worths[s, 1] = order[1], ranking[order[1]]
    return best, second, worths
