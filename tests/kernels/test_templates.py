from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero.kernels import kernel
from textzero.kernels.reference.templates import GONE, SKIP

N_WORDS = 4
SENTENCE = st.lists(st.sampled_from([-2, *range(N_WORDS)]), min_size=1, max_size=7)
SENTENCES = st.lists(SENTENCE, min_size=1, max_size=5)
DEVICE = pytest.mark.parametrize("device", ["reference", "cpu"])
WIDE = 1 << 10  # a beam that holds everything


def stored(sentences):
    tokens = np.array([word for s in sentences for word in [*s, -1]], np.int32)
    offsets = np.cumsum([0, *(len(s) + 1 for s in sentences)])
    return tokens, offsets


def marked(kernels, sentences, window, min_count=1, scale=1e9):
    tokens, _ = stored(sentences)
    starts, positions = kernel("cooccurrence").word_positions(tokens, N_WORDS)
    marks = np.zeros(tokens.size, np.uint32)
    for first, last in ((0, 1), (1, N_WORDS)):
        kernels.mark_edges(tokens, starts, positions, window, min_count, scale, first, last, marks)
    return marks


def chains(sentence, window):
    """All patterns of a sentence: (begins it, words, skips), with where they end."""
    for size in range(1, len(sentence) + 1):
        for places in combinations(range(len(sentence)), size):
            words = tuple(sentence[p] for p in places)
            gaps = [q - p for p, q in pairwise(places)]
            if min(words) >= 0 and all(gap <= window for gap in gaps):
                yield (places[0] == 0, words, tuple(gap > 1 for gap in gaps)), places[-1]


class Grown:
    """The tree of all chains of some sentences, grown as `find_templates` does."""

    def __init__(self, kernels, sentences, window, depth, beam=WIDE, rank=lambda _: 0):
        self.arrays = (*stored(sentences), marked(kernels, sentences, window))
        self.patterns = [(bool(a), (w,), ()) for w in range(N_WORDS) for a in (0, 1)]
        self.keys = np.zeros(0, np.int64)
        self.counts = Counter()
        self.rank, self.window, self.beam, self.kernels = rank, window, beam, kernels
        n = len(sentences)
        for size in range(1, depth + 1):
            depths = np.array([len(words) for _, words, _ in self.patterns], np.uint8)
            keys, counts = kernels.count_extensions(
                *self.arrays, self.tree, self.values, depths, size, window, beam, 0, n
            )
            assert keys.dtype == counts.dtype == np.int64
            assert (np.diff(keys) > 0).all()
            for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
                begins, words, skips = self.patterns[key >> 32]
                skip, word = bool(key & SKIP), key & (SKIP - 1)
                self.patterns.append((begins, (*words, word), (*skips, skip)))
                self.counts[self.patterns[-1]] = count
            self.keys = np.append(self.keys, keys)

    @property
    def tree(self):
        return self.kernels.new_tree(self.keys, N_WORDS)

    @property
    def values(self):
        return np.array([self.rank(node) for node in range(len(self.patterns))], np.int64)


@DEVICE
def test_an_edge_is_a_pair_that_is_frequent_and_nearer_than_by_chance(device):
    sentences = [[0, 1], [0, 1], [0, 2], [3, 3]]
    kernels = kernel("templates", device)
    assert_array_equal(
        marked(kernels, sentences, 2), np.uint32([1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0])
    )
    assert_array_equal(marked(kernels, sentences, 2, 2).nonzero()[0], [0, 3])
    # 0 is there three times and 1 twice: 2 x 3 is not more than 6, 2 x 3.1 is
    assert_array_equal(marked(kernels, sentences, 2, 2, 3.0).nonzero()[0], [])
    assert_array_equal(marked(kernels, sentences, 2, 2, 3.1).nonzero()[0], [0, 3])


@DEVICE
def test_edges_are_marked_by_distance_and_not_beyond_the_window_or_the_sentence(device):
    marks = marked(kernel("templates", device), [[0, -2, 1, 2, 3], [0]], 3)
    assert_array_equal(marks, np.uint32([0b110, 0, 0b11, 0b1, 0, 0, 0, 0]))


@DEVICE
@given(SENTENCES, st.integers(1, 4))
def test_every_chain_is_counted_once_a_sentence(device, sentences, window):
    grown = Grown(kernel("templates", device), sentences, window, 3)
    expected = Counter()
    for sentence in sentences:
        found = {pattern for pattern, _ in chains(sentence, window)}
        expected.update(p for p in found if 2 <= len(p[1]) <= 4)
    assert grown.counts == expected


@DEVICE
@given(SENTENCES, st.integers(1, 4), st.integers(0, 3))
def test_holders_are_counted_once_a_sentence_by_label(device, sentences, window, labels):
    grown = Grown(kernel("templates", device), sentences, window, 2)
    numbers = np.arange(2 * len(grown.patterns), dtype=np.int32).reshape(-1, 2)[::-1].copy()
    numbers[3] = -1
    label = np.arange(len(sentences), dtype=np.int32) % (labels + 1)
    keys, counts = grown.kernels.count_holders(
        *grown.arrays, grown.tree, grown.values, numbers, label, window, WIDE, 0, len(sentences)
    )
    assert keys.dtype == counts.dtype == np.int64 and (np.diff(keys) > 0).all()
    expected = Counter()
    for s, sentence in enumerate(sentences):
        found = {(p, int(end < len(sentence) - 1)) for p, end in chains(sentence, window)}
        for pattern, closing in found:
            if pattern in grown.patterns:
                number = int(numbers[grown.patterns.index(pattern), closing])
                expected[number << 32 | int(label[s])] += number >= 0
    assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == +expected


def best_two(sentence, window, grown, numbers, gains, null):
    """The definition, by all chains: worth of each template, best first."""
    worths = {-1: null}
    for pattern, end in chains(sentence, window):
        if pattern not in grown.patterns:
            continue
        number = numbers[grown.patterns.index(pattern)][end < len(sentence) - 1]
        if number < 0:
            continue
        begins, words, skips = pattern
        slots = (not begins) + sum(skips) + (end < len(sentence) - 1)
        free = len(sentence) - len(words)
        # ways to share `free` words among the placeholders, each at least one
        ways = sum(1 for _ in combinations(range(1, free), slots - 1)) if slots else 1
        worths[number] = gains[number] - round(1000 * np.log2(ways))
    return sorted(worths.items(), key=lambda item: (-item[1], item[0]))[:2]


@DEVICE
@given(SENTENCES, st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_best_template_of_a_sentence_is_the_best_of_all_chains(
    device, sentences, window, random
):
    grown = Grown(kernel("templates", device), sentences, window, 2)
    n = 2 * len(grown.patterns)
    order = random.sample(range(n), n)
    numbers = np.array(order, np.int32).reshape(-1, 2)
    numbers[random.randrange(len(grown.patterns))] = -1
    gains = np.array([random.randrange(-9000, 9000) for _ in range(n)], np.int64)
    sizes = np.zeros((n, 2), np.int32)
    for (begins, words, skips), row in zip(grown.patterns, numbers, strict=True):
        for closing, number in enumerate(row.tolist()):
            if number < 0:
                continue
            sizes[number] = len(words), (not begins) + sum(skips) + closing
    # thousandths of a bit; with so few words every sum of logarithms is a whole number of ways
    factorials = np.cumsum(np.log2(np.maximum(np.arange(10), 1)) * 1000).round().astype(np.int64)
    which = np.array(random.sample(range(len(sentences)), random.randint(1, len(sentences))))
    best, second, worths = grown.kernels.choose_templates(
        *grown.arrays, grown.tree, grown.values, numbers, gains, sizes, factorials, 100,
        window, WIDE, which,
    )  # fmt: skip
    assert best.dtype == second.dtype == np.int32 and worths.dtype == np.int64
    for row, s in enumerate(which.tolist()):
        ranking = best_two(sentences[s], window, grown, numbers.tolist(), gains.tolist(), 100)
        found = [(int(best[row]), int(worths[row, 0])), (int(second[row]), int(worths[row, 1]))]
        ranking += [(-2, GONE)] * (2 - len(ranking))
        for (_, worth), (_, expected) in zip(found, ranking, strict=True):
            assert abs(worth - expected) <= 4  # three rounded logarithms
        if abs(ranking[0][1] - ranking[1][1]) > 8:
            assert found[0][0] == ranking[0][0]


@given(SENTENCES, st.integers(1, 4), st.integers(1, 5), st.integers(0, 999))
def test_twins_follow_the_same_nodes_in_a_narrow_beam(sentences, window, beam, seed):
    random = np.random.default_rng(seed)
    ranks = random.choice([GONE, 1, 2, 3], 1 << 12).tolist()
    first, second = (
        Grown(kernel("templates", d), sentences, window, 2, beam, ranks.__getitem__)
        for d in ("reference", "cpu")
    )
    assert first.counts == second.counts
    n = 2 * len(first.patterns)
    numbers = np.arange(n, dtype=np.int32).reshape(-1, 2)
    labels = np.zeros(len(sentences), np.int32)
    results = [
        g.kernels.count_holders(
            *g.arrays, g.tree, g.values, numbers, labels, window, beam, 0, len(sentences)
        )
        for g in (first, second)
    ]
    for a, b in zip(*results, strict=True):
        assert_array_equal(a, b)
    gains = random.integers(0, 5, n)
    sizes = np.tile(np.int32([1, 0]), (n, 1))
    which = np.arange(len(sentences))
    results = [
        g.kernels.choose_templates(
            *g.arrays, g.tree, g.values, numbers, gains, sizes, np.zeros(10, np.int64), 1,
            window, beam, which,
        )
        for g in (first, second)
    ]  # fmt: skip
    for a, b in zip(*results, strict=True):
        assert a.dtype == b.dtype
        assert_array_equal(a, b)


@DEVICE
def test_fillers_by_hand(device):
    sentences = [[0, 1, 2, 1, 3], [3, 1, -2], [0, 2], [2, 2, 2, 2, 1, 0]]
    tokens, offsets = stored(sentences)
    # X 1 X for the first, the second and the last, 0 2 for the third
    items = np.array([-1, 1, -1, 0, 2], np.int32)
    rows = kernel("fillers", device).find_fillers(
        tokens, offsets, np.array([0, 0, 1, 0], np.int32), items, np.array([0, 3, 5]), 3, 3, 0, 4
    )
    # the first 1 is taken; a filler with a rare word, or of four words, is left out
    assert_array_equal(
        rows,
        np.int32([[0, 0, 0, -1, -1], [0, 1, 2, 1, 3], [0, 0, 3, -1, -1], [0, 1, 0, -1, -1]]),
    )
    assert rows.dtype == np.int32


@DEVICE
def test_a_filler_is_taken_where_the_rest_of_the_template_still_fits(device):
    # X 1 X 2: behind the first 1 the 2 is too far away for a window of 3
    tokens, offsets = stored([[3, 1, 0, 0, 1, 3, 2]])
    rows = kernel("fillers", device).find_fillers(
        tokens, offsets, np.zeros(1, np.int32), np.array([-1, 1, -1, 2], np.int32),
        np.array([0, 4]), 3, 4, 0, 1,
    )  # fmt: skip
    assert_array_equal(rows, np.int32([[0, 0, 3, 1, 0, 0], [0, 1, 3, -1, -1, -1]]))


@given(SENTENCE.filter(lambda s: max(s) >= 0), st.integers(1, 4), st.data())
def test_twins_fill_alike(sentence, window, data):
    pattern, end = data.draw(st.sampled_from(list(chains(sentence, window))))
    begins, words, skips = pattern
    items = [] if begins else [-1]
    for word, skip in zip(words, (*skips, end < len(sentence) - 1), strict=True):
        items += [word, -1] if skip else [word]
    tokens, offsets = stored([sentence])
    arguments = (
        tokens, offsets, np.zeros(1, np.int32), np.array(items, np.int32),
        np.array([0, len(items)]), window, 2, 0, 1,
    )  # fmt: skip
    rows = [kernel("fillers", device).find_fillers(*arguments) for device in ("reference", "cpu")]
    assert_array_equal(*rows)
