"""count_words: by kernels in threads, by a Python tokenizer in processes, or on an engine."""

from functools import partial
from typing import Any

from textzero._arguments import checked
from textzero._count_shards import (
    FEW,
    count_shard,
    kernels_loading,
    merge_on_engine,
    shard_limits,
    shard_size,
    shards_of,
    worker_room,
)
from textzero._count_splits import How, PythonCounter, Shares, SplitCounter
from textzero._words.bounded import BoundedTable
from textzero._words.merging import Bench, new_name
from textzero._words.runs import Rows, Run
from textzero._words.spool import Part, Spool, key_of, uncovered
from textzero._words.totals import total
from textzero.corpus import Corpus, Split, Texts, as_corpus
from textzero.counts import Counts
from textzero.engines import Engine, as_engine
from textzero.parallel import run_threads, worker_count
from textzero.progress import Progress
from textzero.store import Store
from textzero.token_workers import SentTokenizer, code_digest, python_splits, run_python
from textzero.tokens import Spec, Tokenizer
from textzero.workspace import Workspace

LONGEST = 1000  # tokens of an n-gram


@checked
def count_words(
    corpus: Texts,
    *,
    tokenizer: Spec = "word",
    lowercase: bool = False,
    nfkc: bool = False,
    min_count: int = 1,
    ngrams: int | tuple[int, int] = 1,
    documents: bool = False,
    memory: int | str | None = None,
    workers: int | None = None,
    engine: Engine | Any = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Counts:
    """Count the words of a corpus.

    The result is the same, byte for byte, for any number of workers, any engine and any bound on
    memory. What memory does not hold is kept in compressed sorted files.

    Args:
        corpus: A `Corpus`, an iterable of documents, or a table (`Corpus.from_documents`).
        tokenizer: "word", "whitespace", "char", "package.module:function" or a callable. A Python
            callable runs in spawned processes, so they must be able to import it.
        lowercase: Lower-case first.
        nfkc: Normalise to Unicode NFKC first.
        min_count: Words seen less often are left out.
        ngrams: n for sequences of n tokens joined by spaces, (low, high) for several n; at most
            1000.
        documents: Also count the documents that hold each word.
        memory: Bound in bytes or as "1GB", of this process and those it starts; of each worker of
            a cluster. None: half of the machine's.
        workers: Threads or processes; None for one per processor. Less when memory is small.
        engine: Where to count: None or "threads", "processes", "dask://HOST:PORT", a
            `dask.distributed.Client` or an `Engine`.
        workspace: The folder of the run, entered; files that were counted there before are not
            counted again. None: what memory does not hold is in a temporary folder.
        progress: Told how many stored bytes were read.

    Raises:
        InputError: Something in the corpus cannot be read; a count passes 2^63 - 1.
        TokenizerError: The tokenizer raised; the message names file and line.
        ResourceError: A worker process was killed; the disk is full, or too small.

    Example:
        >>> count_words(["to be or not to be"]).most_common(2)
        [('be', 2), ('to', 2)]
    """
    corpus = as_corpus(corpus)
    low, high = (ngrams, ngrams) if isinstance(ngrams, int) else ngrams
    if not 1 <= low <= high <= LONGEST:
        raise ValueError(f"ngrams must be in order, from 1 to at most {LONGEST}, got {ngrams}")
    if min_count < 1:
        raise ValueError(f"min_count must be at least 1, got {min_count}")
    how = How(Tokenizer(tokenizer, lowercase, nfkc), low, high, documents)
    chosen = as_engine(engine, worker_count(workers))
    shares = Shares.of_threads(memory, chosen.workers)
    if how.tokenizer.code is None and chosen.shares_memory:
        shares = Shares.of_processes(memory, chosen.workers)
    key = None
    if workspace is not None:
        key = key_of(
            corpus, **how.tokenizer.settings(), code=code_digest(how.tokenizer),
            ngrams=[low, high], documents=documents,
        )  # fmt: skip
    bench = Bench(Store("."), shares.one, shares.workers, documents)
    job = _Job(corpus, how, shares, Spool(workspace, key, bench), progress or Progress(), key)
    try:
        if not chosen.shares_memory:
            counts = job.on_engine(chosen, memory, min_count)
        elif how.tokenizer.code is not None:
            counts = job.in_threads(min_count)
        else:
            counts = job.in_processes(min_count)
        return counts
    finally:
        job.spool.close()


class _Job:
    """A count."""

    def __init__(
        self, corpus: Corpus, how: How, shares: Shares, spool: Spool, progress: Progress,
        key: dict[str, Any] | None,
    ) -> None:  # fmt: skip
        self.key = key
        self.corpus, self.how, self.shares, self.spool = corpus, how, shares, spool
        self.progress = progress
        self.parts: list[Part] = []  # what no entry speaks of
        spool.total = corpus.size

    def in_threads(self, min_count: int) -> Counts:
        """Count by kernels."""
        self.how.tokenizer.make_tables()
        with self.progress.stage("count", self.corpus.size):
            splits = self._left(self.corpus.splits())
            states = run_threads(
                lambda state, split: state.count(split, self._advance),
                splits,
                lambda: SplitCounter(self.corpus, self.how, self.spool, self.shares.one * 9 // 10),
                min(self.shares.workers, len(splits)) or 1,
            )
            for state in states:
                state.commit_if_due()
            self.parts += [state.part() for state in states]
        return self._total([state.words for state in states], min_count)

    def in_processes(self, min_count: int) -> Counts:
        """Count by a Python tokenizer: here, or in processes that send words or write runs."""
        shares, spool = self.shares, self.spool
        table = SplitCounter(self.corpus, self.how, spool, shares.room * 9 // 10)
        with self.progress.stage("count", self.corpus.size):
            splits = self._left(python_splits(self.corpus, shares.workers))
            places: tuple[Any, Any] = (spool.bench, spool.store)
            if shares.workers > 1 and len(splits) > 1:
                places = (partial(_itself, spool.bench()), partial(_itself, spool.store()))
            how = self.how
            most = shares.one // 2 if shares.workers == 1 else shares.one // 4
            work = PythonCounter(how.low, how.high, how.documents, most, *places)
            found = run_python(work, splits, self.corpus, how.tokenizer, shares.workers)
            for counted in found:
                table.add(counted)
                self._advance(counted.reading.bytes)
            self.parts.append(table.part())
        return self._total([table.words], min_count)

    def on_engine(self, engine: Engine, memory: int | str | None, min_count: int) -> Counts:
        """Count shards elsewhere."""
        spool = self.spool
        engine, room = worker_room(engine, memory)
        spool.open_stage(self.key or {"run": new_name()})
        assert spool.stage is not None
        store = spool.stage.store
        size = shard_size(self.corpus, engine.workers, *shard_limits(engine, self.how.tokenizer))
        sent = SentTokenizer.of(self.how.tokenizer, store)
        how = (self.how.low, self.how.high, self.how.documents)
        with self.progress.stage("count", self.corpus.size):
            left = self._left(self.corpus.splits(size))
            shards = shards_of(
                self.corpus, left, size, tokenizer=sent, how=how, room=room, store=store
            )
            with kernels_loading():
                for _, stored in engine.run(count_shard, shards):
                    self._advance(stored)
        spool.take(shard.name for shard in shards)
        names = sorted(name for part in spool.parts for name in part.runs)
        if sum(Run(store, name).words for name in names) <= FEW:
            return self._total([], min_count)
        runs, distinct = merge_on_engine(
            engine, spool, self.key or {}, names, min_count, room, self.progress
        )
        rows = spool.columns(runs, self.shares.room)
        return self._counts(rows, distinct, True, min_count)

    def _advance(self, stored: int) -> None:
        self.spool.done += stored
        self.progress.advance(stored)

    def _left(self, splits: list[Split]) -> list[Split]:
        """Leave out what a run before has done, and say so."""
        spool = self.spool
        if not spool.parts:
            return splits
        left = uncovered(splits, [cover for part in spool.parts for cover in part.covers])
        spool.workspace.say(f"count: {left.count([]):,} of {len(splits):,} parts were done before")
        self._advance(sum(part.reading.bytes for part in spool.parts))
        return [split for rest in left for split in rest]

    def _total(self, tables: list[BoundedTable], min_count: int) -> Counts:
        """Add up the tables, and the runs of all parts."""
        if not tables:
            tables.append(SplitCounter(self.corpus, self.how, self.spool, self.shares.one).words)
        names = [name for part in (*self.spool.parts, *self.parts) for name in part.runs]
        shares = self.shares
        rows, distinct, mapped = total(
            tables, names, self.spool, shares.room, shares.workers, self.progress, min_count
        )
        return self._counts(rows, distinct, mapped, min_count)

    def _counts(self, rows: Rows, distinct: int, mapped: bool, min_count: int) -> Counts:
        """Put together what was counted and what was read."""
        parts = [*self.spool.parts, *self.parts]
        reading = self.corpus.new_reading()
        for part in parts:
            reading.add(part.reading)
        tokens = sum(part.tokens for part in parts)
        counts = Counts.of_rows(rows, tokens, reading, distinct, mapped)
        if mapped:
            self.spool.keep_for(counts.owner)
        return counts.keep(min_count)


def _itself(value: Any) -> Any:
    return value
