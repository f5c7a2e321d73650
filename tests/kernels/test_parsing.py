from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero.kernels import kernel

DEVICE = pytest.mark.parametrize("device", ["reference", "cpu"])
NULL = -7


def is_template(items):
    pairs = pairwise(items)
    return len(items) > 1 and max(items) >= 0 and all(max(pair) >= 0 for pair in pairs)


ITEMS = st.lists(st.integers(-1, 2), min_size=2, max_size=6).filter(is_template).map(tuple)
GRAMMAR = st.dictionaries(ITEMS, st.integers(-9, 0), min_size=0, max_size=8)
SENTENCE = st.lists(st.integers(-2, 2).filter(lambda w: w != -1), min_size=1, max_size=8)


def new_grammar(kernels, templates, weights):
    items = np.array([item for template in templates for item in template], np.int32)
    offsets = np.cumsum([0, *map(len, templates)])
    return kernels.new_grammar(items, offsets, np.array(weights, np.int64))


def fillings(template, words):
    """Every way to fill a template with all the words, as lists of (first, behind)."""

    def go(k, p):
        if k == len(template):
            if p == len(words):
                yield []
        elif template[k] >= 0:
            if p < len(words) and words[p] == template[k]:
                yield from go(k + 1, p + 1)
        else:
            for end in range(p + 1, len(words) + 1):
                for rest in go(k + 1, end):
                    yield [(p, end), *rest]

    return go(0, 0)


def best_trees(templates, weights):
    """The definition by listing every way: words -> (score, lowest template with it)."""

    @cache
    def best(words):
        if len(words) == 1:
            return 0, -1
        found = [
            (weights[number] + sum(best(words[a:b])[0] for a, b in filling), -number)
            for number, template in enumerate(templates)
            for filling in fillings(template, words)
        ]
        if not found:
            return NULL * (len(words) - 1), -1
        score, number = max(found)
        return score, -number

    return best


@DEVICE
@given(GRAMMAR, SENTENCE)
def test_every_span_has_the_best_of_all_trees(device, grammar, sentence):
    templates, weights = list(grammar), list(grammar.values())
    kernels = kernel("parsing", device)
    scores, choices = kernels.score_spans(
        new_grammar(kernels, templates, weights), np.array(sentence, np.int32), NULL
    )
    n = len(sentence)
    assert scores.shape == choices.shape == (n + 1, n + 1)
    assert scores.dtype == np.int64 and choices.dtype == np.int32
    best = best_trees(templates, weights)
    for i in range(n):
        for j in range(i + 1, n + 1):
            expected = best(tuple(sentence[i:j]))
            assert (scores[i, j], choices[i, j]) == expected


@DEVICE
@given(ITEMS, SENTENCE, st.integers(0, 3), st.randoms(use_true_random=False))
def test_placeholders_end_early_among_the_best(device, template, sentence, before, random):
    words = [2] * before + sentence
    n = len(words)
    scores = np.array([[random.randrange(-3, 1) for _ in range(n + 1)] for _ in range(n + 1)])
    bounds = kernel("parsing", device).place_items(
        np.array(template, np.int32), np.array(words, np.int32), scores, before, n
    )
    ways = [
        (-sum(scores[before + a, before + b] for a, b in filling), filling)
        for filling in fillings(template, sentence)
    ]
    if not ways:
        assert bounds.size == 0
        return
    assert bounds.dtype == np.int64 and bounds[0] == before and bounds[-1] == n
    gaps = [
        (int(bounds[k]) - before, int(bounds[k + 1]) - before)
        for k, item in enumerate(template)
        if item < 0
    ]
    assert gaps == min(ways)[1]


@DEVICE
def test_a_nested_sentence_by_hand(device):
    # 0 的 1 是 2, with X 是 X before X 的 X
    kernels = kernel("parsing", device)
    grammar = new_grammar(kernels, [[-1, 4, -1], [-1, 3, -1]], [-2, -1])
    words = np.array([-2, 3, -2, 4, -2], np.int32)
    scores, choices = kernels.score_spans(grammar, words, NULL)
    # both orders of nesting have the same score; the lower template is outside
    assert (scores[0, 5], choices[0, 5]) == (-3, 0)
    assert (scores[0, 3], choices[0, 3]) == (-1, 1)
    assert (scores[0, 2], choices[0, 2]) == (NULL, -1)
    bounds = kernels.place_items(np.array([-1, 4, -1], np.int32), words, scores, 0, 5)
    assert_array_equal(bounds, [0, 3, 4, 5])


@DEVICE
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    "pair",
    [
        [[0, -1, 2, 3], [0, 1, -1, 3]],
        [[0, 1, 2, -1], [0, -1, 2, -1]],
        [[-1, 1, 2, 3], [-1, 1, -1, 3]],
        [[-1, 1, 2, -1], [-1, 2, -1]],
        [[-1, 3], [0, -1]],
    ],
)
def test_of_templates_with_the_same_score_the_lower_one_is_taken(device, pair, order):
    # nothing costs anything, so all that match are equal
    kernels = kernel("parsing", device)
    grammar = new_grammar(kernels, pair[::order], [0] * len(pair))
    scores, choices = kernels.score_spans(grammar, np.arange(4, dtype=np.int32), 0)
    assert (scores[0, 4], choices[0, 4]) == (0, 0)


@DEVICE
def test_without_templates_words_stand_side_by_side(device):
    kernels = kernel("parsing", device)
    words = np.array([-2, -2, -2], np.int32)
    scores, choices = kernels.score_spans(new_grammar(kernels, [], []), words, NULL)
    assert scores[0, 3] == 2 * NULL and (choices == -1).all()
