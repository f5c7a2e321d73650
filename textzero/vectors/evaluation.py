"""How good are vectors: word similarity by rank correlation, analogies by the word they lead to."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.vectors.word_vectors import WordVectors, unit_rows

_QUESTIONS = 512  # analogies answered by one matrix product, fewer
_SCORES = 1 << 24  # when they would have more scores than these


@dataclass(frozen=True)
class Similarity:
    """Spearman's rank correlation of cosines with human scores, over pairs that have vectors."""

    name: str
    spearman: float
    covered: int
    total: int


@dataclass(frozen=True)
class Analogies:
    """Share of right answers to a : b = c : ?, over the questions whose four words have vectors."""

    name: str
    add: float
    mul: float
    covered: int
    total: int


def evaluate_similarity(vectors: WordVectors, path: str | Path) -> Similarity:
    """Score vectors on a file of "word word score" lines.

    Raises:
        InputError: A line is something else, or fewer than two pairs have vectors.
    """
    left, right, scores, total = [], [], [], 0
    for number, line in _lines(path):
        fields = line.split("\t") if "\t" in line else line.split()
        try:
            a, b, score = fields[0], fields[1], float(fields[2])
            if not isfinite(score):
                raise ValueError
        except (IndexError, ValueError):
            if number == 1:  # a header
                continue
            raise InputError(
                f"{path}:{number}: expected two words and a score, got {line!r}"
            ) from None
        total += 1
        i, j = vectors.find(a), vectors.find(b)
        if i is not None and j is not None:
            left.append(i)
            right.append(j)
            scores.append(score)
    if len(scores) < 2:
        raise InputError(f"{path}: {len(scores)} of {total} pairs have vectors; two are needed")
    a, b = unit_rows(vectors.vectors[left]), unit_rows(vectors.vectors[right])
    cosines = np.einsum("ij,ij->i", a, b)
    correlation = spearman(cosines, np.array(scores))
    return Similarity(Path(path).stem, correlation, len(scores), total)


def spearman(a: Array, b: Array) -> float:
    """Return Spearman's rank correlation; ties share their mean rank.

    >>> spearman(np.array([1, 2, 3, 4.0]), np.array([1, 3, 2, 4.0]))
    0.8
    """
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return round(float(x @ y / size), 12) if size else 0.0


def _ranks(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def evaluate_analogies(
    vectors: WordVectors, path: str | Path, first: int | None = None
) -> Analogies:
    """Score vectors on a file of "a b c d" lines; a line with a colon starts a section.

    The answer is the word nearest to b - a + c among the first `first` words, a, b and c excluded:
    by sum of cosines (3CosAdd) and by their product (3CosMul; Levy and Goldberg 2014).

    Raises:
        InputError: A line is something else, or no question has vectors.
    """
    limit = min(first or len(vectors), len(vectors))
    questions, total = [], 0
    for number, line in _lines(path):
        if line.startswith(":"):
            continue
        words = line.split()
        if len(words) != 4:
            raise InputError(f"{path}:{number}: expected four words, got {line!r}")
        total += 1
        ids = [vectors.find(word) for word in words]
        if all(i is not None and i < limit for i in ids):
            questions.append(ids)
    if not questions:
        raise InputError(f"{path}: none of {total} questions has vectors for its four words")
    right = np.zeros(2, np.int64)
    unit = unit_rows(vectors.vectors[:limit])
    asked = np.array(questions)
    most = max(1, min(_QUESTIONS, _SCORES // limit))
    for start in range(0, len(asked), most):
        right += _right_answers(unit, asked[start : start + most])
    add, mul = (right / len(asked)).tolist()
    return Analogies(Path(path).stem, add, mul, len(asked), total)


def _right_answers(unit: Array, questions: Array) -> Array:
    """Return how many questions 3CosAdd and 3CosMul answer rightly."""
    a, b, c, d = questions.T
    scores = (unit[b] - unit[a] + unit[c]) @ unit.T
    positive = (unit[np.concatenate([a, b, c])] @ unit.T + 1) / 2
    far, near, also = np.split(positive, 3)
    products = near * also / (far + 1e-3)
    rows = np.arange(len(questions))
    right = []
    for table in (scores, products):
        for used in (a, b, c):
            table[rows, used] = -np.inf
        right.append(int((table.argmax(axis=1) == d).sum()))
    return np.array(right)


def is_analogies(path: str | Path) -> bool:
    """Whether a file asks analogies (a section or four words a line) rather than lists pairs."""
    for _, line in _lines(path):
        return line.startswith(":") or len(line.split()) == 4
    raise InputError(f"{path} holds no question")


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} must be UTF-8: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line.strip()
