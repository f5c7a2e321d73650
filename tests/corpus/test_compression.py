"""Compressed files: whole, end to end, cut and damaged."""

import random

import pytest
from corpus_makers import COMPRESS, read, write
from hypothesis import given
from hypothesis import strategies as st

from textzero.corpus import Corpus
from textzero.errors import InputError


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
