"""What the training triples say of a text: facts whose subject and object both stand in it.

Distant supervision as an input (article 6671): the network decides whether a known fact is also
said here. While it learns, a text must not be told its own triples; a fact is known to a training
text only when another one holds it too, which is what a new text will meet.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from textzero.errors import InputError
from textzero.models.triples import Fact, TripleText


class KnownFacts:
    """The facts of all training texts, to be looked up in a text.

    Attributes:
        counts: Fact -> number of texts that hold it.
    """

    def __init__(self, counts: dict[Fact, int]) -> None:
        self.counts = counts
        self._objects: dict[str, list[Fact]] = {}
        for fact in counts:
            self._objects.setdefault(fact.subject, []).append(fact)
        lengths: dict[str, set[int]] = {}
        for subject in self._objects:
            lengths.setdefault(subject[0], set()).add(len(subject))
        self._lengths = {first: sorted(found) for first, found in lengths.items()}

    @classmethod
    def from_texts(cls, texts: Iterable[TripleText]) -> "KnownFacts":
        """Count in how many texts each fact stands."""
        return cls(dict(Counter(fact for item in texts for fact in set(item.facts))))

    @classmethod
    def from_rows(cls, rows: Iterable[Iterable[object]]) -> "KnownFacts":
        """Make it of what `rows` returned.

        Raises:
            InputError: A row is not (subject, predicate, object, count).
        """
        counts = {}
        for row in rows:
            match list(row):
                case [str(s), str(p), str(o), int(count)] if s and o:
                    counts[Fact(s, p, o)] = count
                case other:
                    raise InputError(f"expected [subject, predicate, object, count], got {other!r}")
        return cls(counts)

    def rows(self) -> list[list[object]]:
        """Return [subject, predicate, object, count] of each fact, sorted: what JSON can hold."""
        return [[*fact, self.counts[fact]] for fact in sorted(self.counts)]

    def candidates(self, text: str, own: Iterable[Fact] = ()) -> list[Fact]:
        """Return the known facts whose subject and object stand in a text, sorted.

        Args:
            text: The text.
            own: The text's own facts, when it is one of those that were counted: each of them is
                known only if another text holds it.
        """
        own = set(own)
        return sorted(
            fact
            for subject in set(self._subjects(text))
            for fact in self._objects[subject]
            if fact.object in text and self.counts[fact] > (fact in own)
        )

    def _subjects(self, text: str) -> Iterator[str]:
        for start, first in enumerate(text):
            for length in self._lengths.get(first, ()):
                piece = text[start : start + length]
                if piece in self._objects:
                    yield piece
