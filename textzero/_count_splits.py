"""Splits counted: by kernels in a thread, or by a Python tokenizer in this process or another."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from sys import getsizeof
from time import perf_counter

import numpy as np

from textzero._compat import Array
from textzero._words.bounded import BoundedTable, LongDocument
from textzero._words.merging import Bench, new_name
from textzero._words.runs import Rows, write_run
from textzero._words.spool import Part, Spool
from textzero.corpus import Corpus, Reading, Split
from textzero.memory import BASE, memory_bytes
from textzero.packed import PackedStrings
from textzero.store import Store
from textzero.token_workers import (
    clean_counts,
    forget_tokens,
    not_strings,
    python_tokens,
    raw_tokens,
    tokens_kept,
)
from textzero.tokens import Tokenizer
from textzero.workspace import COMMIT_SECONDS

THREAD, WORKER = 16 << 20, 60 << 20  # what a thread needs at least; a process before any data
_SHARE = 20  # of the time, one part goes into entries
_WORD_SECONDS = 2e-6  # to write a word, before it is known
_LOOK = 1 << 14  # tokens of a Python tokenizer between two looks at memory


@dataclass(frozen=True)
class How:
    """What is counted: n-grams of a tokenizer's tokens for low <= n <= high."""

    tokenizer: Tokenizer
    low: int
    high: int
    documents: bool


@dataclass(frozen=True)
class Shares:
    """How a bound on memory is divided.

    Attributes:
        room: Bytes for what is counted, in all.
        workers: How many threads or processes it is enough for.
        one: Bytes for one of them.
    """

    room: int
    workers: int
    one: int

    @classmethod
    def of_threads(cls, memory: int | str | None, workers: int) -> "Shares":
        """Divide among threads."""
        room = memory_bytes(memory) - BASE
        workers = max(min(workers, room // THREAD), 1)
        return cls(room, workers, room // workers)

    @classmethod
    def of_processes(cls, memory: int | str | None, workers: int, base: int = WORKER) -> "Shares":
        """Divide among this process, which takes a third, and others with a `base` of their own."""
        room = memory_bytes(memory) - BASE
        workers = max(min(workers, room * 2 // 3 // (base + 2 * THREAD)), 1)
        taken = 0 if workers == 1 else base
        return cls(room // 3, workers, room * 2 // 3 // workers - taken)


class SplitCounter:
    """What one thread counts by kernels, and has not committed yet."""

    def __init__(self, corpus: Corpus, how: How, spool: Spool, most: int) -> None:
        self.corpus, self.how, self.spool = corpus, how, spool
        self.words = BoundedTable(
            how.documents, how.low, how.high, most, spool.bench, spool.store, spool.wrote
        )
        self._begun, self._cost = perf_counter(), 0.0
        self._begin()

    def _begin(self) -> None:
        self.covers: list[tuple[int, int, int]] = []
        self.tokens, self.reading, self._is_open = 0, Reading(), False

    def count(self, split: Split, advance: Callable[[int], None]) -> None:
        """Count one split; commit what was counted when that is due."""
        for piece in self.corpus.pieces(split, self.reading):
            text, starts, stops = self.how.tokenizer.find(piece)
            self.words.add_tokens(text, starts, stops)
            self._tally(starts)
            advance(piece.stored)
        self.words.end_document()
        self.reading.documents += self._is_open
        self._is_open = False
        self.covers.append((split.source, split.start, split.stop))
        self.commit_if_due()

    def add(self, counted: "Counted") -> None:
        """Add what a Python tokenizer's split has; commit when that is due."""
        if counted.rows is not None:
            self.words.add_rows(counted.rows)
        self.words.runs += counted.runs
        self.tokens += counted.tokens
        self.reading.add(counted.reading)
        split = counted.split
        self.covers.append((split.source, split.start, split.stop))
        self.commit_if_due()

    def _tally(self, starts: Array) -> None:
        """Add the tokens and the documents that ended in one piece."""
        ends = starts < 0
        ended = int(np.count_nonzero(ends))
        self.tokens += starts.size - ended
        if starts.size:
            if ends[0] and not self._is_open:
                ended -= 1
            self.reading.documents += ended
            self._is_open = not ends[-1]

    def commit_if_due(self) -> None:
        """Commit after the first seconds, then so that little of the time goes into that."""
        if self.spool.stage is None or not self.covers:
            return
        words = self.words.kernels.extent(self.words.table)[0]
        cost = max(self._cost, words * _WORD_SECONDS)
        begun = perf_counter()
        if begun - self._begun < max(COMMIT_SECONDS, _SHARE * cost):
            return
        self.words.dump()
        part = self.part()
        name = f"part-{new_name()}"
        self.spool.commit(name, part)
        self._begun = perf_counter()
        self._cost = self._begun - begun
        self._begin()

    def part(self) -> Part:
        """Take what is counted since the last commit, but for what is in the table."""
        runs, self.words.runs = self.words.runs, []
        return Part(self.covers, runs, self.tokens, self.reading)


@dataclass
class Counted:
    """What a Python tokenizer's split has: words in memory, or runs in the store."""

    split: Split
    rows: Rows | None
    runs: list[str]
    tokens: int
    reading: Reading


@dataclass(frozen=True)
class PythonCounter:
    """Counts splits by a Python tokenizer (see `token_workers`).

    Attributes:
        low, high, documents: As in `How`.
        most: Bytes that the words of a split may take.
        new_bench: Makes the place for runs of open documents.
        new_store: Makes the place for the other runs.
    """

    low: int
    high: int
    documents: bool
    most: int
    new_bench: Callable[[], Bench]
    new_store: Callable[[], Store]

    def __call__(self, split: Split) -> Counted:
        """Count one split."""
        reading = Reading()
        tokens = 0
        runs: list[str] = []
        document = LongDocument(self.new_bench)
        for words in self._counters(split, reading):
            tokens += words.tokens
            if words.ends_split and not runs:
                return Counted(split, words.rows(list(words.counts)), runs, tokens, reading)
            runs.append(new_name())
            rows = words.rows(_sorted(words.counts))
            write_run(self.new_store(), runs[-1], [rows], self.new_bench().block)
            if words.document:
                packed = PackedStrings.from_strings(_sorted(words.document))
                document.add([(packed.text, packed.offsets)])
            forget_tokens()
            if words.ends_document and document:
                runs.append(document.close(self.new_store()))
        return Counted(split, None, runs, tokens, reading)

    def _counters(self, split: Split, reading: Reading) -> Iterator["_Words"]:
        if self.high == 1 and not self.documents:
            return self._raw(split, reading)
        return self._sequences(split, reading)

    def _raw(self, split: Split, reading: Reading) -> Iterator["_Words"]:
        """Count tokens as they come, which are cleaned when all equal ones are together."""
        words = _Words(documents=False)
        looked = 0
        for tokens, _ in raw_tokens(split, reading):
            try:
                words.counts.update(tokens)
            except TypeError as error:
                raise not_strings(split, error) from error
            looked += len(tokens)
            if looked >= _LOOK:
                looked = 0
                if _size(words, tokens) > self.most:
                    yield words.cleaned(split, reading)
                    words = _Words(documents=False)
        words.ends_split = True
        yield words.cleaned(split, reading)

    def _sequences(self, split: Split, reading: Reading) -> Iterator["_Words"]:
        words = _Words(self.documents)
        tail: list[str] = []  # the last tokens of a document that goes on
        apart = False  # whether words of the open document were yielded
        looked = 0
        for part, ended in python_tokens(split, reading):
            words.tokens += len(part)
            line, fresh = tail + part, len(tail)
            grams = [
                " ".join(line[i - n + 1 : i + 1])
                for i in range(fresh, len(line))
                for n in range(self.low, min(self.high, i + 1) + 1)
            ]
            tail = [] if ended else line[max(0, len(line) - self.high + 1) :]
            words.counts.update(grams)
            if self.documents:
                words.document.update(grams)
                if ended and not apart:
                    words.held.update(words.document)
                    words.document.clear()
            if (ended and apart) or words.tokens - looked >= _LOOK:
                looked = words.tokens
                if (ended and apart) or _size(words, grams) > self.most:
                    apart = self.documents and not ended
                    words.ends_document = ended
                    yield words
                    words, looked = _Words(self.documents), 0
        words.ends_split = True
        yield words


class _Words:
    """Some words with their counts.

    Attributes:
        counts: How often each was seen.
        held: Documents that hold it, without those that are counted apart.
        tokens: How many there were.
        document: Words of a document that is counted apart.
        ends_document: Whether that document ends.
        ends_split: Whether the split ends.
    """

    def __init__(self, documents: bool) -> None:
        self.documents = documents
        self.counts: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.tokens = 0
        self.document: set[str] = set()
        self.ends_document = self.ends_split = False

    def cleaned(self, split: Split, reading: Reading) -> "_Words":
        """Clean the words, and count how many there were."""
        clean_counts(self.counts, split, reading)
        self.tokens = self.counts.total()
        return self

    def rows(self, words: list[str]) -> Rows:
        """Some of the words, packed."""
        packed = PackedStrings.from_strings(words)
        counts = np.fromiter((self.counts[word] for word in words), np.int64, len(words))
        held = np.fromiter((self.held[word] for word in words if self.documents), np.int64)
        return Rows(packed.text, packed.offsets, counts, held)


def _sorted(words: Iterable[str]) -> list[str]:
    """Sort words as they are sorted when they are packed."""
    return sorted(words, key=lambda word: word.encode("utf-8", "replace"))


def _size(words: _Words, last: Sequence[str]) -> int:
    """About the bytes that words take, with what it takes to write them; by the last of them."""
    some = [len(word) for word, _ in zip(last, range(100), strict=False)]
    length = sum(some) // max(len(some), 1)
    tables = sum(map(getsizeof, (words.counts, words.held, words.document)))
    return tables + (len(words.counts) + tokens_kept()) * (150 + 4 * length)
