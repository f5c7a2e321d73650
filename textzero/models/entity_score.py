"""How well tagged spans agree with gold ones: precision, recall and F1 as conlleval counts them.

A span is right when its first token, last token and type are those of a gold span. What a span is
follows from the tags by conlleval's rules, also where they break their scheme (`tags_to_spans`);
accuracy compares the tags as they stand. Counts are summed over all sentences.

conlleval.pl itself (2004) knows no single letter and lets E touch B; with S and E the rules are
those of the scorers that extend it, such as seqeval.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from textzero._frames import Tabular
from textzero.errors import InputError
from textzero.models.tags import tags_to_spans

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class SpanCounts:
    """Spans of a type, or of all.

    Attributes:
        gold: Spans there are.
        predicted: Spans that were said to be.
        correct: Spans in both.
    """

    gold: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        """Share of the predicted spans that are right; 0 where there is none."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold spans that were found; 0 where there is none."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 0 where both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True)
class EntityScore(Tabular, SpanCounts):
    """Agreement of two taggings.

    As a table it has a row for all entities, then one for each type.

    Attributes:
        tokens: Tokens compared.
        same: Tokens whose tags are equal.
        by_type: The counts of each type, in the order of names.
    """

    tokens: int = 0
    same: int = 0
    by_type: dict[str, SpanCounts] = field(default_factory=dict)

    _row_name = "rows"

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        import pyarrow

        names = ("precision", "recall", "f1", "gold", "predicted", "correct")
        rows = [("all", self), *self.by_type.items()]
        columns = {name: [getattr(score, name) for _, score in rows] for name in names}
        yield pyarrow.RecordBatch.from_pydict({"type": [name for name, _ in rows], **columns})

    @property
    def accuracy(self) -> float:
        """Share of tokens with the right tag; 0 without tokens."""
        return self.same / self.tokens if self.tokens else 0.0

    def figures(self) -> dict[str, float]:
        """Return precision, recall, F1 and accuracy, and the first three of each type.

        Example:
            >>> score_entities([["B-PER", "O"]], [["B-PER", "O"]]).figures()["f1 PER"]
            1.0
        """
        found = {
            "precision": self.precision, "recall": self.recall, "f1": self.f1,
            "accuracy": self.accuracy,
        }  # fmt: skip
        for kind, counts in self.by_type.items():
            if kind:
                found |= {
                    f"precision {kind}": counts.precision,
                    f"recall {kind}": counts.recall,
                    f"f1 {kind}": counts.f1,
                }
        return found

    def report(self) -> str:
        """Return the lines that conlleval prints."""
        lines = [
            f"processed {self.tokens} tokens with {self.gold} phrases; "
            f"found: {self.predicted} phrases; correct: {self.correct}."
        ]
        if self.tokens:
            lines.append(f"accuracy: {100 * self.same / self.tokens:6.2f}%; {_percent(self)}")
        for kind, counts in self.by_type.items():
            lines.append(f"{kind:>17}: {_percent(counts)}  {counts.predicted}")
        return "\n".join(lines) + "\n"


def score_entities(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]
) -> EntityScore:
    """Compare two taggings of the same sentences.

    Args:
        gold: For each sentence its tags, of any scheme of `tags.SCHEMES`.
        predicted: The same, of the same scheme.

    Raises:
        InputError: The taggings have not the same number of sentences or of tags in one.
        ValueError: A tag belongs to no scheme.

    Example:
        >>> score = score_entities([["B-PER", "I-PER", "O"]], [["B-PER", "O", "B-LOC"]])
        >>> score.predicted, score.correct, round(score.accuracy, 3)
        (2, 0, 0.333)
    """
    true_spans: Counter[str] = Counter()
    found_spans: Counter[str] = Counter()
    right: Counter[str] = Counter()
    tokens = same = 0
    for number, true, guess in _pairs(gold, predicted):
        tokens += len(true)
        same += sum(a == b for a, b in zip(true, guess, strict=True))
        try:
            spans, guesses = tags_to_spans(true), tags_to_spans(guess)
        except ValueError as error:
            raise ValueError(f"sentence {number}: {error}") from None
        true_spans.update(kind for _, _, kind in spans)
        found_spans.update(kind for _, _, kind in guesses)
        right.update(kind for _, _, kind in set(spans) & set(guesses))
    kinds = sorted(true_spans.keys() | found_spans.keys())
    by_type = {kind: SpanCounts(true_spans[kind], found_spans[kind], right[kind]) for kind in kinds}
    totals = true_spans.total(), found_spans.total(), right.total()
    return EntityScore(*totals, tokens=tokens, same=same, by_type=by_type)


def score_labels(gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> EntityScore:
    """Compare tags that are labels of their own, such as parts of speech: each token is a span.

    Precision, recall and F1 over all labels are then the accuracy.

    Raises:
        InputError: The taggings have not the same number of sentences or of tags in one.
    """
    true_labels: Counter[str] = Counter()
    found_labels: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for _, true, guess in _pairs(gold, predicted):
        true_labels.update(true)
        found_labels.update(guess)
        right.update(a for a, b in zip(true, guess, strict=True) if a == b)
    tokens, same = true_labels.total(), right.total()
    by_type = {
        kind: SpanCounts(true_labels[kind], found_labels[kind], right[kind])
        for kind in sorted(true_labels.keys() | found_labels.keys())
    }
    return EntityScore(tokens, tokens, same, tokens=tokens, same=same, by_type=by_type)


def _pairs(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]
) -> Iterable[tuple[int, Sequence[str], Sequence[str]]]:
    for number, (true, guess) in enumerate(zip_longest(gold, predicted), 1):
        if true is None or guess is None:
            side = "gold" if true is None else "prediction"
            raise InputError(f"sentence {number}: the {side} has no such sentence")
        if len(true) != len(guess):
            raise InputError(
                f"sentence {number}: gold has {len(true)} tags and the prediction {len(guess)}"
            )
        yield number, true, guess


def _percent(counts: SpanCounts) -> str:
    """The figures as conlleval rounds them: it multiplies by 100 first."""
    precision = 100 * counts.correct / counts.predicted if counts.predicted else 0.0
    recall = 100 * counts.correct / counts.gold if counts.gold else 0.0
    total = precision + recall
    f1 = 2 * precision * recall / total if total else 0.0
    return f"precision: {precision:6.2f}%; recall: {recall:6.2f}%; FB1: {f1:6.2f}"
