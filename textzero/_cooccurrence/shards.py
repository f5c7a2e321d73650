"""Shards of a corpus on an engine: each becomes one run in the store; ranges of rows are merged."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from textzero._cooccurrence.counting import Places, Task, merged_rows, reading_of
from textzero._cooccurrence.journal import Journal, Part
from textzero._cooccurrence.merging import Merge, even_ranges, fan_in, measured
from textzero._cooccurrence.runs import Rows, Run, write_run
from textzero._cooccurrence.segments import Sieve, count_segments
from textzero._count_shards import Shard, shard_size, shards_of, worker_room
from textzero._words.runs import Scratch
from textzero._words.spool import uncovered
from textzero.corpus import Reading
from textzero.engines import Engine
from textzero.errors import ResourceError
from textzero.memory import BASE
from textzero.packed import PADDING, PackedStrings
from textzero.progress import Progress
from textzero.store import Store
from textzero.subsampling import keep_probabilities
from textzero.token_workers import SentTokenizer
from textzero.vocabulary import Vocabulary
from textzero.workspace import Stage, Workspace

_WORDS = "words.arrays"
_RANGE = 1 << 30  # bytes of runs that one task merges


def count_shard(shard: Shard) -> int:
    """In a worker: count, write the run, then the entry; return the stored bytes read.

    The shard's `how` is (keep_gaps, subsample, seed, weights by distance).
    """
    keep_gaps, subsample, seed, weights = shard.how
    words = _sent_words(shard.store.address)
    keep = keep_probabilities(words.counts, subsample) if subsample else None
    task = Task(
        shard.corpus, words, shard.tokenizer.get(), Sieve(keep_gaps, keep, seed),
        np.array(weights, np.int64), shard.room + BASE, 1, "cpu",
    )  # fmt: skip
    with ExitStack() as scope:
        place = Places(None, None, scope)
        journal = Journal(lambda: Scratch(place.workspace.scratch("runs")))
        scratch = None
        if task.tokenizer.code is None:
            scratch = place.workspace.scratch("tokens")
        counter = task.counter(journal)
        rows = count_segments(task.encoder(scratch), shard.splits, counter, Progress())
        if rows is None:
            rows = merged_rows(task, journal)
        name = f"{shard.name}.run"
        write_run(shard.store, name, rows)
        part = Part([name], shard.covers)
        for done in journal.parts.values():
            part.reading.add(done.reading)
        Stage("cooccur", shard.store).commit(shard.name, part.facts())
        return part.reading.bytes


@dataclass(frozen=True)
class Range:
    """Rows to merge from all runs; see `merge_range`."""

    name: str
    names: tuple[str, ...]
    first: int
    last: int
    n_words: int
    room: int
    source: Store
    store: Store


def merge_range(task: Range) -> int:
    """In a worker: merge some rows of all runs into one, write its entry; return its records."""
    names, most = list(task.names), fan_in_of(task.source, task.names, task.room)
    store, limits = task.source, (task.first, task.last)
    n_rows, records = task.n_words, 0

    def counted(rows: Iterator[Rows]) -> Iterator[Rows]:
        nonlocal records
        for block in rows:
            records += int(block.beside[1].sum())
            yield block

    with ExitStack() as scope:
        level = 0
        while len(names) > most:  # into files of this worker
            if not level:
                place = scope.enter_context(Workspace.temporary())
            level += 1
            here = Scratch(place.scratch(f"level-{level}"))
            merged = []
            for start in range(0, len(names), most):
                group = names[start : start + most]
                with Merge(store, group, task.n_words, task.room, 1, n_rows) as merge:
                    write_run(here, f"{start}.run", merge.rows(*limits))
                merged.append(f"{start}.run")
            store, names = here, merged
            n_rows = task.last - task.first
            limits = (0, n_rows)
        with Merge(store, names, task.n_words, task.room, 1, n_rows) as merge:
            write_run(task.store, f"{task.name}.run", counted(merge.rows(*limits)))
    Stage("rows", task.store).commit(task.name, {"run": f"{task.name}.run"})
    return records


def fan_in_of(store: Store, names: tuple[str, ...], room: int) -> int:
    """Return how many of some runs can be merged at once."""
    return fan_in(max(measured(store, name)[1] for name in names), room)


def sharded_rows(
    task: Task, stage: Stage, workspace: Workspace, engine: Engine, subsample: float,
    progress: Progress,
) -> tuple[Iterator[Rows], Reading]:  # fmt: skip
    """Count everything on an engine; see `counted_rows`."""
    engine, room = worker_room(engine, task.memory)
    store, corpus = stage.store, task.corpus
    _send_words(task.vocabulary, store)
    size = shard_size(corpus, 2 * engine.workers)  # for pairs take longer than words
    before = Journal(lambda: store, stage)
    covered = before.covered()
    splits = [split for rest in uncovered(corpus.splits(size), covered) for split in rest]
    with progress.stage("cooccur", corpus.size):
        progress.advance(sum(stop - start for _, start, stop in covered))
        shards = shards_of(
            corpus, splits, size, tokenizer=SentTokenizer.of(task.tokenizer, store),
            how=(task.sieve.keep_gaps, subsample, task.sieve.seed, tuple(task.weights.tolist())),
            room=room, store=store,
        )  # fmt: skip
        for _, read in engine.run(count_shard, shards):
            progress.advance(read)
    journal = Journal(lambda: store, stage)
    # a worker of a dead run may come late, with a part that overlaps with ours
    known = {*before.parts, *(shard.name for shard in shards)}
    journal.parts = {name: part for name, part in journal.parts.items() if name in known}
    if any(uncovered(corpus.splits(size), journal.covered())):
        raise ResourceError(
            f"the result of a shard is gone from {store.address}; run the same command again"
        )
    rows = _merged(task, journal, workspace, engine, room, progress)
    return rows, reading_of(task, journal)


def _merged(
    task: Task, journal: Journal, workspace: Workspace, engine: Engine, room: int,
    progress: Progress,
) -> Iterator[Rows]:  # fmt: skip
    """Merge runs by ranges of rows, each a task; yield their rows in order."""
    names, n_words = tuple(journal.runs), len(task.vocabulary)
    stage = workspace.stage("rows", {"runs": names, "words": n_words})
    indexes = []
    for name in names:
        run = Run(journal.store, name)
        indexes.append(run.index)
        run.close()
    total = sum(int(index[-1, 2]) for index in indexes)
    most = max(1, min(_RANGE, total // (2 * engine.workers)))
    tasks = [
        Range(f"rows-{first}-{last}", names, first, last, n_words, room, journal.store, stage.store)
        for first, last in even_ranges(indexes, most)
    ]
    done = stage.entries()
    with progress.stage("merge", len(tasks), "ranges"):
        for _ in engine.run(merge_range, [t for t in tasks if t.name not in done]):
            progress.advance(1)
    for part in tasks:
        run = Run(stage.store, f"{part.name}.run")
        try:
            yield from run.blocks()
        finally:
            run.close()


def _send_words(vocabulary: Vocabulary, store: Store) -> None:
    """Bring a vocabulary into the store."""
    words = vocabulary.words
    begin, end = int(words.offsets[0]), int(words.offsets[-1])
    with store.create(_WORDS) as file:
        for array in (words.text[begin:end], words.offsets - begin, vocabulary.counts):
            np.save(file, np.ascontiguousarray(array), allow_pickle=False)


@lru_cache(1)
def _sent_words(address: str) -> Vocabulary:
    """In a worker: the vocabulary; the address of a stage tells it from others."""
    with Store(address).open(_WORDS) as file:
        text, offsets, counts = (np.load(file, allow_pickle=False) for _ in range(3))
    return Vocabulary(PackedStrings(np.append(text, np.zeros(PADDING, np.uint8)), offsets), counts)
