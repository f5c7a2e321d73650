"""What a passage has in common with its question, token by token, as one small number each.

The author's model of 2018 was fed the exact matches of words and of characters (article 5409, worth
more than 2 %). Here a token's match is the length of the longest run of the question's tokens that
covers it, up to LONGEST, and whether the word over it stands in the question too.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from textzero._compat import Array

LONGEST = 4
KINDS = 1 + 2 * (LONGEST + 1)  # rows of an embedding: padding, then run and word
_KNOWN = 2  # row of the first word that has a vector


def question_matches(
    question: Sequence[str],
    passage: Sequence[str],
    question_inputs: Mapping[str, Array] | None = None,
    passage_inputs: Mapping[str, Array] | None = None,
) -> Array:
    """Return int32 (n_passage_tokens,): 1 + run + (LONGEST + 1) * word; 0 is left to padding.

    Args:
        question: Tokens of the question.
        passage: Tokens of the passage; capitals do not matter.
        question_inputs: What an Encoder made of the question; its "words_k" tell words.
        passage_inputs: The same for the passage.

    Example:
        >>> question_matches(list("谁开发？"), list("它由光荣开发")).tolist()
        [1, 1, 1, 1, 3, 3]
    """
    return 1 + _runs(question, passage) + (LONGEST + 1) * _words(question_inputs, passage_inputs)


def _runs(question: Sequence[str], passage: Sequence[str]) -> Array:
    """int32 (n,): the longest run of the question that covers each token, at most LONGEST."""
    numbers: dict[str, int] = {}
    asked = [numbers.setdefault(token.lower(), len(numbers) + 1) for token in question]
    size = len(numbers) + 1
    first = np.array(asked, np.int64)
    told = np.array([numbers.get(token.lower(), 0) for token in passage], np.int64)
    runs = np.zeros(len(told), np.int32)
    code_asked, code_told = first, told  # 0, what the question has not, is in no code of its own
    for length in range(1, LONGEST + 1):
        if length > 1:  # a run is told by its tokens' numbers as digits
            code_asked = code_asked[:-1] * size + first[length - 1 :]
            code_told = code_told[:-1] * size + told[length - 1 :]
        if not len(code_asked) or not len(code_told):
            break
        places = np.flatnonzero(np.isin(code_told, code_asked))
        for shift in range(length):
            runs[places + shift] = length
    return runs


def _words(
    question: Mapping[str, Array] | None, passage: Mapping[str, Array] | None
) -> Array | int:
    """1 where the word over a token stands in the question, by any of the tables; else 0."""
    found: Array | int = 0
    for name in passage or ():
        if name.startswith("words_") and question is not None:
            rows = passage[name]  # type: ignore[index]
            known = question[name][question[name] >= _KNOWN]
            found = found | np.isin(rows, known).astype(np.int32)
    return found
