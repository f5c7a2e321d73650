import numpy as np
import pytest

from textzero.corpus import Corpus, Reading
from textzero.counting import count_words
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.lexicon import Lexicon
from textzero.packed import PackedStrings
from textzero.tokens import Tokenizer
from textzero.vocabulary import Vocabulary


@pytest.fixture
def vocabulary():
    return Vocabulary.from_counts(count_words(["b b a a c d d d"]), min_count=2)


def test_ids_follow_the_counts(vocabulary):
    assert list(vocabulary) == ["d", "a", "b"]
    assert vocabulary.counts.tolist() == [3, 2, 2]
    assert [vocabulary.id(word) for word in "dabc"] == [0, 1, 2, None]
    assert vocabulary[0] == "d"
    assert "a" in vocabulary
    assert "c" not in vocabulary
    assert repr(vocabulary) == "Vocabulary(3 words, 7 tokens)"


def test_at_most_max_size_words_are_kept():
    counts = count_words(["b b a a c"])
    assert list(Vocabulary.from_counts(counts, min_count=1, max_size=2)) == ["a", "b"]


def test_any_mapping_is_counts_in_their_order():
    given = {"b": 5, "é": 7, "c": 1, "a": 5, "词": 7}
    vocabulary = Vocabulary.from_counts(given, min_count=5)
    assert list(vocabulary) == ["é", "词", "a", "b"] and vocabulary.counts.tolist() == [7, 7, 5, 5]
    texts = [" ".join([word] * count) for word, count in given.items()]
    assert list(vocabulary) == list(Vocabulary.from_counts(count_words(texts), min_count=5))


@pytest.mark.parametrize("wrong, kind, said", [
    (["a", "b"], TypeError, "mapping word -> count, got list"),
    ({"a": 1, 2: 2}, TypeError, "must be of words, got 2"),
    ({"a": 1.5, "b": 2}, ValueError, "whole numbers"),
    ({"a": -1, "b": 2}, ValueError, "whole numbers"),
])  # fmt: skip
def test_what_is_no_mapping_of_counts_is_refused(wrong, kind, said):
    with pytest.raises(kind, match=said):
        Vocabulary.from_counts(wrong)


def test_a_list_of_words_is_no_lexicon_with_counts():
    with pytest.raises(TypeError, match="mapping word -> count, got list"):
        Lexicon.from_counts(["a", "b"])


@pytest.mark.parametrize("limit", ["min_count", "max_size"])
def test_limits_are_whole_numbers(limit):
    with pytest.raises(ValueError, match=f"{limit} must be a whole number from 1, got -1"):
        Vocabulary.from_counts({"a": 5, "b": 5}, **{limit: -1})
    assert count_words(["a b"]).keep(top=-1).most_common(-1) == []  # as Counter's


@pytest.mark.parametrize(("texts", "kept"), [([], 0), (["a a b"], 1)])
def test_fewer_than_two_words_are_refused(texts, kept):
    with pytest.raises(InputError, match=f"two words, got {kept}.* passed min_count=2; lower"):
        Vocabulary.from_counts(count_words(texts), min_count=2)


def test_words_and_counts_must_match():
    with pytest.raises(ValueError, match="one entry a word, got 1 for 2"):
        Vocabulary(["a", "b"], np.array([1]))
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        Vocabulary(["a"], np.array([-1]))


def test_the_table_gives_the_ids(vocabulary):
    reading = Reading()
    corpus = Corpus.from_documents(["a x d", "b"])
    (piece,) = corpus.pieces(corpus.splits()[0], reading)
    text, starts, stops = Tokenizer("word").find(piece)
    ids = kernel("tables").look_up(vocabulary.table, text, starts, stops)
    assert ids.tolist() == [1, -2, 0, -1, 2, -1]


def test_a_saved_vocabulary_keeps_its_order(tmp_path):
    vocabulary = Vocabulary(["rare", "frequent", "北"], np.array([1, 1 << 40, 0]))
    vocabulary.save(tmp_path / "v.tsv")
    assert (tmp_path / "v.tsv").read_text() == "rare\t1\nfrequent\t1099511627776\n北\t0\n"
    loaded = Vocabulary.load(tmp_path / "v.tsv")
    assert list(loaded) == list(vocabulary)
    assert loaded.counts.tolist() == vocabulary.counts.tolist()


def test_words_longer_than_the_kernel_can_place_are_refused():
    offsets = np.array([0, 1, 1 << 31])
    words = PackedStrings(np.zeros(1, np.uint8), offsets)  # the text itself is not looked at
    with pytest.raises(InputError, match=r"below 2 GB together, got 2,147,483,648 bytes"):
        Vocabulary(words, np.ones(2, np.int64)).table  # noqa: B018


def test_a_line_that_is_no_word_and_count_is_named(tmp_path):
    path = tmp_path / "v.tsv"
    path.write_bytes(b"a\t1\r\nb\tx\n")
    with pytest.raises(InputError, match=r"v\.tsv:2: expected \"word<TAB>count\", got 'b\\tx'"):
        Vocabulary.load(path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        Vocabulary.load(tmp_path / "missing")
