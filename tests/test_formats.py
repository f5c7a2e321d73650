import gzip
import lzma
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero.errors import InputError
from textzero.vectors import projector, word2vec
from textzero.vectors.formats import (
    FORMATS,
    WRITABLE,
    detect_format,
    load_vectors,
    save_vectors,
)
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

FILES = ("word2vec", "word2vec-binary", "glove")
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
WORD = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1)
ANY_WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@st.composite
def tables(draw, word=WORD, least_dim=1):
    words = draw(st.lists(word, min_size=1, max_size=6, unique=True))
    dim = draw(st.integers(least_dim, 5))
    rows = st.lists(FLOAT32, min_size=dim, max_size=dim)
    return vectors_of({w: draw(rows) for w in words})


def vectors_of(table):
    rows = np.array(list(table.values()), np.float32)
    return WordVectors(Vocabulary(list(table), np.zeros(len(table), np.int64)), rows)


def same(a, b):
    assert list(a.vocabulary) == list(b.vocabulary)
    assert b.vectors.dtype == np.float32
    # bits, so that -0.0 is not 0.0
    assert_array_equal(a.vectors.view(np.int32), np.ascontiguousarray(b.vectors).view(np.int32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("formats")


@pytest.fixture
def small():
    return vectors_of({"a": [1, 2.5, -3], "b": [0, 1e-9, 7], "\u5317\u4eac": [0.1, 0.2, 0.3]})


@pytest.mark.parametrize("format", FILES)
@given(tables())
def test_what_is_written_is_read_again(folder, format, vectors):
    save_vectors(vectors, folder / format, format)
    same(vectors, load_vectors(folder / format, format))


@pytest.mark.parametrize("format", FILES)
@given(tables(least_dim=2))
def test_the_format_is_told_by_the_content(folder, format, vectors):
    save_vectors(vectors, folder / "auto", format)
    assert detect_format(folder / "auto") == format
    same(vectors, load_vectors(folder / "auto"))


@given(tables(ANY_WORD))
def test_the_projector_keeps_any_word(folder, vectors):
    save_vectors(vectors, folder / "projector", "projector")
    assert detect_format(folder / "projector") == "projector"
    same(vectors, load_vectors(folder / "projector"))


def test_our_own_folder_is_told_too(small, tmp_path):
    save_vectors(small, tmp_path / "own", "textzero")
    assert detect_format(tmp_path / "own") == "textzero"
    same(small, load_vectors(tmp_path / "own"))


@pytest.mark.parametrize("dim", [1, 300, 30_000])
def test_a_row_longer_than_the_probe_is_still_text(tmp_path, dim):
    vectors = vectors_of({"a": np.linspace(0, 1, dim), "b": np.ones(dim)})
    for format in FILES[:2]:
        save_vectors(vectors, tmp_path / format, format)
        assert detect_format(tmp_path / format) == format
        same(vectors, load_vectors(tmp_path / format))


def test_the_bytes_are_those_of_the_conventions(tmp_path):
    vectors = vectors_of({"a": [1, -0.5], "b": [2, 0.25]})
    for format in (*FILES, "projector"):
        save_vectors(vectors, tmp_path / format, format)
    assert (tmp_path / "word2vec").read_bytes() == b"2 2\na 1 -0.5\nb 2 0.25\n"
    assert (tmp_path / "glove").read_bytes() == b"a 1 -0.5\nb 2 0.25\n"
    # IEEE 754: 1 is 3f800000, -0.5 bf000000, 2 40000000, 0.25 3e800000, the lowest byte first
    assert (tmp_path / "word2vec-binary").read_bytes() == (
        b"2 2\na \0\0\x80\x3f\0\0\0\xbf\nb \0\0\0\x40\0\0\x80\x3e\n"
    )
    assert (tmp_path / "projector" / "tensors.tsv").read_bytes() == b"1\t-0.5\n2\t0.25\n"
    assert (tmp_path / "projector" / "metadata.tsv").read_bytes() == b"a\nb\n"


@pytest.mark.parametrize(
    "text",
    [
        b"2 2\na 1 2 \nb 3 4 \n",  # fastText ends each line with a space
        b"2 2\r\na 1 2\r\nb 3 4\r\n",
        b"2 2\na 1 2\nb 3 4",
        b"2 2\na 1 2\n\nb 3 4\n\n",
        b"a 1 2\nb 3e0 4.\n",
        b"2 2\na " + np.float32([1, 2]).tobytes() + b"b " + np.float32([3, 4]).tobytes(),
    ],
)
def test_the_dialects_in_the_wild_are_read(tmp_path, text):
    (tmp_path / "v").write_bytes(text)
    same(vectors_of({"a": [1, 2], "b": [3, 4]}), load_vectors(tmp_path / "v"))


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
@pytest.mark.parametrize("format", FILES)
def test_compressed_files_are_read(small, tmp_path, format, compress):
    save_vectors(small, tmp_path / "v", format)
    (tmp_path / "v").write_bytes(compress((tmp_path / "v").read_bytes()))
    assert detect_format(tmp_path / "v") == format
    same(small, load_vectors(tmp_path / "v"))


@pytest.mark.parametrize("format", FORMATS)
def test_only_the_first_words_are_read_when_that_is_asked(small, tmp_path, format):
    save_vectors(small, tmp_path / "v", format)
    for limit in (1, 2, 3, 9):
        found = load_vectors(tmp_path / "v", limit=limit)
        assert list(found.vocabulary) == list(small.vocabulary)[:limit]
        assert_array_equal(found.vectors, small.vectors[:limit])
    with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
        load_vectors(tmp_path / "v", limit=0)


def test_rows_that_cross_the_reading_buffer_are_whole(tmp_path):
    random = np.random.default_rng(0)
    vectors = vectors_of({f"w{i}": random.normal(size=90).astype(np.float32) for i in range(9000)})
    for format in FILES[:2]:  # 3 and 9 MB, read a MiB at a time
        save_vectors(vectors, tmp_path / format, format)
        same(vectors, load_vectors(tmp_path / format))


def test_of_a_word_that_is_there_twice_the_first_is_kept_and_the_rest_counted(tmp_path):
    (tmp_path / "v").write_bytes(b"3 2\na 1 2\na 3 4\nb 5 6\n")
    found = load_vectors(tmp_path / "v")
    same(vectors_of({"a": [1, 2], "b": [5, 6]}), found)
    assert found.manifest["duplicates_dropped"] == 1


def test_a_word_that_is_not_utf8_is_read_with_a_replacement(tmp_path):
    (tmp_path / "v").write_bytes(b"1 2\n\xff\xfe 1 2\n")
    assert list(load_vectors(tmp_path / "v").vocabulary) == ["\ufffd\ufffd"]


LIES = {
    "ten to the twelve rows": (b"999999999999 300\na 1 2 3", "promises 999,999,999,999 rows"),
    "... as text": (b"999999999999 2\na 1 2\n", "promises 999,999,999,999 rows"),
    "... compressed": (gzip.compress(b"999999999999 2\na 1 2\n"), "promises 999,999,999,999"),
    "... compressed, binary": (gzip.compress(b"999999999999 2\na \1\1"), "promises 999,999,"),
    "a dimension of 10^12": (b"1 999999999999\na 1 2", "dimension must be from 1 to"),
    "..., compressed": (gzip.compress(b"1 999999999999\na 1 2"), "dimension must be from 1 to"),
    "... of no rows": (b"0 99999999999999999999999999\na 1\n", "dimension must be from 1 to"),
    "a dimension of 0": (b"1 0\na\n", "dimension must be from 1 to"),
    "no rows": (b"0 2\n", "holds no vector"),
    "fewer rows": (b"3 2\na 1 2\nb 1 2\n", "promises 3 rows"),
    "more rows": (b"1 2\na 1 2\nb 1 2\n", "promises 1 rows, the file has 2"),
    "binary, fewer rows": (b"3 1\na \0\0\0\0\nb \0\0\0\0\n", "the file ends in row 3"),
    "binary, a cut row": (b"2 2\na " + bytes(8) + b"\nb \0\0\0", "the file ends in row 2"),
    "binary, trailing bytes": (b"1 2\na " + bytes(8) + b"\nb", "goes on behind the 1 rows"),
    "binary, NaN": (b"1 2\na " + np.float32([0, np.nan]).tobytes(), r"row 1 \('a'\), column 2"),
    "binary, infinity": (b"1 1\na " + np.float32([-np.inf]).tobytes(), "a finite number, got -inf"),
    "binary, no word": (b"1 2\n " + bytes(8) + b"\n", "row 1: expected a word"),
    "binary, an endless word": (b"1 2\n" + b"x" * 5000, "row 1: expected a word, got b'xxx"),
    "NaN": (b"1 2\na 1 nan\n", r"row 1 \('a'\), column 2: expected a finite number, got nan"),
    "infinity": (b"a inf 1\nb 1 2\n", r"row 1 \('a'\), column 1"),
    "more than float32": (b"2 2\na 1 2\nb 1 1e39\n", r"row 2 \('b'\), column 2"),
    "no number": (b"a 1 2\nb 1 x\n", "v:2: expected 2 numbers"),
    "too few numbers": (b"2 3\na 1 2 3\nb 1 2\n", "v:3: expected a word and 3 numbers, got 2"),
    "too many numbers": (b"2 2\na 1 2\nb 1 2 3\n", "v:3: expected 2 numbers, got more, b'b 1'"),
    "... without a header": (b"a 1 2\nb 1 2 3\nc 1 2\n", "v:2: expected 2 numbers, got more"),
    "a word with a tab": (b"a 1 2\nb\tc 1 2\n", "v:2: expected a word, got b'b.tc'"),
    "a word that begins with a space": (b"1 2\n a 1 2\n", "v:2: expected a word, got b' a'"),
    "no vectors": (b"once upon a time\n", "must be a vector file"),
    "nothing": (b"", "must be a vector file"),
    "a cut gzip": (gzip.compress(b"a 1 2\n" * 50)[:-12], "is cut or corrupt"),
    "a corrupt gzip": (gzip.compress(b"a 1 2\n")[:-8] + bytes(8), "is cut or corrupt"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_file_that_lies_is_refused_in_one_sentence_without_allocation(lie, tmp_path):
    content, message = LIES[lie]
    (tmp_path / "v").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message) as caught:
            load_vectors(tmp_path / "v")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(str(tmp_path / "v"))
    assert "\n" not in str(caught.value)


def test_a_line_with_one_long_number_takes_no_more_than_its_bytes(tmp_path):
    (tmp_path / "v").write_bytes(b"a" + b" 0" * 100_000 + b" 0." + b"0" * 100_000 + b"\n")
    tracemalloc.start()
    try:
        assert load_vectors(tmp_path / "v").dim == 100_001
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def test_a_text_without_line_ends_is_not_read_whole(tmp_path):
    with open(tmp_path / "v", "wb") as file:
        file.write(b"1 2\na 1 ")
        file.truncate(1 << 30)  # a hole: zeros that take no disk
    with pytest.raises(InputError, match="longer than 16 MB"):
        load_vectors(tmp_path / "v", "word2vec")


@pytest.mark.parametrize(
    "tensors, metadata, message",
    [
        (b"1\t2\n1\n", b"a\nb\n", r"tensors.tsv:2: expected 2 numbers, got 1"),
        (b"1\t2\n1\t2\n", b"a\n", "metadata.tsv must have a word for row 2"),
        (b"1\t2\n", b"a\nb\n", "metadata.tsv has 2 words for 1 vectors"),
        (b"1\t2\n", b"\n", "metadata.tsv must have a word for row 1"),
        (b"1\tx\n", b"a\n", r"tensors.tsv:1: could not convert"),
        (b"1\tnan\n", b"a\n", r"tensors.tsv: row 1 \('a'\), column 2"),
        (b"", b"", "holds no vector"),
    ],
)
def test_a_projector_folder_that_lies_is_refused(tmp_path, tensors, metadata, message):
    (tmp_path / "tensors.tsv").write_bytes(tensors)
    (tmp_path / "metadata.tsv").write_bytes(metadata)
    with pytest.raises(InputError, match=message):
        load_vectors(tmp_path)


@pytest.mark.parametrize("format", FILES)
def test_a_word_with_white_space_is_refused_or_escaped(tmp_path, format):
    vectors = vectors_of({"new york": [1, 2], "a\u3000b": [3, 4], "\u00a0": [5, 6]})
    with pytest.raises(InputError, match=r"cannot hold the word 'new york', .* --escape"):
        save_vectors(vectors, tmp_path / "v", format)
    assert not list(tmp_path.iterdir())
    save_vectors(vectors, tmp_path / "v", format, escape=True)
    found = load_vectors(tmp_path / "v")
    assert list(found.vocabulary) == ["new_york", "a_b", "_"]
    assert_array_equal(found.vectors, vectors.vectors)


def test_words_that_would_be_one_when_escaped_are_refused(tmp_path):
    vectors = vectors_of({"a b": [1, 2], "a_b": [3, 4]})
    with pytest.raises(InputError, match="the same"):
        save_vectors(vectors, tmp_path / "v", "glove", escape=True)


def test_an_unknown_format_is_named(small, tmp_path):
    with pytest.raises(
        ValueError, match=r"format must be auto or one of textzero, .*got 'fasttext'"
    ):
        load_vectors(tmp_path, "fasttext")
    with pytest.raises(ValueError, match=r"format must be one of textzero, .*got 'fasttext'"):
        save_vectors(small, tmp_path / "v", "fasttext")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="nothing cannot be read: No such file"):
        load_vectors(tmp_path / "nothing")


def test_nothing_is_left_when_writing_fails(small, tmp_path, monkeypatch):
    def fail(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(word2vec, "decimals", fail)
    monkeypatch.setattr(projector, "decimals", fail)
    for format in ("word2vec", "projector"):
        with pytest.raises(OSError, match="Input/output"):
            save_vectors(small, tmp_path / "v", format)
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_and_we_read_each_other(tmp_path, binary):
    keyed = pytest.importorskip("gensim.models.keyedvectors").KeyedVectors
    random = np.random.default_rng(0)
    table = {w: random.normal(size=5) for w in ["a", "b", "\u5317\u4eac", "x" * 50]}
    vectors = vectors_of(table)
    save_vectors(vectors, tmp_path / "ours", "word2vec-binary" if binary else "word2vec")
    theirs = keyed.load_word2vec_format(str(tmp_path / "ours"), binary=binary)
    assert theirs.index_to_key == list(table)
    assert_array_equal(theirs.vectors, vectors.vectors)
    theirs.save_word2vec_format(str(tmp_path / "theirs"), binary=binary)
    same(vectors, load_vectors(tmp_path / "theirs"))


@pytest.mark.parametrize("size", range(50, 80))
def test_a_binary_file_may_end_at_any_byte_of_the_reading_buffer(tmp_path, size):
    # the line feed behind the last row came to lie alone behind the first 64 bytes
    vectors = vectors_of({"x" * (size - 14): [1, 2]})
    save_vectors(vectors, tmp_path / "v", "word2vec-binary")
    assert (tmp_path / "v").stat().st_size == size
    same(vectors, load_vectors(tmp_path / "v"))


@pytest.mark.parametrize("header", [b"", b"4 2\n"])
def test_words_with_spaces_inside_are_read_from_text(tmp_path, header):
    # as in the published GloVe vectors of 840 billion tokens
    rows = b". . . 1 2\nat name@domain.com 3 4\na 5 6\nnew york 7 8\n"
    (tmp_path / "v").write_bytes(header + rows)
    found = load_vectors(tmp_path / "v")
    assert list(found.vocabulary) == [". . .", "at name@domain.com", "a", "new york"]
    assert_array_equal(found.vectors, [[1, 2], [3, 4], [5, 6], [7, 8]])


def test_a_glove_file_may_begin_with_a_word_that_is_a_number(tmp_path):
    (tmp_path / "v").write_bytes(b"7 1 2\n. . 3 4\na 5 6\n")
    assert list(load_vectors(tmp_path / "v").vocabulary) == ["7", ". .", "a"]


def with_context(settings=None):
    random = np.random.default_rng(0)
    rows, context = random.normal(size=(2, 4, 3)).astype(np.float32)
    vocabulary = Vocabulary(["new york", "\u5317\u4eac", "ab", "c"], np.array([9, 5, 5, 1]))
    return WordVectors(vocabulary, rows, context, {"settings": settings or {"model": "sum"}})


@given(tables(ANY_WORD))
def test_parquet_keeps_any_word(folder, vectors):
    save_vectors(vectors, folder / "v.parquet", "parquet")
    assert detect_format(folder / "v.parquet") == "parquet"
    same(vectors, load_vectors(folder / "v.parquet"))


@pytest.mark.parametrize("format", ["textzero", "parquet"])
def test_both_matrices_counts_and_settings_are_kept(tmp_path, format):
    vectors = with_context({"model": "sum", "tokenizer": "whitespace"})
    save_vectors(vectors, tmp_path / "v", format)
    again = load_vectors(tmp_path / "v")
    same(vectors, again)
    assert_array_equal(again.context, vectors.context)
    assert_array_equal(again.vocabulary.counts, [9, 5, 5, 1])
    assert again.tokenize("a-b c") == ["a-b", "c"]
    # w + c and c are there, so mutual information is: <w_i, c_j>, not <w_i + c_i, w_j + c_j>
    expected = vectors.mutual_information("new york", "c")
    assert again.mutual_information("new york", "c") == pytest.approx(expected, abs=1e-6)
    few = load_vectors(tmp_path / "v", limit=2)
    assert_array_equal(few.context, vectors.context[:2])
    assert few.tokenize("a-b c") == ["a-b", "c"]


def test_parquet_has_the_columns_that_other_tools_read(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    save_vectors(with_context(), tmp_path / "v.parquet", "parquet")
    table = pq.read_table(tmp_path / "v.parquet")
    kinds = [pa.string(), pa.int64(), pa.list_(pa.float32(), 3), pa.list_(pa.float32(), 3)]
    assert table.schema.names == ["word", "count", "vector", "context"]
    assert table.schema.types == kinds
    assert table.column("vector").to_pylist()[1] == with_context().vectors[1].tolist()


def test_a_parquet_table_from_elsewhere_needs_words_and_vectors(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"word": ["a", "b", "a"], "vector": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]})
    pq.write_table(table, tmp_path / "v")
    found = load_vectors(tmp_path / "v")
    same(vectors_of({"a": [1, 2], "b": [3, 4]}), found)
    assert found.manifest["duplicates_dropped"] == 1 and found.context is None


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"word": ["a"]}, "must have the columns word and vector, got word"),
        ({"word": ["a"], "vector": [1.0]}, "vector must hold lists of numbers, got double"),
        ({"word": ["a"], "vector": [["x"]]}, "vector must hold lists of numbers"),
        ({"word": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]}, "of one size"),
        ({"word": ["a", "b"], "vector": [[1.0], None]}, "must have a list in every row"),
        ({"word": ["a"], "vector": [[1.0, None]]}, "full of numbers"),
        ({"word": ["a", "b"], "vector": [[1.0], [float("nan")]]}, "row 2: vector .* finite"),
        ({"word": ["a", None], "vector": [[1.0], [2.0]]}, "a word in every row"),
        ({"word": [1], "vector": [[1.0]]}, "a word in every row"),
        ({"word": ["a"], "vector": [[1.0]], "count": ["x"]}, "count must hold an integer"),
        (
            {"word": ["a"], "vector": [[1.0]], "context": [[1.0, 2.0]]},
            "row 1: expected 1 numbers, got 2",
        ),
        ({"word": [], "vector": []}, "holds no vector"),
    ],
)
def test_a_parquet_table_that_lies_is_refused(tmp_path, columns, message):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), tmp_path / "v")
    with pytest.raises(InputError, match=message):
        load_vectors(tmp_path / "v")


def test_a_cut_parquet_file_is_refused(small, tmp_path):
    save_vectors(small, tmp_path / "v", "parquet")
    (tmp_path / "v").write_bytes((tmp_path / "v").read_bytes()[:-9])
    with pytest.raises(InputError, match="not a sound Parquet file"):
        load_vectors(tmp_path / "v")


def test_one_matrix_of_a_model_can_be_written_alone(tmp_path):
    vectors = with_context()
    assert_array_equal(vectors.part("context").vectors, vectors.context)
    center = vectors.vectors - vectors.context
    assert_array_equal(vectors.part("center").vectors, center)
    assert vectors.part("vectors") is vectors
    save_vectors(vectors.part("center"), tmp_path / "v", "textzero")
    again = load_vectors(tmp_path / "v")
    assert again.context is None and again.manifest["settings"]["model"] == "center"
    with pytest.raises(InputError, match="one matrix; there is no context in them"):
        again.part("context")
    with pytest.raises(ValueError, match="matrix must be vectors, center or context"):
        again.part("both")


def test_the_lexicon_that_cut_the_corpus_goes_with_the_vectors(tmp_path):
    from textzero.lexicon import Lexicon

    Lexicon.from_counts({"\u5317\u4eac": 2, "\u5927\u5b66": 1}).save(tmp_path / "lexicon.tsv")
    digest = Lexicon.load(tmp_path / "lexicon.tsv").digest()
    vectors = with_context({"tokenizer": "lexicon.tsv", "lexicon": digest})
    vectors.folder = tmp_path
    save_vectors(vectors, tmp_path / "v", "textzero")
    for copy in (load_vectors(tmp_path / "v"), load_vectors(tmp_path / "v", limit=2)):
        assert copy.tokenize("\u5317\u4eac\u5927\u5b66") == ["\u5317\u4eac", "\u5927\u5b66"]


def test_spacy_text_has_words_with_spaces_and_the_numbers_last(tmp_path):
    vectors = vectors_of({"new york": [1, 2.5], "a": [3, 4]})
    save_vectors(vectors, tmp_path / "v", "spacy")
    assert (tmp_path / "v").read_bytes() == b"2 2\nnew york 1 2.5\na 3 4\n"
    same(vectors, load_vectors(tmp_path / "v"))
    for word in ("a\nb", " a", "a  b", "a\tb", "a\u00a0b", ""):
        with pytest.raises(InputError, match="spacy cannot hold the word"):
            save_vectors(vectors_of({word: [1, 2]}), tmp_path / "v", "spacy")


def test_spacy_reads_what_we_write_for_it(tmp_path):
    spacy = pytest.importorskip("spacy.training.initialize")
    vectors = vectors_of({"new york": [1, 2.5], "\u5317\u4eac": [3, 1 / 3], "windows 95": [5, 6]})
    save_vectors(vectors, tmp_path / "v", "spacy")
    rows, words, _ = spacy.read_vectors(tmp_path / "v", -1)
    assert words == list(vectors.vocabulary)
    assert_array_equal(rows, vectors.vectors)


def test_every_format_that_is_written_is_offered_by_the_command():
    from textzero_cli import convert

    assert (convert.FORMATS, convert.TARGETS) == (FORMATS, WRITABLE)
