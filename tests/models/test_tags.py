"""Schemes of tags: conversion, validity, detection, what may follow what."""

from itertools import pairwise, product

import numpy as np
import pytest

pytest.importorskip("keras")

from hypothesis import given
from hypothesis import strategies as st

from textzero.models.tags import (
    SCHEMES,
    allowed_tags,
    convert_tags,
    detect_scheme,
    first_fault,
    has_form,
    scheme_tags,
    spans_to_tags,
    split_tag,
    tags_to_spans,
)

SPANS = [(0, 3, "ORG"), (3, 4, "PER"), (4, 6, "PER"), (7, 9, "LOC")]
WRITTEN = {
    "bio": "B-ORG I-ORG I-ORG B-PER B-PER I-PER O B-LOC I-LOC",
    "iob1": "I-ORG I-ORG I-ORG I-PER B-PER I-PER O I-LOC I-LOC",
    "bioes": "B-ORG I-ORG E-ORG S-PER B-PER E-PER O B-LOC E-LOC",
    "bmes": "B-ORG M-ORG E-ORG S-PER B-PER E-PER O B-LOC E-LOC",
    "bmewo": "B-ORG M-ORG E-ORG W-PER B-PER E-PER O B-LOC E-LOC",
    "bilou": "B-ORG I-ORG L-ORG U-PER B-PER L-PER O B-LOC L-LOC",
}


@st.composite
def spans_of_a_sentence(draw):
    spans, place = [], 0
    for _ in range(draw(st.integers(0, 5))):
        start = place + draw(st.integers(0, 2))
        place = start + draw(st.integers(1, 4))
        spans.append((start, place, draw(st.sampled_from(["PER", "LOC", "A-B", ""]))))
    return spans, place + draw(st.integers(0, 2))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_spans_are_written_as_the_scheme_says(scheme):
    assert spans_to_tags(SPANS, 9, scheme) == WRITTEN[scheme].split()
    assert tags_to_spans(WRITTEN[scheme].split()) == SPANS


@given(spans_of_a_sentence(), st.sampled_from(list(SCHEMES)))
def test_spans_come_back_from_any_scheme(sentence, scheme):
    spans, length = sentence
    tags = spans_to_tags(spans, length, scheme)
    assert len(tags) == length
    assert tags_to_spans(tags) == spans
    assert first_fault(tags, scheme) is None
    assert all(has_form(tag, scheme) for tag in tags)


@pytest.mark.parametrize("source", SCHEMES)
@pytest.mark.parametrize("target", SCHEMES)
def test_every_scheme_converts_to_every_other(source, target):
    assert convert_tags(WRITTEN[source].split(), target) == WRITTEN[target].split()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_may_follow_what_is_exactly_what_is_valid(scheme):
    tags = scheme_tags(["A", "B"], scheme)
    transitions, start, end = allowed_tags(tags, scheme)
    ids = range(len(tags))
    for length in (1, 2, 3):
        for path in product(ids, repeat=length):
            allowed = (
                start[path[0]]
                and end[path[-1]]
                and all(transitions[i, j] for i, j in pairwise(path))
            )
            assert allowed == (first_fault([tags[i] for i in path], scheme) is None), path


def test_constraints_have_the_shapes_and_kind_of_a_crf():
    transitions, start, end = allowed_tags(["B", "M", "E", "S"], "bmes")
    assert transitions.astype(int).tolist() == [
        [0, 1, 1, 0],
        [0, 1, 1, 0],
        [1, 0, 0, 1],
        [1, 0, 0, 1],
    ]
    assert start.tolist() == [True, False, False, True]
    assert end.tolist() == [False, False, True, True]
    assert {transitions.dtype, start.dtype, end.dtype} == {np.dtype(bool)}


def test_tags_without_scheme_may_follow_each_other_freely():
    assert all(part.all() for part in allowed_tags(["NN", "VV"], "none"))
    assert first_fault(["anything", "B-x", "E-y"], "none") is None


@pytest.mark.parametrize(
    ("scheme", "tags", "fault"),
    [
        ("bio", "O I-PER I-PER", (1, "B-PER")),
        ("bio", "B-PER I-LOC", (1, "B-LOC")),
        ("iob1", "O B-PER", (1, "I-PER")),
        ("bioes", "B-PER O", (0, "S-PER")),
        ("bioes", "S-PER I-PER E-PER", (1, "B-PER")),
        ("bmes", "B-ORG M-ORG", (1, "E-ORG")),
        ("bmes", "B M E S B", (4, "S")),
    ],
)
def test_the_first_fault_is_found_with_the_tag_that_belongs_there(scheme, tags, fault):
    assert first_fault(tags.split(), scheme) == fault


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_scheme_is_told_from_the_tags(scheme):
    assert detect_scheme([WRITTEN[scheme].split(), ["O", "O"]]) == scheme


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (["O", "O"], "bio"),
        ([], "bio"),
        (["B-PER", "O"], "bio"),
        (["I-PER", "I-PER", "O"], "iob1"),
        (["B", "E", "S"], "bioes"),
        (["B", "M", "E", "S"], "bmes"),
        (["NN", "VV", "PU", "M"], "none"),
        (["B-ORG", "M-ORG", "E-ORG", "X-ORG"], "bmes"),
        # one B after O shows that B always begins a span: I after O is a fault, not IOB1
        (["O", "B-PER", "O", "I-PER"], "bio"),
    ],
)
def test_the_scheme_of_odd_data(tags, scheme):
    assert detect_scheme([tags]) == scheme


def test_a_hyphen_in_a_type_stays_in_it():
    assert split_tag("B-per-son") == ("B", "per-son")


@pytest.mark.parametrize("tag", ["", "X-PER", "b-PER", "PER", "O-PER", "B-", "BPER", "-"])
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(ValueError, match="a tag must be"):
        split_tag(tag)


@pytest.mark.parametrize(
    "spans", [[(0, 0, "A")], [(0, 2, "A"), (1, 3, "B")], [(2, 4, "A")], [(-1, 1, "A")]]
)
def test_spans_that_overlap_or_leave_the_sentence_are_refused(spans):
    with pytest.raises(ValueError, match="spans must lie in order within 3 tokens"):
        spans_to_tags(spans, 3, "bio")


def test_an_unknown_scheme_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="one of bio, bioes"):
        spans_to_tags([], 1, "ioe")
