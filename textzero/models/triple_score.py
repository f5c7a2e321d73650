"""How well found triples agree with true ones: precision, recall and F1 over all texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from textzero._frames import Row
from textzero.errors import InputError


@dataclass(frozen=True)
class TripleScore(Row):
    """Agreement of found with true triples, counted over all texts.

    Attributes:
        precision: Share of the found triples that are true; 0 when none was found.
        recall: Share of the true triples that were found; 0 when there is none.
        f1: Harmonic mean of both.
        gold: True triples.
        predicted: Found triples.
        correct: Triples that are both.
    """

    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int
    correct: int


def score_triples(
    gold: Iterable[Iterable[Sequence[Any]]], predicted: Iterable[Iterable[Sequence[Any]]]
) -> TripleScore:
    """Compare the triples of texts, each text's as a set of (subject, predicate, object).

    Strings are compared exactly: neither case nor spaces are folded, and no alias counts.

    Args:
        gold: For each text its triples; of each only the first three members count.
        predicted: The same, of the same texts in the same order.

    Raises:
        InputError: There are more texts on one side.

    Example:
        >>> score_triples([[("a", "p", "b"), ("a", "p", "c")]], [[("a", "p", "b")]]).recall
        0.5
    """
    true = found = correct = 0
    for number, (one, other) in enumerate(zip_longest(gold, predicted), 1):
        if one is None or other is None:
            side = "gold" if one is None else "prediction"
            raise InputError(f"text {number}: the {side} has no such text")
        known, said = {tuple(t[:3]) for t in one}, {tuple(t[:3]) for t in other}
        true, found, correct = true + len(known), found + len(said), correct + len(known & said)
    precision, recall = correct / max(found, 1), correct / max(true, 1)
    f1 = 2 * correct / (true + found) if correct else 0.0
    return TripleScore(precision, recall, f1, true, found, correct)
