import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from textzero.structure.matching import Matcher
from textzero.structure.templates import Template

ITEMS = st.lists(st.sampled_from([None, "a", "b"]), min_size=2, max_size=6).filter(
    lambda items: any(items) and (None, None) not in pairwise(items)
)
TEMPLATES = st.lists(ITEMS.map(tuple).map(Template), max_size=8, unique_by=lambda t: t.items)


def as_regex(template):
    """A placeholder is one or more words, each closed by a space."""
    parts = [r"(?:\S+ )+" if item is None else re.escape(item) + " " for item in template.items]
    return re.compile("".join(parts))


@given(TEMPLATES, st.lists(st.sampled_from("abc"), max_size=9))
def test_a_matcher_is_a_set_of_regular_expressions(templates, words):
    text = "".join(word + " " for word in words)
    expected = [t for t in templates if as_regex(t).fullmatch(text)]
    assert Matcher(templates).matches(words) == expected


def test_a_placeholder_takes_one_word_or_more_and_only_where_it_is():
    matcher = Matcher([Template.from_text("X 是 什么")])
    assert matcher.matches(["这", "是", "什么"])
    assert matcher.matches(["这", "个", "是", "什么"])
    assert matcher.matches(["是", "是", "什么"])
    for words in (["是", "什么"], ["这", "是", "个", "什么"], ["这", "是", "什么", "呢"], []):
        assert matcher.matches(words) == []


def test_many_ways_to_match_take_no_more_time():
    template = Template.from_text(" ".join(["X a"] * 20 + ["X b"]))
    assert Matcher([template]).matches(["a"] * 300) == []
