"""What a method of word discovery finds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.discovery.arrays import Arrays, Column, Strings
from textzero.packed import PackedStrings

_ROWS = 1 << 14


class Dropped:
    """Rows (word, count, reason), in three columns: millions of them cost little."""

    def __init__(self, words: Sequence[str], counts: Array, reasons: Sequence[str]) -> None:
        self.words, self.counts, self.reasons = words, counts, reasons

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[tuple[str, int, str]]:
        for first in range(0, len(self), _ROWS):
            part = slice(first, first + _ROWS)
            counts = self.counts[part].tolist()
            yield from zip(self.words[part], counts, self.reasons[part], strict=True)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Dropped | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def of_rows(
        cls, rows: Iterable[tuple[str, int, str]], arrays: Arrays | None = None
    ) -> "Dropped":
        """Pack rows, some thousand at a time."""
        arrays = arrays or Arrays()
        words, counts, reasons = Strings(arrays), Column(arrays, np.int64), Strings(arrays)
        rest = iter(rows)
        while block := list(islice(rest, _ROWS)):
            columns: list[Any] = list(zip(*block, strict=True))
            words.add(PackedStrings.from_strings(columns[0]))
            counts.add(np.array(columns[1], np.int64))
            reasons.add(PackedStrings.from_strings(columns[2]))
        return cls(words.packed(), counts.array(), reasons.packed())


@dataclass
class Found:
    """Words, the most frequent first, ties by their units in order.

    Attributes:
        words: The words: strings of units, with the units' joiner between.
        counts: int64 (n,). How often each one was found.
        scores: Further columns, name -> float64 (n,); NaN where there is no value.
        dropped: What was considered and is no word.
    """

    words: Sequence[str]
    counts: Array
    scores: dict[str, Array] = field(default_factory=dict)
    dropped: Dropped = field(default_factory=lambda: Dropped.of_rows([]))

    def __post_init__(self) -> None:
        self.counts = np.asarray(self.counts, np.int64)
