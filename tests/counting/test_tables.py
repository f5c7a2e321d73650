"""Tables of counts: merged, saved, loaded, refused."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from count_makers import table
from hypothesis import given
from hypothesis import strategies as st

from textzero.counting import count_words
from textzero.counts import FORMATS, Counts, format_of, merge_counts
from textzero.errors import InputError
from textzero.packed import PackedStrings


def counts_of(rows, documents=None):
    held = np.array(documents if documents else [], np.int64)
    counts = np.array([n for _, n in rows], np.int64)
    return Counts(PackedStrings.from_strings([word for word, _ in rows]), counts, held)


@given(
    parts=st.lists(st.lists(st.lists(st.sampled_from("ab 北"), max_size=9).map("".join))),
    documents=st.booleans(),
)
def test_merging_equals_counting_together(parts, documents):
    tables = [count_words(part, tokenizer=str.split, documents=documents) for part in parts]
    together = count_words([t for part in parts for t in part], tokenizer=str.split,
                           documents=documents)  # fmt: skip
    merged = merge_counts(tables)
    assert table(merged) == table(together)
    assert merged.tokens == together.tokens
    assert merged.reading.documents == together.reading.documents


def test_documents_are_lost_when_one_part_has_none():
    merged = merge_counts([count_words(["a"], documents=True), count_words(["a b"])])
    assert merged.most_common() == [("a", 2), ("b", 1)]
    assert merged.documents.size == 0


@pytest.mark.parametrize("documents", [False, True])
@pytest.mark.parametrize("name", ["c.tsv", "c.parquet", "c.jsonl"])
def test_tables_come_back_as_they_were_saved(tmp_path, name, documents):
    rows = [("frequent", 1 << 53), ("x y", 70_000), ("北京", 3), ('"quoted", \\', 3), ("z", 1)]
    rows = sorted(rows, key=lambda row: (-row[1], row[0]))
    counts = counts_of(rows, [5, 4, 3, 2, 1] if documents else None)
    counts.save(tmp_path / name)
    loaded = Counts.load(tmp_path / name)
    assert loaded.most_common() == rows
    assert loaded.documents.tolist() == ([5, 4, 3, 2, 1] if documents else [])
    assert loaded.tokens == sum(n for _, n in rows)


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("tsv", "a\t2\t1\nb\t1\t1\n"),
        ("glove", "a 2\nb 1\n"),
        ("jieba", "a 2\nb 1\n"),
        (
            "jsonl",
            '{"word": "a", "count": 2, "documents": 1}\n'
            '{"word": "b", "count": 1, "documents": 1}\n',
        ),
    ],
)
def test_formats_are_what_other_programs_read(format, expected):
    counts = count_words(["a b a"], documents=True)
    assert b"".join(counts.formatted(format)).decode() == expected


def test_a_glove_vocabulary_can_be_loaded(tmp_path):
    (tmp_path / "vocab.txt").write_text("the 30\nnew\u00a0york 2\n")
    assert Counts.load(tmp_path / "vocab.txt").most_common() == [("the", 30), ("new\xa0york", 2)]


def test_a_parquet_table_has_a_type_for_each_column(tmp_path):
    count_words(["a b a"], documents=True).save(tmp_path / "c.parquet")
    schema = pyarrow.parquet.read_schema(tmp_path / "c.parquet")
    assert [(field.name, str(field.type)) for field in schema] == [
        ("word", "large_string"), ("count", "int64"), ("documents", "int64"),
    ]  # fmt: skip
    table = pyarrow.parquet.read_table(tmp_path / "c.parquet")
    assert table.to_pydict() == {"word": ["a", "b"], "count": [2, 1], "documents": [1, 1]}


def test_part_of_a_table_is_saved_as_that_part(tmp_path):
    counts = count_words(["c c b b a"])
    kept = counts.keep(2)
    for name in ("c.tsv", "c.parquet", "c.jsonl"):
        kept.save(tmp_path / name)
        assert Counts.load(tmp_path / name).most_common() == [("b", 2), ("c", 2)]
    tail = Counts(counts.words[1:], counts.counts[1:])
    assert merge_counts([tail]).most_common() == [("c", 2), ("a", 1)]


def test_words_that_a_format_cannot_hold_are_refused():
    with pytest.raises(InputError, match="glove cannot hold the word 'x y': JSON lines can"):
        list(counts_of([("a", 2), ("x y", 1)]).formatted("glove"))
    with pytest.raises(InputError, match=r"tsv cannot hold the word 'x\\ty'"):
        list(counts_of([("a", 2), ("x\ty", 1)]).formatted("tsv"))
    with pytest.raises(ValueError, match=f"format must be one of {', '.join(FORMATS)}, got 'xml'"):
        list(counts_of([]).formatted("xml"))


@pytest.mark.parametrize(
    ("path", "format"),
    [("a.tsv", "tsv"), ("a", "tsv"), ("a.PARQUET", "parquet"), (Path("a.ndjson"), "jsonl")],
)
def test_the_suffix_tells_the_format(path, format):
    assert format_of(path) == format


def test_windows_marks_and_line_ends_are_not_part_of_words(tmp_path):
    (tmp_path / "c.tsv").write_bytes(b"\xef\xbb\xbfa\t2\r\n\r\nb\t1")
    assert Counts.load(tmp_path / "c.tsv").most_common() == [("a", 2), ("b", 1)]


@pytest.mark.parametrize(
    "line",
    [
        *(b"hello", b"b\t", b"\t1", b"b\t-1", b"b\t1.5", b"b\t1_0", b"b\t 1", b"b\t1\t2\t3"),
        *(b"b\t9223372036854775808", b"b\t" + b"9" * 5000, b"\xff\t1", b"b\t1\tx", b"b\0\t1"),
        "b\t٣".encode(),
    ],
)
def test_a_bad_row_names_file_and_line(tmp_path, line):
    (tmp_path / "c.tsv").write_bytes(b"a\t1\n" + line + b"\nc\t1\n")
    with pytest.raises(InputError, match=r'c\.tsv:2: expected "word<TAB>count", got '):
        Counts.load(tmp_path / "c.tsv")


@pytest.mark.parametrize(
    "row",
    [
        "{", "[]", "3", '{"word": "b"}', '{"word": 1, "count": 1}', '{"word": "b", "count": 1.5}',
        '{"word": "b", "count": true}', '{"word": "", "count": 1}', "[" * 100_000,
        '{"word": "b\\n", "count": 1}', '{"word": "\\ud800", "count": 1}',
    ],
)  # fmt: skip
def test_a_bad_json_row_names_file_and_line(tmp_path, row):
    (tmp_path / "c.jsonl").write_text('{"word": "a", "count": 1}\n' + row + "\n")
    with pytest.raises(InputError, match=r"c\.jsonl:2: expected"):
        Counts.load(tmp_path / "c.jsonl")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"word": ["a", None], "count": [1, 1]}, "row 2: expected a word and a count"),
        ({"word": ["a", "b"], "count": [1, -1]}, "row 2: expected a word and a count"),
        ({"word": ["a", ""], "count": [1, 1]}, "row 2: expected a word and a count"),
        ({"word": ["a"], "count": [0.5]}, "row 1: expected a word and a count"),
        ({"word": ["a"]}, "must be Parquet with columns word and count"),
    ],
)
def test_a_bad_parquet_table_is_named(tmp_path, columns, message):
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "c.parquet")
    with pytest.raises(InputError, match=message):
        Counts.load(tmp_path / "c.parquet")
    data = (tmp_path / "c.parquet").read_bytes()
    (tmp_path / "c.parquet").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="must be Parquet"):
        Counts.load(tmp_path / "c.parquet")


def test_a_word_that_is_there_twice_and_a_cut_file_are_refused(tmp_path):
    (tmp_path / "c.tsv").write_text("a\t1\nb\t1\na\t2\n")
    with pytest.raises(InputError, match=r"c\.tsv:3: 'a' is there twice"):
        Counts.load(tmp_path / "c.tsv")
    (tmp_path / "c.tsv.gz").write_bytes(gzip.compress(b"a\t1\nb\t1\n"))
    assert Counts.load(tmp_path / "c.tsv.gz").most_common() == [("a", 1), ("b", 1)]
    (tmp_path / "c.tsv.gz").write_bytes(gzip.compress(b"a\t1\nb\t1\n")[:-9])
    with pytest.raises(InputError, match=r"c\.tsv\.gz is cut or corrupt"):
        Counts.load(tmp_path / "c.tsv.gz")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        Counts.load(tmp_path / "missing.tsv")
