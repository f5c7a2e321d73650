"""How good are vectors: word similarity by rank correlation, analogies by the word they lead to."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path

import numpy as np

from textzero._arguments import checked
from textzero._compat import Array
from textzero._frames import Row
from textzero.errors import InputError
from textzero.progress import Progress
from textzero.vectors.rows import blocks, unit_rows
from textzero.vectors.word_vectors import WordVectors

_QUESTIONS = 256  # analogies answered by one matrix product
_LOOKED_AT = 20  # lines that tell what a file is


@dataclass(frozen=True)
class Similarity(Row):
    """Spearman's rank correlation of cosines with human scores, over pairs that have vectors."""

    name: str
    spearman: float
    covered: int
    total: int


@dataclass(frozen=True)
class Analogies(Row):
    """Share of right answers to a : b = c : ?, over the questions whose four words have vectors."""

    name: str
    add: float
    mul: float
    covered: int
    total: int


@checked
def evaluate_similarity(vectors: WordVectors, path: str | Path) -> Similarity:
    """Score vectors on a file of "word word score" lines.

    Raises:
        InputError: A line is something else, or fewer than two pairs have vectors.
    """
    left, right, scores, total = array("q"), array("q"), array("d"), 0
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
    cosines = np.empty(len(scores), np.float32)
    for part in blocks(len(scores), vectors.dim):
        x, y = (unit_rows(vectors.vectors[np.array(ids[part])]) for ids in (left, right))
        cosines[part] = np.einsum("ij,ij->i", x, y)
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


@checked
def evaluate_analogies(
    vectors: WordVectors,
    path: str | Path,
    first: int | None = None,
    progress: Progress | None = None,
) -> Analogies:
    """Score vectors on a file of "a b c d" lines; a line with a colon starts a section.

    The answer is the word nearest to b - a + c among the first `first` words, a, b and c excluded:
    by sum of cosines (3CosAdd) and by their product (3CosMul; Levy and Goldberg 2014).
    `progress` is told how many words were compared with the questions.

    Raises:
        InputError: A line is something else, or no question has vectors.
    """
    limit = min(first or len(vectors), len(vectors))
    questions, total = array("q"), 0
    for number, line in _lines(path):
        if line.startswith(":"):
            continue
        words = line.split()
        if len(words) != 4:
            raise InputError(f"{path}:{number}: expected four words, got {line!r}")
        total += 1
        ids = [vectors.find(word) for word in words]
        if all(i is not None and i < limit for i in ids):
            questions.extend(i for i in ids if i is not None)
    if not questions:
        raise InputError(f"{path}: none of {total} questions has vectors for its four words")
    asked = np.array(questions, np.int64).reshape(-1, 4)
    progress = progress or Progress()
    with progress.stage("analogies", limit, "words"):
        found = _answers(vectors, asked[:, :3], limit, progress)
    add, mul = (found == asked[:, 3]).mean(axis=1).tolist()
    return Analogies(Path(path).stem, add, mul, len(asked), total)


def _answers(vectors: WordVectors, asked: Array, limit: int, progress: Progress) -> Array:
    """int64 (2, n_questions): what 3CosAdd and 3CosMul answer, from blocks of the first words."""
    best = np.full((2, len(asked)), -np.inf, np.float32)
    found = np.zeros((2, len(asked)), np.int64)
    for block in blocks(limit, max(vectors.dim, _QUESTIONS)):
        unit, start = unit_rows(vectors.vectors[block]), block.start
        for first in range(0, len(asked), _QUESTIONS):
            part = slice(first, first + _QUESTIONS)
            tables = _scores(vectors, asked[part], unit, start)
            for kind, table in enumerate(tables):
                places = table.argmax(axis=1)
                values = table[np.arange(len(table)), places]
                better = values > best[kind, part]  # of equals the first stays
                best[kind, part][better] = values[better]
                found[kind, part][better] = start + places[better]
        progress.advance(len(unit))
    return found


def _scores(vectors: WordVectors, asked: Array, unit: Array, start: int) -> tuple[Array, Array]:
    """float32 (n_questions, n_words), twice: 3CosAdd's and 3CosMul's scores of a block of words."""
    a, b, c = (unit_rows(vectors.vectors[places]) @ unit.T for places in asked.T)
    scores = b - a + c
    products = (b + 1) / 2 * ((c + 1) / 2) / ((a + 1) / 2 + 1e-3)
    for places in asked.T:
        inside = np.flatnonzero((places >= start) & (places < start + len(unit)))
        for table in (scores, products):
            table[inside, places[inside] - start] = -np.inf
    return scores, products


def is_analogies(path: str | Path) -> bool:
    """Whether a file asks analogies rather than lists pairs: a section, or four words a line.

    A table of pairs may have further columns; there the third of a line is a number.
    """
    four = None
    for _, line in islice(_lines(path), _LOOKED_AT):
        fields = line.split("\t") if "\t" in line else line.split()
        if line.startswith(":"):
            return True
        if len(fields) > 2 and _is_number(fields[2]):
            return False
        four = len(line.split()) == 4 if four is None else four
    if four is None:
        raise InputError(f"{path} holds no question")
    return four


def _is_number(field: str) -> bool:
    try:
        return isfinite(float(field))
    except ValueError:
        return False


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not blank, one in memory at a time."""
    try:
        with open(path, "rb") as file:
            number = 0
            for raw in file:
                for line in raw.decode("utf-8-sig" if number == 0 else "utf-8").splitlines():
                    number += 1
                    if line.strip():
                        yield number, line.strip()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number + 1} must be UTF-8: {error}") from error
