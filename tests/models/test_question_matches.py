from itertools import product

import numpy as np
import pytest

pytest.importorskip("keras")

from textzero.models.question_matches import KINDS, LONGEST, question_matches


def runs_by_hand(question, passage):
    runs = [0] * len(passage)
    for i, length in product(range(len(passage)), range(1, LONGEST + 1)):
        run = passage[i : i + length]
        if len(run) == length and any(
            question[j : j + length] == run for j in range(len(question))
        ):
            for place in range(i, i + length):
                runs[place] = max(runs[place], length)
    return runs


@pytest.mark.parametrize("seed", range(50))
def test_a_match_is_the_longest_run_of_the_question_that_covers_a_token(seed):
    generator = np.random.default_rng(seed)
    question, passage = (
        list(generator.choice(list("abcde"), generator.integers(0, size))) for size in (8, 20)
    )
    found = question_matches(question, passage)
    assert (found - 1).tolist() == runs_by_hand(question, passage)
    assert found.dtype == np.int32


def test_capitals_do_not_matter_and_padding_is_left_free():
    assert question_matches(["Go"], ["GO", "x"]).tolist() == [2, 1]
    assert question_matches([], []).tolist() == []


def test_runs_are_told_exactly_in_long_questions():
    question = [str(n) for n in range(5000)]
    found = question_matches(question, ["4999", "0", "1", "2", "3", "4", "9", "8"])
    assert (found - 1).tolist() == [1, 4, 4, 4, 4, 4, 1, 1]


def test_a_word_matches_where_it_has_a_vector_and_stands_in_the_question():
    question = {
        "tokens": np.array([1, 2]),
        "words_0": np.array([5, 1]),
        "words_1": np.array([1, 1]),
    }
    passage = {"tokens": np.array([3] * 4), "words_0": np.array([5, 1, 6, 0]),
               "words_1": np.array([1, 1, 1, 1])}  # fmt: skip
    found = question_matches(list("甲乙"), list("乙丙丁戊"), question, passage)
    assert found.tolist() == [1 + 1 + (LONGEST + 1), 1, 1, 1]
    assert found.max() < KINDS
