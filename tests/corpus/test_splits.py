"""Splits and pieces: where a text is cut changes nothing that is read."""

import gzip
import json

import numpy as np
import pytest
from corpus_makers import read, write
from hypothesis import assume, given
from hypothesis import strategies as st

from textzero.corpus import Corpus, Reading, sources, streams
from textzero.counting import count_words
from textzero.tokens import Tokenizer, word

PLAIN_PARTS = [b"\n", b"\r\n", b"a", b" ", "北".encode(), b"\xe5", b"\xff", b"\xef\xbb\xbf"]


@given(
    parts=st.lists(st.one_of(st.sampled_from(PLAIN_PARTS), st.binary(max_size=3)), max_size=30),
    size=st.one_of(st.integers(1, 5), st.integers(1, 100)),
    encoding=st.sampled_from(["utf-8", "gb18030", "big5", "shift_jis", "euc_jp", "cp1252"]),
)
def test_any_split_size_gives_the_same_documents(tmp_path_factory, parts, size, encoding):
    data = b"".join(parts)
    assume(sources.describe("", 0, data, "auto") == sources.Source("", 0, "", "text"))
    path = write(tmp_path_factory.mktemp("split") / "a.txt", data)
    corpus = Corpus(path, encoding=encoding)
    documents, reading = read(corpus, size)
    whole = data.decode(encoding, "replace").removeprefix("\ufeff")
    lines = [line.removesuffix("\r") for line in whole.split("\n")[:-1]] + whole.split("\n")[-1:]
    assert documents == [line for line in lines if line]
    assert reading.bytes == len(data)
    assert reading == read(corpus)[1]


@given(
    records=st.lists(st.text(max_size=20), max_size=10),
    size=st.integers(1, 50),
    escaped=st.booleans(),
)
def test_any_split_size_gives_the_same_records(tmp_path_factory, records, size, escaped):
    lines = [json.dumps({"text": text}, ensure_ascii=escaped) + "\n" for text in records]
    path = tmp_path_factory.mktemp("split") / "a.jsonl"
    write(path, "".join(lines))
    documents, reading = read(Corpus(path), size)
    assert documents == [text.replace("\x1e", " ") for text in records if text]
    assert reading.records_without_text == records.count("")
    assert reading.bytes == path.stat().st_size


def test_splits_without_a_line_end_are_read_once(tmp_path):
    path = write(tmp_path / "a.txt", b"x" * 1000)
    corpus = Corpus(path)
    assert len(corpus.splits(100)) == 10
    assert read(corpus, 100)[0] == ["x" * 1000]
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        corpus.splits(0)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_document_longer_than_a_piece_is_cut_only_at_white_space(tmp_path, monkeypatch, encoding):
    text = " ".join(f"wörd{i} 北京" for i in range(300)) + "\nshort\n" + "tail " * 40
    path = write(tmp_path / "a.txt", text.encode(encoding))
    uncut = count_words(Corpus(path, encoding=encoding), ngrams=(1, 3), documents=True)
    monkeypatch.setattr(streams, "PIECE", 64)
    for tokenizer in ("word", word):
        cut = count_words(
            Corpus(path, encoding=encoding), tokenizer=tokenizer, ngrams=(1, 3), documents=True
        )
        assert cut == uncut
        assert cut.documents.tolist() == uncut.documents.tolist()
        assert (cut.reading.documents, cut.reading.cuts) == (3, 0)


@given(
    text=st.text(st.sampled_from("aé北京😀\u0301"), min_size=1, max_size=200),
    piece=st.integers(6, 40),
)
def test_a_forced_cut_is_counted_and_never_breaks_a_character(tmp_path_factory, text, piece):
    path = write(tmp_path_factory.mktemp("cut") / "a.txt", f"first\n{text}\nlast")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "PIECE", piece)
        documents, reading = read(Corpus(path))
    assert documents == ["first", text, "last"]
    assert reading.malformed == 0
    assert (reading.cuts > 0) == (len(f"{text}\n".encode()) > piece)


def test_chinese_without_spaces_is_cut_between_characters(tmp_path, monkeypatch):
    path = write(tmp_path / "a.txt", "北京a大学b" * 100)
    uncut = count_words(Corpus(path))
    monkeypatch.setattr(streams, "PIECE", 50)
    cut = count_words(Corpus(path))
    assert cut == uncut
    assert cut.reading.cuts > 10
    assert "cuts inside documents" in cut.reading.losses()[0]


def test_where_a_document_is_cut_depends_on_the_document_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "PIECE", 32)
    long = "abcdefghij" * 20
    alone = count_words(Corpus(write(tmp_path / "a.txt", long)))
    for before in (1, 5, 31, 32, 33, 64):
        path = write(tmp_path / "b.txt", "\n" * before + long + "\nz\n")
        for size in (1, 1 << 22):
            corpus = Corpus(path)
            monkeypatch.setattr(
                corpus, "splits", lambda size=size, c=corpus: Corpus.splits(c, size)
            )
            assert dict(count_words(corpus)) == {**alone, "z": 1}


def test_a_piece_is_padded_with_zeros(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "PIECE", 16)
    corpus = Corpus(write(tmp_path / "a.txt", b"aa bb\ncc dd\nee \xff gg\nhh"))
    for split in corpus.splits():
        for piece in corpus.pieces(split, Reading()):
            assert not np.asarray(piece.text[piece.size : piece.size + 16]).any()


def test_the_place_of_a_document_is_its_line(tmp_path):
    lines = [f"line {i}" if i % 3 else "" for i in range(1, 100)]
    plain = Corpus(write(tmp_path / "a.txt", "\n".join(lines)))
    packed = Corpus(write(tmp_path / "a.gz", gzip.compress("\n".join(lines).encode())))
    for corpus in (plain, packed):
        for split in corpus.splits(64):
            number = 0
            for text, ended in corpus.parts(split, Reading()):
                if text:
                    assert corpus.place(split, number).endswith(f":{text.removeprefix('line ')}")
                number += ended


def test_a_lowercase_tokenizer_sees_what_python_sees_across_pieces(tmp_path, monkeypatch):
    text = "ΟΔΥΣΣΕΥΣ ΣΑΣ " * 30
    path = write(tmp_path / "a.txt", text)
    monkeypatch.setattr(streams, "PIECE", 40)
    counts = count_words(Corpus(path), tokenizer="whitespace", lowercase=True)
    assert counts.most_common() == [("οδυσσευς", 30), ("σας", 30)]
    assert Tokenizer("whitespace", lowercase=True)(text) == text.lower().split()
