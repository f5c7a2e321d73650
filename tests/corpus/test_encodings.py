"""Encodings told and read; what is malformed is counted where it is."""

import gzip
import json
from dataclasses import asdict

import pytest
from corpus_makers import read, write

from textzero.corpus import Corpus, Reading
from textzero.counting import count_words
from textzero.errors import InputError
from textzero.tokens import word


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


def test_a_short_chinese_file_is_told_from_a_latin_one(tmp_path):
    chinese, latin = tmp_path / "chinese.txt", tmp_path / "latin.txt"
    chinese.write_bytes("你好 世界\n".encode("gb18030"))
    latin.write_bytes("élan vital et grand\n".encode("latin-1"))
    assert list(Corpus(chinese, encoding="auto")) == ["你好 世界"]
    assert "vital et grand" in next(iter(Corpus(latin, encoding="auto")))
    assert "lan" in next(iter(Corpus(latin, encoding="auto")))
