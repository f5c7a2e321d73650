"""How well a segmentation agrees with a gold one: precision, recall and F1 of words.

A word is right when its first and last character are those of a gold word, as in the program
`score` of the bakeoff of 2005 (SIGHAN); the counts are summed over all lines.
"""

import os
from codecs import BOM_UTF8
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest

from textzero._arguments import checked
from textzero._frames import Row
from textzero.errors import InputError


@dataclass(frozen=True)
class SegmentationScore(Row):
    """Agreement of two segmentations.

    Attributes:
        precision: Share of the predicted words that are right.
        recall: Share of the gold words that were found.
        f1: Harmonic mean of both.
        gold: Gold words.
        predicted: Predicted words.
        correct: Words in both.
        known: Gold words that the lexicon has; None when no lexicon was given.
        known_recall: Share of them that was found; None without any.
        unknown: Gold words that it has not, symbols aside.
        unknown_recall: Share of them that was found; None without any.
    """

    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int
    correct: int
    known: int | None = None
    known_recall: float | None = None
    unknown: int | None = None
    unknown_recall: float | None = None


@checked
def score_segmentation(
    gold: Iterable[Sequence[str]],
    predicted: Iterable[Sequence[str]],
    lexicon: Container[str] | None = None,
) -> SegmentationScore:
    """Compare two segmentations of the same lines.

    Args:
        gold: For each line its words.
        predicted: The same; joined, the words of a line must be the same text.
        lexicon: Known words, to tell the recall of known from that of unknown words.

    Raises:
        InputError: A line holds another text, or there are more lines on one side.

    Example:
        >>> score_segmentation([["研究", "生命"]], [["研究", "生", "命"]]).recall
        0.5
    """
    words = guesses = correct = known = known_correct = unknown = unknown_correct = 0
    for number, (true, guess) in enumerate(zip_longest(gold, predicted), 1):
        if true is None or guess is None:
            side = "gold" if true is None else "prediction"
            raise InputError(f"line {number}: the {side} has no such line")
        true, guess = [w for w in true if w], [w for w in guess if w]
        if "".join(true) != "".join(guess):
            raise InputError(
                f"line {number}: gold and prediction must be the same text, "
                f"got {''.join(true)[:30]!r} and {''.join(guess)[:30]!r}"
            )
        guessed = set(_spans(guess))
        words += len(true)
        guesses += len(guess)
        for word, span in zip(true, _spans(true), strict=True):
            found = span in guessed
            correct += found
            if lexicon is None:
                continue
            if word in lexicon:
                known += 1
                known_correct += found
            elif any(map(str.isalnum, word)):
                unknown += 1
                unknown_correct += found
    precision, recall = _share(correct, guesses) or 0.0, _share(correct, words) or 0.0
    f1 = 2 * precision * recall / (precision + recall) if correct else 0.0
    if lexicon is None:
        return SegmentationScore(precision, recall, f1, words, guesses, correct)
    return SegmentationScore(
        *(precision, recall, f1, words, guesses, correct),
        *(known, _share(known_correct, known), unknown, _share(unknown_correct, unknown)),
    )


def _spans(words: Sequence[str]) -> list[tuple[int, int]]:
    ends = list(accumulate(map(len, words)))
    return list(zip([0, *ends], ends, strict=False))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def read_segmented(
    path: str | os.PathLike[str], separator: str | None = None
) -> Iterator[list[str]]:
    """Yield the words of each line of a segmented UTF-8 file; empty lines are left out.

    Args:
        path: The file.
        separator: What separates words; None for any white space.

    Raises:
        InputError: The file cannot be read or is not UTF-8; the message names the line.
        ValueError: `separator` is empty.
    """
    if separator == "":
        raise ValueError("separator must not be empty")
    try:
        with open(path, "rb") as lines:
            for number, raw in enumerate(lines, 1):
                raw = raw.removeprefix(BOM_UTF8) if number == 1 else raw
                try:
                    line = raw.decode().rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise InputError(f"{path}:{number} is not UTF-8: {error.reason}") from error
                words = line.split(separator)
                if any(words):
                    yield [word for word in words if word]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
