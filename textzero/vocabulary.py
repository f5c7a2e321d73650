"""Vocabulary: words with ids from 0, most frequent first."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from textzero._arguments import at_least_one, checked
from textzero._compat import Array
from textzero._counts_reading import first_repeated, read_blocks
from textzero._frames import Tabular, batch_of, words_column
from textzero.counts import Counts, exact_sum
from textzero.errors import InputError
from textzero.files import whole_file
from textzero.kernels import kernel
from textzero.lexicon import whole_numbers
from textzero.packed import PADDING, PackedStrings

if TYPE_CHECKING:
    import pyarrow

_MOST_BYTES = (1 << 31) - 1  # what the kernel's places of words can hold
_SCANS = 64  # words that are looked for before `ids` are made
_HASHED = 1 << 15  # words that are hashed at once
_FACTOR = 0x9E3779B97F4A7C15


class Vocabulary(Tabular, Sequence[str]):
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

    @checked
    def __init__(self, words: Sequence[str], counts: Array) -> None:
        self.words = (
            words if isinstance(words, PackedStrings) else PackedStrings.from_strings(words)
        )
        is_whole = isinstance(counts, np.ndarray) and counts.dtype == np.int64
        self.counts = counts if is_whole else whole_numbers(counts)
        if len(self.words) != self.counts.size:
            raise ValueError(
                f"counts must have one entry a word, got {self.counts.size} for {len(self.words)}"
            )
        if self.counts.size and self.counts.min() < 0:
            raise ValueError(f"counts must not be negative, got {self.counts.min()}")
        self._asked = 0  # words looked for, without `ids`

    @classmethod
    def from_counts(
        cls, counts: Mapping[str, int], min_count: int = 5, max_size: int | None = None
    ) -> "Vocabulary":
        """Keep words with at least `min_count`, at most `max_size` of them.

        Args:
            counts: `Counts`, or any mapping word -> count.
            min_count: Rarer words are dropped.
            max_size: At most so many words, the most frequent; ties in code point order.

        Raises:
            InputError: Fewer than two words are left.
            TypeError: `counts` is no mapping of words.
            ValueError: A count is no whole number; a limit is below 1.

        >>> list(Vocabulary.from_counts({"b": 5, "c": 1, "a": 5, "d": 9}))
        ['d', 'a', 'b']
        """
        least, most = at_least_one("min_count", min_count), max_size
        most = None if most is None else at_least_one("max_size", most)
        counts = counts if isinstance(counts, Counts) else _ranked(counts)
        kept = counts.keep(least, most)
        if len(kept) < 2:
            raise InputError(
                f"a vocabulary needs at least two words, got {len(kept)}: of {len(counts):,} "
                f"words ({counts.tokens:,} tokens), {len(kept)} passed min_count={min_count}"
                f"{'' if most is None else f', of which at most {most:,} are kept'}; "
                "lower --min-count or give more text"
            )
        if kept.owner is None:
            return cls(kept.words, kept.counts)
        size = int(kept.words.offsets[-1])  # what is in files comes into memory, without the rest
        words = PackedStrings(
            np.array(kept.words.text[: size + PADDING]), np.array(kept.words.offsets)
        )
        return cls(words, np.array(kept.counts))

    def __len__(self) -> int:
        return len(self.words)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> PackedStrings: ...
    def __getitem__(self, index: "int | slice") -> "str | PackedStrings":
        if isinstance(index, str):
            raise TypeError(f"the index must be a place, got {index!r:.60}; id() has a word's")
        return self.words[index]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made anew when it is asked for."""
        return {k: v for k, v in self.__dict__.items() if k not in ("ids", "table")}

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.id(word) is not None

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} words, {exact_sum(self.counts):,} tokens)"

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        yield batch_of({"word": words_column(self.words), "count": self.counts})

    @cached_property
    def ids(self) -> dict[str, int]:
        """Word -> id."""
        return {word: i for i, word in enumerate(self.words)}

    def id(self, word: str) -> int | None:
        """Return the id of a word, or None."""
        if not isinstance(word, str):
            raise TypeError(f"a word must be a string, got {word!r:.60}")
        self._asked += 1
        if "ids" in self.__dict__ or self._asked > _SCANS:
            return self.ids.get(word)
        return self._scan(word)

    def _scan(self, word: str) -> int | None:
        """The id of a word without `ids`, which take more time and memory than a few scans."""
        try:
            wanted = np.frombuffer(word.encode(), np.uint8)
        except UnicodeEncodeError:  # a lone surrogate is in no word
            return None
        text, offsets = self.words.text, self.words.offsets
        found = np.flatnonzero(np.diff(offsets) == wanted.size)
        for place, byte in enumerate(wanted.tolist()):
            found = found[text[offsets[found] + place] == byte]
        return int(found[-1]) if found.size else None

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

    @checked
    def save(self, path: str | Path) -> None:
        """Write word<TAB>count lines."""
        with whole_file(path) as file:
            for block in Counts(self.words, self.counts).formatted("tsv"):
                file.write(block)

    @classmethod
    @checked
    def load(cls, path: str | Path) -> "Vocabulary":
        """Read what `save` wrote, in the order of the file.

        Raises:
            InputError: The file is not there, or a line is not word<TAB>count.
        """
        blocks = list(read_blocks(path))
        lengths = [np.zeros(1, np.int64), *(np.diff(rows.offsets) for rows in blocks)]
        padding = np.zeros(PADDING, np.uint8)
        text = np.concatenate([*(rows.text[: rows.offsets[-1]] for rows in blocks), padding])
        words = PackedStrings(text, np.cumsum(np.concatenate(lengths)))
        if repeated := _repeated(words):
            raise first_repeated(path, repeated)
        counts = [np.zeros(0, np.int64), *(rows.counts for rows in blocks)]
        return cls(words, np.concatenate(counts))


def _ranked(counts: Mapping[str, int]) -> Counts:
    """Any mapping as counts in their order."""
    if not isinstance(counts, Mapping):
        raise TypeError(f"counts must be a mapping word -> count, got {type(counts).__name__}")
    if wrong := [word for word in counts if not isinstance(word, str)]:
        raise TypeError(f"counts must be of words, got {wrong[0]!r:.60}")
    rows = zip(whole_numbers(list(counts.values())).tolist(), counts, strict=True)
    ranked = sorted(rows, key=lambda row: (-row[0], row[1]))
    numbers = np.array([count for count, _ in ranked], np.int64)
    return Counts(PackedStrings.from_strings(word for _, word in ranked), numbers)


def _repeated(words: PackedStrings) -> set[str]:
    """The words that are there more than once: found by hashes, then told for certain."""
    hashes = np.empty(len(words), np.uint64)
    for first in range(0, len(words), _HASHED):
        part = words[first : first + _HASHED]
        starts, stops = part.offsets[:-1], part.offsets[1:]
        text = part.text[starts[0] : stops[-1]].astype(np.uint64) + np.uint64(1)
        place = np.arange(text.size) - np.repeat(starts - starts[0], stops - starts)
        powers = np.cumprod(np.full(int((stops - starts).max()), _FACTOR, np.uint64))
        hashes[first : first + _HASHED] = np.add.reduceat(text * powers[place], starts - starts[0])
    order = np.argsort(hashes, kind="stable")
    same = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
    seen: set[str] = set()
    found = [words[int(i)] for i in np.unique(np.concatenate([order[same], order[same + 1]]))]
    return {word for word in found if word in seen or seen.add(word)}  # type: ignore[func-returns-value]
