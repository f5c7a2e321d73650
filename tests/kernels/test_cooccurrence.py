from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero.kernels import kernel
from textzero.kernels.reference.cooccurrence import DOCUMENT_END, GAP

N_WORDS = 5
TOKENS = st.lists(st.integers(GAP, N_WORDS - 1), max_size=60).map(lambda t: np.array(t, np.int32))
WEIGHTS = st.lists(st.integers(1, 300), min_size=1, max_size=6).map(lambda w: np.array(w, np.int64))
COUNTS = st.one_of(st.integers(1, 300), st.integers(1, 2**62))
ROW = st.dictionaries(st.integers(0, N_WORDS - 1), COUNTS)
SEPARATE = np.array([1], np.int64)


def pairs(tokens, weights, fresh=0):
    """Counter of (word, neighbour): every pair of places, near enough, with no end between."""
    sums = Counter()
    for i, a in enumerate(tokens):
        for j, b in enumerate(tokens):
            distance = abs(i - j)
            if not 1 <= distance <= len(weights) or min(a, b) < 0 or max(i, j) < fresh:
                continue
            if DOCUMENT_END not in tokens[min(i, j) : max(i, j)]:
                sums[int(a), int(b)] += int(weights[distance - 1])
    return sums


def counted(kernels, tokens, weights, fresh=0, ranges=((0, N_WORDS),)):
    """The same Counter, by the kernels."""
    starts, positions = kernels.word_positions(tokens, N_WORDS)
    sums = Counter()
    for first, last in ranges:
        data, lengths, diagonal = kernels.count_rows(
            tokens, fresh, starts, positions, weights, first, last
        )
        assert data.dtype == np.uint8 and lengths.dtype == diagonal.dtype == np.int64
        assert lengths.shape == (last - first, 2) and diagonal.shape == (last - first,)
        stops = np.cumsum(lengths[:, 0])
        assert stops[-1] == data.size
        for word, stop, (size, records) in zip(range(first, last), stops, lengths, strict=True):
            columns, counts = kernels.decode_rows(data[stop - size : stop], int(records))
            assert columns.dtype == np.int32 and counts.dtype == np.int64
            assert (np.diff(columns) > 0).all()
            sums.update({(word, int(j)): int(x) for j, x in zip(columns, counts, strict=True)})
            sums.update(
                {(word, word): int(diagonal[word - first])} if diagonal[word - first] else {}
            )
    return sums


def leb128(*numbers):
    """Seven bits a byte, the lowest first, the high bit set on all but the last."""
    out = []
    for number in numbers:
        while number > 127:
            out.append(number % 128 + 128)
            number //= 128
        out.append(number)
    return np.array(out, np.uint8)


def encoded(rows):
    """(data, offsets) of rows given as dictionaries."""
    parts = []
    for row in rows:
        before, numbers = -1, []
        for column in sorted(row):
            numbers += [column - before - 1, row[column]]
            before = column
        parts.append(leb128(*numbers))
    offsets = np.cumsum([0, *(part.size for part in parts)])
    return np.concatenate([np.empty(0, np.uint8), *parts]), offsets


def decoded(kernels, data, lengths):
    rows, at = [], 0
    for size, records in lengths.tolist():
        columns, counts = kernels.decode_rows(data[at : at + size], records)
        rows.append(dict(zip(columns.tolist(), counts.tolist(), strict=True)))
        at += size
    assert at == data.size
    return rows


def test_a_row_is_gaps_and_counts_in_leb128(device):
    # "0 1 0 3": next to 0 stand 1 twice and 3 once, so row 0 is (1 - 0, 2), (3 - 2, 1).
    tokens = np.array([0, 1, 0, 3, DOCUMENT_END], np.int32)
    kernels = kernel("cooccurrence", device)
    starts, positions = kernels.word_positions(tokens, 4)
    assert_array_equal(starts, [0, 2, 3, 3, 4])
    assert_array_equal(positions, [0, 2, 1, 3])
    data, lengths, diagonal = kernels.count_rows(tokens, 0, starts, positions, SEPARATE, 0, 4)
    assert_array_equal(data, [1, 2, 1, 1, 0, 2, 0, 1])
    assert_array_equal(lengths, [[4, 2], [2, 1], [0, 0], [2, 1]])
    assert_array_equal(diagonal, [0, 0, 0, 0])


def test_a_pair_of_equal_words_is_counted_from_both_sides_and_kept_aside(device):
    tokens = np.array([2, 2, 2, DOCUMENT_END], np.int32)
    # neighbours at distance 1: two pairs, at distance 2: one; each from both sides
    found = counted(kernel("cooccurrence", device), tokens, np.array([10, 1], np.int64))
    assert found == {(2, 2): 2 * (2 * 10 + 1)}


def test_a_window_stops_at_the_end_of_a_document_and_crosses_gaps(device):
    tokens = np.array([0, GAP, 1, DOCUMENT_END, 2, 3, DOCUMENT_END], np.int32)
    found = counted(kernel("cooccurrence", device), tokens, np.array([5, 3, 2, 1], np.int64))
    assert found == {(0, 1): 3, (1, 0): 3, (2, 3): 5, (3, 2): 5}


def test_no_token_makes_no_record(device):
    assert not counted(kernel("cooccurrence", device), np.empty(0, np.int32), SEPARATE)


@given(TOKENS, WEIGHTS)
def test_counts_equal_brute_force(device, tokens, weights):
    found = counted(kernel("cooccurrence", device), tokens, weights)
    assert found == pairs(tokens, weights)


def test_few_neighbours_among_many_words_are_written_in_order(device):
    # a row of some neighbours out of 3,000 words is sorted, not scanned
    tokens = np.random.default_rng(0).choice(np.arange(0, 3000, 37, dtype=np.int32), 200)
    weights, expected = np.array([3, 2, 1]), pairs(tokens, [3, 2, 1])
    kernels = kernel("cooccurrence", device)
    starts, positions = kernels.word_positions(tokens, 3000)
    data, lengths, diagonal = kernels.count_rows(tokens, 0, starts, positions, weights, 0, 3000)
    found = {
        (i, j): x
        for i, row in enumerate(decoded(kernels, data, lengths))
        for j, x in (row | ({i: int(diagonal[i])} if diagonal[i] else {})).items()
    }
    assert found == expected


@given(TOKENS.flatmap(lambda t: st.tuples(st.just(t), st.integers(0, t.size))), WEIGHTS)
def test_two_runs_with_a_context_between_equal_one(device, tokens_and_cut, weights):
    kernels = kernel("cooccurrence", device)
    tokens, cut = tokens_and_cut
    begin = max(0, cut - weights.size)
    first = counted(kernels, tokens[:cut], weights)
    second = counted(kernels, tokens[begin:], weights, fresh=cut - begin)
    assert second == pairs(tokens[begin:], weights, fresh=cut - begin)
    assert first + second == pairs(tokens, weights)


@given(TOKENS, WEIGHTS, st.integers(1, N_WORDS - 1))
def test_a_row_does_not_depend_on_the_rows_counted_with_it(device, tokens, weights, cut):
    kernels = kernel("cooccurrence", device)
    assert counted(kernels, tokens, weights, 0, [(0, cut), (cut, N_WORDS)]) == counted(
        kernels, tokens, weights
    )


def test_rows_that_fill_the_buffer_are_continued_in_another(device):
    # each of n words is near all others; a record has 7 bytes, all together more than a MiB
    n, weight = 450, 1 << 41
    tokens = np.arange(n, dtype=np.int32)
    kernels = kernel("cooccurrence", device)
    starts, positions = kernels.word_positions(tokens, n)
    weights = np.full(n, weight, np.int64)
    data, lengths, _ = kernels.count_rows(tokens, 0, starts, positions, weights, 0, n)
    assert data.size == n * (n - 1) * 7 > (1 << 20)
    for i, row in enumerate(decoded(kernels, data, lengths)):
        assert row == dict.fromkeys(set(range(n)) - {i}, weight)


@pytest.mark.parametrize("count", [1, 127, 128, 2**31, 2**32 + 1, 2**53 + 1, 2**63 - 1])
def test_large_counts_stay_exact(device, count):
    kernels = kernel("cooccurrence", device)
    data = leb128(3, count)
    columns, counts = kernels.decode_rows(data, 1)
    assert (columns.tolist(), counts.tolist()) == ([3], [count])
    assert kernels.sum_rows(data, np.array([0, data.size])).tolist() == [count]
    merged, lengths = kernels.merge_rows(data, np.array([[0, data.size]]), N_WORDS)
    assert_array_equal(merged, data)
    assert_array_equal(lengths, [[data.size, 1]])


def test_the_last_column_of_int32_is_a_column(device):
    columns, _ = kernel("cooccurrence", device).decode_rows(leb128(2**31 - 2, 7, 0, 1), 2)
    assert columns.tolist() == [2**31 - 2, 2**31 - 1]


@given(st.lists(st.lists(ROW, min_size=3, max_size=3), min_size=1, max_size=5))
def test_merged_rows_are_sums(device, runs):
    runs = [[{j: x // len(runs) or 1 for j, x in row.items()} for row in run] for run in runs]
    parts = [encoded(run) for run in runs]
    begins = np.cumsum([0, *(data.size for data, _ in parts)])
    offsets = np.stack([part[1] + begin for part, begin in zip(parts, begins, strict=False)])
    kernels = kernel("cooccurrence", device)
    data, lengths = kernels.merge_rows(np.concatenate([p[0] for p in parts]), offsets, N_WORDS)
    expected = [dict(sum((Counter(run[i]) for run in runs), Counter())) for i in range(3)]
    assert decoded(kernels, data, lengths) == expected
    assert_array_equal(data, encoded(expected)[0])


@given(st.lists(ROW, max_size=5))
def test_sums_of_rows_equal_the_sums_of_what_was_encoded(device, rows):
    rows = [{j: x // 8 or 1 for j, x in row.items()} for row in rows]
    sums = kernel("cooccurrence", device).sum_rows(*encoded(rows))
    assert sums.tolist() == [sum(row.values()) for row in rows]


DAMAGED = [
    (leb128(0, 1), 2),  # fewer records than promised
    (leb128(0, 1, 0, 1), 1),  # more
    (leb128(0, 1, 0), 1),  # half a record
    (leb128(0, 300)[:-1], 1),  # a number without its last byte
    (leb128(0, 0), 1),  # a count of nothing
    (leb128(0, 2**63), 1),  # a count that int64 has not
    (leb128(2**31, 1), 1),  # columns that int32 has not
    (leb128(2**62, 1, 2**62, 1, 2**62, 1, 2**62, 1), 4),
    (leb128(5, 1, 2**63 - 1, 1), 2),  # an int64 sum of gaps would turn negative
    (np.full(40, 0xFF, np.uint8), 1),
]


@pytest.mark.parametrize("data, records", DAMAGED)
def test_damaged_rows_are_refused(device, data, records):
    with pytest.raises(ValueError, match="must"):
        kernel("cooccurrence", device).decode_rows(data, records)


@pytest.mark.parametrize("data, records", DAMAGED)
def test_damaged_rows_are_not_prepared_for_training(device, data, records):
    with pytest.raises(ValueError, match="must"):
        kernel("least_squares", device).prepare_rows(
            data, np.array([0, data.size]), np.array([records]), 1.0, 10.0, 0.75, True, 0.0
        )


@pytest.mark.parametrize("data", [leb128(N_WORDS, 1), leb128(0, 1, 2**63 - 1, 1)])
def test_runs_with_a_column_beyond_the_vocabulary_are_not_merged(device, data):
    with pytest.raises(ValueError, match="must"):
        kernel("cooccurrence", device).merge_rows(data, np.array([[0, data.size]]), N_WORDS)


@pytest.mark.parametrize(
    "data", [leb128(0, 1, 0), leb128(0, 300)[:-1], leb128(0, 0), leb128(0, 2**63)]
)
def test_damaged_rows_are_neither_merged_nor_summed(device, data):
    kernels, offsets = kernel("cooccurrence", device), np.array([0, data.size])
    with pytest.raises(ValueError, match="must"):
        kernels.merge_rows(data, offsets[None], N_WORDS)
    with pytest.raises(ValueError, match="must"):
        kernels.sum_rows(data, offsets)


@given(st.binary(max_size=24).map(lambda b: np.frombuffer(b, np.uint8)), st.integers(0, 6))
def test_random_bytes_are_refused_or_decoded_alike(device, data, records):
    def outcome(kernels):
        try:
            columns, counts = kernels.decode_rows(data, records)
        except ValueError:
            return None
        return columns.tolist(), counts.tolist()

    assert outcome(kernel("cooccurrence", device)) == outcome(kernel("cooccurrence", "reference"))
