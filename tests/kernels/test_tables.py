from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.packed import PackedStrings

# Short words, words of 16 bytes and a little more or less, words that differ late.
LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=" ")
WORD = st.one_of(
    st.text("ab", min_size=1, max_size=3),
    st.text(LETTERS, min_size=1, max_size=10),
    st.builds("{}{}".format, st.sampled_from(["a" * 14, "é" * 7, "b" * 30]), st.text("abc")),
)
DOCUMENTS = st.lists(st.lists(WORD, max_size=12), max_size=6)
NO_DOCUMENTS = np.zeros(0, np.int64)


def piece_of(entries):
    """(text, starts, stops) of tokens; None ends a document."""
    packed = PackedStrings.from_strings([entry or "" for entry in entries])
    ends = np.array([entry is None for entry in entries], bool)
    starts = np.where(ends, -1, packed.offsets[:-1]).astype(np.int32)
    stops = np.where(ends, -1, packed.offsets[1:]).astype(np.int32)
    return packed.text, starts, stops


def entries_of(documents):
    return [entry for document in documents for entry in (*document, None)]


def filled(kernels, entries, documents=False, low=1, high=1):
    table = kernels.new_table(documents)
    kernels.add_tokens(table, *piece_of(entries), low, high)
    kernels.end_document(table)
    return table


def contents(kernels, table):
    """Word -> (count, documents), documents 0 when they are not counted."""
    text, offsets, counts, held = kernels.unload(table)
    assert text.dtype == np.uint8
    assert offsets.dtype == counts.dtype == held.dtype == np.int64
    words = list(PackedStrings(text, offsets))
    assert len(set(words)) == len(words)
    held = held.tolist() or [0] * len(words)
    return dict(zip(words, zip(counts.tolist(), held, strict=True), strict=True))


def brute_force(documents, low=1, high=1, with_documents=True):
    counts, held = Counter(), Counter()
    for document in documents:
        grams = [
            " ".join(document[i : i + n])
            for n in range(low, high + 1)
            for i in range(len(document) - n + 1)
        ]
        counts.update(grams)
        held.update(set(grams))
    return {w: (n, held[w] if with_documents else 0) for w, n in counts.items()}


@given(documents=DOCUMENTS, with_documents=st.booleans())
def test_counts_equal_a_counter(device, documents, with_documents):
    kernels = kernel("tables", device)
    table = filled(kernels, entries_of(documents), with_documents)
    assert contents(kernels, table) == brute_force(documents, with_documents=with_documents)


@pytest.mark.parametrize("with_documents", [False, True])
def test_a_table_grows_with_words_of_one_to_forty_bytes(device, with_documents):
    kernels = kernel("tables", device)
    words = [f"{i:x}".rjust(1 + i % 40, "p") for i in range(30_000)]
    documents = [words[:20_000], words, words[::-1]]
    table = filled(kernels, entries_of(documents), with_documents)
    assert contents(kernels, table) == brute_force(documents, with_documents=with_documents)


def test_long_words_that_differ_in_one_byte_are_kept_apart(device):
    kernels = kernel("tables", device)
    words = [
        "x" * before + letter + "x" * (length - before - 1)
        for length in (15, 16, 17, 24, 25, 40)
        for before in range(length)
        for letter in "yz"
    ]
    assert contents(kernels, filled(kernels, words)) == dict.fromkeys(words, (1, 0))


@given(
    documents=DOCUMENTS,
    orders=st.integers(1, 4).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))),
    cuts=st.lists(st.integers(0, 60), max_size=5),
    with_documents=st.booleans(),
)
def test_ngrams_do_not_see_where_pieces_are_cut(device, documents, orders, cuts, with_documents):
    kernels = kernel("tables", device)
    low, high = orders
    documents = [[word.replace(" ", "_") for word in document] for document in documents]
    entries = entries_of(documents)
    table = kernels.new_table(with_documents)
    places = [0, *sorted(min(cut, len(entries)) for cut in cuts), len(entries)]
    for start, stop in pairwise(places):
        kernels.add_tokens(table, *piece_of(entries[start:stop]), low, high)
    kernels.end_document(table)
    expected = brute_force(documents, low, high, with_documents)
    assert contents(kernels, table) == expected


def test_many_ngrams_make_a_table_grow_in_the_middle_of_a_piece(device):
    kernels = kernel("tables", device)
    documents = [[f"{i * i % 9973:d}" for i in range(start, start + 3000)] for start in (0, 2500)]
    table = filled(kernels, entries_of(documents), True, 1, 3)
    assert contents(kernels, table) == brute_force(documents, 1, 3)


def test_end_document_forgets_the_tokens_before(device):
    kernels = kernel("tables", device)
    table = kernels.new_table(True)
    for part in (["a", "b"], ["c"]):
        kernels.add_tokens(table, *piece_of(part), 2, 2)
        kernels.end_document(table)
    assert contents(kernels, table) == {"a b": (1, 1)}


@given(first=DOCUMENTS, second=DOCUMENTS, with_documents=st.booleans())
def test_merging_equals_counting_both(device, first, second, with_documents):
    kernels = kernel("tables", device)
    table = filled(kernels, entries_of(first), with_documents)
    kernels.merge_tables(table, filled(kernels, entries_of(second), with_documents))
    expected = brute_force(first + second, with_documents=with_documents)
    assert contents(kernels, table) == expected


def test_a_large_table_can_be_merged_into_an_empty_one(device):
    kernels = kernel("tables", device)
    words = [f"{i:d}".rjust(1 + i % 30, "q") for i in range(12_000)]
    table = kernels.new_table(False)
    kernels.merge_tables(table, filled(kernels, words))
    assert contents(kernels, table) == dict.fromkeys(words, (1, 0))


@given(
    rows=st.dictionaries(WORD, st.tuples(st.integers(0, 1 << 45), st.integers(0, 1 << 45))),
    with_documents=st.booleans(),
)
def test_packed_words_add_to_what_is_there(device, rows, with_documents):
    kernels = kernel("tables", device)
    packed = PackedStrings.from_strings(rows)
    counts, held = np.array(list(rows.values()), np.int64).reshape(-1, 2).T.copy()
    table = kernels.new_table(with_documents)
    for _ in range(2):
        documents = held if with_documents else NO_DOCUMENTS
        kernels.add_packed(table, packed.text, packed.offsets, counts, documents)
    expected = {w: (2 * n, 2 * m if with_documents else 0) for w, (n, m) in rows.items()}
    assert contents(kernels, table) == expected


@given(
    rows=st.dictionaries(
        WORD, st.one_of(st.integers(1, 3), st.sampled_from([65534, 65535, 65536, 1 << 40]))
    )
)
def test_the_order_is_count_descending_then_code_point(device, rows):
    packed = PackedStrings.from_strings(rows)
    counts = np.array(list(rows.values()), np.int64)
    order = kernel("packed", device).sort_order(packed.text, packed.offsets, counts)
    assert order.dtype == np.int64
    text, offsets = kernel("packed", device).gather(packed.text, packed.offsets, order)
    assert (text.dtype, offsets.dtype) == (np.uint8, np.int64)
    found = list(zip(PackedStrings(text, offsets), counts[order].tolist(), strict=True))
    assert found == sorted(rows.items(), key=lambda row: (-row[1], row[0]))


def test_a_thousand_words_with_one_count_and_one_prefix_are_sorted(device):
    words = [f"https:{i * 7919 % 1000:d}" for i in range(1000)]
    packed = PackedStrings.from_strings(words)
    order = kernel("packed", device).sort_order(packed.text, packed.offsets, np.full(1000, 9))
    assert [words[i] for i in order] == sorted(words)


def test_rows_are_written_in_decimal(device):
    packed = PackedStrings.from_strings(["skipped", "a", "北京"])[1:]
    numbers = np.array([[0, 10], [9_223_372_036_854_775_807, 5]])
    rows = kernel("packed", device).format_rows(packed.text, packed.offsets, numbers, ord("\t"))
    assert rows.dtype == np.uint8
    assert rows.tobytes().decode() == "a\t0\t10\n北京\t9223372036854775807\t5\n"


@given(words=st.lists(WORD, unique=True), tokens=st.lists(st.one_of(st.none(), WORD)))
def test_look_up_finds_values_boundaries_and_strangers(device, words, tokens):
    kernels = kernel("tables", device)
    table = kernels.new_table(False)
    packed = PackedStrings.from_strings(words)
    kernels.set_values(table, packed.text, packed.offsets, np.arange(len(words)))
    entries = tokens + words
    values = {None: -1, **{word: i for i, word in enumerate(words)}}
    ids = kernels.look_up(table, *piece_of(entries))
    assert ids.dtype == np.int32
    assert_array_equal(ids, np.array([values.get(e, -2) for e in entries], np.int32))


# --- tables that are emptied, runs that are merged ------------------------------------------------


@given(documents=DOCUMENTS, ended=st.booleans())
def test_words_are_taken_in_the_order_of_their_bytes(device, documents, ended):
    kernels = kernel("tables", device)
    entries = entries_of(documents) if ended else entries_of(documents)[:-1]
    table = kernels.new_table(True)
    kernels.add_tokens(table, *piece_of(entries), 1, 1)
    places = kernels.sorted_places(table)
    text, offsets, counts, held, is_open = kernels.take(table, places)
    assert places.dtype == offsets.dtype == counts.dtype == held.dtype == np.int64
    assert is_open.dtype == bool
    expected = brute_force(documents)
    words = list(PackedStrings(text, offsets))
    assert words == sorted(expected, key=str.encode)
    assert list(zip(counts.tolist(), held.tolist(), strict=True)) == [expected[w] for w in words]
    last = set(documents[-1]) if documents and not ended else set()
    assert {w for w, o in zip(words, is_open, strict=True) if o} == last
    assert kernels.extent(table)[0] == len(words)
    assert kernels.extent(table)[1] >= sum(len(w.encode()) for w in words)


def test_words_that_differ_late_are_sorted(device):
    kernels = kernel("tables", device)
    words = [
        "x" * before + letter + "x" * (length - before - 1)
        for length in (7, 8, 9, 15, 16, 17, 24, 40)
        for before in range(length)
        for letter in "wyz"
    ]
    table = filled(kernels, words + ["x" * n for n in range(1, 41)])
    text, offsets, *_ = kernels.take(table, kernels.sorted_places(table))
    assert list(PackedStrings(text, offsets)) == sorted({*words, *("x" * n for n in range(1, 41))})


@given(first=DOCUMENTS, tail=st.lists(WORD, max_size=4), rest=DOCUMENTS)
def test_an_emptied_table_still_knows_the_open_document(device, first, tail, rest):
    kernels = kernel("tables", device)
    table = kernels.new_table(False)
    kernels.add_tokens(table, *piece_of([*entries_of(first), *tail]), 2, 2)
    kernels.clear(table)
    assert contents(kernels, table) == {}
    entries = entries_of([["next"], *rest])
    kernels.add_tokens(table, *piece_of(entries), 2, 2)
    kernels.end_document(table)
    expected = Counter({w: n for w, (n, _) in brute_force([["next"], *rest], 2, 2).items()})
    if tail:
        expected[f"{tail[-1]} next"] += 1
    assert contents(kernels, table) == {w: (n, 0) for w, n in expected.items()}


def test_the_size_that_is_foretold_is_enough(device):
    kernels = kernel("tables", device)
    for with_documents in (False, True):
        table = kernels.new_table(with_documents)
        for n in (10, 3000, 50_000):
            words = [f"{i:d}".rjust(12 + i % 20, "p") for i in range(n)]
            foretold = kernels.size_after(table, n, sum(map(len, words)))
            kernels.add_tokens(table, *piece_of(words), 1, 1)
            now = kernels.size_after(table, 0, 0)
            assert now <= foretold
            arrays = [a for a in vars(table).values() if isinstance(a, np.ndarray)]
            assert sum(a.nbytes for a in arrays) <= now + 16 * len(arrays) + 8 * 5


def test_sums_of_counts_beyond_63_bits_are_refused(device):
    kernels = kernel("tables", device)
    packed = PackedStrings.from_strings(["a", "b"])
    most = np.array([(1 << 63) - 1, 1])
    one = np.array([1, 0])
    for counts, held in ((one, NO_DOCUMENTS), (np.array([0, 0]), one)):
        table = kernels.new_table(bool(held.size))
        start = (most, NO_DOCUMENTS) if not held.size else (np.array([0, 0]), most)
        kernels.add_packed(table, packed.text, packed.offsets, *start)
        with pytest.raises(InputError, match=r"below 2\^63"):
            kernels.add_packed(table, packed.text, packed.offsets, counts, held)
    first, second = kernels.new_table(False), kernels.new_table(False)
    kernels.add_packed(first, packed.text, packed.offsets, most, NO_DOCUMENTS)
    kernels.add_packed(second, packed.text, packed.offsets, one, NO_DOCUMENTS)
    with pytest.raises(InputError, match=r"below 2\^63"):
        kernels.merge_tables(first, second)


ROW = st.one_of(
    st.builds("{}\t{}".format, WORD, st.integers(0, (1 << 63) - 1)),
    st.builds("{}\t{}\t{}".format, WORD, st.integers(0, 9), st.integers(0, (1 << 63) - 1)),
    st.sampled_from(["", "a\t1\r", "\r", "word", "a\t", "\t1", "a\t1\t", "a\t1\t2\t3", "a\tx",
                     "a 1", "a\t9223372036854775808", "a\t99999999999999999999", "a\x01\t1",
                     "a\t1\rb"]),
)  # fmt: skip


@given(lines=st.lists(ROW, max_size=8), end=st.sampled_from(["", "\n"]))
def test_rows_are_read_up_to_the_first_strange_one(device, lines, end):
    data = ("\n".join(lines) + end).encode()
    text = np.frombuffer(bytearray(data + bytes(16)), np.uint8)
    words, offsets, counts, documents, done = kernel("packed", device).parse_rows(text, len(data))
    assert offsets.dtype == counts.dtype == documents.dtype == np.int64
    found = zip(PackedStrings(words, offsets), counts.tolist(), documents.tolist(), strict=True)
    expected, read = [], 0
    for line in data.decode().split("\n"):
        fields = line.removesuffix("\r").split("\t")
        numbers = fields[1:]
        good = 1 <= len(numbers) <= 2 and fields[0] and min(fields[0]) > "\x1f"
        good = good and all(n.isdigit() and len(n) < 20 and int(n) < 1 << 63 for n in numbers)
        if not good and line not in ("", "\r"):
            break
        if good:
            expected.append((fields[0], int(numbers[0]), int((*numbers, "0")[1])))
        read = min(read + len(line.encode()) + 1, len(data))
    assert (list(found), done) == (expected, read)


@given(rows=st.lists(st.tuples(st.integers(0, 3), WORD), max_size=6))
def test_whether_words_are_in_order_is_seen(device, rows):
    for order in (rows, sorted(rows, key=lambda row: (-row[0], row[1].encode()))):
        packed = PackedStrings.from_strings([word for _, word in order])
        counts = np.array([n for n, _ in order], np.int64)
        keys = [(-n, word.encode()) for n, word in order]
        in_order = all(a < b for a, b in pairwise(keys))
        assert (
            bool(kernel("packed", device).is_ranked(packed.text, packed.offsets, counts))
            is in_order
        )
