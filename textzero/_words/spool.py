"""What a count keeps on disk: runs that memory did not hold, and entries of what is done."""

import contextlib
import threading
import weakref
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from textzero._words.merging import Bench, rank_all, write_columns
from textzero._words.runs import Rows, Run, Scratch
from textzero.corpus import Corpus, Reading, Split
from textzero.errors import InputError, ResourceError
from textzero.files import refuse_small_disk
from textzero.progress import Progress
from textzero.store import Store
from textzero.workspace import Stage, Workspace

_TOLD = 1 << 26  # bytes of runs after which their sum is first foretold


@dataclass
class Part:
    """Some splits that are counted: what they cover, and the runs that hold their words.

    Attributes:
        covers: (source, start, stop) of each stretch of a file.
        runs: Their words, each run whole.
        tokens: How many there were.
        reading: What was read and lost.
    """

    covers: list[tuple[int, int, int]]
    runs: list[str]
    tokens: int
    reading: Reading

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {"covers": joined(self.covers), "runs": self.runs, "tokens": self.tokens,
                "reading": asdict(self.reading)}  # fmt: skip

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Part":
        """From JSON."""
        covers = [(int(source), int(start), int(stop)) for source, start, stop in facts["covers"]]
        return cls(covers, list(facts["runs"]), int(facts["tokens"]), Reading(**facts["reading"]))


def overlap(covers: Iterable[tuple[int, int, int]]) -> bool:
    """Whether some stretches share bytes."""
    found = sorted(covers)
    return any(a[0] == b[0] and a[2] > b[1] for a, b in pairwise(found))


def joined(covers: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Join stretches that touch."""
    found: list[tuple[int, int, int]] = []
    for source, start, stop in sorted(covers):
        if found and found[-1][0] == source and found[-1][2] >= start:
            found[-1] = (source, found[-1][1], max(stop, found[-1][2]))
        else:
            found.append((source, start, stop))
    return found


def uncovered(splits: Sequence[Split], covers: Iterable[tuple[int, int, int]]) -> list[list[Split]]:
    """Return what is left of each split: nothing when all of it is covered."""
    by_source: dict[int, list[tuple[int, int]]] = {}
    for source, start, stop in joined(covers):
        by_source.setdefault(source, []).append((start, stop))
    return [_without(split, by_source.get(split.source, [])) for split in splits]


def _without(split: Split, stretches: list[tuple[int, int]]) -> list[Split]:
    left, start = [], split.start
    for first, last in stretches[max(bisect_left(stretches, (start, start)) - 1, 0) :]:
        if first >= split.stop:
            break
        if first > start:
            left.append(replace(split, start=start, stop=first))
        start = max(start, last)
    if start < split.stop:
        left.append(replace(split, start=start))
    return left


class Spool:
    """Where the words of a count go that memory does not hold, and what the next run finds.

    Args:
        workspace: The folder of the run, entered; None for a temporary one, made when needed.
        key: What decides the counts; None when they cannot be used again.
        bench: How runs are merged; its store is set here.

    Attributes:
        stage: Where results stay for the next run; None when they do not.
        parts: What is done.
    """

    def __init__(
        self, workspace: Workspace | None, key: Mapping[str, Any] | None, bench: Bench
    ) -> None:
        self._given, self._own = workspace, contextlib.ExitStack()
        self._bench, self._lock = bench, threading.Lock()
        self._folder: Path | None = None
        self._written, self._told, self.total, self.done = 0, _TOLD, 0, 0
        self.parts: list[Part] = []
        self.stage: Stage | None = None
        if workspace is not None and key is not None:
            self.stage = workspace.stage("count", key)
            self._find_parts(self.stage)

    def open_stage(self, key: Mapping[str, Any]) -> None:
        """Keep runs in a stage in any case: others write them."""
        if self.stage is None:
            self.stage = self.workspace.stage("count", key)

    def take(self, names: Iterable[str]) -> None:
        """Take the parts of those entries that others have just made, and of no other.

        A worker of a dead run may come late, with a part that overlaps with ours.

        Raises:
            ResourceError: One is not there, or damaged.
        """
        assert self.stage is not None
        entries = self.stage.entries()
        for name in names:
            part = self._whole(self.stage, entries.get(name, {}))
            if part is None:
                raise ResourceError(
                    f"the result {name} is gone from {self.stage.store.address}, or damaged; "
                    "run the same command again"
                )
            self.parts.append(part)

    @staticmethod
    def _whole(stage: Stage, facts: Mapping[str, Any]) -> Part | None:
        """What an entry says, if its runs are there."""
        try:
            part = Part.of(facts)
            for run in part.runs:
                Run(stage.store, run)
        except (InputError, KeyError, TypeError, ValueError):
            return None
        return part

    def _find_parts(self, stage: Stage) -> None:
        """Take what the run before has left, nothing twice; remove what nobody names."""
        covered: list[tuple[int, int, int]] = []
        for name, facts in sorted(stage.entries().items()):
            part = self._whole(stage, facts)
            if part is None or overlap([*covered, *part.covers]):
                stage.withdraw(name)
            else:
                self.parts.append(part)
                covered += part.covers
        named = {run for part in self.parts for run in part.runs}
        stage.store.remove(
            *(n for n in stage.store.names() if n.endswith(".run") and n not in named)
        )

    @property
    def workspace(self) -> Workspace:
        """The folder of the run."""
        if self._given is None:
            self._given = self._own.enter_context(Workspace.temporary())
        return self._given

    def bench(self) -> Bench:
        """Where runs are merged."""
        with self._lock:
            if self._folder is None:
                self._folder = self.workspace.scratch("words")
                self._bench = replace(self._bench, store=Scratch(self._folder))
            return self._bench

    def unused_bench(self) -> Bench:
        """How runs are merged, without a place for them."""
        return self._bench

    def store(self) -> Store:
        """Where the runs of words go."""
        return self.bench().store if self.stage is None else self.stage.store

    def commit(self, name: str, part: Part) -> None:
        """Make a part count from now on, also for the next run."""
        if self.stage is not None:
            self.stage.commit(name.removesuffix(".run"), part.facts())
        with self._lock:
            self.parts.append(part)

    def wrote(self, size: int) -> None:
        """Add to what was written; foretell all of it, and see that the disk has room for it.

        Raises:
            ResourceError: It has not.
        """
        with self._lock:
            self._written += size
            if self._written < self._told or not self.done or not self.total:
                return
            self._told = 2 * self._written
            needed = self._written * max(self.total / self.done, 1.0)
        store = self.store()
        if store.local is not None:
            # once more for what is merged of them
            refuse_small_disk(store.local, int(2 * needed) - self._written, "counting the words")

    def finish(
        self, runs: list[Run], min_count: int, room: int, progress: Progress
    ) -> tuple[Rows, int]:
        """Merge all runs into mapped columns: (the columns, how many words there were)."""
        with progress.stage("merge", sum(run.words for run in runs), "words"):
            ranked, distinct = rank_all(runs, self.bench(), min_count, progress)
            return self.columns(ranked, room), distinct

    def columns(self, ranked: list[Run], room: int) -> Rows:
        """Merge runs by count into mapped columns."""
        folder = self.workspace.scratch("table")
        return write_columns(ranked, replace(self.bench(), room=room), folder)

    def keep_for(self, owner: object) -> None:
        """Keep the temporary folder, if there is one, for as long as `owner` lives."""
        weakref.finalize(owner, self._own.pop_all().close)

    def close(self) -> None:
        """Remove the temporary folder, if there is one."""
        self._own.close()


def key_of(corpus: Corpus, **settings: Any) -> dict[str, Any] | None:
    """What decides a count of files; None for what cannot be known again, such as a pipe."""
    from textzero.version import __version__

    if not corpus.sources or any(source.location for source in corpus.sources):
        return None
    read = {**corpus.settings(), "strict": corpus.strict, "on_error": corpus.on_error}
    return {"inputs": corpus.fingerprint(), "corpus": read, **settings, "textzero": __version__}
