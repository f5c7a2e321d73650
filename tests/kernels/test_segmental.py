from collections import Counter
from itertools import pairwise, product
from math import exp, log, prod
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from textzero.discovery.ngrams import count_ngrams
from textzero.discovery.unigram import Model, UnigramSettings
from textzero.discovery.units import Units
from textzero.kernels import kernel
from textzero.packed import PackedStrings

RUNS = st.lists(st.text("abcd", max_size=25), max_size=6)
TEMPERATURES = st.sampled_from([0.2, 0.4, 1.0, 5.0])
LONGEST_RUN = 1 << 14


def stream_of(runs, longest=4):
    """Repeated n-grams of some runs of letters."""
    ids = [0]
    for run in runs:
        ids += [*(ord(c) - 96 for c in run), *([0] if run else [])]
    counts = np.bincount(ids, minlength=27)
    counts[0] = 0
    alphabet = PackedStrings.from_strings(list("abcdefghijklmnopqrstuvwxyz"))
    units = Units(np.array(ids, np.int32), alphabet, counts, np.zeros(27, np.bool_))
    units.counts = np.maximum(counts, [0, *[1] * 26])  # every letter has a number
    return count_ngrams(units, longest, room=1 << 20, workers=1)


def random_cuts(ids, seed, share=0.5):
    cuts = (np.random.default_rng(seed).random(ids.size) < share).astype(np.uint8)
    cuts[1:] |= ids[:-1] == 0
    cuts[ids == 0] = 0
    return cuts


def problem_of(runs, temperature=1.0, longest=4, seed=0, share=0.5):
    """Everything that `redraw` needs, from a text that is cut at random."""
    if not any(runs):
        return None
    ngrams = stream_of(runs, longest)
    model = Model(ngrams, UnigramSettings(), 1)
    cuts = random_cuts(ngrams.places[0], seed, share)
    words = model.counted(cuts)
    powers, chosen, tables = model.fit(words, temperature)
    return SimpleNamespace(
        ngrams=ngrams, places=ngrams.places, cuts=cuts, counts=words.counts,
        spelling=model.spelling, weights=model.weights, powers=powers, settings=chosen,
        tables=tables, words=words, model=model, ids=ngrams.places[0],
    )  # fmt: skip


def redrawn(device, problem, seed=0, best=False, blocks=None, places=None):
    cuts = problem.cuts.copy()
    for first, stop in blocks or [(0, cuts.size - 1)]:
        kernel("segmental", device).redraw(
            problem.places if places is None else places, cuts, first, stop, problem.counts,
            problem.spelling, problem.weights, problem.powers, problem.settings, problem.tables,
            np.uint64(seed), best,
        )  # fmt: skip
    return cuts


def runs_of(ids):
    """(start, end) of the runs, with those that are too long in pieces."""
    found, start = [], None
    for p, unit in enumerate(ids.tolist()):
        if start is not None and (unit == 0 or p - start == LONGEST_RUN):
            found.append((start, p))
            start = None
        if unit and start is None:
            start = p
    return found


def words_of(cuts, ids):
    """(start, length) of all words."""
    found = []
    for i, j in runs_of(ids):
        assert cuts[i] == 1
        begins = [p for p in range(i, j) if cuts[p]] + [j]
        found += [(a, b - a) for a, b in pairwise(begins)]
    return found


def check_cuts(cuts, ids, longest):
    words = words_of(cuts, ids)
    assert sum(n for _, n in words) == (ids != 0).sum()
    assert all(n <= longest for _, n in words)
    assert not cuts[ids == 0].any()
    assert set(cuts.tolist()) <= {0, 1}


def segmentations(i, j, longest):
    """All ways to cut positions [i, j): lists of (start, length)."""
    for inner in product([0, 1], repeat=j - i - 1):
        begins = [i, *(i + k + 1 for k, cut in enumerate(inner) if cut), j]
        words = [(a, b - a) for a, b in pairwise(begins)]
        if all(n <= longest for _, n in words):
            yield words


def weight_of(problem, words, counts):
    """The weight of a path, from the definition, with float64 throughout."""
    inverse, discount, power = problem.settings
    scales, fresh, charges, _ = problem.tables
    units = problem.powers ** (1 / power)
    result = 1.0
    for a, n in words:
        g = problem.places[n - 1, a]
        weight = fresh[n] * units[problem.ids[a : a + n]].prod()
        if g and counts[g] > 0:
            weight += (counts[g] - discount) * inverse * scales[n]
        result *= weight**power * charges[n]
    return result


# rare_sums, best_cuts


@given(runs=RUNS, seed=st.integers(0, 99))
def test_rare_ngrams_rise_by_minus_what_they_prolong(device, runs, seed):
    ngrams = stream_of(runs)
    ends = np.random.default_rng(seed).random((2, ngrams.counts.size))
    ends[:, 0] = 0
    ids = ngrams.places[0]
    out = kernel("segmental", device).rare_sums(ngrams.places, 0, ids.size - 1, ends)
    wanted = np.zeros((3, 4))
    for i, j in runs_of(ids):
        for n in range(2, 5):
            for p in range(i, j - n + 1):
                units = ids[p : p + n].tolist()
                if ngrams.find(units) == 0:
                    wanted[0, n - 1] += 1
                    wanted[1, n - 1] -= ends[0, ngrams.find(units[:-1])]
                    wanted[2, n - 1] -= ends[1, ngrams.find(units[1:])]
    assert out.dtype == np.float64
    assert_allclose(out, wanted, 1e-12)  # added in another order


@settings(max_examples=25)
@given(runs=st.lists(st.text("abc", max_size=8), max_size=6), seed=st.integers(0, 99))
def test_best_cuts_are_the_best_of_all(device, runs, seed):
    ngrams = stream_of(runs)
    rng = np.random.default_rng(seed)
    scores, means = rng.normal(size=ngrams.counts.size), rng.normal(size=4)
    ends = rng.random((2, ngrams.counts.size))
    ends[:, 0] = 0
    ids, places = ngrams.places[0], ngrams.places
    cuts = np.full(ids.size, 7, np.uint8)
    kernel("segmental", device).best_cuts(places, 0, ids.size - 1, scores, ends, means, cuts)

    def score(a, n):
        if places[n - 1, a]:
            return scores[places[n - 1, a]]
        rises = -ends[0, places[n - 2, a]] - ends[1, places[n - 2, a + 1]]
        return n * (rises - means[n - 1])

    assert cuts[-1] == 7  # not of the block
    cuts[-1] = 0
    check_cuts(cuts, ids, 4)
    for i, j in runs_of(ids):
        best = max(sum(score(*w) for w in words) for words in segmentations(i, j, 4))
        # "ccc" has two best cuts, c|cc and cc|c; which sum is greater is rounding
        found = sum(score(*w) for w in words_of(cuts, ids) if i <= w[0] < j)
        assert_allclose(found, best, rtol=1e-12, atol=1e-12)


def test_of_equal_scores_the_shorter_last_word_is_taken(device):
    ngrams = stream_of(["aaa", "aaa"])
    ends, means = np.zeros((2, ngrams.counts.size)), np.zeros(4)
    cuts = np.zeros(ngrams.places.shape[1], np.uint8)
    scores = np.zeros(ngrams.counts.size)
    kernels = kernel("segmental", device)
    kernels.best_cuts(ngrams.places, 0, cuts.size - 1, scores, ends, means, cuts)
    assert cuts.tolist() == [0, 1, 1, 1, 0, 1, 1, 1, 0]
    scores[ngrams.level(1)] = -1.0  # now a|aa and aa|a are -1, and aaa is 0.5 less
    scores[ngrams.level(3)] = -1.5
    kernels.best_cuts(ngrams.places, 0, cuts.size - 1, scores, ends, means, cuts)
    assert cuts.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]


# count_cuts, spelling_counts, word_weights


@given(runs=RUNS, seed=st.integers(0, 99), share=st.sampled_from([0.0, 0.5, 1.0]))
def test_words_are_counted(device, runs, seed, share):
    ngrams = stream_of(runs)
    ids = ngrams.places[0]
    cuts = random_cuts(ids, seed, share)
    counts = np.zeros(ngrams.counts.size, np.int32)
    rare_units, rare_lengths = np.zeros(27, np.int64), np.zeros(5, np.int64)
    kernel("segmental", device).count_cuts(
        ngrams.places, cuts, 0, ids.size - 1, counts, rare_units, rare_lengths
    )
    known, units, lengths = Counter(), Counter(), Counter()
    for start, size in words_of(cuts, ids):
        for a in range(start, start + size, 4):  # words that are too long are cut
            n = min(4, start + size - a)
            word = tuple(ids[a : a + n].tolist())
            if ngrams.find(list(word)):
                known[word] += 1
            else:
                lengths[n] += 1
                units.update(word)
    assert {tuple(ngrams.units_of(g)): int(counts[g]) for g in np.flatnonzero(counts)} == known
    assert {k: int(rare_units[k]) for k in np.flatnonzero(rare_units)} == units
    assert {n: int(rare_lengths[n]) for n in np.flatnonzero(rare_lengths)} == lengths


@given(runs=RUNS, seed=st.integers(0, 99))
def test_each_word_is_spelled_once(device, runs, seed):
    ngrams = stream_of(runs)
    counts = np.random.default_rng(seed).integers(0, 3, ngrams.counts.size).astype(np.int32)
    counts[0] = 0
    units, lengths = np.full(27, 0.5), np.full(5, 3)
    kernel("segmental", device).spelling_counts(
        ngrams.first, ngrams.prefixes, ngrams.lasts, counts, units, lengths,
        np.zeros_like(counts),
    )  # fmt: skip
    words = [ngrams.units_of(g) for g in np.flatnonzero(counts)]
    assert_array_equal(units, np.bincount([k for w in words for k in w], minlength=27) + 0.5)
    assert_array_equal(lengths, np.bincount([len(w) for w in words], minlength=5) + 3)


@given(runs=RUNS, seed=st.integers(0, 99), temperature=TEMPERATURES)
def test_weights_are_those_of_the_definition(device, runs, seed, temperature):
    ngrams = stream_of(runs)
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, ngrams.counts.size).astype(np.int32)
    units, tables = rng.random(27), rng.random((4, 5))
    spelling, weights = np.zeros((2, counts.size), np.float32)
    kernel("segmental", device).word_weights(
        ngrams.first, ngrams.prefixes, ngrams.lasts, counts, units,
        np.array([0.01, 0.8, 1 / temperature]), tables, spelling, weights,
    )  # fmt: skip
    assert spelling[0] == 1
    for g in range(1, counts.size):
        word = ngrams.units_of(g)
        n = len(word)
        # spelling is float32: n roundings, and as many more for the power
        assert_allclose(spelling[g], prod(units[k] for k in word), 1e-6)
        wanted = prod(units[k] for k in word) * tables[1, n]
        wanted += max(counts[g] - 0.8, 0) * 0.01 * tables[0, n]
        wanted = wanted ** (1 / temperature) * tables[2, n]
        wanted = max(wanted, 1e-36) if n == 1 else wanted
        assert_allclose(weights[g], wanted, 1e-5, 1e-40)


# redraw


@settings(max_examples=80)
@given(
    runs=RUNS,
    seed=st.integers(0, 99),
    temperature=TEMPERATURES,
    best=st.booleans(),
    longest=st.integers(1, 6),
    share=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
)
def test_twins_draw_the_same(device, runs, seed, temperature, best, longest, share):
    share = max(share, 1 / longest)
    problem = problem_of(runs, temperature, longest, seed, share=share)
    if problem is None:
        return
    counts, weights = problem.counts.copy(), problem.weights.copy()
    cuts = redrawn(device, problem, seed, best)
    assert_array_equal(cuts, redrawn("reference", problem, seed, best))
    check_cuts(cuts, problem.ids, longest)
    assert_array_equal(problem.counts, counts)
    assert_array_equal(problem.weights, weights)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("run", ["abcab", "aabaa"])
def test_a_run_is_drawn_in_proportion_to_its_probability(device, run, temperature):
    # the first run has words twice, and words that nothing else has: all are taken out
    problem = problem_of([run, "abc", "bca", "aab", "cab", "aabab"], temperature)
    problem.cuts[1 : len(run) + 1] = [1, 0, 1, 1, 0] if run == "abcab" else [1, 1, 1, 1, 1]
    words = problem.model.counted(problem.cuts)
    powers, chosen, tables = problem.model.fit(words, temperature)
    problem.counts, problem.powers, problem.settings = words.counts, powers, chosen
    problem.tables = tables
    problem.spelling, problem.weights = problem.model.spelling, problem.model.weights
    others = words.counts.copy()
    for a, n in words_of(problem.cuts, problem.ids):
        if a <= len(run):
            others[problem.places[n - 1, a]] -= 1
    others[0] = 0
    paths = [tuple(w) for w in segmentations(1, len(run) + 1, 4)]
    shares = np.array([weight_of(problem, path, others) for path in paths])
    shares /= shares.sum()
    draws = 4000 if device == "cpu" else 1000
    block = [(0, len(run) + 1)]
    drawn = Counter()
    for seed in range(draws):
        cuts = redrawn(device, problem, seed, blocks=block)
        drawn[tuple(w for w in words_of(cuts, problem.ids) if w[0] <= len(run))] += 1
    assert sum(drawn[path] for path in paths) == draws
    squares = sum(
        (drawn[p] - draws * s) ** 2 / (draws * s) for p, s in zip(paths, shares, strict=True)
    )
    # chi-square of 14 or fewer degrees: above 36 once in a thousand
    assert squares < 36
    # the own words left in would have been seen: a path of theirs would be more frequent
    kept = np.array([weight_of(problem, path, words.counts) for path in paths])
    kept /= kept.sum()
    assert draws * ((kept - shares) ** 2 / shares).sum() > 60


@given(runs=st.lists(st.text("abc", max_size=7), max_size=5), seed=st.integers(0, 99))
@settings(max_examples=25)
def test_the_best_path_is_the_best_of_all(device, runs, seed):
    problem = problem_of(runs, seed=seed)
    if problem is None:
        return
    cuts = redrawn(device, problem, best=True)
    before = words_of(problem.cuts, problem.ids)
    for i, j in runs_of(problem.ids):
        others = problem.counts.copy()
        for a, n in before:  # as `redraw` sees them, too long words are cut
            for b in range(a, a + n, 4) if i <= a < j else []:
                others[problem.places[min(4, a + n - b) - 1, b]] -= 1
        got = [w for w in words_of(cuts, problem.ids) if i <= w[0] < j]
        best = max(weight_of(problem, words, others) for words in segmentations(i, j, 4))
        # ties may be broken by the rounding of float32 weights
        assert_allclose(weight_of(problem, got, others), best, 1e-5)


@given(
    runs=st.lists(st.text("abcd", min_size=1, max_size=20), min_size=2, max_size=9),
    seed=st.integers(0, 99),
    order=st.randoms(use_true_random=False),
)
def test_blocks_and_their_order_change_nothing(device, runs, seed, order):
    problem = problem_of(runs, seed=seed)
    limits = np.flatnonzero(problem.ids == 0).tolist()
    blocks = list(pairwise(limits))
    order.shuffle(blocks)
    whole = redrawn(device, problem, seed)
    assert_array_equal(redrawn(device, problem, seed, blocks=blocks), whole)


def test_each_seed_and_position_has_a_draw_of_its_own(device):
    problem = problem_of(["abababab"] * 40)
    first, second = redrawn(device, problem, 1), redrawn(device, problem, 2)
    assert (first != second).any()
    assert len({first[k : k + 8].tobytes() for k in range(1, first.size - 8, 9)}) > 5


def test_a_run_longer_than_the_longest_is_cut_into_pieces(device):
    rng = np.random.default_rng(0)
    runs = ["".join(rng.choice(list("abc"), LONGEST_RUN * 2 + 3)), "ab"]
    ngrams = stream_of(runs)
    ids = ngrams.places[0]
    model = Model(ngrams, UnigramSettings(), 1)
    cuts = np.zeros(ids.size, np.uint8)
    zeros = np.zeros((2, ngrams.counts.size))
    kernels = kernel("segmental", device)
    kernels.best_cuts(ngrams.places, 0, ids.size - 1, zeros[0], zeros, np.zeros(4), cuts)
    assert cuts[[1, 1 + LONGEST_RUN, 1 + 2 * LONGEST_RUN]].all()
    cuts = random_cuts(ids, 0)
    cuts[[1 + LONGEST_RUN, 1 + 2 * LONGEST_RUN]] = 1
    words = model.counted(cuts)
    powers, chosen, tables = model.fit(words, 1.0)
    problem = SimpleNamespace(
        places=ngrams.places, cuts=cuts, counts=words.counts, spelling=model.spelling,
        weights=model.weights, powers=powers, settings=chosen, tables=tables,
    )  # fmt: skip
    drawn = redrawn(device, problem, 3)
    check_cuts(drawn, ids, 4)
    if device != "reference":
        assert_array_equal(drawn, redrawn("reference", problem, 3))


def test_a_stream_without_repeated_ngrams_is_cut(device):
    problem = problem_of(["abcdefgh", "ijklm"])
    assert problem.ngrams.first.tolist()[1:] == [27] * 4
    check_cuts(redrawn(device, problem), problem.ids, 4)
    check_cuts(redrawn(device, problem, best=True), problem.ids, 4)


@pytest.mark.parametrize("runs", [[], ["a"], ["a", "b"]])
def test_little_text_is_no_error(device, runs):
    ngrams = stream_of(runs)
    cuts = random_cuts(ngrams.places[0], 0)
    stop, m = cuts.size - 1, ngrams.counts.size
    kernels = kernel("segmental", device)
    assert not kernels.rare_sums(ngrams.places, 0, stop, np.zeros((2, m))).any()
    zeros = np.zeros((2, m))
    kernels.best_cuts(ngrams.places, 0, stop, zeros[0], zeros, np.zeros(4), cuts)
    assert cuts.tolist() == [0, *[1, 0] * len(runs)]
    if runs:
        problem = problem_of(runs)
        assert_array_equal(redrawn(device, problem), cuts)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("longest", [4, 12])
@pytest.mark.parametrize("letters", ["a", "ab", "abcdefghijklmnopqrstuvwxyz"])
def test_no_sum_is_lost_to_underflow_or_overflow(device, temperature, longest, letters):
    rng = np.random.default_rng(1)
    runs = ["".join(rng.choice(list(letters), n)) for n in (3000, 1, 40)]
    for share in (1.0, 0.15):
        problem = problem_of(runs, temperature, longest, share=share)
        assert np.isfinite(problem.weights).all()
        for best in (False, True):
            check_cuts(redrawn(device, problem, best=best), problem.ids, longest)


def test_weights_that_are_nothing_or_too_much_leave_a_path(device):
    problem = problem_of(["abcabca", "abc"])
    ngrams, model = problem.ngrams, problem.model
    for value, single in ((0.0, 1e-36), (1e300, 1e36)):
        problem.tables[:] = value
        kernel("segmental", device).word_weights(
            ngrams.first, ngrams.prefixes, ngrams.lasts, problem.counts, problem.powers,
            problem.settings, problem.tables, model.spelling, model.weights,
        )  # fmt: skip
        assert_array_equal(problem.weights[1:27], np.float32(single))
        assert np.isfinite(problem.weights).all()
        problem.tables[3] = 0
        check_cuts(redrawn(device, problem), problem.ids, 4)


def test_the_weight_of_a_path_far_below_one_is_summed_in_proportion(device):
    # every unit costs e^-60: after two of them the sums are brought back to 1
    problem = problem_of(["abcabcabcabcabcabc"] * 2, share=1.0)
    problem.weights[1:27] *= np.float32(exp(-60))
    problem.weights[27:] = 0
    problem.tables[3] = 0
    problem.settings[2] = 1.0
    cuts = redrawn(device, problem, blocks=[(0, 19)])
    assert_array_equal(cuts[1:19], 1)
    assert log(1e-60) > -60 * 3
