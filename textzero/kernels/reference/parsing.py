"""A sentence as nested templates, as the definition reads.

The score of a span is 0 for one word; else the greatest, over the templates that match it, of the
template's weight plus the scores of what fills its placeholders; where none matches, `null` for
each word but the first. A placeholder takes one or more words. Scores are integers, so ties are
real: the template with the lower number wins, and its placeholders end as early as they can, the
first one first.
"""

from functools import cache
from itertools import pairwise

import numpy as np

from textzero._compat import Array

PLACEHOLDER = -1
NO_TEMPLATE, IMPOSSIBLE = -1, -(1 << 62)


class Grammar:
    """Templates; see `new_grammar`. A twin may hold anything else."""

    def __init__(self, items: Array, offsets: Array, weights: Array) -> None:
        self.weights = weights.tolist()
        self.templates = [items[a:b].tolist() for a, b in pairwise(offsets.tolist())]


def new_grammar(items: Array, offsets: Array, weights: Array) -> Grammar:
    """Make a grammar of templates.

    Args:
        items: int32 (n_items,). Word ids, -1 for a placeholder; all templates, end to end. Each
            has a word and another item; no two placeholders stand together; no two templates are
            the same.
        offsets: int64 (n_templates + 1,).
        weights: int64 (n_templates,).
    """
    return Grammar(items, offsets, weights)


def score_spans(grammar: Grammar, words: Array, null: int) -> tuple[Array, Array]:
    """Find the best template of every span.

    With templates that share their beginnings as a tree, n words take at most n^3 steps, times the
    nodes of the tree that have a placeholder inside.

    Args:
        grammar: From `new_grammar`.
        words: int32 (n,). Word ids; one that no template has is -2.
        null: The score of each word but the first where no template matches.

    Returns:
        scores: int64 (n + 1, n + 1). Of words[i:j] at [i, j]; 0 where there is no span.
        choices: int32 (n + 1, n + 1). The template, or -1.
    """
    n = words.size
    scores = np.zeros((n + 1, n + 1), np.int64)
    choices = np.full((n + 1, n + 1), NO_TEMPLATE, np.int32)
    sentence = words.tolist()
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            best = IMPOSSIBLE
            for number, template in enumerate(grammar.templates):
                score = _fill(template, sentence, scores, i, i + length)[0]
                if score > IMPOSSIBLE and score + grammar.weights[number] > best:
                    best = score + grammar.weights[number]
                    choices[i, i + length] = number
            scores[i, i + length] = best if best > IMPOSSIBLE else null * (length - 1)
    return scores, choices


def place_items(items: Array, words: Array, scores: Array, start: int, stop: int) -> Array:
    """Find where the items of a template that matches words[start:stop] begin.

    Args:
        items: int32 (m,).
        words: int32 (n,).
        scores: From `score_spans`.
        start, stop: The span.

    Returns:
        int64 (m + 1,). The first is `start`, the last `stop`; empty if it does not match.
    """
    score, bounds = _fill(items.tolist(), words.tolist(), scores, start, stop)
    return np.array(bounds if score > IMPOSSIBLE else [], np.int64)


def _fill(
    template: list[int], sentence: list[int], scores: Array, start: int, stop: int
) -> tuple[int, list[int]]:
    """Return (greatest sum of the scores of the fillers, where each item begins, and the end)."""

    @cache
    def rest(k: int, p: int) -> tuple[int, list[int]]:
        if k == len(template):
            return (0, [p]) if p == stop else (IMPOSSIBLE, [])
        if p >= stop or (template[k] != PLACEHOLDER and sentence[p] != template[k]):
            return IMPOSSIBLE, []
        best: tuple[int, list[int]] = (IMPOSSIBLE, [])
        for end in range(p + 1, stop + 1) if template[k] == PLACEHOLDER else [p + 1]:
            score, bounds = rest(k + 1, end)
            if score > IMPOSSIBLE:
                score += int(scores[p, end]) if template[k] == PLACEHOLDER else 0
                if score > best[0]:
                    best = score, [p, *bounds]
        return best

    return rest(0, start)
