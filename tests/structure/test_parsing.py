import json
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textzero.structure.matching import Matcher
from textzero.structure.parsing import Parser, parse_text
from textzero.structure.sentences import LONGEST
from textzero.structure.templates import Template
from textzero.tokens import Tokenizer


def parser(*rows, **settings):
    return Parser([Template.from_text(text, count) for text, count in rows], **settings)


QUESTIONS = parser(("X 的 X", 6), ("X 是 什么", 3), ("红 苹果", 1))


def blocks(tree):
    yield tree
    for child in tree.children:
        yield from blocks(child)


def test_a_question_by_hand():
    tree = QUESTIONS.parse(["红", "苹果", "的", "颜色", "是", "什么"])
    assert str(tree) == "[X 是 什么]\n  [X 的 X]\n    [红 苹果]\n    颜色"
    assert tree.score == pytest.approx(np.log(0.3) + np.log(0.6) + np.log(0.1), abs=1e-5)
    assert [(b.start, b.stop) for b in blocks(tree)] == [(0, 6), (0, 4), (0, 2), (3, 4)]


def test_where_no_template_matches_words_stand_side_by_side():
    tree = QUESTIONS.parse(["你", "好", "吗"])
    assert tree.template is None and tree.children == () and tree.score == -40
    assert str(tree) == "你 好 吗"
    assert str(Parser([]).parse(["X", "a"])) == "\\X a"
    assert parser(("X a", 1), null_score=-3).parse(["b", "c"]).score == -3


def test_ties_go_to_more_words_then_to_the_first_then_end_early():
    rows = [("X b X", 1), ("X c X", 1), ("X b c X", 1)]
    assert str(parser(*rows).parse(list("abcd")).template) == "X b c X"
    assert str(parser(*rows).parse(list("abacd")).template) == "X b X"
    assert str(parser(rows[1], rows[0]).parse(list("abacd")).template) == "X c X"
    tree = parser(("X b X", 1)).parse(list("abaaba"))
    assert [b.words for b in tree.children] == [("a",), tuple("aaba")]


def test_the_share_of_a_template_is_its_use_where_that_is_known():
    rows = [Template.from_text("X 的 X", 90), Template.from_text("X 是 X", 10)]
    words = ["a", "的", "b", "是", "c"]
    assert Parser(rows).parse(words).score == pytest.approx(np.log(0.9) + np.log(0.1), abs=1e-5)
    rows[1] = Template.from_text("X 是 X", 10, used=4)
    assert Parser(rows).parse(words).score == pytest.approx(np.log(0.2) + np.log(0.8), abs=1e-5)


@given(
    st.lists(
        st.lists(st.sampled_from([None, "a", "b"]), min_size=2, max_size=5)
        .filter(lambda i: any(i) and (None, None) not in pairwise(i))
        .map(tuple),
        max_size=6,
        unique=True,
    ),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=8),
)
def test_a_tree_is_made_of_matches_and_its_score_of_its_templates(patterns, words):
    templates = [Template(items, count) for count, items in enumerate(patterns, 1)]
    total = sum(t.count for t in templates)
    tree = Parser(templates).parse(words)
    score = 0.0
    for block in blocks(tree):
        assert list(block.words) == words[block.start : block.stop]
        matches = Matcher(templates).matches(block.words)
        if block.template is None:
            assert not block.children and (len(block.words) == 1 or not matches)
            score -= 20 * (len(block.words) - 1)
            continue
        assert block.template in matches
        score += np.log(block.template.count / total)
        filled = []
        children = iter(block.children)
        for item in block.template.items:
            filled += [item] if item is not None else next(children).words
        assert filled == list(block.words)
    assert tree.score == pytest.approx(score, abs=1e-4)


def test_json_holds_the_tree_and_its_places():
    [(text, tree, characters)] = parse_text(
        QUESTIONS, Tokenizer("whitespace"), " 花  的 红 是 什么？"
    )
    assert text == "花  的 红 是 什么"
    assert json.loads(tree.to_json(characters)) == {
        "template": "X 是 什么",
        "words": ["花", "的", "红", "是", "什么"],
        "span": [0, 5],
        "characters": [0, 11],
        "score": tree.score,
        "children": [
            {
                "template": "X 的 X",
                "words": ["花", "的", "红"],
                "span": [0, 3],
                "characters": [0, 6],
                "score": tree.children[0].score,
                "children": [
                    {"template": None, "words": [w], "span": span, "characters": at, "score": 0.0,
                     "children": []}
                    for w, span, at in (("花", [0, 1], [0, 1]), ("红", [2, 3], [5, 6]))
                ],
            }
        ],
    }  # fmt: skip
    assert "characters" not in tree.as_dict()


@pytest.mark.parametrize(
    "tokenizer, text, places",
    [
        (Tokenizer("word", lowercase=True), "The Cat", [(0, 3), (4, 7)]),
        (Tokenizer("word", nfkc=True), "ＡＢ c", [(0, 2), (3, 4)]),
        (Tokenizer("word", nfkc=True), "ﬁt", None),  # a ligature becomes two letters
        (Tokenizer(lambda text: ["<", *text.split()]), "a b", None),
    ],
)
def test_places_are_told_only_where_they_are_right(tokenizer, text, places):
    [(_, _, characters)] = parse_text(QUESTIONS, tokenizer, text)
    assert characters == places


def test_a_long_sentence_is_parsed_in_parts():
    text = " ".join(f"w{i}" for i in range(LONGEST + 2))
    parts = list(parse_text(QUESTIONS, Tokenizer("word"), text + "! a"))
    assert [len(tree.words) for _, tree, _ in parts] == [LONGEST, 2, 1]
    for sentence, tree, characters in parts:
        assert [sentence[a:b] for a, b in characters] == list(tree.words)
    assert parts[1][0] == "w300 w301"


def test_the_deepest_tree_can_be_written_and_read():
    tree = parser(("a X", 1)).parse(["a"] * LONGEST)
    depth, block = 0, json.loads(tree.to_json())
    while block["children"]:
        depth, block = depth + 1, block["children"][0]
    assert depth == LONGEST - 1
    assert str(tree).splitlines()[-1].strip() == "a"


@pytest.mark.parametrize("words", [[], ["a"] * (LONGEST + 1)])
def test_too_few_or_too_many_words_are_refused(words):
    with pytest.raises(ValueError, match="from 1 to 300 words"):
        QUESTIONS.parse(words)


def test_a_parser_refuses_what_it_cannot_use():
    with pytest.raises(TypeError, match="list of words, got a string"):
        QUESTIONS.parse("红苹果")
    with pytest.raises(ValueError, match="null_score"):
        Parser([], null_score=1)
    with pytest.raises(ValueError, match="twice"):
        parser(("X a", 1), ("X a", 2))


def test_a_dense_sentence_takes_less_than_a_second():
    """2,000 templates over 20 words: nearly every span of 200 words has matches."""
    rng = np.random.default_rng(0)
    found = {}
    while len(found) < 2000:
        items = [None] if rng.random() < 0.7 else []
        for _ in range(rng.integers(1, 6)):
            items += [f"w{rng.integers(20)}"] + [None] * (rng.random() < 0.6)
        if len(items) > 1:
            found[tuple(items)] = Template(tuple(items), int(rng.integers(1, 1000)))
    words = [f"w{i}" for i in rng.integers(0, 20, 200)]
    dense = Parser(found.values())
    dense.parse(words[:3])  # compiles
    begun = time.process_time()
    tree = dense.parse(words)
    assert time.process_time() - begun < 1
    assert tree.template is not None


def test_a_parser_of_many_templates_is_made_in_no_time():
    templates = [Template((f"w{k}", None)) for k in range(40_000)]
    begun = time.process_time()
    Parser(templates)
    assert time.process_time() - begun < 5  # 40,000^2 additions take longer
