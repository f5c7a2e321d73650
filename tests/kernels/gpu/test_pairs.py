"""Pairs in chunks, merged lists and large rows on the card, against the definition."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from textzero.errors import ResourceError
from textzero.kernels import kernel
from textzero.kernels.reference.cooccurrence import DOCUMENT_END, GAP

WEIGHTS = np.array([60, 30, 20, 15], np.int64)


def some_tokens(n, n_words, seed=0):
    random = np.random.default_rng(seed)
    tokens = random.integers(0, n_words, n).astype(np.int32)
    tokens[random.integers(0, n, n // 20)] = GAP
    tokens[random.integers(0, n, n // 30)] = DOCUMENT_END
    return tokens


def expected(tokens, n_words, fresh=0):
    """(data, lengths, diagonal) by the Numba twin, itself tested against the definition."""
    kernels = kernel("cooccurrence", "cpu")
    starts, positions = kernels.word_positions(tokens, n_words)
    return kernels.count_rows(tokens, fresh, starts, positions, WEIGHTS, 0, n_words)


def counted(cupy, tokens, n_words, memory, fresh=0, take_when_full=False):
    from textzero.kernels.gpu import _pairs, _rows

    pairs, given = _pairs.Pairs(n_words, WEIGHTS, memory), cupy.asarray(tokens)
    begin, chunks, taken = 0, 0, []
    while begin < tokens.size:
        begin = pairs.add(given, fresh, begin, 0, n_words)
        chunks += 1
        if take_when_full and pairs.is_full():
            taken.append(pairs.take())
    taken.append(pairs.take())
    parts = []
    for starts, columns, counts, diagonal in taken:
        data, offsets = _rows.encode(starts, columns, counts)
        lengths = np.stack([np.diff(offsets.get()), np.diff(starts.get())], axis=1)
        parts.append((data.get(), lengths, diagonal.get()))
    return chunks, parts


@pytest.mark.parametrize("n_words, fresh", [(7, 0), (300, 0), (300, 1500)])
def test_chunks_do_not_show(cupy, n_words, fresh):
    tokens = some_tokens(2000, n_words)
    whole = expected(tokens, n_words, fresh)
    for memory, least in ((None, 1), (0, 8)):
        chunks, [got] = counted(cupy, tokens, n_words, memory, fresh)
        assert chunks >= least
        for a, b in zip(got, whole, strict=True):
            assert_array_equal(a, b)


def test_what_was_taken_in_parts_adds_up(cupy):
    tokens = some_tokens(2000, 200)
    _, parts = counted(cupy, tokens, 200, 0, take_when_full=True)
    assert len(parts) > 2
    data, lengths, diagonal = expected(tokens, 200)
    begins = np.cumsum([0, *(part[0].size for part in parts)])
    offsets = [
        np.concatenate([[0], np.cumsum(part[1][:, 0])]) + begin
        for part, begin in zip(parts, begins, strict=False)
    ]
    merged = kernel("cooccurrence", "cpu").merge_rows(
        np.concatenate([part[0] for part in parts]), np.stack(offsets), 200
    )
    assert_array_equal(merged[0], data)
    assert_array_equal(merged[1], lengths)
    assert_array_equal(sum(part[2] for part in parts), diagonal)


def test_sums_of_runs_across_stretches(cupy):
    from textzero.kernels.gpu import _pairs

    random = np.random.default_rng(1)
    # runs of 1 to 1,500 keys, where a warp has 512
    keys = np.repeat(np.arange(60, dtype=np.uint64) ** 3, random.integers(1, 60, 60) ** 2 // 2 + 1)
    values = random.integers(1, 2**60, keys.size) // keys.size
    unique, sums = _pairs.sum_runs(cupy.asarray(keys), cupy.asarray(values), 0)
    counter = Counter()
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        counter[key] += value
    assert unique.tolist() == sorted(counter)
    assert sums.tolist() == [counter[key] for key in sorted(counter)]


def test_lists_are_merged_by_key(cupy):
    from textzero.kernels.gpu import _pairs

    a, b = np.array([1, 4, 9, 2**63], np.uint64), np.array([0, 4, 5, 2**63], np.uint64)
    sums = np.arange(1, 5), np.arange(10, 50, 10)
    lists = [(cupy.asarray(keys), cupy.asarray(s)) for keys, s in zip((a, b), sums, strict=True)]
    keys, sums = _pairs.merged(*lists)
    assert keys.tolist() == [0, 1, 4, 5, 9, 2**63]
    assert sums.tolist() == [10, 1, 22, 30, 3, 44]


@pytest.mark.usefixtures("cupy")
def test_words_that_do_not_fit_in_a_key_are_refused():
    from textzero.kernels.gpu import _pairs

    assert _pairs.key_bits(2_000_000, 10) == (21, 4)
    with pytest.raises(ValueError, match="must fit in 64 bits"):
        _pairs.key_bits(2**31, 10)


def test_rows_of_many_bytes_are_decoded_in_tiles(cupy):
    from textzero.kernels.gpu import _rows

    random = np.random.default_rng(2)
    sizes = np.array([0, 4000, 1, 0, 300, 2])
    columns = np.concatenate(
        [np.sort(random.choice(10**6, size, replace=False)) for size in sizes]
    ).astype(np.int32)
    counts = np.where(random.random(columns.size) < 0.5, 1, random.integers(1, 2**63, columns.size))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rows = cupy.asarray(starts), cupy.asarray(columns), cupy.asarray(counts)
    data, offsets = _rows.encode(*rows)
    assert data.size > 3 * 4096
    for got, row in zip(_rows.decode(data, offsets), (starts, columns, counts), strict=True):
        assert_array_equal(got.get(), row)
    host, ends = data.get(), offsets.tolist()
    for i, (begin, end) in enumerate(pairwise(ends)):
        found = kernel("cooccurrence", "reference").decode_rows(host[begin:end], int(sizes[i]))
        assert_array_equal(found[0], columns[starts[i] : starts[i + 1]])
        assert_array_equal(found[1], counts[starts[i] : starts[i + 1]])
    blocks = list(_rows.encoded_blocks(*rows, 302))
    assert [block[1].shape[0] for block in blocks] == [1, 1, 3, 1]
    assert_array_equal(np.concatenate([block[0] for block in blocks]), host)
    assert_array_equal(np.concatenate([block[1][:, 1] for block in blocks]), sizes)


@pytest.mark.parametrize("offsets", [[0, 2, 5, 6], [0, 1, 4, 6], [0, 3, 4, 6]])
def test_rows_that_begin_inside_a_record_are_refused(cupy, offsets):
    from textzero.kernels.gpu import _rows

    data = np.array([1, 200, 1, 0, 2, 2, 5], np.uint8)[:6]  # (1, 200), (0, 2), half a record
    with pytest.raises(ValueError, match="must be whole records"):
        _rows.decode(cupy.asarray(data), cupy.asarray(np.array(offsets)))
    good = np.array([0, 3, 5])
    assert _rows.decode(cupy.asarray(data[:5]), cupy.asarray(good))[2].tolist() == [200, 2]


@pytest.mark.usefixtures("cupy")
def test_a_full_card_is_told(monkeypatch):
    from textzero.kernels.gpu import _pairs

    monkeypatch.setattr(_pairs, "free_memory", lambda: 0)
    with pytest.raises(ResourceError, match="use device='cpu'"):
        _pairs.Pairs(10, WEIGHTS)
