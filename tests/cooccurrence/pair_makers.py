"""The ten lines that say what is counted, and a matrix as they have it."""

from collections import Counter
from fractions import Fraction

import numpy as np

from textzero.vocabulary import Vocabulary

WORDS = ["a", "b", "c", "d"]


def vocabulary(*words):
    return Vocabulary(words or WORDS, np.ones(len(words or WORDS), np.int64))


def expected(documents, words, window, weighting="flat", keep_gaps=False):
    """The ten lines that say what is counted, in exact fractions."""
    sums = Counter()
    for tokens in documents:
        if not keep_gaps:
            tokens = [token for token in tokens if token in words]
        for i, word in enumerate(tokens):
            for distance in range(1, min(window, len(tokens) - 1 - i) + 1):
                other = tokens[i + distance]
                if word in words and other in words:
                    weight = 1 if weighting == "flat" else Fraction(1, distance)
                    sums[word, other] += weight
                    sums[other, word] += weight
    return dict(sums)


def found(matrix):
    sums = {}
    for i, word in enumerate(matrix.vocabulary):
        columns, x = matrix.row(word)
        units = Fraction(1, round(1 / matrix.unit))
        for j, value in zip(columns.tolist(), x.tolist(), strict=True):
            sums[word, matrix.vocabulary[j]] = round(value / matrix.unit) * units
        if matrix.diagonal[i]:
            sums[word, word] = int(matrix.diagonal[i]) * units
    return sums


def bytes_of(matrix):
    return [np.asarray(a).tobytes() for a in (matrix.data, matrix.lengths, matrix.diagonal)]


def only_space(text):
    return text.split(" ")


def run_here(work, splits, corpus, tokenizer, workers, extra):  # noqa: ARG001
    from textzero.token_workers import run_python

    return run_python(work, splits, corpus, tokenizer, 1, extra)
