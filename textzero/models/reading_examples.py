"""What a reader learns from: a question, a passage as ids, and where the answers are in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from textzero._compat import Array
from textzero.models.reading import Question, answer_places

LABELS = ("occurrences", "places")
LONGEST_ANSWER = 64  # characters, where the training data decide


@dataclass(frozen=True)
class ReadingExample:
    """A question and one passage, as a network reads them, and where the answers are.

    Attributes:
        question: Inputs of the question, each int32 (n,).
        passage: Inputs of the whole passage, each int32 (n,).
        places: int64 (n_answers, 2). First and last token of each answer.
    """

    question: Mapping[str, Array]
    passage: Mapping[str, Array]
    places: Array

    def __len__(self) -> int:
        """Tokens of the passage."""
        return len(self.passage["tokens"])


def token_places(spans: Array, places: Iterable[tuple[int, int]]) -> Array:
    """Return int64 (n, 2), the first and the last token of each stretch of characters.

    Args:
        spans: int (n_tokens, 2). First character of each token and character behind.
        places: First character and character behind; a stretch without a token is left out.
    """
    wanted = np.array(sorted(places), np.int64).reshape(-1, 2)
    first = np.searchsorted(spans[:, 1], wanted[:, 0], side="right")
    last = np.searchsorted(spans[:, 0], wanted[:, 1], side="left") - 1
    return np.stack([first, last], 1)[first <= last]


def draw_part(
    example: ReadingExample, longest: int, generator: np.random.Generator
) -> tuple[int, int]:
    """Draw which tokens of a passage a network learns from, as (first, behind).

    Half the time a stretch of random length from half of `longest`, anywhere (the author's code of
    2019); otherwise as much as can be read at once, with an answer in it if there is one that fits.

    Args:
        example: The example.
        longest: Tokens that are read at once.
        generator: Decides.
    """
    tokens, half = len(example), -(-longest // 2)
    if tokens > half and generator.random() < 0.5:
        start = int(generator.integers(tokens - half + 1))
        return start, int(generator.integers(start + half, min(tokens, start + longest) + 1))
    if tokens <= longest:
        return 0, tokens
    first, last = 0, tokens - longest  # where a part may begin
    fitting = example.places[example.places[:, 1] - example.places[:, 0] < longest]
    if len(fitting):
        begin, end = generator.choice(fitting)
        first, last = max(first, int(end) + 1 - longest), min(last, int(begin))
    start = int(generator.integers(first, last + 1))
    return start, start + longest


def part_labels(example: ReadingExample, start: int, stop: int) -> Array:
    """Return int32 (stop - start, 2): 1 where an answer starts, where one ends.

    Args:
        example: The example.
        start: First token of the part.
        stop: Token behind it; an answer that is not wholly inside counts for nothing.
    """
    labels = np.zeros((stop - start, 2), np.int32)
    inside = (example.places[:, 0] >= start) & (example.places[:, 1] < stop)
    for side in (0, 1):
        labels[example.places[inside, side] - start, side] = 1
    return labels


def longest_answer(data: Iterable[Question], labels: str, max_passage: int) -> int:
    """Return the characters of all but one in a hundred answers.

    LONGEST_ANSWER at most, and half of a part that is read at once.

    Args:
        data: Questions with answers.
        labels: One of LABELS.
        max_passage: Tokens that are read at once.
    """
    lengths = [
        stop - start
        for question in data
        for number in range(len(question.passages))
        for start, stop in answer_places(question, number, labels == "places")[:1]
    ]
    common = int(np.ceil(np.quantile(lengths, 0.99))) if lengths else LONGEST_ANSWER
    return max(1, min(common, LONGEST_ANSWER, max_passage // 2))
