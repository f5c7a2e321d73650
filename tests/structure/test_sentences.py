from itertools import pairwise
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textzero.corpus import Corpus
from textzero.errors import TokenizerError
from textzero.progress import Progress
from textzero.segmenter import Segmenter
from textzero.structure.sentences import LONGEST, cut_sentences, read_sentences
from textzero.tokens import Tokenizer


def by_space(text):
    return text.split(" ")


def letters(text):
    return list(text)


def one_string(text):
    return text


def with_white_space(text):
    return ["New York", *text.split()]


def read(texts, tokenizer, folder, workers=1, min_count=1, **options):
    """The sentences as lists of words, None for a rare one; sorted, as their order is free."""
    corpus = texts if isinstance(texts, Corpus) else Corpus.from_documents(texts)
    found = read_sentences(
        corpus, Tokenizer(tokenizer, **options), lambda _: min_count, Path(folder), workers,
        Progress(),
    )  # fmt: skip
    sentences = []
    for a, b in zip(found.offsets[:-1], found.offsets[1:], strict=True):
        assert found.tokens[b - 1] == -1
        words = [found.vocabulary[i] if i >= 0 else None for i in found.tokens[a : b - 1].tolist()]
        sentences.append(words)
    assert found.lengths.tolist() == [len(words) for words in sentences]
    return sorted(sentences, key=str), found


@pytest.mark.parametrize(
    "text, sentences",
    [
        ("你好！你好吗？好。", ["你好", "你好吗", "好"]),
        ("3.5 is more. e.g.x", ["3.5 is more", "e.g.x"]),
        ("他说：“好。”走了", ["他说：“好", "走了"]),
        ("好 。 ” 他 走 了 。", ["好", "他 走 了"]),
        ("really?! yes...", ["really", "yes"]),
        ("好。... 他!.. a..b", ["好", "他", "a..b"]),
        ("好。...x", ["好", "...x"]),
        ("好。\n”他 说。\r ” \u2028」", ["好", "”他 说", "”", "」"]),
        ("one\ntwo\r\nthree\u2028four", ["one", "two", "three", "four"]),
        (" a，b；c ", ["a，b；c"]),
        ("。！", []),
        ("", []),
    ],
)
def test_sentences_end_at_marks_and_lines(text, sentences):
    assert [text[a:b] for a, b in cut_sentences(text)] == sentences


@given(st.text(alphabet="ab 。!.\n”)", max_size=30))
def test_sentences_are_in_order_and_hold_all_letters(text):
    spans = cut_sentences(text)
    assert all(a < b for a, b in spans)
    assert all(b <= c for (_, b), (c, _) in pairwise(spans))
    kept = "".join(text[a:b] for a, b in spans)
    assert [c for c in kept if c in "ab"] == [c for c in text if c in "ab"]


@pytest.mark.parametrize("tokenizer", ["word", "whitespace", "char", by_space, letters])
def test_all_tokenizers_cut_the_same_sentences(tokenizer, tmp_path):
    texts = ["a b。c d!", "", "e。\nf g. h", "a。"]
    sentences, found = read(texts, tokenizer, tmp_path)
    joined = sorted("".join(words) for words in sentences)
    assert joined == ["a", "ab", "cd", "e", "fg", "h"]
    assert found.counts.tokens == 9
    assert found.counts["a"] == 2


@pytest.mark.parametrize("tokenizer", ["whitespace", by_space])
def test_rare_words_keep_their_places(tokenizer, tmp_path):
    sentences, found = read(["a x b", "a b y"], tokenizer, tmp_path, min_count=2)
    assert sentences == [["a", "b", None], ["a", None, "b"]]
    assert list(found.vocabulary) == ["a", "b"] and found.counts["x"] == 1


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("tokenizer", ["whitespace", by_space])
def test_files_are_read_alike_by_any_number_of_workers(tokenizer, workers, tmp_path):
    rng = np.random.default_rng(0)
    lines = [" ".join(map(str, rng.integers(0, 50, rng.integers(1, 9)))) for _ in range(3000)]
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text("\n".join(lines[number::3]), encoding="utf-8")
    sentences, found = read(Corpus(tmp_path, include=["*.txt"]), tokenizer, tmp_path, workers)
    assert sentences == sorted((line.split() for line in lines), key=str)
    assert found.reading.documents == 3000 if callable(tokenizer) else True


@pytest.mark.parametrize("tokenizer", ["whitespace", by_space])
def test_a_long_sentence_is_cut(tokenizer, tmp_path):
    words = [f"w{i}" for i in range(2 * LONGEST + 5)]
    _, found = read([" ".join(words) + " .", "a"], tokenizer, tmp_path)
    assert sorted(found.lengths.tolist()) == [1, 5, LONGEST, LONGEST]
    _, found = read([" ".join(words[:LONGEST])], tokenizer, tmp_path)
    assert found.lengths.tolist() == [LONGEST]


def test_a_sentence_longer_than_what_is_read_at_once_is_cut_at_the_same_places(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("textzero.structure.sentences._BLOCK", 7)
    words = [f"w{i}" for i in range(LONGEST + 20)]
    sentences, _ = read([" ".join(words) + "! a b"], "whitespace", tmp_path)
    assert sentences == sorted([words[:LONGEST], words[LONGEST:], ["a", "b"]], key=str)


def test_white_space_in_a_token_cuts_it(tmp_path):
    assert read(["a b"], with_white_space, tmp_path)[0] == [["New", "York", "a", "b"]]


@pytest.mark.parametrize("tokenizer", [one_string, (3).__add__])
def test_a_tokenizer_that_returns_no_list_is_refused(tokenizer, tmp_path):
    with pytest.raises(TokenizerError, match=r"documents in memory: document 2: the tokenizer"):
        read(["", "a"], tokenizer, tmp_path)


def test_nothing_is_an_empty_corpus(tmp_path):
    for tokenizer in ("word", by_space):
        sentences, found = read(["", "。"], tokenizer, tmp_path)
        assert sentences == [] and len(found) == 0 and found.counts.tokens == 0


def test_text_is_normalised_before_it_is_tokenized(tmp_path):
    for tokenizer in ("word", by_space):
        sentences, _ = read(["Ａb C"], tokenizer, tmp_path, lowercase=True, nfkc=True)
        assert sentences == [["ab", "c"]]


def test_a_run_of_full_stops_takes_no_more_time_than_it_is_long():
    begun = process_time()
    assert cut_sentences("." * 40_000 + "a") == [(0, 40_001)]
    assert process_time() - begun < 1


@pytest.mark.parametrize("tokenizer", ["whitespace", by_space])
def test_sentences_do_not_depend_on_how_lines_are_split_into_files(tokenizer, tmp_path):
    lines = ["好 。", "” 他 来 。 ”", "」 。"]
    (tmp_path / "all.txt").write_text("\n".join(lines), encoding="utf-8")
    for number, line in enumerate(lines):
        (tmp_path / f"{number}.one").write_text(line, encoding="utf-8")
    whole, _ = read(Corpus(tmp_path, include=["*.txt"]), tokenizer, tmp_path)
    parts, _ = read(Corpus(tmp_path, include=["*.one"]), tokenizer, tmp_path)
    assert whole == parts == [["”", "他", "来"], ["」"], ["好"]]


def test_words_of_a_lexicon_are_cut_at_white_space(tmp_path):
    lexicon = Segmenter({"new york": 5, "a\u3000b": 3, "is": 4, "big": 2})
    texts = ["new york is big. a\u3000b is new york", "is\u3000new york", "new  york"]
    sentences, found = read(texts, lexicon, tmp_path)
    expected = [s.split() for t in texts for s in t.split(". ")]
    assert sentences == sorted(expected, key=str)
    assert found.counts["york"] == 4 and found.counts.tokens == sum(map(len, expected))
    assert not any(any(c.isspace() for c in word) for word in found.vocabulary)


@pytest.mark.parametrize("tokenizer", ["word", "whitespace", "char"])
def test_no_token_of_a_built_in_tokenizer_holds_white_space(tokenizer):
    spaces = "".join(c for c in map(chr, range(0x3100)) if c.isspace())
    assert Tokenizer(tokenizer)(f"a{'a'.join(spaces)}a") == ["a"] * (len(spaces) + 1)
