"""Vocabulary: words with ids from 0, most frequent first."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.counts import Counts, read_rows
from textzero.errors import InputError
from textzero.files import whole_file
from textzero.kernels import kernel
from textzero.packed import PackedStrings

_MOST_BYTES = (1 << 31) - 1  # what the kernel's places of words can hold


class Vocabulary(Sequence[str]):
    """A fixed list of words; a word's id is its place.

    Attributes:
        words: The words.
        counts: int64 (n,). How often each was seen.

    Example:
        >>> from textzero.counting import count_words
        >>> vocabulary = Vocabulary.from_counts(count_words(["a b a", "b a c"]), min_count=2)
        >>> list(vocabulary), vocabulary.id("b"), vocabulary.id("c")
        (['a', 'b'], 1, None)
    """

    def __init__(self, words: Sequence[str], counts: Array) -> None:
        self.words = (
            words if isinstance(words, PackedStrings) else PackedStrings.from_strings(words)
        )
        self.counts = np.asarray(counts, np.int64)
        if len(self.words) != self.counts.size:
            raise ValueError(
                f"counts must have one entry a word, got {self.counts.size} for {len(self.words)}"
            )
        if self.counts.size and self.counts.min() < 0:
            raise ValueError(f"counts must not be negative, got {self.counts.min()}")

    @classmethod
    def from_counts(
        cls, counts: Counts, min_count: int = 5, max_size: int | None = None
    ) -> "Vocabulary":
        """Keep words with at least `min_count`, at most `max_size` of them.

        Raises:
            InputError: Fewer than two words are left.
        """
        kept = counts.keep(min_count, max_size)
        if len(kept) < 2:
            raise InputError(
                f"a vocabulary needs at least two words, got {len(kept)}: of {len(counts):,} "
                f"words ({counts.tokens:,} tokens), {len(kept)} passed min_count={min_count}; "
                "lower --min-count or give more text"
            )
        return cls(kept.words, kept.counts)

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: Any) -> Any:
        return self.words[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.ids

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} words, {int(self.counts.sum()):,} tokens)"

    @cached_property
    def ids(self) -> dict[str, int]:
        """Word -> id."""
        return {word: i for i, word in enumerate(self.words)}

    def id(self, word: str) -> int | None:
        """Return the id of a word, or None."""
        return self.ids.get(word)

    @cached_property
    def table(self) -> Any:
        """The kernel's word table with every word's id, for `kernels.tables.look_up`.

        Raises:
            ValueError: A word is there twice.
            InputError: The words are longer than 2 GB together.
        """
        size = int(self.words.offsets[-1])
        if size > _MOST_BYTES:
            raise InputError(
                f"the words of a vocabulary must be below 2 GB together, got {size:,} bytes; "
                "raise --min-count or set --max-words"
            )
        kernels = kernel("tables")
        table = kernels.new_table(False)
        ids = np.arange(len(self), dtype=np.int64)
        kernels.set_values(table, self.words.text, self.words.offsets, ids)
        ends = self.words.offsets.astype(np.int32)
        wrong = kernels.look_up(table, self.words.text, ends[:-1], ends[1:]) != ids
        if wrong.any():
            raise ValueError(f"words must differ, got {self.words[int(wrong.argmax())]!r} twice")
        return table

    def save(self, path: str | Path) -> None:
        """Write word<TAB>count lines."""
        with whole_file(path) as file:
            for block in Counts(self.words, self.counts).formatted("tsv"):
                file.write(block)

    @classmethod
    def load(cls, path: str | Path) -> "Vocabulary":
        """Read what `save` wrote, in the order of the file.

        Raises:
            InputError: The file is not there, or a line is not word<TAB>count.
        """
        words, counts = [], []
        for word, count, _ in read_rows(path):
            words.append(word)
            counts.append(count)
        return cls(words, np.array(counts, np.int64))
