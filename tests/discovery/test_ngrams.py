from collections import Counter
from itertools import pairwise
from math import log
from mmap import mmap
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from textzero.discovery import ngrams, pair_counts
from textzero.discovery.arrays import Arrays
from textzero.discovery.ngrams import count_ngrams
from textzero.discovery.pair_counts import ranges
from textzero.discovery.units import Units, read_units
from textzero.packed import PackedStrings
from textzero.progress import Progress

TEXTS = st.lists(st.text("abcde", max_size=40), max_size=5).map(lambda t: [*t, "aa"])


def as_units(texts):
    """The characters of some texts as units; one that is seen once is a boundary."""
    seen = Counter("".join(texts))
    kept = sorted(c for c in seen if seen[c] > 1)
    numbers = {c: k for k, c in enumerate(kept, 1)}
    ids = [0]
    for number in (numbers.get(c, 0) for text in texts for c in text + "."):
        if number or ids[-1]:
            ids.append(number)
    rare = sum(seen.values()) - sum(seen[c] for c in kept)
    counts = np.array([rare, *(seen[c] for c in kept)], np.int64)
    alphabet, runs = PackedStrings.from_strings(kept), np.zeros(counts.size, np.bool_)
    return Units(np.array(ids, np.int32), alphabet, counts, runs)


def occurrences(units, longest):
    """N-gram -> where it begins, of 1 to `longest` units without a boundary."""
    ids = units.ids.tolist()
    found = {}
    for n in range(1, longest + 1):
        for p in range(len(ids) - n + 1):
            if 0 not in ids[p : p + n]:
                found.setdefault(tuple(ids[p : p + n]), []).append(p)
    return found


def beside(gram, found, least):
    """Counts of the units before and behind an n-gram; boundaries and rare ones count 1 each."""
    total = len(found[gram])
    sides = []
    for longer in (lambda x: (*gram, x), lambda x: (x, *gram)):
        counts = [len(found.get(longer(x), ())) for (x,) in [g for g in found if len(g) == 1]]
        often = [c for c in counts if c >= least]
        sides.append(often + [1] * (total - sum(often)))
    return sides


def check(units, longest, least=2, **settings):
    """Count, and compare everything with brute force."""
    result = count_ngrams(units, longest, **{"room": 1 << 20, "workers": 1} | settings)
    found = occurrences(units, longest + 1)
    grams = [()]  # by number
    first = [1]
    for n in range(1, longest + 1):
        often = least if n > 1 else 2
        grams += sorted(g for g, at in found.items() if len(g) == n and len(at) >= often)
        first.append(len(grams))
    numbers = {gram: number for number, gram in enumerate(grams)}

    assert (result.least, result.longest) == (least, longest)
    assert result.first.tolist() == first
    places = np.zeros((longest, units.ids.size), np.int32)
    for gram, number in numbers.items():
        places[len(gram) - 1, found.get(gram, [])] = number
    assert_array_equal(result.places, places)
    assert result.counts.tolist() == [len(found.get(gram, ())) for gram in grams]
    assert result.prefixes.tolist() == [numbers[gram[:-1]] for gram in grams]
    assert result.suffixes.tolist() == [numbers[gram[1:]] for gram in grams]
    assert result.lasts.tolist() == [gram[-1] if gram else 0 for gram in grams]
    for array in (result.places, result.prefixes, result.suffixes, result.lasts):
        assert array.dtype == np.int32
    assert result.first.dtype == result.counts.dtype == np.int64
    assert result.sums.dtype == result.kinds.dtype == np.float32

    entropies = result.entropies(correction=0.5)
    for gram, number in numbers.items():
        assert result.units_of(number) == list(gram)
        assert result.find(list(gram)) == number
        assert result.text(number) == units.text(gram)
        if not gram:
            continue
        n = len(found[gram])
        for side, counts in enumerate(beside(gram, found, least)):
            assert result.kinds[side, number] == len(counts)
            # sums of a few numbers, added in another order
            assert_allclose(result.sums[side, number], sum(c * log(c) for c in counts), 1e-6)
            plug_in = -sum(c / n * log(c / n) for c in counts)
            wanted = plug_in + 0.5 * (len(counts) - 1) / (2 * n)
            assert_allclose(entropies[side, number], wanted, 1e-6, 1e-6)
    for gram in found:
        if len(gram) <= longest and gram not in numbers:
            assert result.find(list(gram)) == 0
    shares = units.counts[1:] / units.size
    assert_allclose(result.unit_entropy(), -(shares * np.log(shares)).sum(), 1e-12, 1e-12)
    assert not result.sums[:, 0].any() and not result.kinds[:, 0].any()
    return result


@given(texts=TEXTS, longest=st.integers(1, 5), workers=st.sampled_from([1, 2, 7]))
def test_ngrams_equal_brute_force(texts, longest, workers):
    check(as_units(texts), longest, workers=workers)


@settings(max_examples=30)
@given(
    texts=TEXTS,
    longest=st.integers(1, 4),
    block=st.integers(1, 9),
    most=st.integers(1, 40),
    workers=st.sampled_from([1, 2, 7]),
)
def test_neither_ranges_nor_blocks_change_anything(texts, longest, block, most, workers):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_counts, "_STEP", block)
        patch.setattr(pair_counts, "ranges", lambda sizes, _: ranges(sizes, most))
        result = check(as_units(texts), longest, workers=workers)
    whole = count_ngrams(as_units(texts), longest, room=1 << 20, workers=1)
    assert_array_equal(result.sums, whole.sums)  # to the last bit


@settings(max_examples=30)
@given(
    texts=TEXTS,
    longest=st.integers(1, 4),
    most=st.integers(1, 40),
    workers=st.sampled_from([1, 2]),
)
def test_blocks_that_are_counted_and_merged_give_the_same(texts, longest, most, workers):
    def merged(stream, occurrences, least, _, workers, arrays):
        parts = list(ranges(occurrences, most))
        return pair_counts._merged(stream, parts, least, most, workers, arrays)

    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(ngrams, "repeated_pairs", merged)
        patch.setattr(ngrams, "_NAME", 1 << 70)  # and names are found without a table
        arrays = Arrays(1 << 30, lambda: Path(folder))
        result = check(as_units(texts), longest, workers=workers, arrays=arrays)
    whole = count_ngrams(as_units(texts), longest, room=1 << 20, workers=1)
    assert_array_equal(result.sums, whole.sums)


@given(texts=TEXTS, most=st.integers(3, 30), workers=st.sampled_from([1, 2]))
def test_of_more_text_only_more_frequent_ngrams_are_kept(texts, most, workers):
    units = as_units([*texts, "abcab" * 3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngrams, "_MOST", most)
        check(units, 4, max(2, -(-units.size // most)), workers=workers)


def test_room_decides_how_much_is_sorted_at_once(monkeypatch):
    asked = []
    monkeypatch.setattr(
        pair_counts, "ranges", lambda sizes, most: asked.append(most) or ranges(sizes, most)
    )
    check(as_units(["abab"]), 1, room=1 << 30, workers=2)
    check(as_units(["abab"]), 1, room=1, workers=2)
    assert asked == [1 << 25, 1 << 16]


def test_an_ngram_by_hand():
    # |a b a b|a b c|a  (c is seen once, so the last text is two of one a... and a b)
    units = as_units(["abab", "abca"])
    assert list(units.alphabet) == ["a", "b"]
    assert units.ids.tolist() == [0, 1, 2, 1, 2, 0, 1, 2, 0, 1, 0]
    result = check(units, 2)
    assert [result.text(k) for k in range(1, result.counts.size)] == ["a", "b", "ab"]
    assert result.counts.tolist() == [0, 4, 3, 3]
    # behind a: b three times, one boundary; before a: b once, three boundaries; and so on
    assert_allclose(result.sums[0], [0, 3 * log(3), 0, 0])
    assert_allclose(result.sums[1], [0, 0, 3 * log(3), 0])
    assert result.kinds.tolist() == [[0, 2, 3, 3], [0, 4, 1, 3]]
    assert_allclose(result.entropies(correction=0)[0, 1], log(4) - 0.75 * log(3), 1e-6)
    assert_allclose(result.entropies()[0, 1], log(4) - 0.75 * log(3) + 1 / 8, 1e-6)
    assert_allclose(result.entropies(correction=0)[1, 2], 0, atol=1e-6)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_one_long_run_of_one_character(workers):
    result = check(as_units(["a" * 100]), 5, workers=workers)
    assert result.counts.tolist() == [0, 100, 99, 98, 97, 96]


def test_levels_without_ngrams_are_empty():
    result = check(as_units(["ab", "cab", "c"]), 5)
    assert result.first.tolist() == [1, 4, 5, 5, 5, 5]
    result = check(as_units(["ab", "ba"]), 3)
    assert result.first.tolist() == [1, 3, 3, 3]


def test_find_knows_no_ngram_longer_than_the_longest():
    result = count_ngrams(as_units(["abcabc"]), 2, room=1 << 20, workers=1)
    assert result.find([1, 2]) == 4
    assert result.find([1, 2, 3]) == 0
    assert result.find([]) == result.find([1, 0]) == 0


@given(
    sizes=st.lists(st.integers(0, 9), max_size=20),
    most=st.integers(1, 15),
    step=st.integers(1, 9),
)
def test_ranges_are_as_large_as_they_may_be(sizes, most, step):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_counts, "_STEP", step)
        found = list(ranges(np.array(sizes, np.int64), most))
    assert [k for a, b in found for k in range(a, b)] == list(range(len(sizes)))
    assert all(b == a + 1 or sum(sizes[a:b]) <= most for a, b in found)
    assert all(sum(sizes[a : b + 1]) > most for (a, b), _ in pairwise(found))


def is_mapped(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(getattr(array, "obj", array), mmap)


def test_numbers_in_a_file_are_those_in_memory(tmp_path):
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("甲乙丙丁戊"), 500)) for _ in range(40)]
    arrays = Arrays(0, lambda: tmp_path)
    here = read_units(texts, workers=2)
    there = read_units(texts, workers=2, arrays=arrays)
    first = count_ngrams(here, 4, room=1 << 20, workers=2)
    second = count_ngrams(there, 4, room=1 << 20, workers=2, arrays=arrays)
    assert is_mapped(second.places) and not list(tmp_path.iterdir())
    for name in ("places", "first", "counts", "prefixes", "suffixes", "lasts", "sums", "kinds"):
        assert_array_equal(getattr(first, name), getattr(second, name))


def test_progress_reaches_its_total():
    class Bar(Progress):
        def begin(self, name, total, unit):  # noqa: ARG002
            self.total, self.done = total, 0

        def advance(self, amount):
            self.done += amount

    bar = Bar()
    count_ngrams(as_units(["abcab"]), 3, room=1 << 20, workers=1, progress=bar)
    assert bar.done == bar.total


def test_many_tiny_runs_take_little_time():
    # a step for each pair of runs would take hours
    rng = np.random.default_rng(2)
    letters = np.array([chr(0x4E00 + k) for k in range(2000)])
    texts = ["".join(row) for row in rng.choice(letters, (200_000, 4))]
    count_ngrams(read_units(texts[:1000], workers=1), 2, room=1 << 20, workers=1)  # compiled
    begun = perf_counter()
    units = read_units(texts, workers=2)
    result = count_ngrams(units, 4, room=1 << 24, workers=2)
    assert perf_counter() - begun < 20
    seen = Counter(text[k : k + 2] for text in texts for k in range(3))
    assert result.level(2).stop - result.level(2).start == sum(c > 1 for c in seen.values())
