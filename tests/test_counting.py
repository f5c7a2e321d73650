import gzip
import json
import os
import re
import time
from collections import Counter
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textzero import counting, tokens
from textzero.cooccurrence import count_cooccurrences
from textzero.corpus import Corpus, streams
from textzero.corpus.sources import Source, describe
from textzero.counting import count_words
from textzero.counts import FORMATS, Counts, format_of, merge_counts
from textzero.errors import InputError, ResourceError, TokenizerError
from textzero.packed import PackedStrings
from textzero.progress import Progress
from textzero.vocabulary import Vocabulary

MODULE = """
import os, signal

def split(text):
    return text.split()

def fail_on_bad(text):
    if "bad" in text:
        return text[10_000]
    return text.split()

def numbers(text):
    return [len(text)]

def die_on_bad(text):
    if "bad" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    return text.split()

def split_elsewhere(text):
    return text.split()

MAKER = os.getpid()
if "TEXTZERO_TEST_PARENT" in os.environ and os.environ["TEXTZERO_TEST_PARENT"] != str(MAKER):
    del split_elsewhere
"""


@pytest.fixture(scope="module")
def python_tokenizers(tmp_path_factory):
    """A module of tokenizers that spawned processes can import."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "tokenizers_for_processes.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("TEXTZERO_TEST_PARENT", str(os.getpid()))
        import tokenizers_for_processes

        yield tokenizers_for_processes


def obvious(documents, ngrams=1):
    """The ten-line Python: (counts in order, documents that hold each)."""
    low, high = (ngrams, ngrams) if isinstance(ngrams, int) else ngrams
    counter, held = Counter(), Counter()
    for document in documents:
        tokens = document.split()
        for n in range(low, high + 1):
            grams = [" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
            counter.update(grams)
            held.update(set(grams))
    rows = sorted(counter.items(), key=lambda row: (-row[1], row[0]))
    return rows, [held[word] for word, _ in rows]


def table(counts):
    return b"".join(counts.formatted("tsv"))


def in_splits_of(size, *paths, **settings):
    """A corpus that is always split at `size` bytes."""
    corpus = Corpus(*paths, **settings)
    corpus.splits = lambda _=None: Corpus.splits(corpus, size)
    return corpus


@pytest.fixture
def split_for_processes(monkeypatch):
    """A function that sets how many bytes one task of a worker process has."""
    return lambda size: monkeypatch.setattr(
        counting, "python_splits", lambda corpus, _: corpus.splits(size)
    )


# Bytes that make words, white space, line ends and malformed sequences.
RAW = (
    st.lists(
        st.one_of(
            st.sampled_from([b" ", b"\n", b"a", b"b", b"ab", "北京".encode(), b"\xff", b"\r\n"]),
            st.binary(max_size=3),
        ),
        max_size=60,
    )
    .map(b"".join)
    .filter(lambda data: describe("", 0, data, "auto") == Source("", 0, "", "text"))
)


@given(
    contents=st.lists(RAW, min_size=1, max_size=3),
    workers=st.sampled_from([1, 2, 7]),
    size=st.integers(1, 60),
    ngrams=st.sampled_from([1, 2, (1, 3)]),
)
def test_words_equal_the_obvious_python(tmp_path_factory, contents, workers, size, ngrams):
    folder = tmp_path_factory.mktemp("corpus")
    documents, separators = [], r"[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\ufffd]"
    for i, content in enumerate(contents):
        (folder / f"{i}.txt").write_bytes(content)
        documents += content.decode("utf-8", "replace").split("\n")
    documents = [re.sub(separators, " ", document) for document in documents]
    rows, held = obvious(documents, ngrams)
    counts = count_words(
        in_splits_of(size, folder) if any(contents) else Corpus(folder),
        tokenizer="whitespace",
        ngrams=ngrams,
        documents=True,
        workers=workers,
    )
    assert counts.most_common() == rows
    assert counts.documents.tolist() == held
    assert counts.tokens == sum(len(document.split()) for document in documents)
    assert counts.reading.documents == sum(bool(document.split()) for document in documents)
    assert counts.reading.bytes == sum(map(len, contents))


def test_long_documents_and_many_words_are_the_same_for_any_number_of_workers(
    tmp_path, monkeypatch
):
    lines = [" ".join(f"w{i * j % 5003}" for j in range(i % 40)) for i in range(3000)]
    for part in range(3):
        text = "\n".join(lines[part::3]) + "\n"
        (tmp_path / f"{part}.txt.gz").write_bytes(gzip.compress(text.encode()))
        (tmp_path / f"{part}.txt").write_text(text)
    rows, held = obvious(lines * 2, (1, 2))
    monkeypatch.setattr(streams, "PIECE", 1000)
    for workers, size in ((1, 1 << 20), (2, 999), (7, 5000)):
        counts = count_words(
            in_splits_of(size, tmp_path), ngrams=(1, 2), documents=True, workers=workers
        )
        assert counts.most_common() == rows
        assert counts.documents.tolist() == held


@settings(max_examples=20)
@given(documents=st.lists(st.text(), max_size=5), ngrams=st.sampled_from([1, 2, (1, 2), (2, 4)]))
def test_a_python_tokenizer_gives_what_the_kernel_gives(documents, ngrams):
    def by_kernel_in_python(text):
        from textzero.tokens import word

        return word(text)

    for with_documents in (False, True):
        settings = {"ngrams": ngrams, "documents": with_documents}
        python = count_words(documents, tokenizer=by_kernel_in_python, **settings)
        kernel = count_words(documents, tokenizer="word", **settings)
        assert table(python) == table(kernel)
        assert python.tokens == kernel.tokens
        assert python.reading.documents == kernel.reading.documents


@pytest.mark.parametrize("ngrams", [1, (1, 2)])
def test_python_tokenizers_run_in_processes(
    tmp_path, python_tokenizers, split_for_processes, ngrams
):
    split_for_processes(700)
    lines = [f"line {i % 10} \x00 \u200b {'x' * (i % 3)}" for i in range(200)]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    progress = Progress()
    counts = {
        workers: count_words(
            Corpus(tmp_path),
            tokenizer=python_tokenizers.split,
            ngrams=ngrams,
            documents=True,
            workers=workers,
            progress=progress,
        )
        for workers in (1, 2)
    }
    rows, held = obvious([line.replace("\x00 \u200b", "") for line in lines], ngrams)
    for counted in counts.values():
        assert counted.most_common() == rows
        assert counted.documents.tolist() == held
        assert counted.reading.blank_tokens == 400
        assert counted.reading.documents == 200
    assert list(progress.seconds) == ["count"]


def test_an_exception_in_a_tokenizer_names_the_line_of_the_corpus_and_of_the_code(
    tmp_path, python_tokenizers, split_for_processes
):
    lines = [f"line {i}" for i in range(1, 500)]
    lines[320] = "a bad line"
    (tmp_path / "a.txt").write_text("\n\n".join(lines))
    for workers, size in ((1, 1 << 20), (2, 500), (2, 70)):
        split_for_processes(size)
        with pytest.raises(TokenizerError) as caught:
            count_words(Corpus(tmp_path), tokenizer=python_tokenizers.fail_on_bad, workers=workers)
        message = str(caught.value)
        assert message.startswith(f"{tmp_path}/a.txt:641: the tokenizer raised IndexError: ")
        assert message.endswith("tokenizers_for_processes.py, line 9)")


def test_the_line_of_an_exception_is_right_behind_a_document_of_several_pieces(
    tmp_path, python_tokenizers, monkeypatch
):
    monkeypatch.setattr(streams, "PIECE", 64)
    (tmp_path / "a.txt").write_text("long " * 100 + "\nshort\na bad line\n")
    with pytest.raises(TokenizerError, match=r"a\.txt:3: the tokenizer raised"):
        count_words(Corpus(tmp_path), tokenizer=python_tokenizers.fail_on_bad, workers=1)


def test_tokens_that_are_no_strings_name_the_line(tmp_path, python_tokenizers):
    (tmp_path / "a.txt").write_text("\nx\n")
    with pytest.raises(TokenizerError, match=r"a\.txt:2: a tokenizer must return a list of str"):
        count_words(Corpus(tmp_path), tokenizer=python_tokenizers.numbers)


@pytest.mark.parametrize("tokens", [["a", 1], ["a", ["b"]], ["", 1]])
@pytest.mark.parametrize("documents", [False, True])
def test_a_stranger_among_the_tokens_is_an_error(tokens, documents):
    with pytest.raises(TokenizerError, match=r"must return a list of strings: "):
        count_words(["x"], tokenizer=lambda _: tokens, documents=documents)


def test_a_killed_worker_is_named_and_ends_the_run(
    tmp_path, python_tokenizers, split_for_processes
):
    split_for_processes(100)
    lines = [f"line {i}" for i in range(300)]
    lines[200] = "a bad line"
    (tmp_path / "a.txt").write_text("\n".join(lines))
    with pytest.raises(ResourceError) as caught:
        count_words(Corpus(tmp_path), tokenizer=python_tokenizers.die_on_bad, workers=2)
    message = str(caught.value)
    assert "killed by signal 9 (SIGKILL) while working on" in message
    start, stop = map(int, re.search(r"a\.txt, bytes (\d+)-(\d+)", message).groups())
    assert start <= (tmp_path / "a.txt").read_text().index("a bad line") < stop


def test_a_tokenizer_that_workers_cannot_import_is_refused(
    tmp_path, python_tokenizers, split_for_processes
):
    split_for_processes(50)
    (tmp_path / "a.txt").write_text("a b\n" * 100)
    corpus = Corpus(tmp_path)
    with pytest.raises(TokenizerError, match=r"<lambda> must be importable by worker processes"):
        count_words(corpus, tokenizer=lambda text: text.split(), workers=2)
    with pytest.raises(TokenizerError, match=r"cannot import the tokenizer: .*split_elsewhere"):
        count_words(corpus, tokenizer=python_tokenizers.split_elsewhere, workers=2)
    assert count_words(corpus, tokenizer=lambda text: text.split(), workers=1).tokens == 200


def test_a_callable_that_can_be_pickled_runs_in_processes(tmp_path, split_for_processes):
    split_for_processes(50)
    (tmp_path / "a.txt").write_text("a-b c\n" * 100)
    counts = count_words(Corpus(tmp_path), tokenizer=partial(re.findall, r"\w"), workers=2)
    assert counts.most_common() == [("a", 100), ("b", 100), ("c", 100)]


def test_min_count_leaves_words_out_but_not_tokens():
    counts = count_words(["a a a b b c"], min_count=2)
    assert counts.most_common() == [("a", 3), ("b", 2)]
    assert counts.tokens == 6
    assert (len(counts), counts["b"], "c" in counts) == (2, 2, False)
    assert counts.keep(top=1).most_common() == [("a", 3)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ngrams": 0}, "ngrams must be in order, from 1 to at most 1000, got 0"),
        ({"ngrams": (3, 2)}, r"ngrams must be in order, .*, got \(3, 2\)"),
        ({"ngrams": (1, 10**12)}, "at most 1000"),
        ({"min_count": 0}, "min_count must be at least 1, got 0"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        count_words(["a"], **settings)


def test_an_empty_corpus_has_no_words(tmp_path):
    (tmp_path / "a.txt").touch()
    for corpus in (Corpus(tmp_path), []):
        counts = count_words(corpus)
        assert (len(counts), counts.tokens, table(counts)) == (0, 0, b"")


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz", ".jsonl", ".csv", ".parquet"])
def test_progress_adds_up_to_the_stored_bytes(tmp_path, suffix, monkeypatch):
    class Sum(Progress):
        done = total = 0

        def begin(self, name, total, unit):
            self.total, self.shown = total, (name, unit)

        def advance(self, amount):
            self.done += amount

    monkeypatch.setattr(streams, "PIECE", 4096)
    lines = [f"{i * 7919 % 10007} words" for i in range(3000)]
    path = tmp_path / f"a{suffix}"
    if suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.table({"text": lines}), path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    else:
        text = "".join(line + "\n" for line in ["text", *lines]).encode("utf-16")
        path.write_bytes(gzip.compress(text) if suffix == ".txt.gz" else text)
    encoding = "utf-8" if suffix in (".jsonl", ".parquet") else "utf-16"
    progress = Sum()
    counts = count_words(Corpus(path, encoding=encoding), progress=progress, workers=1)
    assert counts.tokens in (6000, 6001)
    assert progress.shown == ("count", "bytes")
    assert progress.done == progress.total == counts.reading.bytes == path.stat().st_size


# Tables


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


@pytest.mark.data
def test_a_real_file_equals_the_obvious_python(data, tmp_path):
    import lzma

    with lzma.open(data / "en" / "enwiki.txt.xz") as file:
        content = file.read(4_000_000)
    (tmp_path / "a.txt").write_bytes(content)
    separators = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b-\u200f\ufeff]")
    lines = [separators.sub(" ", line) for line in content.decode("utf-8", "replace").split("\n")]
    counts = count_words(in_splits_of(300_000, tmp_path), tokenizer="whitespace", workers=2)
    assert counts == dict(obvious(lines)[0])


@pytest.mark.parametrize(
    "work", [count_words, partial(count_cooccurrences, vocabulary=Vocabulary(["a", "b"], [2, 1]))]
)
def test_threads_do_not_each_make_the_character_tables(work, tmp_path, monkeypatch):
    made = []

    def slow(name):
        make = getattr(tokens, name)

        def table():
            time.sleep(0.05)
            made.append(name)
            return make()

        monkeypatch.setattr(tokens, name, cache(table))

    tables = ["case_classes", "character_classes", "lower_cases"]
    for name in tables:
        slow(name)
    for k in range(4):
        (tmp_path / f"{k}.txt").write_text("a b")
    work(Corpus(tmp_path), lowercase=True, workers=4)
    assert sorted(made) == tables
