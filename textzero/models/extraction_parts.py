"""Parts of texts that an extractor reads at once, and what it learns from them, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from textzero._compat import Array
from textzero.models.layers.span_decoding import span_labels
from textzero.models.triples import Fact, occurrences

_STRAY = 8  # tokens of the longest span drawn from a text that has no subject


class Places:
    """Where pieces stand in a text: each looked for once, however many parts ask.

    Attributes:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._found: dict[str, Array] = {}

    def inside(self, piece: str, start: int, stop: int) -> Array:
        """Return int64 (n, 2), the `occurrences` of a piece wholly in text[start:stop]."""
        if piece not in self._found:
            self._found[piece] = np.array(occurrences(self.text, piece), np.int64).reshape(-1, 2)
        found = self._found[piece]  # apart from each other, so that both columns ascend
        first = np.searchsorted(found[:, 0], start)
        return found[first : np.searchsorted(found[:, 1], stop, "right")]


class Part(NamedTuple):
    """Tokens of a text that are read at once: all of them, or a window.

    Attributes:
        number: Which text.
        places: The whole text, and what was found in it.
        inputs: The encoder's arrays, each (n, ...); with a prior "known_subjects" too.
        spans: int32 (n, 2). Characters of the tokens in the whole text.
        first: Whether the text begins here.
        last: Whether it ends here.
        known: Known facts that the text may hold.
    """

    number: int
    places: Places
    inputs: dict[str, Array]
    spans: Array
    first: bool
    last: bool
    known: tuple[Fact, ...]

    def tokens_of(self, piece: str) -> list[tuple[int, int]]:
        """Return (first token, one past the last) of every occurrence inside this part."""
        if not len(self.spans):
            return []
        found = self.places.inside(piece, int(self.spans[0, 0]), int(self.spans[-1, 1]))
        first = np.searchsorted(self.spans[:, 1], found[:, 0], "right")
        stop = np.searchsorted(self.spans[:, 0], found[:, 1], "left")
        return list(zip(first.tolist(), stop.tolist(), strict=True))

    @property
    def text(self) -> str:
        """The whole text."""
        return self.places.text

    def is_cut(self, start: int, end: int) -> bool:
        """Whether a span touches an edge behind which the text goes on: it may be a piece."""
        return (start == 0 and not self.first) or (end == len(self.spans) and not self.last)


@dataclass(frozen=True)
class Example:
    """A part of a training text.

    Attributes:
        part: Its tokens.
        objects: (first, one past last) token of each occurrence of each subject -> its objects,
            each (first, one past last, predicate).
    """

    part: Part
    objects: dict[tuple[int, int], list[tuple[int, int, int]]]


def windows(tokens: int, size: int) -> list[tuple[int, int]]:
    """Return (first, one past last) token of windows over a text.

    Each begins half a window behind the one before it, so that whatever stands within half a
    window stands together in one of them.

    Example:
        >>> windows(5, 8), windows(9, 4)
        ([(0, 5)], [(0, 4), (2, 6), (4, 8), (5, 9)])
    """
    if tokens <= size:
        return [(0, tokens)]
    starts = [*range(0, tokens - size, max(1, size // 2)), tokens - size]
    return [(start, start + size) for start in starts]


def draw_subject(example: Example, generator: np.random.Generator) -> tuple[int, int]:
    """Return (first, one past last) token of a span to learn the objects of.

    Start and end are drawn apart from each other, so that sometimes they are those of no subject
    and the network learns that such a span has no objects (article 6671).
    """
    size = len(example.part.spans)
    if not example.objects:
        start = int(generator.integers(size))
        return start, min(size, start + 1 + int(generator.integers(_STRAY)))
    spans = list(example.objects)
    start = spans[generator.integers(len(spans))][0]
    ends = [end for _, end in spans if end > start]
    return start, ends[generator.integers(len(ends))]


def marks(marked: Sequence[tuple[int, int, int]], length: int, types: int) -> Array:
    """int8 (length, types, 2) that marks (first, one past last, type)."""
    columns = np.array(marked, np.int64).reshape(-1, 3).T
    return span_labels(columns[2], columns[0], columns[1], length, types).astype(np.int8)
