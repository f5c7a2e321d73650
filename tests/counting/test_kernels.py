"""Words counted by kernels are those of the obvious Python."""

import gzip
import json
import re
import time
from functools import cache, partial

import pyarrow
import pyarrow.parquet
import pytest
from count_makers import in_splits_of, obvious, table
from hypothesis import given
from hypothesis import strategies as st

from textzero import tokens
from textzero.cooccurrence import count_cooccurrences
from textzero.corpus import Corpus, streams
from textzero.corpus.foreign import no_text
from textzero.corpus.sources import Source, describe
from textzero.counting import count_words
from textzero.progress import Progress
from textzero.vocabulary import Vocabulary

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
    .filter(lambda data: not no_text("", data))
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
