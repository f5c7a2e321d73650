import numpy as np
import pytest

pytest.importorskip("keras")

from textzero.models.reading import Question
from textzero.models.reading_examples import (
    ReadingExample,
    draw_part,
    longest_answer,
    part_labels,
    token_places,
)


def example(tokens, *places):
    return ReadingExample(
        {"tokens": np.ones(3, np.int32)},
        {"tokens": np.ones(tokens, np.int32)},
        np.array(places, np.int64).reshape(-1, 2),
    )


def test_places_of_characters_become_places_of_tokens():
    spans = np.array([[0, 1], [2, 3], [3, 6], [6, 7]])  # character 1 is white space
    places = token_places(spans, [(2, 6), (0, 3), (1, 2), (4, 5), (6, 7)])
    # (1, 2) holds white space alone; (4, 5) lies inside the third token
    assert places.tolist() == [[0, 1], [1, 2], [2, 2], [3, 3]]
    assert token_places(spans, []).shape == (0, 2)


def test_labels_mark_first_and_last_tokens_of_answers_that_lie_wholly_inside():
    labels = part_labels(example(20, (4, 6), (6, 6), (2, 5), (9, 12)), 4, 12)
    assert labels.T.tolist() == [[1, 0, 1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("tokens", [1, 5, 11, 20, 21, 60])
def test_parts_lie_in_the_passage_and_are_not_too_long(tokens):
    generator = np.random.default_rng(tokens)
    drawn = [draw_part(example(tokens), 20, generator) for _ in range(300)]
    assert all(0 <= start < stop <= tokens and stop - start <= 20 for start, stop in drawn)
    assert max(stop - start for start, stop in drawn) == min(tokens, 20)
    assert {start for start, _ in drawn} >= {0, max(0, tokens - 20)}


def test_half_of_the_parts_hold_a_whole_answer_however_long_the_passage_is():
    generator = np.random.default_rng(0)
    far = example(1000, (700, 709))
    drawn = [draw_part(far, 20, generator) for _ in range(2000)]
    full = [part for part in drawn if part[0] <= 700 and part[1] > 709]
    assert 0.4 < len(full) / len(drawn) < 0.6
    assert len({start for start, _ in full}) == 11  # 690 to 700, all that hold it
    # those that were drawn for the answer never cut it; of the thousand others some do
    assert sum(start <= 709 and stop > 700 for start, stop in drawn) - len(full) < 50


def test_an_answer_longer_than_a_part_is_not_waited_for():
    generator = np.random.default_rng(0)
    assert draw_part(example(100, (0, 99)), 20, generator)[1] <= 100


def test_the_longest_answer_is_that_of_all_but_one_in_a_hundred():
    short = [Question("?", ("甲" * 5,), ("甲" * 5,)) for _ in range(199)]
    one = Question("?", ("乙" * 50,), ("乙" * 50,))
    assert longest_answer([*short, one], "occurrences", 256) == 5
    assert longest_answer([one] * 9, "occurrences", 256) == 50
    assert longest_answer([one] * 9, "occurrences", 60) == 30
    assert longest_answer([Question("?", ("丙" * 90,), ("丙" * 90,))], "occurrences", 256) == 64
