import bz2
import csv
import gzip
import io
import json
import lzma
import os
import random
import sys
import threading
from dataclasses import asdict

import fsspec
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from textzero.corpus import Corpus, Reading, as_corpus, sources, streams
from textzero.corpus.sources import zstd_module
from textzero.counting import count_words
from textzero.errors import InputError
from textzero.tokens import Tokenizer, word

COMPRESS = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd_module().compress(data),
}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(corpus, size=1 << 22):
    """All documents that are not empty, and what was said about reading them."""
    reading = corpus.new_reading()
    documents, waiting, stored = [], "", 0
    for split in corpus.splits(size):
        for piece in corpus.pieces(split, reading):
            stored += piece.stored
        for text, ended in corpus.parts(split, Reading()):
            waiting += text
            if ended:
                documents += [waiting] if waiting else []
                waiting = ""
    assert waiting == ""
    assert stored <= reading.bytes
    return documents, reading


# What is read


def test_folders_are_read_in_order_of_name_without_hidden_files(tmp_path):
    for name in ("b.txt", "a/2.txt", "a/1.txt", ".hidden", "a/.git/config", "c.py"):
        write(tmp_path / name, name)
    assert list(Corpus(tmp_path)) == ["a/1.txt", "a/2.txt", "b.txt", "c.py"]
    assert list(Corpus(tmp_path, include=["*.txt"])) == ["a/1.txt", "a/2.txt", "b.txt"]
    assert list(Corpus(tmp_path, include=["a/*"])) == ["a/1.txt", "a/2.txt"]
    assert list(Corpus(tmp_path, exclude=["*.txt"])) == ["c.py"]
    assert list(Corpus(tmp_path / "c.py", tmp_path / "b.txt")) == ["c.py", "b.txt"]


@pytest.mark.parametrize("pattern", ["a", "a/", "[a]", "a/*", "b/a", "*/a"])
def test_a_pattern_may_name_a_folder_wherever_it_stands(tmp_path, pattern):
    for name in ("a/1.txt", "ab.txt", "b/a/2.txt", "b/3.txt"):
        write(tmp_path / name, name)
    inside = {"a/1.txt", "b/a/2.txt"}
    if "*" in pattern or pattern == "b/a":  # a path, from the folder that is read
        inside = {"a/1.txt"} if pattern == "a/*" else {"b/a/2.txt"}
    assert set(Corpus(tmp_path, include=[pattern])) == inside
    assert set(Corpus(tmp_path, exclude=[pattern])) == {
        "a/1.txt", "ab.txt", "b/a/2.txt", "b/3.txt",
    } - inside  # fmt: skip


def test_globs_find_each_file_once(tmp_path):
    for name in ("a.txt", "in/b.txt", "in/deep/c.txt", "in/deep/d.md"):
        write(tmp_path / name, name)
    assert list(Corpus(f"{tmp_path}/*.txt")) == ["a.txt"]
    assert list(Corpus(f"{tmp_path}/i*")) == ["in/b.txt", "in/deep/c.txt", "in/deep/d.md"]
    assert sorted(Corpus(f"{tmp_path}/**")) == [
        "a.txt",
        "in/b.txt",
        "in/deep/c.txt",
        "in/deep/d.md",
    ]
    assert list(Corpus(f"{tmp_path}/**/*.md")) == ["in/deep/d.md"]


def test_a_file_whose_name_looks_like_a_pattern_is_found(tmp_path):
    assert list(Corpus(write(tmp_path / "a[1].txt", "x"))) == ["x"]


@pytest.mark.parametrize("path", ["missing", "missing*", ""])
def test_what_is_not_there_is_named(path):
    with pytest.raises(InputError, match=r"no such (file or folder|pattern): "):
        list(Corpus(path))


def test_no_file_left_is_an_error(tmp_path):
    write(tmp_path / "a.txt", "x")
    with pytest.raises(InputError, match=r"no files matching \*\.py in"):
        list(Corpus(tmp_path, include=["*.py"]))
    with pytest.raises(InputError, match="no files in an empty list"):
        list(Corpus())


def test_loops_pipes_and_broken_links_are_passed_over_and_named(tmp_path):
    write(tmp_path / "sub" / "a.txt", "x")
    os.symlink("..", tmp_path / "sub" / "loop")
    os.symlink("self", tmp_path / "self")
    os.symlink("nowhere", tmp_path / "broken")
    os.mkfifo(tmp_path / "pipe")
    corpus = Corpus(tmp_path)
    assert list(corpus) == ["x"]
    reasons = [entry.removeprefix(f"{tmp_path}/") for entry in corpus.new_reading().skipped]
    assert [reason.split(":")[0] for reason in reasons] == ["broken", "pipe", "self"]
    assert "pipe: not a regular file" in reasons
    with pytest.raises(InputError, match="drop --strict"):
        list(Corpus(tmp_path, strict=True))


def test_an_unreadable_file_in_a_folder_is_skipped_and_a_named_one_is_an_error(
    tmp_path, monkeypatch
):
    write(tmp_path / "a.txt", "x")
    locked = write(tmp_path / "locked.txt", "y")

    def open_unless_locked(path, *arguments, **options):  # root may open any file, so chmod
        if str(path) == str(locked):  # would show nothing
            raise PermissionError(13, "Permission denied")
        return open(path, *arguments, **options)

    monkeypatch.setattr(sources, "open", open_unless_locked, raising=False)
    corpus = Corpus(tmp_path)
    assert list(corpus) == ["x"]
    assert corpus.new_reading().losses() == [f"skipped {locked}: Permission denied"]
    with pytest.raises(InputError, match=r"locked\.txt cannot be read: Permission denied"):
        list(Corpus(locked))


def test_standard_input_and_named_pipes_can_be_read_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"a\nb"))))
    corpus = Corpus("-")
    assert list(corpus) == list(corpus) == ["a", "b"]
    assert corpus.sources[0].path == "-"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"c\nd\n",))
    writer.start()
    corpus = Corpus(pipe)
    assert list(corpus) == list(corpus) == ["c", "d"]
    writer.join()


def test_urls_are_opened_by_fsspec():
    memory = fsspec.filesystem("memory")
    memory.pipe({"/c/b.txt": b"b", "/c/a.txt.gz": gzip.compress(b"a"), "/c/.d/x.txt": b"x"})
    try:
        assert list(Corpus("memory://c")) == ["a", "b"]
        assert list(Corpus("memory://c/b.txt")) == ["b"]
        assert list(Corpus("memory://c/*.gz")) == ["a"]
        with pytest.raises(InputError, match=r"memory://nothing\.txt cannot be read"):
            list(Corpus("memory://nothing.txt"))
    finally:
        memory.rm("/c", recursive=True)


def test_a_corpus_of_strings_is_read_as_they_are():
    texts = ["two\nlines", "", "a\x1eb", "\ufeffmark"]
    assert list(Corpus.from_documents(texts)) == ["two\nlines", "a b", "\ufeffmark"]
    assert count_words(texts).reading.documents == 3
    assert not Corpus.from_documents(iter(texts)).repeatable
    with pytest.raises(TypeError, match="got a single string"):
        as_corpus("text")
    with pytest.raises(TypeError, match="documents must be strings, got int"):
        list(Corpus.from_documents([1]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"document": "page"}, "document must be one of line, file"),
        ({"format": "xml"}, "format must be one of"),
        ({"on_error": "ignore"}, "on_error must be one of"),
        ({"encoding": "klingon"}, "encoding must be 'auto' or a Python codec"),
        ({"encoding": "base64"}, "encoding must be 'auto' or a Python codec"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        Corpus("x", **settings)


# Compression


@pytest.mark.parametrize("compression", COMPRESS)
def test_compression_is_told_by_magic_bytes_and_streams_end_to_end_are_one(tmp_path, compression):
    compress = COMPRESS[compression]
    parts = [b"one\ntw", b"o\nthree\n" * 5000, b"", b"last"]
    path = write(tmp_path / "plain", b"".join(map(compress, parts)))
    expected = b"".join(parts).decode().split("\n")
    documents, reading = read(Corpus(path))
    assert documents == expected
    assert reading.bytes == path.stat().st_size
    assert not reading.losses()


@pytest.mark.parametrize("text", ["BZhang is a name", "BZh", "BZh9", "(\u00b5/", "PK"])
def test_text_that_begins_like_a_compressed_file_is_text(tmp_path, text):
    documents, _ = read(Corpus(write(tmp_path / "a", text)))
    assert documents == [text]


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_cut_compressed_file_is_an_error_or_keeps_what_was_read(tmp_path, compression):
    chance = random.Random(1)
    lines = [f"{chance.random()}" for _ in range(20_000)]
    whole = COMPRESS[compression]("\n".join(lines).encode())
    for size in (12, len(whole) // 3, len(whole) - 1):
        path = write(tmp_path / "cut", whole[:size])
        with pytest.raises(InputError, match=rf"cut \({compression}\) is cut or corrupt after"):
            read(Corpus(path))
        documents, reading = read(Corpus(path, on_error="skip"))
        assert documents[:-1] == lines[: len(documents)][:-1]
        assert any("skipped the rest of" in entry for entry in reading.losses())
    assert len(documents) > 10_000 or compression == "bz2"  # whose block is 900 kB


@given(
    compression=st.sampled_from(list(COMPRESS)),
    places=st.lists(st.integers(0, 400), min_size=1, max_size=3),
    bit=st.integers(0, 7),
)
def test_flipped_bits_give_text_or_one_clear_error(tmp_path_factory, compression, places, bit):
    data = bytearray(COMPRESS[compression](b"some text that is long enough " * 99))
    for place in places:
        data[place % len(data)] ^= 1 << bit
    path = write(tmp_path_factory.mktemp("flip") / "a.txt", bytes(data))
    try:
        read(Corpus(path))
    except InputError as error:
        assert "--on-error skip keeps what was read" in str(error)
    read(Corpus(path, on_error="skip"))


# Formats


def test_records_give_the_text_of_one_field(tmp_path):
    rows = [{"id": i, "text": t} for i, t in enumerate(["a\nb", 'say "hi", you', "é\u2028x", ""])]
    expected = [row["text"] for row in rows if row["text"]]
    jsonl = "".join(json.dumps(row) + "\r\n" for row in rows)
    write(tmp_path / "a.jsonl", jsonl)
    write(tmp_path / "a.ndjson.gz", gzip.compress(b"\xef\xbb\xbf\n" + jsonl.encode()))
    with open(tmp_path / "a.csv", "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["id", "text"])
        writer.writeheader()
        writer.writerows(rows)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    os.rename(tmp_path / "a.parquet", tmp_path / "parquet without suffix")
    for path in sorted(tmp_path.iterdir()):
        documents, reading = read(Corpus(path))
        assert documents == expected, path.name
        assert reading.records_without_text == 1
        assert reading.bytes == path.stat().st_size
        with pytest.raises(InputError, match="a record has no text in 'text'"):
            read(Corpus(path, strict=True))
    assert read(Corpus(tmp_path / "a.csv", field="id"))[0] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '\n\n{"body": "x", "id": 1}\n', r"no field 'text'; .* --field: body, id"),
        ("a.csv", "body,id\nx,1\n", r"no column 'text'; .* --column: body, id"),
        ("a.tsv", "\n", r"no column 'text'; .* --column: none"),
    ],
)
def test_a_missing_field_is_an_error_that_names_the_others(tmp_path, name, content, message):
    path = write(tmp_path / name, content)
    with pytest.raises(InputError, match=message):
        read(Corpus(path))


def test_a_missing_parquet_column_and_a_damaged_parquet_file_are_named(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"body": ["x" * 100]}), path)
    with pytest.raises(InputError, match=r"no column 'text'; .*--column: body"):
        read(Corpus(path))
    data = bytearray(path.read_bytes())
    for size in (4, 30, len(data) - 5):
        write(path, bytes(data[:size]))
        with pytest.raises(InputError, match=r"a\.parquet is cut or corrupt"):
            read(Corpus(path, field="body"))
        documents, reading = read(Corpus(path, field="body", on_error="skip"))
        assert documents == []
        assert len(reading.skipped) == 1


def test_a_line_that_is_no_json_object_is_an_error_or_skipped(tmp_path):
    good, bad = b'{"text": "a"}\n', [b"{\n", b"[1]\n", b'"text"\n', b"[" * 100_000 + b"\n"]
    for line in bad:
        path = write(tmp_path / "a.jsonl", good + line + good)
        with pytest.raises(InputError, match=r"a\.jsonl: byte 14: expected a JSON object, got"):
            read(Corpus(path))
        documents, reading = read(Corpus(path, on_error="skip"))
        assert documents == ["a", "a"]
        assert len(reading.skipped) == 1


def test_half_a_surrogate_pair_in_json_is_malformed(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a"}\n{"text": "x\\ud800y \\ud83d\\ude00"}\n')
    documents, reading = read(Corpus(path), size=1)
    assert documents == ["a", "x\ufffdy 😀"]
    assert (reading.malformed, reading.first_malformed) == (1, (str(path), 14))
    with pytest.raises(InputError, match="byte 14 is not Unicode"):
        read(Corpus(path, strict=True))


def test_rows_ended_by_carriage_returns_alone_are_rows(tmp_path):
    path = write(tmp_path / "a.csv", "text,id\ra,1\rb,2\r")
    assert read(Corpus(path))[0] == ["a", "b"]


def test_malformed_bytes_in_records_are_counted_where_they_are(tmp_path):
    csv_file = write(tmp_path / "a.csv", b"text\nx\xffy\n\xe5\x8c\n")
    jsonl = write(tmp_path / "b.jsonl", b'{"text": "ok"}\n{"text": "x\xffy"}\n')
    documents, reading = read(Corpus(csv_file))
    assert documents == ["x\ufffdy", "\ufffd"]
    assert (reading.malformed, reading.first_malformed) == (2, (str(csv_file), 6))
    documents, reading = read(Corpus(jsonl), size=4)
    assert documents == ["ok", "x\ufffdy"]
    assert (reading.malformed, reading.first_malformed) == (1, (str(jsonl), 26))
    for path in (csv_file, jsonl):
        with pytest.raises(InputError, match=r"byte (6|26) is not utf-8"):
            read(Corpus(path, strict=True))


def test_a_file_can_be_one_document(tmp_path):
    write(tmp_path / "a.txt", "one\ntwo\x1ethree\n")
    write(tmp_path / "b.txt", "four")
    write(tmp_path / "c.txt", "")
    documents, reading = read(Corpus(tmp_path, document="file"))
    assert documents == ["one\ntwo three\n", "four"]
    assert reading.bytes == Corpus(tmp_path).size


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_encodings_give_the_same_text(tmp_path, encoding, compress):
    text = "我們的國家是一個大國家\n他在這裡\r\n沒有換行"
    path = write(tmp_path / "a.txt", compress(text.encode(encoding)))
    for size in (1, 7, 1 << 22):
        documents, reading = read(Corpus(path, encoding=encoding), size)
        assert documents == text.replace("\r", "").split("\n")
        assert reading.bytes == path.stat().st_size
        assert not reading.losses()


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "我们的国家"),
        ("utf-8-sig", "我们的国家"),
        ("utf-16", "我们的国家\nabc"),
        ("utf-32", "我们的国家"),
        ("gb18030", "我们的国家是一个大国家,他在这里"),
        ("big5", "我們的國家是一個大國家,他在這裡"),
        ("utf-8", "plain"),
    ],
)
def test_auto_tells_the_encoding(tmp_path, encoding, text):
    path = write(tmp_path / "a.txt", text.encode(encoding))
    for size in (3, 1 << 22):
        assert read(Corpus(path, encoding="auto"), size)[0] == text.split("\n")


def test_auto_is_not_misled_by_a_character_that_the_sample_cuts(tmp_path):
    path = write(tmp_path / "a.txt", "a" + "北" * 400_000)  # the sample ends inside a character
    assert read(Corpus(path, encoding="auto"))[1].malformed == 0


@pytest.mark.parametrize(
    ("encoding", "data", "offset"),
    [
        ("utf-8", b"ok\n\xe5\x8c\x97 \xff\xfe", 7),
        ("utf-8", b"\xef\xbb\xbfab\xff", 5),
        ("gb18030", b"ok\n\xb1\xb1 \x81\n", 6),
        ("big5", b"ok\n\xa4\xa4 \xff\n", 6),
        ("ascii", b"ok \xc3\xa9", 3),
        ("utf-16-le", "ab".encode("utf-16-le") + b"\x00\xd8x\x00", 4),
    ],
)
def test_the_first_malformed_byte_is_named_or_refused(tmp_path, encoding, data, offset):
    path = write(tmp_path / "a.txt", data)
    expected = data.decode(encoding, "replace").count("\ufffd")
    for size in (1, 5, 1 << 22):
        _, reading = read(Corpus(path, encoding=encoding), size)
        assert (reading.malformed, reading.first_malformed) == (expected, (str(path), offset))
        with pytest.raises(InputError, match=rf"a\.txt: byte {offset} is not .*--encoding"):
            read(Corpus(path, encoding=encoding, strict=True), size)


def test_utf_16_without_its_mark_is_refused_in_a_sentence(tmp_path):
    path = write(tmp_path / "a.txt", "abc".encode("utf-16-le"))
    with pytest.raises(InputError, match=r"is not utf-16: .*[Ss]tream does not start with BOM"):
        read(Corpus(path, encoding="utf-16"))


def test_ebcdic_files_are_not_split_at_the_line_feed_of_ascii(tmp_path):
    text = "line one\nline two \x8e\n" * 20
    path = write(tmp_path / "a.txt", text.encode("cp037"))
    assert read(Corpus(path, encoding="cp037"), 8)[0] == text.rstrip("\n").split("\n")


def test_the_first_malformed_place_does_not_depend_on_the_order_of_parts():
    parts = [Reading(malformed=1, first_malformed=("a", n), skipped=[str(n)]) for n in (9, 10)]
    for order in (parts, parts[::-1]):
        total = Reading()
        for part in order:
            total.add(part)
        assert (total.first_malformed, total.skipped) == (("a", 9), ["10", "9"])
    assert Reading(**json.loads(json.dumps(asdict(total)))) == total
    assert total.losses()[0] == (
        "2 malformed byte sequences replaced, the first at a: byte 9; is --encoding right?"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"a b\nc\n",
        b"a b\nc",
        b"\xef\xbb\xbfa b\nc",
        b"a b\r\nc\r\n",
        b"\n\na b\n\n\nc\n\n",
        b"a\x00b\nc\n",
        "a\u2028b\nc\x85\n".encode(),
        "a\u200bb\nc\u3000\n".encode(),
        b"a\x1eb\nc\x0b\n",
    ],
)
def test_marks_line_ends_and_control_characters_do_not_change_the_words(tmp_path, content):
    path = write(tmp_path / "a.txt", content)
    for tokenizer in ("word", "whitespace", "char", word):
        counts = count_words(Corpus(path), tokenizer=tokenizer, documents=True)
        assert counts.most_common() == [("a", 1), ("b", 1), ("c", 1)]
        assert counts.documents.tolist() == [1, 1, 1]
        assert counts.reading.documents == 2


# Splits and pieces


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


def test_a_generator_is_not_silently_empty_the_second_time():
    corpus = Corpus.from_documents(text for text in ["a", "b"])
    assert list(corpus) == ["a", "b"]
    with pytest.raises(TypeError, match="can be read only once"):
        list(corpus)
    again = Corpus.from_documents(["a", "b"])
    assert list(again) == list(again) == ["a", "b"]


def test_a_short_chinese_file_is_told_from_a_latin_one(tmp_path):
    chinese, latin = tmp_path / "chinese.txt", tmp_path / "latin.txt"
    chinese.write_bytes("你好 世界\n".encode("gb18030"))
    latin.write_bytes("élan vital et grand\n".encode("latin-1"))
    assert list(Corpus(chinese, encoding="auto")) == ["你好 世界"]
    assert "vital et grand" in next(iter(Corpus(latin, encoding="auto")))
    assert "lan" in next(iter(Corpus(latin, encoding="auto")))
