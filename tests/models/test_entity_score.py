"""Entity scores against conlleval's published rules, written out, and known outputs."""

import pytest

pytest.importorskip("keras")

from hypothesis import given, settings
from hypothesis import strategies as st

from textzero.errors import InputError
from textzero.models.entity_score import score_entities, score_labels

# Pairs of letters between which a span ends or begins although its type stays the same: the
# table of conlleval (2004), and what its later versions have for E and S.
ENDS = {"BB", "BO", "IB", "IO"} | {"BS", "IS"} | {f"{a}{b}" for a in "ES" for b in "BIESO"}
BEGINS = {"BB", "IB", "OB", "OI", "OE", "EE", "EI", "SE", "SI", "EB", "SB"} | {
    f"{a}S" for a in "BIESO"
}


def conlleval(sentences):
    """Count tokens, gold, predicted and correct spans line by line, as the program does."""
    gold = found = correct = tokens = same = 0
    within = False
    last = ["O", "O"]
    lines = [pair for pairs in sentences for pair in [*pairs, None]]
    for line in lines:
        now = list(line) if line else ["O", "O"]
        ends, begins, kinds, last_kinds = [], [], [], []
        for before, tag in zip(last, now, strict=True):
            letter, _, kind = tag.partition("-")
            letter_before, _, kind_before = before.partition("-")
            differ = kind != kind_before
            ends.append(letter_before + letter in ENDS or (letter_before != "O" and differ))
            begins.append(letter_before + letter in BEGINS or (letter != "O" and differ))
            kinds.append(kind)
            last_kinds.append(kind_before)
        if within:
            if all(ends) and last_kinds[0] == last_kinds[1]:
                within, correct = False, correct + 1
            elif ends[0] != ends[1] or kinds[0] != kinds[1]:
                within = False
        if all(begins) and kinds[0] == kinds[1]:
            within = True
        gold, found = gold + begins[0], found + begins[1]
        if line:
            tokens, same = tokens + 1, same + (now[0] == now[1])
        last = now
    return tokens, same, gold, found, correct + within


@st.composite
def two_taggings(draw, letters):
    tags = ["O", *(f"{letter}-{kind}" for letter in letters for kind in ("PER", "LOC"))]
    pair = st.tuples(st.sampled_from(tags), st.sampled_from(tags))
    return draw(st.lists(st.lists(pair, min_size=0, max_size=8), max_size=4))


@settings(max_examples=300)
@given(st.sampled_from(["BI", "BIES", "I", "BE"]).flatmap(lambda x: two_taggings(x)))
def test_counts_equal_a_transcription_of_conlleval_for_any_tags_valid_or_not(sentences):
    score = score_entities(
        [[pair[0] for pair in pairs] for pairs in sentences],
        [[pair[1] for pair in pairs] for pairs in sentences],
    )
    counted = (score.tokens, score.same, score.gold, score.predicted, score.correct)
    assert counted == conlleval(sentences)


def test_the_figures_of_a_hand_counted_example():
    gold = ["B-PER I-PER O B-LOC".split(), "B-ORG O O".split()]
    guess = ["B-PER I-PER O B-ORG".split(), "B-ORG I-ORG O".split()]
    score = score_entities(gold, guess)
    # found: PER, ORG, ORG; gold: PER, LOC, ORG; one is right
    assert (score.gold, score.predicted, score.correct) == (3, 3, 1)
    assert score.precision == score.recall == pytest.approx(1 / 3)
    assert score.f1 == pytest.approx(1 / 3)
    assert score.accuracy == pytest.approx(5 / 7)
    assert score.by_type["PER"].f1 == 1.0
    assert score.by_type["LOC"].recall == 0.0
    assert (score.by_type["ORG"].gold, score.by_type["ORG"].predicted) == (1, 2)


def test_a_span_does_not_run_over_the_end_of_a_sentence():
    assert score_entities([["B-A"], ["I-A"]], [["B-A"], ["I-A"]]).gold == 2


def test_spans_that_begin_with_i_count_as_conlleval_counts_them():
    assert score_entities([["B-A", "I-A"]], [["I-A", "I-A"]]).correct == 1
    assert score_entities([["B-A", "I-A"]], [["B-A", "I-B"]]).predicted == 2


def test_middle_last_and_unit_letters_are_those_of_the_other_schemes():
    score = score_entities([["B-A", "M-A", "E-A", "W-A"]], [["B-A", "I-A", "L-A", "U-A"]])
    assert (score.correct, score.gold, score.predicted) == (2, 2, 2)


def test_the_report_is_what_conlleval_prints():
    score = score_entities([["B-PER", "O", "B-LOC"]], [["B-PER", "B-LOC", "O"]])
    assert score.report() == (
        "processed 3 tokens with 2 phrases; found: 2 phrases; correct: 1.\n"
        "accuracy:  33.33%; precision:  50.00%; recall:  50.00%; FB1:  50.00\n"
        "              LOC: precision:   0.00%; recall:   0.00%; FB1:   0.00  1\n"
        "              PER: precision: 100.00%; recall: 100.00%; FB1: 100.00  1\n"
    )


def test_nothing_at_all_scores_zero():
    score = score_entities([], [])
    assert score.figures() == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "accuracy": 0.0}
    assert score_entities([[]], [[]]).tokens == 0


def test_figures_name_the_types():
    figures = score_entities([["S-A", "S-B"]], [["S-A", "O"]]).figures()
    assert figures["f1 A"] == 1.0
    assert figures["recall B"] == 0.0


def test_labels_of_their_own_are_scored_one_by_one():
    score = score_labels([["NN", "VV", "NN"]], [["NN", "NN", "NN"]])
    assert score.accuracy == score.f1 == pytest.approx(2 / 3)
    assert score.by_type["NN"].precision == pytest.approx(2 / 3)
    assert score.by_type["NN"].recall == 1.0


@pytest.mark.parametrize("function", [score_entities, score_labels])
def test_taggings_of_other_shapes_are_refused(function):
    with pytest.raises(InputError, match="sentence 1: gold has 2 tags and the prediction 1"):
        function([["O", "O"]], [["O"]])
    with pytest.raises(InputError, match="sentence 2: the prediction has no such sentence"):
        function([["O"], ["O"]], [["O"]])


def test_a_tag_of_no_scheme_is_refused():
    with pytest.raises(ValueError, match="sentence 1: a tag must be"):
        score_entities([["NN"]], [["NN"]])
