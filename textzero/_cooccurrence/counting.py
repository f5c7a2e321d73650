"""From a corpus to all rows of its matrix, in order: here, or on an engine's workers."""

import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero._cooccurrence.counter import Counter
from textzero._cooccurrence.journal import Journal
from textzero._cooccurrence.merging import Merge, reduce_runs
from textzero._cooccurrence.runs import Rows
from textzero._cooccurrence.segments import Encoder, Sieve, count_segments
from textzero._words.runs import Scratch
from textzero._words.spool import key_of, uncovered
from textzero.corpus import Corpus, Reading
from textzero.disk import disk
from textzero.engines import as_engine
from textzero.errors import ResourceError
from textzero.files import refuse_small_disk, size_text
from textzero.memory import BASE, keep_heap_small
from textzero.progress import Progress
from textzero.tokens import Tokenizer
from textzero.vocabulary import Vocabulary
from textzero.workspace import Stage, Workspace

_TOKEN_BYTES = 16  # a token's id, its position, and its share of the encoded rows
_MOST_TOKENS = 1 << 30
_WORD_BYTES, _THREAD_BYTES = 200, 40  # of a word: what all share, and what each thread has
_ENTRY_BYTES = 150  # of a word in the dictionary of a Python tokenizer's process
_PROCESS_BYTES = 120 << 20  # of such a process, besides
_LEAST_ROOM = 64 << 20
_BLOCK, _LEAST_BLOCK = 8 << 20, 256 << 10  # bytes of rows that a thread makes at a time
_STORED_BYTES, _EXPANSION = 6, 3  # of a token in a file; of a compressed file
_RECORD_BYTES, _RUN_BYTES = 2.3, 1.6  # of a record in the matrix, and in a run
_RECORDS, _RUN_RECORDS = 0.2, 0.3  # of a pair of words: the same pairs come again and again


@dataclass(frozen=True)
class Task:
    """What is counted, and with what.

    Attributes:
        weights: int64 (window,). Units by distance.
        memory: Bytes that the whole process, with its workers, may take.
    """

    corpus: Corpus
    vocabulary: Vocabulary
    tokenizer: Tokenizer
    sieve: Sieve
    weights: Array
    memory: int
    workers: int
    device: str

    @cached_property
    def fixed(self) -> int:
        """Bytes that a vocabulary of this size takes in any case."""
        each = _WORD_BYTES + _THREAD_BYTES * self.workers
        if self.tokenizer.code is None:
            each += _ENTRY_BYTES
        return len(self.vocabulary) * each + int(self.vocabulary.words.offsets[-1])

    @cached_property
    def room(self) -> int:
        """Bytes for tokens, or for what is merged.

        Raises:
            ResourceError: There is none.
        """
        left = self.memory - self.fixed - BASE
        if left < -_LEAST_ROOM:
            n_words, least = len(self.vocabulary), self.memory - left
            most = int(n_words * max(0, self.memory - BASE) / self.fixed)
            raise ResourceError(
                f"counting pairs of {n_words:,} words needs a --memory of at least "
                f"{size_text(least)}, got {size_text(self.memory)}; or use --max-words {most}"
            )
        return max(left, _LEAST_ROOM)

    @cached_property
    def capacity(self) -> int:
        """Tokens that each worker may hold; sums of so many are below 2^63."""
        exact = ((1 << 63) - 1) // (2 * int(self.weights.sum()))
        return max(1, min(self.room // _TOKEN_BYTES // self.workers, _MOST_TOKENS, exact))

    @cached_property
    def processes(self) -> int:
        """Processes of a Python tokenizer; with one, it runs in this process."""
        each = _PROCESS_BYTES + len(self.vocabulary) * _ENTRY_BYTES
        return max(1, min(self.workers, self.room // 2 // each))

    def counter(self, journal: Journal) -> Counter:
        """Return what counts segments into the runs of a journal."""
        block = min(max(self.room // (16 * self.workers), _LEAST_BLOCK), _BLOCK)
        return Counter(
            journal, len(self.vocabulary), self.weights, self.device,
            self.sieve.keep is not None, block,
        )  # fmt: skip

    def encoder(self, scratch: Path | None) -> Encoder:
        """Return what makes tokens."""
        return Encoder(
            self.corpus, self.vocabulary, self.tokenizer, self.sieve, self.capacity,
            self.workers, self.processes, scratch,
        )  # fmt: skip

    def disk_needed(self) -> int:
        """Estimate the bytes of runs and matrix, from what English and Chinese text gives."""
        sizes = [s.size * (_EXPANSION if s.compression else 1) for s in self.corpus.sources]
        tokens = sum(sizes) / _STORED_BYTES
        most = float(len(self.vocabulary)) ** 2
        pairs = 2 * self.weights.size
        needed = min(tokens * pairs * _RECORDS, most) * _RECORD_BYTES
        held = self.capacity * self.workers
        if tokens > held:
            records = min(self.capacity * pairs * _RUN_RECORDS, most)
            needed += tokens / self.capacity * records * _RUN_BYTES
        return int(needed)


class Places:
    """Where files go: the caller's workspace, or a temporary one, made when it is needed."""

    def __init__(self, given: Workspace | None, parent: Path | None, scope: ExitStack) -> None:
        self.given, self._parent, self._scope = given, parent, scope
        self._stage: Stage | None = None

    @cached_property
    def workspace(self) -> Workspace:
        """The caller's, or the temporary one."""
        if self.given is not None:
            return self.given
        return self._scope.enter_context(Workspace.temporary(self._parent))

    @property
    def folder(self) -> Path:
        """Where space is needed."""
        if self.given is not None:
            return self.given.folder
        return self._parent or Path(tempfile.gettempdir())

    def stage(self, task: Task, decided: dict[str, Any]) -> Stage | None:
        """Open the stage of a corpus of files, when there is a workspace that may stay."""
        words = task.vocabulary.words
        key = key_of(
            task.corpus,
            **decided,
            vocabulary=_digest(
                words.text[words.offsets[0] : words.offsets[-1]], np.diff(words.offsets),
                task.vocabulary.counts,
            ),
        )  # fmt: skip
        if self.given is None or not self.given.kept or key is None:
            return None
        self._stage = self.given.stage("cooccur", key)
        return self._stage

    def finish(self) -> None:
        """Remove the stage: the result is in its place."""
        if self._stage is not None:
            self._stage.clear()


def _digest(*arrays: Array) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def counted_rows(
    task: Task, places: Places, decided: dict[str, Any], engine: Any, progress: Progress
) -> tuple[Iterator[Rows], Reading]:
    """Count everything.

    Args:
        task: What.
        places: Where files go.
        decided: The settings that decide the result, as JSON.
        engine: As for `as_engine`; None for threads.
        progress: Told how many bytes were read and how many words were counted.

    Returns:
        All rows in order, and what was read.
    """
    refuse_small_disk(places.folder, task.disk_needed(), "co-occurrences")
    stage = places.stage(task, decided)
    journal = Journal(_opener(places, stage), stage)
    splits = task.encoder(None).splits()
    if journal.parts:
        done = uncovered(splits, journal.covered()).count([])
        places.workspace.say(f"cooccur: {done:,} of {len(splits):,} parts were done before")
    chosen = None if engine is None else as_engine(engine, task.workers)
    if chosen is not None and not chosen.shares_memory:
        from textzero._cooccurrence.shards import sharded_rows

        if stage is None:
            stage = places.workspace.stage("cooccur", {"run": uuid.uuid4().hex})
        return sharded_rows(task, stage, places.workspace, chosen, decided["subsample"], progress)
    scratch = None if task.tokenizer.code is not None else places.workspace.scratch("tokens")
    rows = count_segments(task.encoder(scratch), splits, task.counter(journal), progress)
    reading = reading_of(task, journal)
    if rows is None:
        rows = merged_rows(task, journal)
    return rows, reading


def merged_rows(task: Task, journal: Journal) -> Iterator[Rows]:
    """Yield the sums of all runs, which go with the last row when nobody needs them again."""
    n_words = len(task.vocabulary)
    keep_heap_small()
    reduce_runs(journal, n_words, task.room, task.workers)
    with Merge(journal.store, journal.runs, n_words, task.room, task.workers) as merge:
        yield from merge.rows()
    if journal.stage is None:
        journal.store.clear()


def reading_of(task: Task, journal: Journal) -> Reading:
    """Return what was read and lost in all parts of a journal."""
    reading = task.corpus.new_reading()
    for part in journal.parts.values():
        reading.add(part.reading)
    return reading


def _opener(places: Places, stage: Stage | None) -> Callable[[], Any]:
    if stage is not None:
        return lambda: stage.store
    return lambda: Scratch(places.workspace.scratch("runs"))


def held_or_mapped(rows: Iterator[Rows], places: Places, most: int) -> tuple[Array, Array, bool]:
    """Return (data, what stands beside the rows, whether the data are a mapped file)."""
    parts: list[Array] = []
    besides: list[Array] = []
    file: Any = None
    path = Path()
    try:
        for data, beside in rows:
            besides.append(beside)
            parts.append(data)
            if file is None and sum(part.size for part in parts) > most:
                path = places.workspace.scratch("rows") / "rows.bin"
                file = disk().create(path)
            if file is not None:
                for part in parts:
                    file.write(part.data)
                parts.clear()
    finally:
        if file is not None:
            file.close()
    joined = np.concatenate(besides, axis=1)
    if file is not None:
        return np.memmap(path, np.uint8, "r"), joined, True
    return np.concatenate([np.zeros(0, np.uint8), *parts]), joined, False
