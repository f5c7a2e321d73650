"""A sentence as nested templates on the CPU. The docstrings are in the reference.

What a template has between its first and its last word is its core; placeholders before and behind
are apart. The cores are a tree of words in which templates share their beginnings, and it is walked
once for each first word of a core, not for each span. For each span the best core of each of four
kinds is kept: with a placeholder before or not, behind or not. Placeholders at the ends are added
to these by sums over one bound. That is n^3 steps for n words, and as many for each node of the
tree behind an inner placeholder.
"""

from itertools import pairwise

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit
from textzero.kernels.reference.parsing import IMPOSSIBLE, NO_TEMPLATE, PLACEHOLDER


class Grammar:
    """The cores in pre-order.

    Attributes:
        nodes: int32 (n_nodes, 4). Word, depth from 0, whether a placeholder is before the word, and
            the node behind all that begin with this one.
        ends: int32 (n_nodes, 4). The template of each kind that ends with this node, or -1.
        weights: int64 (n_templates,).
        roots: int32 (n_words,). The node that is a core's first word, or -1.
        depth: Words of the longest core.
    """

    def __init__(self, items: Array, offsets: Array, weights: Array) -> None:
        cores = []
        for number, (a, b) in enumerate(pairwise(offsets.tolist())):
            template = items[a:b].tolist()
            before, behind = template[0] == PLACEHOLDER, template[-1] == PLACEHOLDER
            core, gap = [], 0
            for item in template[before : len(template) - behind]:
                if item == PLACEHOLDER:
                    gap = 1
                else:
                    core.append((item, gap))
                    gap = 0
            cores.append((core, 2 * before + behind, number))
        cores.sort()
        rows: list[list[int]] = []
        ends: list[list[int]] = []
        path: list[tuple[int, int]] = []
        open_nodes: list[int] = []
        for core, kind, number in cores:
            same = 0
            while same < min(len(path), len(core)) and path[same] == core[same]:
                same += 1
            for node in open_nodes[same:]:
                rows[node][3] = len(rows)
            del open_nodes[same:]
            for depth in range(same, len(core)):
                open_nodes.append(len(rows))
                rows.append([core[depth][0], depth, core[depth][1], 0])
                ends.append([-1] * 4)
            path = core
            ends[open_nodes[-1]][kind] = number
        for node in open_nodes:
            rows[node][3] = len(rows)
        self.nodes = np.array(rows, np.int32).reshape(-1, 4)
        self.ends = np.array(ends, np.int32).reshape(-1, 4)
        self.weights = np.ascontiguousarray(weights, np.int64)
        self.roots = np.full(int(items.max(initial=-1)) + 1, -1, np.int32)
        first = np.flatnonzero(self.nodes[:, 1] == 0)
        self.roots[self.nodes[first, 0]] = first
        self.depth = int(self.nodes[:, 1].max(initial=-1)) + 1


def new_grammar(items: Array, offsets: Array, weights: Array) -> Grammar:
    return Grammar(items, offsets, weights)


@jit
def _keep(scores: Array, choices: Array, i: int, j: int, score: int, choice: int) -> None:
    """Keep the better of two at [i, j]; of equals, the lower template."""
    if score > scores[i, j] or (score == scores[i, j] and choice < choices[i, j]):
        scores[i, j] = score
        choices[i, j] = choice


@jit
def _walk(
    q: int,
    words: Array,
    scores: Array,
    nodes: Array,
    ends: Array,
    weights: Array,
    root: int,
    places: Array,
    sums: Array,
    sizes: Array,
    core_scores: Array,
    core_choices: Array,
) -> None:
    """Find the best cores that begin at word q, by kind and end."""
    n = words.size
    k, stop = root, nodes[root, 3]
    while k < stop:
        word, depth, gap = nodes[k, 0], nodes[k, 1], nodes[k, 2]
        size = 0
        if depth == 0:
            places[0, 0], sums[0, 0], size = q + 1, 0, 1
        elif gap == 0:
            for a in range(sizes[depth - 1]):
                p = places[depth - 1, a]
                if p < n and words[p] == word:
                    places[depth, size], sums[depth, size] = p + 1, sums[depth - 1, a]
                    size += 1
        elif sizes[depth - 1] > 0:
            for p in range(places[depth - 1, 0] + 1, n):
                if words[p] != word:
                    continue
                best = IMPOSSIBLE
                for a in range(sizes[depth - 1]):
                    before = places[depth - 1, a]
                    if before >= p:
                        break
                    best = max(best, sums[depth - 1, a] + scores[before, p])
                places[depth, size], sums[depth, size] = p + 1, best
                size += 1
        sizes[depth] = size
        if size == 0:
            k = nodes[k, 3]
            continue
        for kind in range(4):
            number = ends[k, kind]
            if number >= 0:
                for a in range(size):
                    _keep(
                        core_scores[kind], core_choices[kind], q, places[depth, a],
                        sums[depth, a] + weights[number], number,
                    )  # fmt: skip
        k += 1


@jit
def _score_spans(
    words: Array,
    null: int,
    nodes: Array,
    ends: Array,
    weights: Array,
    roots: Array,
    depth: int,
    scores: Array,
    choices: Array,
) -> None:
    n = words.size
    shape = (4, n + 1, n + 1)
    core_scores, core_choices = np.full(shape, IMPOSSIBLE, np.int64), np.full(shape, -1, np.int32)
    places, sums = np.empty((depth, n + 1), np.int64), np.empty((depth, n + 1), np.int64)
    sizes = np.zeros(depth, np.int64)
    for q in range(n - 1, -1, -1):
        # 1. cores from here; the spans inside them begin later, so their scores are known
        word = words[q]
        if 0 <= word < roots.size and roots[word] >= 0:
            _walk(
                q, words, scores, nodes, ends, weights, roots[word], places, sums, sizes,
                core_scores, core_choices,
            )  # fmt: skip
            # 2. a placeholder behind: kinds 1 and 3 become 0 and 2
            for kind in (1, 3):
                for r in range(q + 1, n):
                    score = core_scores[kind, q, r]
                    if score > IMPOSSIBLE:
                        for j in range(r + 1, n + 1):
                            _keep(
                                core_scores[kind - 1], core_choices[kind - 1], q, j,
                                score + scores[r, j], core_choices[kind, q, r],
                            )  # fmt: skip
        # 3. spans from here, shorter ones first: whole, or with a placeholder before
        scores[q, q + 1] = 0
        for j in range(q + 2, n + 1):
            best, choice = core_scores[0, q, j], core_choices[0, q, j]
            for r in range(q + 1, j):
                if core_scores[2, r, j] > IMPOSSIBLE:
                    score = scores[q, r] + core_scores[2, r, j]
                    if score > best or (score == best and core_choices[2, r, j] < choice):
                        best, choice = score, core_choices[2, r, j]
            scores[q, j] = best if best > IMPOSSIBLE else null * (j - q - 1)
            choices[q, j] = choice


def score_spans(grammar: Grammar, words: Array, null: int) -> tuple[Array, Array]:
    n = words.size
    scores = np.zeros((n + 1, n + 1), np.int64)
    choices = np.full((n + 1, n + 1), NO_TEMPLATE, np.int32)
    g = grammar
    _score_spans(words, null, g.nodes, g.ends, g.weights, g.roots, g.depth, scores, choices)
    return scores, choices


@jit
def _place_items(
    items: Array, words: Array, scores: Array, start: int, stop: int, bounds: Array
) -> bool:
    m, n = items.size, stop - start
    best = np.full((m + 1, n + 1), IMPOSSIBLE, np.int64)  # from item k at word start + p on
    ends = np.zeros((m + 1, n + 1), np.int32)
    best[m, n] = 0
    for k in range(m - 1, -1, -1):
        for p in range(n):
            if items[k] != PLACEHOLDER:
                if words[start + p] == items[k]:
                    best[k, p], ends[k, p] = best[k + 1, p + 1], p + 1
                continue
            for end in range(p + 1, n + 1):
                if best[k + 1, end] > IMPOSSIBLE:
                    score = best[k + 1, end] + scores[start + p, start + end]
                    if score > best[k, p]:
                        best[k, p], ends[k, p] = score, end
    if best[0, 0] == IMPOSSIBLE:
        return False
    p = 0
    for k in range(m):
        bounds[k] = start + p
        p = ends[k, p]
    bounds[m] = stop
    return True


def place_items(items: Array, words: Array, scores: Array, start: int, stop: int) -> Array:
    bounds = np.empty(items.size + 1, np.int64)
    found = _place_items(items, words, scores, start, stop, bounds)
    return bounds if found else bounds[:0]
