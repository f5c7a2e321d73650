"""Counts within a bound of memory are those without one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from word_makers import contents, table_of

from textzero._words import bounded
from textzero._words.bounded import BoundedTable
from textzero._words.merging import Bench
from textzero._words.runs import Rows
from textzero._words.spool import Spool
from textzero._words.totals import total
from textzero.corpus import Corpus
from textzero.counting import count_words
from textzero.errors import ResourceError
from textzero.packed import PackedStrings
from textzero.progress import Progress
from textzero.store import Store
from textzero.vocabulary import Vocabulary

DOCUMENTS = st.lists(
    st.lists(st.one_of(st.sampled_from(["a", "b", "ab"]), st.integers(0, 40).map(str)),
             max_size=40),
    max_size=6,
)  # fmt: skip


def counted(documents, low, high):
    counts, held = Counter(), Counter()
    for document in documents:
        grams = [
            " ".join(document[i : i + n])
            for n in range(low, high + 1)
            for i in range(len(document) - n + 1)
        ]
        counts.update(grams)
        held.update(set(grams))
    return {word: (counts[word], held[word]) for word in counts}


def result(spool, tables, names=(), min_count=1, room=0):
    rows, distinct, _ = total(tables, list(names), spool, room, 1, Progress(), min_count)
    return contents([rows]), distinct


@settings(max_examples=20)
@given(
    documents=DOCUMENTS,
    orders=st.sampled_from([(1, 1), (2, 2), (1, 3)]),
    piece=st.integers(1, 9),
    dumps=st.sets(st.integers(0, 60)),
)
def test_where_a_table_is_emptied_does_not_change_what_is_counted(documents, orders, piece, dumps):
    spool = Spool(None, None, Bench(Store("."), 1 << 14, 1, True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded, "_OPEN", 2)
        table = BoundedTable(True, *orders, 1 << 30, spool.bench, spool.store)
        entries = [entry for document in documents for entry in (*document, None)]
        for number, start in enumerate(range(0, len(entries), piece)):
            part = entries[start : start + piece]
            packed = PackedStrings.from_strings([entry or "" for entry in part])
            ends = np.array([entry is None for entry in part])
            starts = np.where(ends, -1, packed.offsets[:-1]).astype(np.int32)
            stops = np.where(ends, -1, packed.offsets[1:]).astype(np.int32)
            table.add_tokens(packed.text, starts, stops)
            if number in dumps:
                table.dump()
        table.end_document()
        for room in (1 << 30, 0):  # in memory, or merged on disk
            wanted = counted(documents, *orders)
            rows = sorted(((w, *n) for w, n in wanted.items()), key=lambda r: (-r[1], r[0]))
            table.dump()
            copy = BoundedTable(True, *orders, 1 << 30, spool.bench, spool.store)
            assert result(spool, [copy], table.runs, room=room) == (rows, len(rows))
    spool.close()


def test_a_table_stays_within_its_bound():
    spool = Spool(None, None, Bench(Store("."), 1 << 24, 1, True))
    table = BoundedTable(True, 1, 1, 1_500_000, spool.bench, spool.store)
    words = [f"word{i:07d}" for i in range(100_000)]
    packed = PackedStrings.from_strings(words)
    offsets, ones = packed.offsets.astype(np.int32), np.ones(100_000, np.int64)
    for start in range(0, len(words), 20_000):
        stop = start + 20_000
        table.add_tokens(packed.text, offsets[start:stop], offsets[start + 1 : stop + 1])
        assert table.kernels.size_after(table.table, 0, 0) <= 1_500_000
    assert len(table.runs) > 3
    table.add_rows(Rows(packed.text, packed.offsets, ones, ones))
    assert table.kernels.size_after(table.table, 0, 0) <= 1_500_000
    rows, distinct = result(spool, [table])
    assert distinct == len(rows) == 100_000
    assert {count for _, count, _ in rows} == {2}
    spool.close()


@pytest.mark.parametrize("tokenizer", ["whitespace", str.split])
@pytest.mark.parametrize("workers", [1, 2])
def test_counts_are_the_same_for_any_bound(texts, little_memory, tokenizer, workers):
    how = {"tokenizer": tokenizer, "ngrams": (1, 2), "documents": True, "workers": workers}
    expected = count_words(Corpus(texts), **how)
    little_memory(400_000 * workers)
    found = count_words(Corpus(texts), **how)
    assert found.owner is not None  # its words are files
    assert table_of(found) == table_of(expected)
    assert found.tokens == expected.tokens
    assert found.reading == expected.reading
    for format in ("parquet", "jsonl"):
        assert b"".join(found.formatted(format)) == b"".join(expected.formatted(format))
    assert found.most_common(3) == expected.most_common(3)
    word = found.words[len(found) - 1]
    assert found[word] == expected[word]
    assert "no such word" not in found
    few = count_words(Corpus(texts), min_count=3, **how)
    assert table_of(few) == table_of(expected.keep(3))
    assert few.distinct == len(expected)
    assert table_of(found.keep(3, top=50)) == table_of(expected.keep(3, top=50))
    assert list(Vocabulary.from_counts(found, 2)) == list(Vocabulary.from_counts(expected, 2))


def test_mapped_words_go_with_the_object(texts, little_memory, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    little_memory(400_000)
    counts = count_words(Corpus(texts), ngrams=2, workers=1)
    kept = counts.keep(2)
    del counts
    assert kept.most_common(1)
    assert list(tmp_path.iterdir())
    del kept
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_too_small_is_told_before_it_is_full(texts, little_memory):
    little_memory(400_000)
    from textzero.disk import Disk, replaced_disk

    class Small(Disk):
        def free(self, path):  # noqa: ARG002
            return 1000

    with replaced_disk(Small()), pytest.raises(ResourceError, match="free some space"):
        count_words(Corpus(texts), ngrams=2, workers=1)
