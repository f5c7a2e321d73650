"""Segments: the tokens of a corpus as ids, on threads or from processes, until they are counted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import numpy as np

from textzero._compat import Array
from textzero._cooccurrence.counter import Counter
from textzero._cooccurrence.journal import Part
from textzero._cooccurrence.runs import Rows
from textzero._words.spool import uncovered
from textzero.corpus import Corpus, Reading, Split
from textzero.disk import disk
from textzero.kernels import kernel
from textzero.kernels.reference.cooccurrence import DOCUMENT_END, GAP
from textzero.parallel import run_threads
from textzero.progress import Progress
from textzero.subsampling import Sampler
from textzero.token_workers import python_splits, python_tokens, run_python, worker_extra
from textzero.tokens import Tokenizer
from textzero.vocabulary import Vocabulary

_WAITING = 1 << 16  # tokens of a Python tokenizer that are kept in memory, not in a file
_SILENT = Progress()


@dataclass
class Segment:
    """Tokens that one thread has encoded and not yet counted.

    Attributes:
        capacity: Tokens that are counted together, at most.
        workers: Threads that count them.
        part: The splits that are done since the last commit, and runs with some of their tokens.
        tokens: Encoded, in parts.
        size: How many.
        fresh: Tokens at the front that were counted with the run before.
        largest: Tokens of the largest split so far.
        seen: Tokens of all splits.
        since: When the last commit was.
    """

    capacity: int
    workers: int = 1
    part: Part = field(default_factory=Part)
    tokens: list[Array] = field(default_factory=list)
    size: int = 0
    fresh: int = 0
    largest: int = 0
    seen: int = 0
    since: float = field(default_factory=monotonic)

    def take(self) -> Array:
        """Return all tokens; the segment has none any more."""
        tokens = np.concatenate([np.empty(0, np.int32), *self.tokens])
        self.tokens.clear()
        self.size = self.fresh = 0
        return tokens

    def add(self, ids: Array, counter: Counter) -> None:
        """Append tokens; when the segment is full, count it and keep a window of it as context."""
        for start in range(0, ids.size, self.capacity):
            self._append(ids[start : start + self.capacity].astype(np.int32, copy=True))
            if self.size >= self.capacity:
                fresh, tokens = self.fresh, self.take()
                counter.count(self.part, tokens, fresh, self.workers, _SILENT)
                counter.open.add(id(self))
                self._append(tokens[max(0, tokens.size - counter.weights.size) :].copy())
                self.fresh = self.size
        self.seen += ids.size

    def _append(self, ids: Array) -> None:
        self.tokens.append(ids)
        self.size += ids.size

    def end(self, split: Split, before: int) -> bool:
        """Take note that a split is done, `before` tokens having been seen; whether to commit."""
        self.part.add(split)
        self.largest = max(self.largest, self.seen - before)
        return bool(self.part.runs) or self.size + self.largest > self.capacity

    def commit(self, counter: Counter, total: int, due: bool) -> None:
        """Count what is left of whole splits, and put it into the journal."""
        if self.size > self.fresh:
            fresh, tokens = self.fresh, self.take()
            counter.count(self.part, tokens, fresh, self.workers, _SILENT)
        self.take()  # a window that nothing follows
        part, self.part = self.part, Part()
        self.since = monotonic()
        if counter.pairs is not None:
            counter.commit_sums(id(self), part)
            return
        counter.journal.refuse_small_disk(part.reading.bytes, total)
        counter.journal.add(part, due)


@dataclass(frozen=True)
class Sieve:
    """What becomes of the tokens of a split before they are counted."""

    keep_gaps: bool
    keep: Array | None  # probabilities, when words are sub-sampled
    seed: int

    def passed(self, parts: Iterable[Array]) -> Iterator[Array]:
        """Yield the tokens of a split, given as ids in parts, that are to be counted."""
        sampler = None if self.keep is None else Sampler(self.keep, self.seed)
        for part in parts:
            ids = part if sampler is None else sampler.take(part)
            yield ids if self.keep_gaps else ids[ids != GAP]
        assert sampler is None or not sampler.rest.size, "a split must end with a document"


@dataclass(frozen=True)
class Encoder:
    """What is read, and how it becomes tokens.

    Attributes:
        corpus, vocabulary, tokenizer, sieve: What their names say.
        capacity: Tokens that each worker may hold.
        workers: Threads.
        processes: Of a Python tokenizer.
        scratch: Where their tokens wait.
    """

    corpus: Corpus
    vocabulary: Vocabulary
    tokenizer: Tokenizer
    sieve: Sieve
    capacity: int
    workers: int
    processes: int
    scratch: Path | None

    def splits(self) -> list[Split]:
        """Return the parts of the corpus that are read at a time."""
        if self.tokenizer.code is None:
            return python_splits(self.corpus, self.processes)
        return self.corpus.splits()

    def encode(self, splits: list[Split], counter: Counter, progress: Progress) -> list[Segment]:
        """Encode splits, count segments that are full; return those with tokens left."""
        how = self._by_python if self.tokenizer.code is None else self._by_kernel
        return how(splits, counter, progress)

    def _done(self, segment: Segment, split: Split, before: int, counter: Counter) -> None:
        full = segment.end(split, before)
        journal = counter.journal
        if journal.stage is None:
            return
        if (due := journal.is_due(segment.since)) or (full and counter.pairs is None):
            segment.commit(counter, self.corpus.size, due)

    def _by_kernel(
        self, splits: list[Split], counter: Counter, progress: Progress
    ) -> list[Segment]:
        look_up, table = kernel("tables").look_up, self.vocabulary.table
        self.tokenizer.make_tables()

        def encoded(segment: Segment, split: Split) -> Iterator[Array]:
            for piece in self.corpus.pieces(split, segment.part.reading):
                text, starts, stops = self.tokenizer.find(piece)
                yield look_up(table, text, starts, stops)
                progress.advance(piece.stored)
            yield np.array([DOCUMENT_END], np.int32)

        def work(segment: Segment, split: Split) -> None:
            before = segment.seen
            for ids in self.sieve.passed(encoded(segment, split)):
                segment.add(ids, counter)
            self._done(segment, split, before, counter)

        return run_threads(work, splits, lambda: Segment(self.capacity), self.workers)

    def _by_python(
        self, splits: list[Split], counter: Counter, progress: Progress
    ) -> list[Segment]:
        segment = Segment(self.capacity * self.workers, self.workers)
        tasks = run_python(
            _encode_split, splits, self.corpus, self.tokenizer, self.processes,
            (self.vocabulary.ids, self.scratch),
        )  # fmt: skip
        for split, path, reading in tasks:
            before = segment.seen
            with disk().open(path) as file:
                blocks = iter(lambda file=file: file.read(_WAITING * 4), b"")  # type: ignore[misc]
                for ids in self.sieve.passed(np.frombuffer(b, np.int32) for b in blocks):
                    segment.add(ids, counter)
            disk().remove(path)
            segment.part.reading.add(reading)
            progress.advance(reading.bytes)
            self._done(segment, split, before, counter)
        return [segment]


def count_segments(
    encoder: Encoder, splits: list[Split], counter: Counter, progress: Progress
) -> Iterator[Rows] | None:
    """Encode what of some splits is not yet in the journal, and count it.

    Returns:
        The rows of everything, when all of it is in memory and nothing was written; else None, and
        the journal has the runs.
    """
    journal, size = counter.journal, encoder.corpus.size
    if covered := journal.covered():
        splits = [split for rest in uncovered(splits, covered) for split in rest]
    with progress.stage("encode", size):
        progress.advance(sum(stop - start for _, start, stop in covered))
        segments = encoder.encode(splits, counter, progress) if splits else []
    left = [segment for segment in segments if segment.part.covered]
    if not left and journal.parts:
        return None
    rest = Part()
    for segment in left:
        rest.join(segment.part)
    # Threads whose segment continues a run keep it apart; the others are one segment.
    apart = [segment for segment in left if segment.size > segment.fresh > 0]
    parts = [segment.take() for segment in left if not segment.fresh]
    tokens = np.concatenate([np.empty(0, np.int32), *parts])
    del parts
    total = tokens.size + sum(segment.size for segment in apart)
    if not (rest.runs or journal.parts or counter.pairs is not None):
        journal.parts["all"] = rest  # no run
        return _shown(counter.rows(tokens, 0, encoder.workers, progress), total, progress)
    with progress.stage("cooccur", total, "words"):
        for segment in apart:
            fresh, others = segment.fresh, segment.take()
            counter.count(rest, others, fresh, encoder.workers, progress)
        if counter.pairs is not None:
            counter.count(rest, tokens, 0, encoder.workers, progress)
            rest.join(counter.held)
            if not rest.runs and not journal.parts:
                journal.parts["all"] = rest  # no run
                return counter.taken()
            rest.runs.append(journal.write(counter.taken()))
        elif tokens.size:
            counter.count(rest, tokens, 0, encoder.workers, progress)
    journal.add(rest)
    return None


def _shown(rows: Iterator[Rows], total: int, progress: Progress) -> Iterator[Rows]:
    with progress.stage("cooccur", total, "words"):
        yield from rows


def _encode_split(split: Split) -> tuple[Split, Path, Reading]:
    """In a worker process: the file of a split's ids, which may be more than memory holds."""
    ids, folder = worker_extra()
    reading = Reading()
    waiting: list[int] = []
    path = folder / f"{split.source}-{split.start}.ids"
    with disk().create(path) as file:
        for tokens, ended in python_tokens(split, reading):
            waiting += [ids.get(token, GAP) for token in tokens]
            if ended:
                waiting.append(DOCUMENT_END)
            if len(waiting) >= _WAITING:
                file.write(np.array(waiting, np.int32).data)
                waiting.clear()
        file.write(np.array(waiting, np.int32).data)
    return split, path, reading
