"""Shards of a count on an engine: each becomes one run in the store; ranges of them are merged."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from textzero._count_splits import THREAD, How, PythonCounter, SplitCounter
from textzero._words.merging import Bench, merged, ranges, rank, reduced
from textzero._words.runs import Run, write_run
from textzero._words.spool import Part, Spool
from textzero._words.totals import sorted_rows
from textzero.corpus import Corpus, Split
from textzero.engines import Engine, Processes
from textzero.errors import InputError, ResourceError
from textzero.files import size_text
from textzero.kernels import kernel
from textzero.memory import BASE, memory_bytes
from textzero.packed import PackedStrings
from textzero.progress import Progress
from textzero.store import Store
from textzero.token_workers import SentTokenizer, prepare
from textzero.tokens import Tokenizer
from textzero.workspace import Stage, digest

SMALLEST, LARGEST = 32 << 20, 128 << 20  # stored bytes of a shard
LOCAL = 256 << 20  # at most, where a worker is not lost every few seconds
SLOW = 4 << 20, 32 << 20  # of a Python tokenizer, which takes as long for them
FEW = 1 << 23  # rows of runs that the client merges itself


@dataclass(frozen=True, repr=False)
class Shard:
    """Some splits to count, words or pairs, in one task.

    Attributes:
        name: Of its entry, and of its run.
        corpus: The files that it needs.
        splits: In that corpus.
        covers: (source, start, stop) in the whole corpus.
        tokenizer: How workers get it.
        how: What is counted, as the function that counts it takes it apart.
        room: Bytes of memory for what is counted.
        store: Where the run and the entry go.
    """

    name: str
    corpus: Corpus
    splits: list[Split]
    covers: list[tuple[int, int, int]]
    tokenizer: SentTokenizer
    how: tuple[Any, ...]
    room: int
    store: Store

    def __repr__(self) -> str:
        return f"{self.splits[0]}" + f" and {len(self.splits) - 1} more" * (len(self.splits) > 1)


def count_shard(shard: Shard) -> int:
    """In a worker: count, write the run, then the entry; return the stored bytes read.

    The shard's `how` is (low, high, documents).
    """
    low, high, documents = shard.how
    tokenizer = shard.tokenizer.get()
    how = How(tokenizer, low, high, documents)
    spool = Spool(None, None, Bench(Store("."), shard.room, 1, documents))
    try:
        counter = SplitCounter(shard.corpus, how, spool, shard.room * 6 // 10)
        if tokenizer.code is not None:
            tokenizer.make_tables()
            for split in shard.splits:
                counter.count(split, lambda _: None)
        else:
            prepare(shard.corpus, tokenizer)
            room = shard.room // 4
            work = PythonCounter(low, high, documents, room, spool.bench, spool.store)
            for split in shard.splits:
                counter.add(work(split))
        part = counter.part()
        name = f"{shard.name}.run"
        if part.runs:
            counter.words.dump()
            runs = [Run(spool.store(), run) for run in (*part.runs, *counter.words.runs)]
            bench = spool.bench()
            rows = merged(reduced(runs, bench), bench)
        else:
            bench, rows = spool.unused_bench(), counter.words.rows()
        write_run(shard.store, name, rows, bench.block)
        done = Part(shard.covers, [name], part.tokens, part.reading)
        Stage("count", shard.store).commit(shard.name, done.facts())
        return part.reading.bytes
    finally:
        spool.close()


@dataclass(frozen=True)
class Range:
    """A range of words to merge from all runs; see `merge_range`."""

    name: str
    names: tuple[str, ...]
    low: str
    high: str | None
    min_count: int
    documents: bool
    room: int
    source: Store
    store: Store


def merge_range(task: Range) -> int:
    """In a worker: merge a range, write it by count, then its entry; return its words."""
    spool = Spool(None, None, Bench(Store("."), task.room, 1, task.documents))
    try:
        bench = spool.bench()
        runs = [Run(task.source, name) for name in task.names]
        limits = task.low.encode(), None if task.high is None else task.high.encode()
        runs = reduced(runs, bench, limits=limits)
        names, distinct = rank(runs, limits, bench, task.min_count)
        ranked = reduced([Run(bench.store, name) for name in names], bench, most=1, ranked=True)
        name = f"{task.name}.run"
        rows = merged(ranked, bench, ranked=True)
        write_run(task.store, name, rows, bench.block)
        Stage("ranked", task.store).commit(task.name, {"run": name, "distinct": distinct})
        return distinct
    finally:
        spool.close()


def worker_room(engine: Engine, memory: int | str | None) -> tuple[Engine, int]:
    """Divide a bound: (the engine, with fewer processes if need be, bytes for one worker's words).

    Raises:
        ResourceError: It is not enough for one process beside this one.
    """
    bound = memory_bytes(memory)
    if not isinstance(engine, Processes):  # the bound of each worker
        return engine, bound - BASE
    workers = min(engine.workers, (bound - BASE) // (BASE + THREAD))
    if workers < 1:
        least = size_text(2 * BASE + THREAD)
        raise ResourceError(
            f"memory must be at least {least} for engine processes, got {memory}; "
            "raise --memory or use --engine threads"
        )
    engine = engine if workers == engine.workers else Processes(workers)
    return engine, (bound - BASE) // workers - BASE


def shards_of(corpus: Corpus, left: Sequence[Split], size: int, **common: Any) -> list[Shard]:
    """Put splits together to shards of about `size` stored bytes."""
    groups: list[list[Split]] = [[]]
    filled = 0
    for split in left:
        if filled >= size:
            groups.append([])
            filled = 0
        groups[-1].append(split)
        filled += split.stop - split.start
    shards = []
    for group in filter(None, groups):
        portion, splits = corpus.portion(group)
        covers = [(split.source, split.start, split.stop) for split in group]
        name = f"shard-{digest(covers)}"
        shards.append(Shard(name, portion, splits, covers, **common))
    return shards


def shard_size(
    corpus: Corpus, workers: int, smallest: int = SMALLEST, largest: int = LARGEST
) -> int:
    """Stored bytes of a shard: several a worker, none too small to be worth a file."""
    return min(max(corpus.size // (4 * workers) + 1, smallest), largest)


def shard_limits(engine: Engine, tokenizer: Tokenizer) -> tuple[int, int]:
    """The smallest and the largest shard of a count, in stored bytes."""
    if tokenizer.code is None:
        return SLOW
    return SMALLEST, LOCAL if isinstance(engine, Processes) else LARGEST


@contextmanager
def kernels_loading() -> Iterator[None]:
    """Load what puts words together while others count them."""

    def load() -> None:
        table = kernel("tables").new_table(False)
        word = PackedStrings.from_strings(["a"])
        one = np.ones(1, np.int64)
        kernel("tables").add_packed(table, word.text.copy(), word.offsets, one, one[:0])
        rows = sorted_rows(table)
        kernel("packed").format_rows(rows.text, rows.offsets, rows.counts[:, None], 9)

    loader = threading.Thread(target=load, daemon=True)
    loader.start()
    yield
    loader.join()  # not when the run breaks off: kernels that are compiled take long


def merge_on_engine(
    engine: Engine, spool: Spool, key: dict[str, Any], names: list[str], min_count: int, room: int,
    progress: Progress,
) -> tuple[list[Run], int]:  # fmt: skip
    """Merge runs by ranges of words, each a task: (runs by count, distinct words)."""
    source = spool.store()
    runs = [Run(source, name) for name in names]
    words = sum(run.words for run in runs)
    parts = ranges(runs, max(2 * engine.workers, -(-words // (4 * FEW))))
    stage = spool.workspace.stage("ranked", {**key, "min_count": min_count, "runs": names})
    documents = spool.unused_bench().documents
    tasks = [
        Range(f"range-{digest([low.decode(), high and high.decode()])}", tuple(names), low.decode(),
              None if high is None else high.decode(), min_count, documents, room, source,
              stage.store)
        for low, high in parts
    ]  # fmt: skip
    with progress.stage("merge", words, "words"):
        before = _merged_ranges(stage)
        for _, distinct in engine.run(merge_range, [t for t in tasks if t.name not in before]):
            progress.advance(distinct)
    found = _merged_ranges(stage)
    if lost := [task.name for task in tasks if task.name not in found]:
        raise ResourceError(
            f"the result {lost[0]} is gone from {stage.store.address}, or damaged; "
            "run the same command again"
        )
    return [found[task.name][0] for task in tasks], sum(found[task.name][1] for task in tasks)


def _merged_ranges(stage: Stage) -> dict[str, tuple[Run, int]]:
    """What is merged and whole: (the run, distinct words) by the name of the range."""
    found = {}
    for name, entry in stage.entries().items():
        try:
            found[name] = Run(stage.store, entry["run"]), int(entry["distinct"])
        except (InputError, KeyError, TypeError, ValueError):
            stage.withdraw(name)
    return found
