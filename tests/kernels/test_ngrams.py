from itertools import pairwise
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero.kernels import kernel


@st.composite
def streams(draw, most=400):
    """(left, right, base, size): a stream beside itself, one position on; often with zeros."""
    base, size = draw(st.integers(1, 1000)), draw(st.integers(1, 12))
    numbers = st.one_of(st.just(0), st.integers(base, base + size - 1))
    stream = np.array(draw(st.lists(numbers, min_size=1, max_size=most)), np.int32)
    return stream[:-1], stream[1:], base, size


def pairs_of(left, right):
    """The pairs of two numbers, with their positions."""
    pairs = enumerate(zip(left.tolist(), right.tolist(), strict=True))
    return [(p, a, b) for p, (a, b) in pairs if a and b]


@given(stream=streams(), data=st.data())
def test_keys_are_those_of_the_pairs_in_a_range(device, stream, data):
    left, right, base, size = stream
    first = data.draw(st.integers(base, base + size))
    last = data.draw(st.integers(first, base + size))
    keys = kernel("ngrams", device).pair_keys(left, right, first, last, base, size)
    assert keys.dtype == np.int64
    wanted = [
        (a - base) * size + b - base for _, a, b in pairs_of(left, right) if first <= a < last
    ]
    assert keys.tolist() == wanted


@given(stream=streams(), cuts=st.lists(st.integers(0, 12), max_size=4))
def test_ranges_hold_each_pair_once(device, stream, cuts):
    left, right, base, size = stream
    limits = [base, *sorted(base + min(cut, size) for cut in cuts), base + size]
    parts = [
        kernel("ngrams", device).pair_keys(left, right, first, last, base, size)
        for first, last in pairwise(limits)
    ]
    everything = kernel("ngrams", device).pair_keys(left, right, base, base + size, base, size)
    assert sorted(np.concatenate(parts).tolist()) == sorted(everything.tolist())


def test_the_greatest_key_of_int32_numbers_is_exact(device):
    size = 2**31 - 2  # numbers 1 to 2^31 - 2
    left, right = np.array([size, 1], np.int32), np.array([size, 2], np.int32)
    kernels = kernel("ngrams", device)
    keys = kernels.pair_keys(left, right, 1, size + 1, 1, size)
    assert keys.tolist() == [size * size - 1, 1]
    out = np.full(2, -1, np.int32)
    kernels.name_pairs(kernels.new_names(keys), left, right, 1, size, 7, out)
    assert out.tolist() == [7, 8]


@given(keys=st.lists(st.integers(0, 12).map(lambda k: k << 58)), least=st.integers(1, 6))
def test_keys_seen_often_enough_are_kept_with_their_counts(device, keys, least):
    ascending = np.array(sorted(keys), np.int64)
    kept, counts = kernel("ngrams", device).repeated(ascending, least)
    assert kept.dtype == counts.dtype == np.int64
    wanted = [(k, keys.count(k)) for k in sorted(set(keys)) if keys.count(k) >= least]
    assert list(zip(kept.tolist(), counts.tolist(), strict=True)) == wanted


@given(stream=streams(), least=st.integers(2, 5), first=st.integers(1, 1 << 30))
def test_each_pair_gets_the_number_of_its_key(device, stream, least, first):
    left, right, base, size = stream
    kernels = kernel("ngrams", device)
    keys = kernels.pair_keys(left, right, base, base + size, base, size)
    kept, _ = kernels.repeated(np.sort(keys), least)
    out = np.full(left.size, -1, np.int32)
    kernels.name_pairs(kernels.new_names(kept), left, right, base, size, first, out)
    numbers = {divmod(key, size): first + k for k, key in enumerate(kept.tolist())}
    wanted = np.zeros(left.size, np.int32)
    for p, a, b in pairs_of(left, right):
        wanted[p] = numbers.get((a - base, b - base), 0)
    assert_array_equal(out, wanted)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_the_definition(device, seed):
    rng = np.random.default_rng(seed)
    base, size = int(rng.integers(1, 1 << 20)), int(rng.integers(1, 300))
    stream = rng.integers(base, base + size, 3000).astype(np.int32)
    stream[rng.random(stream.size) < 0.2] = 0
    left, right = stream[:-1], stream[1:]

    def results(kernels):
        keys = kernels.pair_keys(left, right, base, base + size // 2 + 1, base, size)
        kept, counts = kernels.repeated(np.sort(keys), 3)
        out = np.full(left.size, -1, np.int32)
        kernels.name_pairs(kernels.new_names(kept), left, right, base, size, 5, out)
        return keys, kept, counts, out

    expected = results(kernel("ngrams", "reference"))
    for g, e in zip(results(kernel("ngrams", device)), expected, strict=True):
        assert g.dtype == e.dtype
        assert_array_equal(g, e)


def test_nothing_in_nothing_out(device):
    kernels = kernel("ngrams", device)
    none, no_keys = np.zeros(0, np.int32), np.zeros(0, np.int64)
    assert kernels.pair_keys(none, none, 1, 2, 1, 1).size == 0
    kept, counts = kernels.repeated(no_keys, 2)
    assert (kept.dtype, kept.size, counts.dtype, counts.size) == (np.int64, 0, np.int64, 0)
    out = np.full(2, -1, np.int32)
    kernels.name_pairs(kernels.new_names(no_keys), none, none, 1, 1, 2, out[:0])
    assert out.tolist() == [-1, -1]
    one = np.ones(2, np.int32)
    kernels.name_pairs(kernels.new_names(no_keys), one, one, 1, 1, 2, out)
    assert out.tolist() == [0, 0]


def test_looking_up_takes_no_longer_for_keys_that_agree_in_their_low_bits(device):
    # with one chain for all, 2^31 steps
    size, n = 1 << 30, 1 << 16
    left, right = 1 + (np.arange(n, dtype=np.int32) << 14), np.ones(n, np.int32)
    kernels = kernel("ngrams", device)
    keys = kernels.pair_keys(left, right, 1, size + 1, 1, size)
    assert_array_equal(keys, np.arange(n) << 44)
    out = np.full(n, -1, np.int32)
    kernels.name_pairs(kernels.new_names(keys[:10]), left, right, 1, size, 1, out)  # compiled
    begun = process_time()
    kernels.name_pairs(kernels.new_names(keys), left, right, 1, size, 1, out)
    assert process_time() - begun < 1
    assert_array_equal(out, np.arange(1, n + 1))
