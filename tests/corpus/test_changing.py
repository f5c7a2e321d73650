"""Files that somebody cuts, lengthens or replaces while they are read."""

import os

import pytest
from corpus_makers import COMPRESS, read, write

from textzero import count_words
from textzero.corpus import Corpus
from textzero.errors import InputError

LINES = [f"line {k} of a file" for k in range(2000)]
TEXT = "\n".join(LINES) + "\n"
SHAPES = {
    "lines": {"name": "a.txt"},
    "one document": {"name": "a.txt", "document": "file"},
    "an encoding that is not split": {"name": "a.txt", "encoding": "utf-16-le"},
    "JSON lines": {"name": "a.jsonl"},
    "a table": {"name": "a.tsv"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_that_becomes_shorter_is_an_error_or_told(tmp_path, shape):
    how = dict(SHAPES[shape])
    path = tmp_path / how.pop("name")
    write(path, "text\n" + TEXT if path.suffix == ".tsv" else '{"text": "some words"}\n' * 999)
    corpus = Corpus(path, **how)
    kept = Corpus(path, on_error="skip", **how)
    assert corpus.size == kept.size == path.stat().st_size  # both are listed now
    os.truncate(path, 9000)
    for size in (1000, 7000, 1 << 22):
        with pytest.raises(InputError, match=rf"{path.name} became shorter .* to 9,000 bytes;"):
            read(corpus, size)
        documents, reading = read(kept, size)
        assert documents
        assert reading.bytes <= 9000
        shorter = [line for line in reading.losses() if "became shorter while it was" in line]
        assert shorter
        assert len(shorter) == len(set(shorter)) == len(reading.losses()) - (shape == "JSON lines")


def test_a_file_that_is_cut_to_nothing_before_a_split_begins_is_told(tmp_path):
    path = write(tmp_path / "a.txt", TEXT)
    corpus = Corpus(path)
    *_, last = corpus.splits(1000)
    os.truncate(path, 0)
    with pytest.raises(InputError, match=r"became shorter .* to 0 bytes;"):
        list(corpus.parts(last, corpus.new_reading()))


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_compressed_file_that_loses_whole_streams_is_an_error(tmp_path, compression):
    stream = COMPRESS[compression](TEXT.encode())
    path = write(tmp_path / "a", stream * 2)
    corpus = Corpus(path)
    assert corpus.size
    for size in (len(stream), 0):  # where no decoder sees that anything is missing
        os.truncate(path, size)
        with pytest.raises(InputError, match="became shorter while it was read"):
            read(corpus)


def test_of_a_file_that_grows_what_it_had_is_read_and_the_rest_is_told(tmp_path):
    path = write(tmp_path / "a.txt", "one\ntwo\nthr")
    corpus = Corpus(path)
    assert corpus.size == 11
    with path.open("a") as file:
        file.write("ee\nfour\n")
    for size in (2, 5, 1 << 22):
        documents, reading = read(corpus, size)
        assert documents == ["one", "two", "three"]  # the last line to its end
        (line,) = reading.losses()
        assert line.endswith(f"added to {path} while it was read: it grew from 11 to 19 bytes")


def test_what_every_worker_tells_of_one_file_is_told_once(tmp_path):
    path = write(tmp_path / "a.txt", TEXT)
    corpus = Corpus(path, on_error="skip")
    assert corpus.size
    os.truncate(path, 9000)
    parts = [corpus.new_reading() for _ in corpus.splits(1000)]
    for split, reading in zip(corpus.splits(1000), parts, strict=True):
        list(corpus.parts(split, reading))
    whole = corpus.new_reading()
    for reading in parts:
        whole.add(reading)
    assert len(whole.losses()) == 1


def test_counting_a_file_that_became_shorter_is_an_error(tmp_path):
    path = write(tmp_path / "a.txt", TEXT)
    corpus = Corpus(path)
    assert corpus.size
    os.truncate(path, 9000)
    with pytest.raises(InputError, match="became shorter while it was read"):
        count_words(corpus)
