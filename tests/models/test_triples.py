"""Triples: reading files, every occurrence, scores and what the training facts say of a text."""

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("keras")

from textzero.errors import InputError
from textzero.models.prior import KnownFacts
from textzero.models.triple_score import score_triples
from textzero.models.triples import (
    Fact,
    Triple,
    TripleText,
    TripleTexts,
    occurrences,
    read_triples,
)


def written(folder, *lines):
    path = folder / "facts.jsonl"
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines), "utf-8")
    return path


def line(text="ab", **triple):
    return {"text": text, "spo_list": [triple] if triple else []}


def test_every_slot_of_a_duie_object_is_a_predicate_of_its_own(tmp_path):
    slots = {"@value": "楚留香", "inWork": "楚留香新传"}
    path = written(
        tmp_path,
        line(
            "张智尧在《楚留香新传》里饰演楚留香", subject="张智尧", predicate="饰演", object=slots
        ),
    )
    (item,) = read_triples(path)
    assert item.facts == (
        Fact("张智尧", "饰演", "楚留香"),
        Fact("张智尧", "饰演.inWork", "楚留香新传"),
    )
    assert item.place == f"{path}:1"


def test_plain_objects_blank_lines_and_texts_without_triples_are_read(tmp_path):
    plain = {"text": "a b", "triples": [{"subject": " a", "predicate": "p", "object": "b"}] * 2}
    found = read_triples(written(tmp_path, plain, "", line("none")))
    assert [item.facts for item in found] == [(Fact("a", "p", "b"),), ()]
    assert found.texts == ["a b", "none"]


def test_an_open_slot_is_no_fact(tmp_path):
    entry = line(subject="a", predicate="p", object={"@value": "b", "inArea": ""})
    assert read_triples(written(tmp_path, entry))[0].facts == (Fact("a", "p", "b"),)


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ('{"text": "a", ', "expected a JSON object such as"),
        ("[1]", "expected a JSON object such as .*, got '\\[1\\]'"),
        ('{"text": "a", "text": "b", "spo_list": []}', "the name 'text' twice"),
        (
            {"text": "a", "spo_list": [], "triples": []},
            "one list of triples, got spo_list and trip",
        ),
        ({"spo_list": []}, "expected the text as a string in 'text', got None"),
        ({"text": "a"}, "expected a list of triples in 'spo_list'.*got the fields text"),
        ({"text": "a", "spo_list": {}}, "spo_list must be a list"),
        ({"text": "a", "spo_list": ["a"]}, "triple 1: expected an object with subject"),
        (line(subject="", predicate="p", object="b"), "triple 1: subject must be a string"),
        (line(subject="a", object="b"), "triple 1: predicate must be a string"),
        (line(subject="a", predicate="p", object=3), "triple 1: object must be a string"),
        (line(subject="a", predicate="p", object={"@value": 3}), "object: @value must be a string"),
        (line(subject="a", predicate="p", object={"@value": ""}), "must have a value in '@value'"),
    ],
)
def test_a_bad_line_is_named_with_what_was_expected(tmp_path, bad, expected):
    path = written(tmp_path, line(), bad)
    with pytest.raises(InputError, match=expected) as error:
        read_triples(path)
    assert str(error.value).startswith(f"{path}:2: ")


def test_a_file_without_texts_is_refused(tmp_path):
    with pytest.raises(InputError, match="must hold texts with triples, got none"):
        read_triples(written(tmp_path, ""))


def test_facts_that_no_text_holds_are_counted_and_reported(tmp_path):
    good = line("a is b", subject="a", predicate="p", object="b")
    bad = line("a is b", subject="a", predicate="p", object="missing")
    found = read_triples(written(tmp_path, good, bad))
    assert found.unplaced == 1
    (sentence,) = found.losses()
    assert sentence.startswith("1 of 2 triples") and "facts.jsonl:2" in sentence
    assert found[1].facts == (Fact("a", "p", "missing"),)  # it still counts against the recall
    assert found[:1].losses() == []


def test_pairs_make_the_same_as_a_file():
    found = TripleTexts.from_pairs([("a b", [("a", "p", "b")]), TripleText("c")])
    assert found[0] == TripleText("a b", (Fact("a", "p", "b"),))
    assert found.predicates == ("p",)
    with pytest.raises(InputError, match="text 1: expected"):
        TripleTexts.from_pairs([("a b", ["apb"])])
    for pair in ("ab", ("a b", None), ("a b", "apb")):
        with pytest.raises(InputError, match=r"text 1: expected a pair \(text, triples\)"):
            TripleTexts.from_pairs([pair])


def test_predicates_stand_by_frequency_then_name():
    facts = [("a", "q", "b"), ("a", "p", "b"), ("b", "r", "a"), ("a", "r", "b")]
    assert TripleTexts.from_pairs([("ab", facts)]).predicates == ("r", "p", "q")


def test_every_occurrence_is_found():
    assert occurrences("李白和李白的诗", "李白") == [(0, 2), (3, 5)]
    assert occurrences("aaa", "aa") == [(0, 2)]
    assert occurrences("a.b", ".") == [(1, 2)]
    assert occurrences("ab", "c") == []


def test_an_occurrence_inside_a_word_counts_only_without_another():
    assert occurrences("Ann and Anna", "Ann") == [(0, 3)]
    assert occurrences("Anna", "Ann") == [(0, 3)]
    assert occurrences("票房5亿，1995年", "5") == [(2, 3)]


@given(st.text("ab1 李", max_size=12), st.text("ab1 李", min_size=1, max_size=3))
def test_occurrences_are_the_piece_and_are_missed_only_when_absent(text, piece):
    found = occurrences(text, piece)
    assert all(text[start:end] == piece for start, end in found)
    assert bool(found) == (piece in text)
    assert all(a[1] <= b[0] for a, b in pairwise(found))


def test_scores_count_sets_per_text():
    gold = [[("a", "p", "b"), ("a", "p", "b"), ("a", "q", "c")], [("x", "p", "y")], []]
    predicted = [[("a", "p", "b")], [("x", "p", "z"), ("a", "q", "c")], []]
    score = score_triples(gold, predicted)
    assert (score.gold, score.predicted, score.correct) == (3, 3, 1)
    assert (score.precision, score.recall, score.f1) == (1 / 3, 1 / 3, pytest.approx(1 / 3))


def test_scores_are_exact_in_case_and_spaces():
    assert score_triples([[("A b", "p", "c")]], [[("a b", "p", "c")]]).correct == 0
    assert score_triples([[("A b", "p", "c")]], [[("Ab", "p", "c")]]).correct == 0


def test_a_found_triple_is_compared_by_its_strings():
    found = Triple("a", "p", "b", 0, 1, 2, 3, 0.5)
    assert score_triples([[found.fact]], [[found]]).f1 == 1


def test_scores_of_nothing_are_zero():
    assert score_triples([[]], [[]]).f1 == 0
    assert score_triples([[("a", "p", "b")]], [[]]).precision == 0


def test_scores_need_as_many_texts_on_both_sides():
    with pytest.raises(InputError, match="text 2: the prediction has no such text"):
        score_triples([[], []], [[]])


TEXTS = TripleTexts.from_pairs(
    [
        ("李白写了静夜思", [("静夜思", "作者", "李白")]),
        ("静夜思是李白的诗", [("静夜思", "作者", "李白")]),
        ("杜甫写了春望", [("春望", "作者", "杜甫")]),
    ]
)


def test_a_known_fact_is_a_candidate_where_both_ends_stand():
    known = KnownFacts.from_texts(TEXTS)
    assert known.candidates("杜甫的春望") == [Fact("春望", "作者", "杜甫")]
    assert known.candidates("春望是谁写的") == []
    assert known.candidates("") == []


def test_a_training_text_is_not_told_its_own_facts_unless_another_holds_them():
    known = KnownFacts.from_texts(TEXTS)
    assert known.candidates(TEXTS[2].text, TEXTS[2].facts) == []
    assert known.candidates(TEXTS[0].text, TEXTS[0].facts) == [Fact("静夜思", "作者", "李白")]


def test_known_facts_survive_json():
    known = KnownFacts.from_texts(TEXTS)
    again = KnownFacts.from_rows(json.loads(json.dumps(known.rows())))
    assert again.counts == known.counts
    with pytest.raises(InputError, match="expected \\[subject"):
        KnownFacts.from_rows([["a", "p", "b"]])


@pytest.mark.data
@pytest.mark.skipif("TEXTZERO_DATA" not in os.environ, reason="TEXTZERO_DATA is not set")
def test_every_triple_of_the_duie_sample_stands_in_its_text():
    found = read_triples(Path(os.environ["TEXTZERO_DATA"]) / "extraction" / "duie_dev.jsonl")
    assert len(found) == 1000
    assert found.unplaced == 0
    assert sum(len(item.facts) for item in found) >= 1771
