import math
from collections import Counter
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from textzero.kernels import kernel

RUNS = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=8), max_size=12)


def stream(runs):
    return np.array([0, *(unit for run in runs for unit in (*run, 0))], np.int32)


def packed(words):
    offsets = np.r_[0, np.cumsum([len(word) for word in words])].astype(np.int64)
    return np.array([unit for word in words for unit in word], np.int32), offsets


# --- pairs ----------------------------------------------------------------------------------


@given(RUNS, st.integers(0, 6), st.sets(st.integers(1, 5)), st.integers(0, 5))
def test_every_pair_is_counted_once_in_the_matrix_or_as_rare(device, runs, wide, lost, middle):
    kernels, ids = kernel("cutting", device), stream(runs)
    ranks = np.array([-1, 2, 1, 0, 4, 3], np.int32)
    ranks[list(lost)] = -1
    ranks = np.minimum(ranks, wide)
    matrix, rare = np.zeros((wide, wide), np.int32), np.zeros(6, np.int64)
    kernels.count_pairs(ids, ranks, 0, middle, matrix, rare)
    kernels.count_pairs(ids, ranks, middle, 6, matrix, rare)
    pairs = Counter((a, b) for run in runs for a, b in pairwise(run))
    expected_rare = np.zeros(6, np.int64)
    expected = np.zeros((wide, wide), np.int32)
    keys = []
    for (a, b), count in pairs.items():
        if min(ranks[a], ranks[b]) < 0:
            continue
        if max(ranks[a], ranks[b]) < wide:
            expected[ranks[a], ranks[b]] += count
        else:
            expected_rare[a] += count
            keys += [a * 6 + b] * count
    assert_array_equal(matrix, expected)
    assert_array_equal(rare, expected_rare)
    found = [
        *kernels.rare_keys(ids, ranks, wide, 0, 3, len(keys)).tolist(),
        *kernels.rare_keys(ids, ranks, wide, 3, 6, len(keys)).tolist(),
    ]
    assert sorted(found) == sorted(keys)


def test_a_pair_is_strong_by_count_and_by_mutual_information(device):
    kernels = kernel("cutting", device)
    logs = np.log([0.5, 0.25])
    matrix = np.array([[0, 8], [2, 1]], np.int32)  # of 16: PMI of (0, 1) is ln 4, of (1, 0) ln 1
    for least, min_pmi, margin, expected in (
        (1, 1.3, 0.0, [[2], [0]]),
        (1, 1.4, 0.0, [[0], [0]]),  # ln 4 is 1.386
        (9, 1.3, 0.0, [[0], [0]]),
        (1, 1.3, 1.0, [[0], [0]]),  # less 1 / sqrt(8)
        (1, 1.0, 1.0, [[2], [0]]),
        (1, -0.1, 0.0, [[2], [3]]),  # ln 1 both of (1, 0) and (1, 1)
    ):
        strong = np.zeros((2, 1), np.uint8)
        kernels.strong_pairs(matrix, logs, 16, least, min_pmi, margin, 0, strong)
        assert strong.tolist() == expected
    part = np.zeros((1, 1), np.uint8)
    kernels.strong_pairs(matrix[1:], logs, 16, 1, -0.1, 0.0, 1, part)
    assert part.tolist() == [[3]]
    keys, strong = np.array([0 * 2 + 1, 1 * 2 + 0]), np.zeros(2, np.bool_)
    kernels.strong_keys(keys, np.array([8, 2]), logs, 16, 1.3, 0.0, strong)
    assert strong.tolist() == [True, False]
    kernels.strong_keys(keys, np.array([8, 2]), logs, 16, 1.3, 1.0, strong)
    assert not strong.any()


@given(RUNS, st.sets(st.tuples(st.integers(1, 5), st.integers(1, 5))), st.integers(0, 5))
def test_joined_is_what_is_a_strong_pair(device, runs, pairs, wide):
    kernels, ids = kernel("cutting", device), stream(runs)
    ranks = np.minimum(np.array([-1, 0, 1, 2, 3, 4], np.int32), wide)
    strong = np.zeros((wide, 1), np.uint8)
    keys = []
    for a, b in pairs:
        if max(a, b) <= wide:
            strong[a - 1, 0] |= 1 << (b - 1)
        else:
            keys.append(a * 6 + b)
    joins = np.ones(ids.size - 1, np.bool_)
    handle = kernels.new_pairs(np.array(sorted(keys), np.int64))
    kernels.join_pairs(ids, ranks, strong, handle, joins)
    assert joins.tolist() == [pair in pairs for pair in pairwise(ids.tolist())]


@given(RUNS, st.lists(st.lists(st.integers(1, 5), min_size=2, max_size=4), max_size=5))
def test_joined_is_what_a_strong_ngram_spans(device, runs, ngrams):
    ids, numbers = stream(runs), {}
    strong = [False]
    places = np.zeros((4, ids.size), np.int32)
    for n in range(1, 5):
        for p in range(ids.size - n + 1):
            ngram = tuple(ids[p : p + n].tolist())
            if 0 not in ngram:
                places[n - 1, p] = numbers.setdefault(ngram, len(numbers) + 1)
                if len(strong) <= len(numbers):
                    strong.append(list(ngram) in ngrams)
    joins = np.ones(ids.size, np.bool_)
    kernel("cutting", device).join_spans(places, np.array(strong), joins)
    expected = np.zeros(ids.size, bool)
    for p in range(ids.size):
        for ngram in ngrams:
            if ids[p : p + len(ngram)].tolist() == ngram:
                expected[p : p + len(ngram) - 1] = True
    assert_array_equal(joins, expected)


# --- segments -------------------------------------------------------------------------------


def segments_by_hand(ids, joins):
    """Return {segment: [first place, count]}."""
    found, start = {}, 0
    for p, unit in enumerate(ids.tolist()):
        if unit and not joins[p]:
            found.setdefault(tuple(ids[start : p + 1].tolist()), [start, 0])[1] += 1
        if not unit or not joins[p]:
            start = p + 1
    return found


def segments_of(device, ids, joins, n_units, parts, least=1):
    singles, found = np.zeros(n_units, np.int64), {}
    for part in range(parts):
        rows = kernel("cutting", device).count_segments(
            ids, joins, part, parts, least, 10_000, singles
        )
        assert [row.dtype for row in rows] == [np.int64] * 3
        for place, length, count in zip(*(row.tolist() for row in rows), strict=True):
            segment = tuple(ids[place : place + length].tolist())
            assert segment not in found
            found[segment] = [place, count]
    return found, singles


@given(RUNS, st.randoms(use_true_random=False), st.integers(1, 4), st.integers(1, 2))
def test_segments_are_counted_in_any_number_of_shares(device, runs, random, parts, least):
    ids = stream(runs)
    joins = np.array([bool(a and b and random.random() < 0.6) for a, b in pairwise(ids)] + [False])
    expected = segments_by_hand(ids, joins)
    found, singles = segments_of(device, ids, joins, 6, parts, least)
    assert found == {s: v for s, v in expected.items() if len(s) > 1 and v[1] >= least}
    ones = {s[0]: v[1] for s, v in expected.items() if len(s) == 1}
    assert singles.tolist() == [ones.get(k, 0) for k in range(6)]


def test_a_share_with_too_many_segments_is_refused_and_halves_are_nested(device):
    rng = np.random.default_rng(7)
    ids = stream(rng.integers(1, 60, (300, 3)).tolist())
    joins = np.r_[(ids[1:] != 0) & (ids[:-1] != 0), False]
    count_segments = kernel("cutting", device).count_segments
    singles = np.zeros(60, np.int64)
    whole = count_segments(ids, joins, 1, 3, 1, 300, singles)
    size = whole[0].size
    assert 50 < size < 150
    assert count_segments(ids, joins, 1, 3, 1, size - 1, singles) is None
    assert count_segments(ids, joins, 1, 3, 1, size, singles) is not None
    halves = [count_segments(ids, joins, part, 6, 1, 300, singles)[0].tolist() for part in (2, 3)]
    assert min(map(len, halves)) > 10
    assert sorted(halves[0] + halves[1]) == sorted(whole[0].tolist())


def test_long_segments_that_differ_in_one_unit_stay_apart(device):
    # 100,000 unit numbers take 17 bits: four units do not fit into a key
    rng = np.random.default_rng(1)
    runs = [[int(k), *([9] * 6), int(k % 7) + 1] for k in rng.integers(1, 100_000, 3000)]
    # a twin that hashes the first three and then adds the fourth by XOR takes these for the same
    runs += [[9, 9, a, b] for a in range(1, 9) for b in range(1, 9)]
    ids = stream([*runs, *runs[2000:]])
    joins = np.r_[(ids[1:] != 0) & (ids[:-1] != 0), False]
    found, _ = segments_of(device, ids, joins, 100_001, 3)
    assert found == segments_by_hand(ids, joins)


# --- words ----------------------------------------------------------------------------------


def lexicon(counts):
    """A handle and counts of words, longest first; the units 1 to 5 are always there."""
    counts = {**{(k,): 0 for k in range(1, 6)}, **counts}
    words = sorted(counts, key=lambda word: -len(word))
    return words, packed(words), np.array([counts[word] for word in words], np.int64)


def best_split(word, counts, total):
    """Brute force: the best sequence of other words. Where two are as good, the example is void."""
    found = []
    for cuts in range(1 << (len(word) - 1)):
        bounds = [0, *(k + 1 for k in range(len(word) - 1) if cuts >> k & 1), len(word)]
        parts = [word[a:b] for a, b in pairwise(bounds)]
        if all(counts.get(part, 0) > 0 and part != word for part in parts):
            found.append((sum(math.log(counts[part] / total) for part in parts), parts))
    found.sort(reverse=True)
    assume(len(found) == 1 or found[0][0] - found[1][0] > 1e-9)
    return found[0][1]


def prune_by_hand(counts, longest, in_turn):
    """Return (counts afterwards, kept, gains), word by word, as the definition reads."""
    counts, kept, gains = dict(counts), {}, {}
    several = sorted((word for word in counts if len(word) > 1), key=lambda word: -len(word))
    rounds = [list(group) for _, group in groupby(several, len)]
    if in_turn:
        rounds = [[word] for word in several]
    for group in rounds:
        alive = {word: count for word, count in counts.items() if kept.get(word, True)}
        total = sum(alive.values())
        for word in group:
            parts = best_split(word, alive, total)
            gains[word] = math.log(alive[word] / total)
            gains[word] -= sum(math.log(alive[part] / total) for part in parts)
            kept[word] = len(word) <= longest and gains[word] >= len(word) - 1
            if not kept[word]:
                for part in parts:
                    counts[part] += alive[word]
    return counts, kept, gains


COUNTS = st.integers(1, 2000)
UNITS = st.tuples(*[COUNTS] * 5).map(lambda row: {(k,): c for k, c in enumerate(row, 1)})
WORDS = st.dictionaries(
    st.lists(st.integers(1, 5), min_size=2, max_size=6).map(tuple), COUNTS, max_size=20
)


@given(UNITS, WORDS, st.integers(1, 6), st.booleans())
def test_pruning_agrees_with_a_brute_force(device, units, words, longest, in_turn):
    words, (packed_units, offsets), values = lexicon({**words, **units})
    kernels = kernel("cutting", device)
    handle = kernels.new_words(packed_units, offsets)
    counts, kept, gains, _ = kernels.prune(handle, values, longest, in_turn)
    by_hand = dict(zip(words, values.tolist(), strict=True))
    expected_counts, expected_kept, expected_gains = prune_by_hand(by_hand, longest, in_turn)
    assert counts.tolist() == [expected_counts[word] for word in words]
    assert kept.tolist() == [expected_kept.get(word, True) for word in words]
    assert_allclose(gains, [expected_gains.get(word, math.nan) for word in words], atol=1e-9)


@given(
    st.dictionaries(st.lists(st.integers(1, 5), max_size=6).map(tuple), st.integers(0, 60)),
    st.booleans(),
)
def test_twins_agree_to_the_last_bit_also_where_units_are_no_words(device, counts, in_turn):
    counts = {w: c for w, c in counts.items() if len(w) == 1 or (w and c)}
    words = sorted(counts, key=lambda word: -len(word))
    units, offsets = packed(words)
    values = np.array([counts[word] for word in words], np.int64)
    found = []
    for name in ("reference", device):
        kernels = kernel("cutting", name)
        handle = kernels.new_words(units, offsets)
        found.append(kernels.prune(handle, values, 4, in_turn) if values.sum() else ())
    for mine, theirs in zip(*found, strict=True):
        assert mine.dtype == theirs.dtype
        assert_array_equal(mine, theirs)


def test_what_is_dropped_goes_to_its_parts(device):
    # ab: ln (4/112) - ln (54/112) - ln (54/112) = -1.88 nats, less than 1
    words, (units, offsets), counts = lexicon({(1, 2): 4, (1,): 54, (2,): 54})
    kernels = kernel("cutting", device)
    got, kept, gains, breaks = kernels.prune(kernels.new_words(units, offsets), counts, 9, False)
    assert dict(zip(words, got.tolist(), strict=True)) == {
        (1, 2): 4, (1,): 58, (2,): 58, (3,): 0, (4,): 0, (5,): 0,
    }  # fmt: skip
    assert kept.tolist() == [False, True, True, True, True, True]
    assert gains[0] == pytest.approx(math.log(4 * 112 / 54**2))
    assert breaks.tolist() == [True, True, False, False, False, False, False]


def test_words_of_one_length_are_judged_by_the_same_counts(device):
    # in turn, the one that is dropped first makes a part of the other more frequent
    counts = {(1, 2): 30, (3, 1): 30, (1,): 600, (2,): 400, (3,): 400}
    found = {}
    for in_turn in (False, True):
        for several in ([(1, 2), (3, 1)], [(3, 1), (1, 2)]):
            words = [*several, (1,), (2,), (3,)]
            kernels = kernel("cutting", device)
            handle = kernels.new_words(*packed(words))
            values = np.array([counts[word] for word in words])
            _, kept, gains, _ = kernels.prune(handle, values, 9, in_turn)
            assert not kept[:2].any()
            found[in_turn, several[0]] = dict(zip(several, gains[:2].tolist(), strict=True))
    assert found[False, (1, 2)] == found[False, (3, 1)]
    assert found[True, (1, 2)] != found[True, (3, 1)]


def information(counts):
    total = sum(counts.values())
    return -sum(count * math.log(count / total) for count in counts.values())


@given(UNITS, WORDS)
def test_savings_are_the_difference_of_two_code_lengths(device, units, words):
    words, (packed_units, offsets), values = lexicon({**words, **units})
    kernels = kernel("cutting", device)
    handle = kernels.new_words(packed_units, offsets)
    middle = values.size // 2
    parts = [kernels.savings(handle, values, *r) for r in ((0, middle), (middle, values.size))]
    pmi, saved = np.concatenate(parts, axis=1)
    counts = dict(zip(words, values.tolist(), strict=True))
    total = sum(counts.values())
    for word, value, gain in zip(words, pmi.tolist(), saved.tolist(), strict=True):
        if len(word) == 1:
            assert math.isnan(value)
            assert math.isnan(gain)
            continue
        without, split = dict(counts), best_split(word, counts, total)
        count = without.pop(word)
        for part in split:
            without[part] += count
        whole = sum(without.values())
        expected = math.log(count / whole) - sum(math.log(without[p] / whole) for p in split)
        assert value == pytest.approx(expected, abs=1e-9)
        assert gain == pytest.approx(information(without) - information(counts), abs=1e-6)


def test_a_unit_that_is_no_word_alone_becomes_one_when_a_word_is_gone(device):
    # 葡萄 as 葡 and 萄, which are nowhere else: ln 1 before, 2 tokens of p = 1/2 each behind
    words, (units, offsets), counts = lexicon({(1, 2): 10})
    kernels = kernel("cutting", device)
    handle = kernels.new_words(units, offsets)
    pmi, saved = kernels.savings(handle, counts, 0, counts.size)
    assert words[0] == (1, 2)
    assert pmi[0] == pytest.approx(math.log(0.5 / 0.25))
    assert saved[0] == pytest.approx(20 * math.log(2))
    got, kept, _, _ = kernels.prune(handle, counts, 1, False)  # too long: it is not kept
    assert kept.tolist() == [False, True, True, True, True, True]
    assert got.tolist() == [10, 10, 10, 0, 0, 0]


def test_savings_are_f_of_the_article(device):
    # formula 2.11 of https://kexue.fm/archives/5476, before a and b were merged n_ab times
    n_ab, n_a, n_b, rest = 20, 50, 70, 300  # occurrences of a and b outside of ab
    words, (units, offsets), counts = lexicon({(1, 2): n_ab, (1,): n_a, (2,): n_b, (3,): rest})
    kernels = kernel("cutting", device)
    pmi, saved = kernels.savings(kernels.new_words(units, offsets), counts, 0, 1)
    n = 2 * n_ab + n_a + n_b + rest
    p_ab, p_a, p_b = n_ab / n, (n_a + n_ab) / n, (n_b + n_ab) / n
    f = p_ab * math.log(p_ab / (p_a * p_b)) - (1 - p_ab) * math.log(1 - p_ab)
    f += sum((p - p_ab) * math.log(1 - p_ab / p) for p in (p_a, p_b))
    assert words[0] == (1, 2)
    assert saved[0] == pytest.approx(n * f)
    assert pmi[0] == pytest.approx(math.log(p_ab / (p_a * p_b)))
    assert saved[0] >= n_ab * (pmi[0] - 1)  # F* <= F
