"""Spans of tokens in the raw text."""

import unicodedata
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("keras")

from textzero.characters import code_points
from textzero.lexicon import Lexicon
from textzero.models.alignment import ABSENT, Folded, _boundaries, align, find_spans, fold
from textzero.segmenter import Segmenter
from textzero.tokens import Tokenizer

ODD = "aAbzß1 ½Ⅷ①ﬁ㎏ＡＢa\u0301\u0327\u0340ñ北京大學한\u1112\u1161\u11abเกำ่İıΣσς'’.,\n\t\0"
ODD += "\u3000\u200b\U0001d400\U0002f800\ud800\udc00"
TEXTS = st.text(st.sampled_from(ODD) | st.characters())
WORDS = {"北京": 3, "大學": 2, "ab": 2, "大": 1, "fi": 1, "한": 1}


def segmenter(unit, lowercase, nfkc):
    settings = {"unit": unit, "lowercase": lowercase, "nfkc": nfkc}
    return Segmenter(Lexicon(list(WORDS), list(WORDS.values()), settings=settings))


FOLDINGS = list(product((False, True), repeat=2))
BUILT_IN = [Tokenizer(name, *f) for name in ("word", "whitespace", "char") for f in FOLDINGS] + [
    Tokenizer(segmenter(unit, *inner), *outer)
    for unit in ("character", "letter")
    for inner in ((False, False), (True, True))
    for outer in ((False, False), (True, True))
]
ALL = [*BUILT_IN, *(Tokenizer(str.split, *f) for f in FOLDINGS)]


def key(text):
    """A text without what only its neighbours decide: whether a sigma is final."""
    return text.replace("ς", "σ")


@pytest.mark.parametrize("tokenizer", ALL, ids=repr)
@given(text=TEXTS)
def test_spans_ascend_inside_the_text_and_hold_their_tokens(tokenizer, text):
    tokens, spans, offsets = align(tokenizer, [text])
    assert tokens == tokenizer(text)
    assert spans.dtype == np.int64 and spans.shape == (len(tokens), 2)
    assert offsets.tolist() == [0, len(tokens)]
    assert tokenizer.code is None or (spans != ABSENT).all()
    spans = spans[spans[:, 0] != ABSENT]
    assert (np.diff(spans, axis=0) >= 0).all()
    assert (spans >= 0).all() and (spans <= len(text)).all() and (spans[:, 0] < spans[:, 1]).all()


@pytest.mark.parametrize("tokenizer", BUILT_IN, ids=repr)
@given(text=TEXTS)
def test_the_raw_slice_folds_to_the_token(tokenizer, text):
    tokens, spans, _ = align(tokenizer, [text])
    for k, (token, (start, stop)) in enumerate(zip(tokens, spans.tolist(), strict=True)):
        read = key(tokenizer.normalise(text[start:stop]))
        shared = [n for n in (k - 1, k + 1) if 0 <= n < len(tokens)]
        shared = any(spans[n, 0] < stop and start < spans[n, 1] for n in shared)
        if shared or read != key(token):  # part of what one raw character or cluster becomes
            assert key(token) in read
            if _boundaries()[0][code_points(text[start:stop])[1:]].all():  # no cluster
                for less in (text[start + 1 : stop], text[start : stop - 1]):
                    held = key(token) in key(tokenizer.normalise(less))
                    assert not held or read.count(key(token)) > 1
        if not (tokenizer.nfkc or tokenizer.lowercase or tokenizer._folds() is not None):
            assert text[start:stop] == token


@pytest.mark.parametrize("tokenizer", ALL, ids=repr)
@given(texts=st.lists(TEXTS, max_size=4))
def test_many_texts_are_aligned_as_each_alone(tokenizer, texts):
    together = align(tokenizer, texts)
    assert together.offsets.shape == (len(texts) + 1,)
    for k, text in enumerate(texts):
        part = slice(together.offsets[k], together.offsets[k + 1])
        alone = align(tokenizer, [text])
        assert together.tokens[part] == alone.tokens
        assert together.spans[part].tolist() == alone.spans.tolist()


def test_a_mark_that_begins_a_text_stays_in_it():
    tokenizer = Tokenizer("word", nfkc=True)
    tokens, spans, offsets = align(tokenizer, ["a", "\u0340b", "\n\u0340c"])
    assert tokens == ["a", "\u0300b", "\u0300c"]
    assert spans.tolist() == [[0, 1], [0, 2], [1, 3]] and offsets.tolist() == [0, 1, 2, 3]


@given(text=TEXTS)
def test_folding_with_a_map_is_the_tokenizers_folding(text):
    for tokenizer in (Tokenizer("word", True, True), Tokenizer(segmenter("letter", True, True))):
        assert fold(tokenizer, text).text == tokenizer.normalise(text)


def test_every_character_alone_and_behind_a_letter_folds_as_unicode_says():
    tokenizer = Tokenizer("word", nfkc=True)
    points = [p for p in range(0x30000) if not 0xD800 <= p < 0xE000]
    for before in ("", "e", "\u1100\u1161", "\u0915"):
        text = "\n".join(before + chr(point) for point in points)
        folded = fold(tokenizer, text)
        assert folded.text == unicodedata.normalize("NFKC", text)
        breaks = np.array([c == "\n" for c in folded.text])
        own = np.flatnonzero([c == "\n" for c in text])
        held = folded.starts[breaks]
        assert np.isin(own, held).all(), "a line feed was folded into something else"


@pytest.mark.parametrize(
    "tokenizer, text, expected",
    [
        (Tokenizer("word"), "Don't 北京!", [("Don't", 0, 5), ("北", 6, 7), ("京", 7, 8)]),
        (Tokenizer("word", nfkc=True), "x½y", [("x1", 0, 2), ("2y", 1, 3)]),
        (Tokenizer("word", nfkc=True), "e\u0301t ＡＢ", [("ét", 0, 3), ("AB", 4, 6)]),
        (Tokenizer("char", nfkc=True), "\u1112\u1161\u11ab北", [("한", 0, 3), ("北", 3, 4)]),
        (Tokenizer("word", lowercase=True), "İx ΑΣ", [("i̇x", 0, 2), ("ας", 3, 5)]),
        (Tokenizer("whitespace"), " a\ud800b", [("a", 1, 2), ("b", 3, 4)]),
        (Tokenizer(segmenter("letter", True, True)), "ＡＢ北京", [("ab", 0, 2), ("北京", 2, 4)]),
        (Tokenizer("word", True, True), "e\u0301 İx", [("é", 0, 2), ("i̇x", 3, 5)]),
        (
            Tokenizer("char", nfkc=True),  # a letter with a mark that it does not compose with
            "Ａx\u0323",
            [("A", 0, 1), ("x", 1, 2), ("\u0323", 2, 3)],
        ),
        (Tokenizer("char", nfkc=True), "\u0340", [("\u0300", 0, 1)]),
        (Tokenizer("word", nfkc=True), "\u0340!a", [("a", 2, 3)]),  # a mark alone is no word
    ],
)  # fmt: skip
def test_spans_are_those_found_by_hand(tokenizer, text, expected):
    tokens, spans, _ = align(tokenizer, [text])
    assert [(t, *span) for t, span in zip(tokens, spans.tolist(), strict=True)] == expected


def placed(tokens, text):
    return find_spans(tokens, Folded(text, None, None)).tolist()


def test_an_absent_token_does_not_push_the_others_away():
    gone = [ABSENT, ABSENT]
    text = "it's a is"
    assert placed(["it", "is", "a", "is"], text) == [[0, 2], gone, [5, 6], [7, 9]]
    assert placed(["[CLS]", "it", "[UNK]", "a"], text) == [gone, [0, 2], gone, [5, 6]]
    assert placed(["", "it", ""], text) == [gone, [0, 2], gone]
    assert placed(["x"], "") == [gone]
    assert placed([], text) == []


def test_a_token_in_another_case_is_found():
    assert placed(["the", "cat", "[UNK]", "RUN"], "The cat runs") == [
        [0, 3], [4, 7], [ABSENT, ABSENT], [8, 11],
    ]  # fmt: skip


def most_characters(tokens, text):
    """By trying every choice of places."""
    if not tokens:
        return 0
    best = most_characters(tokens[1:], text)
    for start in range(len(text)):
        if text.startswith(tokens[0], start):
            behind = text[start + len(tokens[0]) :]
            best = max(best, len(tokens[0]) + most_characters(tokens[1:], behind))
    return best


@given(
    tokens=st.lists(st.text("abc", min_size=1, max_size=3), max_size=5),
    text=st.text("abcd", max_size=9),
)
def test_tokens_are_placed_so_that_most_characters_are_covered(tokens, text):
    spans = placed(tokens, text)
    held = [(t, s) for t, s in zip(tokens, spans, strict=True) if s[0] != ABSENT]
    assert all(text[start:stop] == token for token, (start, stop) in held)
    assert all(a[1][1] <= b[1][0] for a, b in pairwise(held))
    assert sum(len(token) for token, _ in held) == most_characters(tokens, text)


def test_tokens_of_a_python_function_are_found_through_the_folding():
    def clip(text):
        return ["<s>", *(word[:3] for word in text.split())]

    tokens, spans, _ = align(Tokenizer(clip, True, True), ["ＡＢＣＤ İst\u0301x"])
    assert tokens == ["<s>", "abc", "i\u0307s"]
    assert spans.tolist() == [[ABSENT, ABSENT], [0, 3], [5, 7]]


def test_real_sentences_are_cut_where_their_words_are(data):
    lines = (data / "classification/sst2/dev.tsv").read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t")[0] for line in lines]
    tokens, spans, offsets = align(Tokenizer("word"), texts)
    assert len(texts) == 872 and len(tokens) > 10_000
    for text, first, last in zip(texts, offsets, offsets[1:], strict=False):
        assert [text[a:b] for a, b in spans[first:last]] == tokens[first:last]
