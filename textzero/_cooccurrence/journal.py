"""Which parts of a corpus are counted, in which runs; kept on the disk where that is worth it."""

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import count
from time import monotonic, perf_counter
from typing import Any

from textzero import workspace
from textzero._cooccurrence.runs import Rows, write_run
from textzero._words.runs import Scratch
from textzero._words.spool import joined
from textzero.corpus import Reading, Split
from textzero.disk import disk
from textzero.errors import ResourceError
from textzero.files import size_text
from textzero.store import Store
from textzero.workspace import Stage

_SHARE = 20  # times what a commit took pass before the next, at most _LONGEST seconds
_LONGEST = 300.0


@dataclass
class Part:
    """Parts of a corpus that are counted.

    Attributes:
        runs: Names of the runs that hold the counts.
        covered: (source, start, stop) of stored bytes.
        reading: What was read and lost there.
        replaces: Names of the entries that this one stands for.
    """

    runs: list[str] = field(default_factory=list)
    covered: list[tuple[int, int, int]] = field(default_factory=list)
    reading: Reading = field(default_factory=Reading)
    replaces: list[str] = field(default_factory=list)

    def add(self, split: Split) -> None:
        """Add a split."""
        self.covered.append((split.source, split.start, split.stop))

    def join(self, other: "Part") -> None:
        """Add what another part has."""
        self.runs += other.runs
        self.covered += other.covered
        self.reading.add(other.reading)

    def facts(self) -> dict[str, Any]:
        """Return what `part_of` reads, as JSON."""
        return {**asdict(self), "covered": joined(self.covered)}


def part_of(facts: dict[str, Any]) -> Part:
    """Read an entry of the journal."""
    covered = [(int(source), int(start), int(stop)) for source, start, stop in facts["covered"]]
    reading = Reading(**facts["reading"])
    return Part(list(facts["runs"]), covered, reading, list(facts["replaces"]))


class Journal:
    """The parts that are done, on the disk if there is a stage.

    Attributes:
        parts: By the names of their entries.
        size: Bytes of the runs that were written.
    """

    def __init__(self, open_store: Callable[[], Store], stage: Stage | None = None) -> None:
        """Read what the stage has.

        Args:
            open_store: Says where the runs are, when the first is to be written.
            stage: Where entries are kept, if they are.
        """
        self._open_store, self.stage = open_store, stage
        self._store: Store | None = None
        self.parts: dict[str, Part] = {}
        self.size = 0
        self._read = 0  # stored bytes behind them
        self._lock = threading.RLock()
        self._last, self._spent, self._cost = monotonic(), 0.0, 0.0  # time: of the last commit,
        # what it took with the writing of its runs, and what was written since
        self._loose: set[str] = set()  # runs that are not flushed
        self._numbers = count()
        if stage is not None:
            self._find(stage)

    def _find(self, stage: Stage) -> None:
        """Read the entries; remove what none of them names."""
        files = set(self.store.names())
        for name, facts in stage.entries().items():
            try:
                part = part_of(facts)
            except (KeyError, TypeError, ValueError):
                continue  # of something else, such as a range of the merged rows
            if files.issuperset(part.runs):
                self.parts[name] = part
        for part in list(self.parts.values()):
            for name in part.replaces:
                self.parts.pop(name, None)
                stage.withdraw(name)
        known = {name for part in self.parts.values() for name in part.runs}
        self.store.remove(*(n for n in files if n.endswith(".run") and n not in known))

    @property
    def store(self) -> Store:
        """Where the runs are."""
        with self._lock:
            if self._store is None:
                self._store = self._open_store()
            return self._store

    @property
    def runs(self) -> list[str]:
        """Names of all runs, sorted."""
        return sorted(name for part in self.parts.values() for name in part.runs)

    def covered(self) -> list[tuple[int, int, int]]:
        """What is done: (source, start, stop), ascending, none touching another."""
        return joined(entry for part in self.parts.values() for entry in part.covered)

    def is_due(self, since: float | None = None) -> bool:
        """Whether it is time to put on the disk what was done since then, or the last commit."""
        if self.stage is None:
            return False
        waited = monotonic() - (self._last if since is None else since)
        pause = min(_SHARE * self._spent, _LONGEST)
        return waited >= max(workspace.COMMIT_SECONDS, pause)

    def write(self, rows: Iterable[Rows]) -> str:
        """Write a run and return its name; it is on the disk only when a part with it counts."""
        name, spent = f"{uuid.uuid4().hex}.run", 0.0

        def timed() -> Iterator[Rows]:
            nonlocal spent
            begun = perf_counter()
            for block in rows:
                spent += perf_counter() - begun
                yield block
                begun = perf_counter()
            spent += perf_counter() - begun

        begun = perf_counter()
        local = self.store.local
        size = write_run(Scratch(local) if local is not None else self.store, name, timed())
        with self._lock:
            self.size += size
            self._cost += perf_counter() - begun - spent
            if local is not None:
                self._loose.add(name)
        return name

    def add(self, part: Part, at_once: bool = False) -> None:
        """Add a part; it and those before it are put on the disk now, or when it is due."""
        with self._lock:
            self.parts[f"loose-{next(self._numbers)}"] = part
            if self.stage is None or not (at_once or self.is_due()):
                return
            every = Part()
            for name in [name for name in self.parts if name.startswith("loose-")]:
                every.join(self.parts.pop(name))
            self.commit(every)

    def commit(self, part: Part) -> None:
        """From now on a part counts, and those that it replaces do not."""
        name, begun = uuid.uuid4().hex, perf_counter()
        with self._lock:
            gone = [self.parts.pop(old) for old in part.replaces if old in self.parts]
            if self.stage is not None:
                self._flush(part)
                self.stage.commit(name, part.facts())
                for old in part.replaces:
                    self.stage.withdraw(old)
            self.parts[name] = part
            self.store.remove(*(run for old in gone for run in old.runs if run not in part.runs))
            self._last = monotonic()
            self._spent, self._cost = self._cost + perf_counter() - begun, 0.0

    def _flush(self, part: Part) -> None:
        loose = [name for name in part.runs if name in self._loose]
        folder = self.store.local
        if loose and folder is not None:
            try:
                for name in (*loose, ""):
                    disk().flush_path(folder / name)
            except OSError as error:
                raise ResourceError(f"{folder} cannot be written: {error.strerror}") from error
            self._loose.difference_update(loose)

    def refuse_small_disk(self, read: int, total: int) -> None:
        """Refuse to go on when what is left to read will not fit, as the runs so far tell."""
        local = self.store.local
        self._read += read
        if local is None or not self._read:
            return
        needed = self.size * max(0, total - self._read) // self._read
        if needed > (free := disk().free(local)):
            raise ResourceError(
                f"what is left to count may take {size_text(needed)} in {local}, where "
                f"{size_text(free)} are free; free some space and run the same command again"
            )
