"""What a method of word discovery finds."""

from dataclasses import dataclass, field

import numpy as np

from textzero._compat import Array


@dataclass
class Found:
    """Words, the most frequent first, ties by their units in order.

    Attributes:
        words: The words: strings of units, with the units' joiner between.
        counts: int64 (n,). How often each one was found.
        scores: Further columns, name -> float64 (n,); NaN where there is no value.
        dropped: (word, count, reason) of what was considered and is no word.
    """

    words: list[str]
    counts: Array
    scores: dict[str, Array] = field(default_factory=dict)
    dropped: list[tuple[str, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = np.asarray(self.counts, np.int64)
