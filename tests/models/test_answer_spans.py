from itertools import product

import numpy as np
import pytest

pytest.importorskip("keras")

from textzero.models.answer_spans import Answer, combine_passages, ranked_spans, windows


def by_hand(start, end, spans, max_answer, threshold):
    """Every span, one by one."""
    found = [
        (int(spans[i][0]), int(spans[j][1]), start[i] * end[j])
        for i, j in product(range(len(start)), repeat=2)
        if i <= j and start[i] > threshold and end[j] > threshold
        and spans[j][1] - spans[i][0] <= max_answer
    ]  # fmt: skip
    return sorted(found, key=lambda span: (-span[2], span[0], span[1]))


@pytest.mark.parametrize("seed", range(20))
def test_ranked_spans_are_those_of_a_search_through_all(seed):
    generator = np.random.default_rng(seed)
    tokens = int(generator.integers(1, 12))
    start, end = generator.random((2, tokens))
    widths = generator.integers(1, 4, tokens) + generator.integers(0, 2, tokens)  # and white space
    stops = np.cumsum(widths)
    spans = np.stack([stops - generator.integers(1, widths + 1), stops], 1)
    for max_answer, threshold in [(1, 0.0), (3, 0.0), (6, 0.3), (100, 0.0), (100, 0.9)]:
        wanted = by_hand(start, end, spans, max_answer, threshold)[:5]
        found = ranked_spans(start, end, spans, max_answer, threshold, kept=5)
        assert [span[:2] for span in found] == [span[:2] for span in wanted]
        np.testing.assert_allclose([s[2] for s in found], [s[2] for s in wanted])


def test_the_score_is_the_product_of_start_and_end():
    spans = np.array([[0, 1], [1, 2], [3, 4]])
    found = ranked_spans(np.array([0.5, 0.1, 0.0]), np.array([0.0, 0.2, 0.4]), spans, 4)
    assert found[0] == (0, 4, pytest.approx(0.2))
    assert (1, 4, pytest.approx(0.04)) in found


def test_a_span_that_begins_behind_its_end_is_none():
    spans = np.array([[0, 1], [1, 2]])
    assert ranked_spans(np.array([0.0, 1.0]), np.array([1.0, 0.0]), spans, 5) == []


def test_a_text_without_tokens_has_no_spans():
    assert ranked_spans(np.zeros(0), np.zeros(0), np.zeros((0, 2), int), 5) == []


def test_agreement_of_passages_wins_over_one_sure_passage_by_squares_alone():
    passages = ["甲", "乙", "乙"]
    found = [[(0, 1, 0.7)], [(0, 1, 0.6)], [(0, 1, 0.6)]]
    # 甲: .49 / 1.7 = .288; 乙: .72 / 2.2 = .327
    squares = combine_passages(passages, found, "squares")
    assert (squares.text, squares.passage) == ("乙", 1)
    assert squares.score == pytest.approx(0.72 / 2.2)
    assert [c.text for c in squares.candidates] == ["乙", "甲"]
    assert squares.candidates[1].score == pytest.approx(0.49 / 1.7)
    assert combine_passages(passages, found, "max").text == "甲"
    assert combine_passages(passages, found, "sum").score == pytest.approx(1.2)


def test_many_weak_passages_win_by_sum_but_not_by_squares():
    passages = ["甲", *["乙"] * 5]
    found = [[(0, 1, 0.8)], *[[(0, 1, 0.2)]] * 5]
    # squares: 甲 .64 / 1.8 = .356; 乙 .2 / 2 = .1
    assert combine_passages(passages, found, "squares").text == "甲"
    assert combine_passages(passages, found, "sum").text == "乙"


def test_a_string_counts_once_in_each_passage_with_its_best_place():
    answer = combine_passages(["乙甲甲"], [[(1, 2, 0.3), (2, 3, 0.5)]], "sum")
    assert answer.score == pytest.approx(0.5)
    assert (answer.start, answer.stop) == (2, 3)


def test_without_spans_there_is_no_answer():
    assert combine_passages(["甲", "乙"], [[], []]) == Answer("", 0.0, -1, -1, -1, ())


def test_an_unknown_way_to_combine_is_refused():
    with pytest.raises(ValueError, match="combine must be one of sum, squares, max, got 'mean'"):
        combine_passages([], [], "mean")


@pytest.mark.parametrize("tokens", range(1, 40))
def test_windows_cover_every_stretch_as_long_as_their_overlap(tokens):
    size, overlap = 10, 4
    parts = windows(tokens, size, overlap)
    assert all(0 <= a < b <= tokens and b - a <= size for a, b in parts)
    for start in range(max(1, tokens - overlap)):
        stop = min(tokens, start + overlap)
        assert any(a <= start and stop <= b for a, b in parts)
