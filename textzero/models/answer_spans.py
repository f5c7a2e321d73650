"""From probabilities of starts and ends to an answer: spans, then passages combined.

The score of a span is the probability of its start times that of its end. A string that stands in
a passage more than once counts there with its best score s; over the passages it has their sum.
The author has sum s^2 / (1 + sum s), "squares", which asks for agreement but not for mere
repetition (article 5409). The focal loss makes scores small, and of small scores that sees only the
largest: on WebQA's 20 passages a question F1 was .41 to .43 by the sum, .34 to .37 by the squares,
.27 to .31 by the maximum (three seeds, with vectors; .313, .315, .270 without).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from textzero._compat import Array

KEPT = 20  # spans of a part of a passage; what comes behind has never won a vote
COMBINE = ("sum", "squares", "max")
Span = tuple[int, int, float]  # first character, character behind, score


@dataclass(frozen=True)
class Answer:
    """An answer and where it stands.

    Attributes:
        text: passages[passage][start:stop]; "" where there is no answer.
        score: Of all passages together; by "sum" no probability, but up to their number.
        passage: The passage where it has its best score; -1 without an answer.
        start, stop: First character and character behind, in the raw passage.
        candidates: Answers with their scores, best first, this one included.
    """

    text: str = ""
    score: float = 0.0
    passage: int = -1
    start: int = -1
    stop: int = -1
    candidates: tuple["Answer", ...] = ()


def ranked_spans(
    start: Array,
    end: Array,
    spans: Array,
    max_answer: int,
    threshold: float = 0.0,
    kept: int = KEPT,
) -> list[Span]:
    """Return (first character, character behind, score) of the best spans, best first.

    Args:
        start: float (n_tokens,). Probability that an answer begins with the token.
        end: float (n_tokens,). Probability that an answer ends with it.
        spans: int (n_tokens, 2). First character of the token and character behind.
        max_answer: Characters of the longest answer.
        threshold: Both probabilities must be above it.
        kept: How many to return, at most; of equal scores the earlier, then the shorter.
    """
    tokens = len(start)
    start = np.where(start > threshold, start, 0.0).astype(np.float64)
    end = np.where(end > threshold, end, 0.0).astype(np.float64)
    width = min(tokens, max_answer)  # a token has at least a character
    if width < 1:
        return []
    last = np.arange(tokens)[:, None] + np.arange(width)  # shape: (tokens, width)
    inside = np.minimum(last, tokens - 1)
    fits = (last < tokens) & (spans[inside, 1] - spans[:, :1] <= max_answer)
    scores = np.where(fits, start[:, None] * end[inside], 0.0).ravel()
    if len(scores) > kept:
        chosen = np.flatnonzero(scores >= np.partition(scores, -kept)[-kept])
    else:
        chosen = np.arange(len(scores))
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")][:kept]
    return [
        (int(spans[at // width, 0]), int(spans[inside.ravel()[at], 1]), float(scores[at]))
        for at in chosen
        if scores[at] > 0
    ]


def combine_passages(
    passages: Sequence[str],
    found: Sequence[Sequence[Span]],
    combine: str = "sum",
    candidates: int = 10,
) -> Answer:
    """Return the answer that the passages give together.

    Args:
        passages: The raw passages.
        found: For each passage (first character, character behind, score) of its spans, scores
            above 0.
        combine: How the best scores s of a string in the passages that have it make one:
            "sum"; "squares", sum s^2 / (1 + sum s); or "max". On WebQA's 20 passages a question
            F1 is .43, .37 and .30, with word vectors.
        candidates: How many answers to name, at most.

    Raises:
        ValueError: `combine` is none of these.

    Example:
        >>> spans = [[(0, 2, 0.6)], [(0, 2, 0.5), (2, 4, 0.7)]]
        >>> answer = combine_passages(["巴黎", "巴黎伦敦"], spans)
        >>> answer.text, round(answer.score, 3)
        ('巴黎', 1.1)
        >>> combine_passages(["巴黎", "巴黎伦敦"], spans, "max").text
        '伦敦'
    """
    votes = Votes(combine)
    votes.add(passages, found)
    return votes.best(candidates)


class Votes:
    """What passages say, added up some at a time; see `combine_passages`.

    Args:
        combine: One of COMBINE.
    """

    def __init__(self, combine: str = "sum") -> None:
        if combine not in COMBINE:
            raise ValueError(f"combine must be one of {', '.join(COMBINE)}, got {combine!r}")
        self.combine, self._passages = combine, 0
        # of each text: sum and sum of squares of its passages' best scores; the best one's place
        self._sums: dict[str, list[float]] = {}
        self._places: dict[str, tuple[float, int, int, int]] = {}

    def __len__(self) -> int:
        """How many different answers there are."""
        return len(self._places)

    def add(self, passages: Sequence[str], found: Sequence[Sequence[Span]]) -> None:
        """Add passages with (first character, character behind, score) of their spans."""
        for number, (passage, spans) in enumerate(
            zip(passages, found, strict=True), self._passages
        ):
            best: dict[str, tuple[float, int, int, int]] = {}
            for start, stop, score in spans:
                text = passage[start:stop]
                if score > best.get(text, (0.0,))[0]:
                    best[text] = (score, number, start, stop)
            for text, place in best.items():
                sums = self._sums.setdefault(text, [0.0, 0.0])
                sums[0] += place[0]
                sums[1] += place[0] ** 2
                if place[0] > self._places.get(text, (0.0,))[0]:
                    self._places[text] = place
        self._passages += len(passages)

    def best(self, candidates: int = 10) -> Answer:
        """Return the answer that all passages give together, naming some more."""
        answers = [
            Answer(text, self._score(text), number, start, stop)
            for text, (_, number, start, stop) in self._places.items()
        ]
        answers.sort(key=lambda answer: (-answer.score, answer.passage, answer.start, answer.stop))
        if not answers:
            return Answer()
        return replace(answers[0], candidates=tuple(answers[:candidates]))

    def _score(self, text: str) -> float:
        total, squares = self._sums[text]
        if self.combine == "max":
            return self._places[text][0]
        return total if self.combine == "sum" else squares / (1 + total)


def windows(tokens: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Return (first token, token behind) of parts that cover a text; neighbours overlap.

    Args:
        tokens: Of the text.
        size: Of a part, at most; only a text that is shorter has a shorter one.
        overlap: Tokens that two neighbours have in common, at least; below `size`.

    >>> windows(10, 6, 2)
    [(0, 6), (4, 10)]
    """
    if tokens <= size:
        return [(0, tokens)]
    step = size - overlap
    starts = [*range(0, tokens - size, step), tokens - size]
    return [(start, start + size) for start in starts]
