"""Runs merged: at most 64 at a time, in bounded memory, by ranges of words side by side."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from textzero._compat import Array
from textzero._words.runs import LARGEST, ROW_BYTES, SMALLEST, Rows, Run, Scratch, cut, write_run
from textzero.disk import disk
from textzero.files import refuse_small_disk
from textzero.kernels import kernel
from textzero.packed import PADDING
from textzero.parallel import ordered_threads
from textzero.progress import Progress
from textzero.store import Store

FAN_IN = 64
_RANKED_AT_ONCE = 1 << 14  # words whose order by count is written at a time


@dataclass(frozen=True)
class Bench:
    """Where runs are merged, and with how much.

    Attributes:
        store: Where files that only this run reads are.
        room: Bytes of memory that one thread may take.
        workers: Threads.
        documents: Whether documents are counted.
    """

    store: Store
    room: int
    workers: int
    documents: bool

    @property
    def block(self) -> int:
        """Bytes of a block in memory."""
        return min(max(self.room // 160, SMALLEST), LARGEST)

    def fan_in(self, runs: Sequence[Run]) -> int:
        """How many runs are merged at once, so that half of the room holds their blocks."""
        largest = max([1, *(run.largest for run in runs)])
        return min(max(self.room // (2 * largest), 2), FAN_IN)


def new_name() -> str:
    """A name for a run that no other has."""
    return f"{uuid.uuid4().hex}.run"


def merged(
    runs: Sequence[Run],
    bench: Bench,
    low: bytes = b"",
    high: bytes | None = None,
    *,
    ranked: bool = False,
) -> Iterator[Rows]:
    """Yield the words of sorted runs in their order, equal ones summed; good until the next.

    Args:
        runs: By bytes, or `ranked`.
        bench: How much memory there is.
        low: The first word that is wanted.
        high: The first that is not wanted any more; None: all.
        ranked: Whether the runs are by count, descending, then by bytes.

    Raises:
        InputError: A run is damaged; a sum passes 2^63 - 1.
    """
    inputs = _Inputs(runs, bench.documents, low, high)
    if not inputs.spans:
        return
    rows = min(bench.room * 3 // 10 // (2 * ROW_BYTES), sum(run.words for run in runs))
    rows = max(rows, 64)
    out = Rows(
        np.zeros(max(rows * ROW_BYTES, inputs.longest) + PADDING, np.uint8),
        np.zeros(rows + 1, np.int64), np.empty(rows, np.int64),
        np.zeros(rows if bench.documents else 0, np.int64),
    )  # fmt: skip
    text = out.text[:-PADDING]
    filled = 0
    while inputs.refilled():
        filled = kernel("packed").merge_sorted(
            *inputs.columns, *inputs.places, ranked, text, *out[1:], filled
        )
        if inputs.lacks():
            continue
        if filled:
            yield out.part(0, filled)
        filled = 0


class _Inputs:
    """The blocks that are being merged, one a run, in arrays that all share."""

    def __init__(
        self, runs: Sequence[Run], documents: bool, low: bytes, high: bytes | None
    ) -> None:
        self.low, self.high = low, high
        found = [(run, *run.span(low, high)) for run in runs]
        self.spans = [(run, first, last) for run, first, last in found if first < last]
        self.next = [first for _, first, _ in self.spans]
        texts = [max(b.text for b in run.blocks[a:z]) for run, a, z in self.spans]
        words = [max(b.words for b in run.blocks[a:z]) for run, a, z in self.spans]
        self.texts = np.cumsum([0, *texts])
        self.longest = max(texts, default=0)
        self.rows = np.cumsum([0, *words])
        n = int(self.rows[-1])
        self.columns = (
            np.zeros(int(self.texts[-1]) + PADDING, np.uint8),
            np.zeros(n, np.int64), np.zeros(n, np.int64),  # where words begin and end
            np.zeros(n, np.int64), np.zeros(n if documents else 0, np.int64),
        )  # fmt: skip
        # next row, behind the last row, whether the run goes on
        self.places = (
            self.rows[:-1].copy(), self.rows[:-1].copy(), np.ones(len(self.spans), bool)
        )  # fmt: skip

    def lacks(self) -> bool:
        """Whether a run that goes on has no row here."""
        heads, tails, more = self.places
        return bool((more & (heads == tails)).any())

    def refilled(self) -> bool:
        """Read what is lacking; False when all is used up."""
        heads, tails, more = self.places
        while self.lacks():
            for place in np.flatnonzero(more & (heads == tails)).tolist():
                self._refill(place)
        return bool((heads < tails).any())

    def _refill(self, place: int) -> None:
        run, first, last = self.spans[place]
        number = self.next[place]
        self.next[place] += 1
        rows = run.read(number)
        start = rows.place(self.low) if number == first and self.low else 0
        stop = rows.counts.size
        if number == last - 1:
            self.places[2][place] = False
            stop = stop if self.high is None else rows.place(self.high)
        text, starts, stops, counts, documents = self.columns
        base, at = int(self.texts[place]), int(self.rows[place])
        size = int(rows.offsets[-1])
        text[base : base + size] = rows.text[:size]
        n = max(stop - start, 0)
        starts[at : at + n] = rows.offsets[start : start + n] + base
        stops[at : at + n] = rows.offsets[start + 1 : start + n + 1] + base
        counts[at : at + n] = rows.counts[start : start + n]
        documents[at : at + n] = rows.documents[start : start + n]
        self.places[0][place], self.places[1][place] = at, at + n


def reduced(
    runs: list[Run], bench: Bench, *, most: int = FAN_IN, ranked: bool = False,
    limits: tuple[bytes, bytes | None] = (b"", None),
) -> list[Run]:  # fmt: skip
    """Merge the smallest runs until no more are left than are merged at once.

    Args:
        runs: Those of the bench's own store are removed when they are merged.
        bench: How much memory there is.
        most: How many may be left.
        ranked: How they are sorted.
        limits: The words that are wanted: [low, high).
    """

    def merge_here(group: list[Run]) -> Run:
        name = new_name()
        rows = merged(group, bench, *limits, ranked=ranked)
        write_run(bench.store, name, rows, bench.block)
        for run in group:
            if run.store is bench.store:
                run.store.remove(run.name)
        return Run(bench.store, name)

    while len(runs) > min(most, fan_in := bench.fan_in(runs)):
        refuse_full_disk(bench.store, sum(run.size for run in runs))
        excess, groups = len(runs) - min(most, fan_in), []
        waiting = sorted(runs, key=lambda run: (run.size, run.name))
        while excess > 0 and len(waiting) > 1:
            size = min(fan_in, excess + 1)
            groups.append(waiting[:size])
            waiting = waiting[size:]
            excess -= size - 1
        runs = waiting + list(ordered_threads(merge_here, groups, bench.workers))
    return runs


def refuse_full_disk(store: Store, size: int) -> None:
    """Raise ResourceError when a store on this machine has no room for `size` more bytes."""
    if store.local is not None:
        disk().make_folder(store.local, exist_ok=True)
        refuse_small_disk(store.local, size, "merging the words counted so far")


def ranges(runs: Sequence[Run], parts: int) -> list[tuple[bytes, bytes | None]]:
    """Cut all words into ranges [low, high) of about as many rows."""
    firsts = sorted((block.first, block.words) for run in runs for block in run.blocks)
    ends = np.cumsum([words for _, words in firsts])
    wanted = [int(ends[-1]) * k // parts for k in range(1, parts)] if firsts else []
    cuts = [firsts[int(np.searchsorted(ends, place))][0] for place in wanted]
    bounds = [b"", *sorted({bound for bound in cuts if bound})]
    return list(zip(bounds, [*bounds[1:], None], strict=True))


def rank(
    runs: Sequence[Run], limits: tuple[bytes, bytes | None], bench: Bench, min_count: int
) -> tuple[list[str], int]:
    """Merge a range of words and write those with `min_count` as runs by count, then by bytes.

    Returns:
        (names of the runs in the bench's store, how many words the range has).
    """
    names, distinct = [], 0
    for rows in merged(runs, bench, *limits):
        distinct += rows.counts.size
        places = _by_count(rows.counts, min_count)
        if places.size:
            names.append(new_name())
            write_run(bench.store, names[-1], _gathered(rows, places), bench.block)
    return names, distinct


def _by_count(counts: Array, min_count: int) -> Array:
    """The places of counts that are large enough, the largest first, else as they are."""
    places = np.flatnonzero(counts >= min_count)
    kept = counts[places]
    # sorting 16 bits takes no comparisons; few counts need more
    order = np.argsort((65535 - np.minimum(kept, 65535)).astype(np.uint16), kind="stable")
    large = order[: int(np.count_nonzero(kept >= 65535))]
    order[: large.size] = large[np.argsort(-kept[large], kind="stable")]
    return places[order]


def _gathered(rows: Rows, places: Array) -> Iterator[Rows]:
    for start in range(0, places.size, _RANKED_AT_ONCE):
        part = places[start : start + _RANKED_AT_ONCE]
        text, offsets = kernel("packed").gather(rows.text, rows.offsets, part)
        documents = rows.documents[part] if rows.documents.size else rows.documents
        yield Rows(text, offsets, rows.counts[part], documents)


def rank_all(
    runs: list[Run], bench: Bench, min_count: int, progress: Progress
) -> tuple[list[Run], int]:
    """Merge all runs by ranges of words side by side: (runs by count, distinct words)."""
    runs = reduced(runs, bench)
    parts = ranges(runs, 1 if bench.workers == 1 else 2 * bench.workers)
    refuse_full_disk(bench.store, sum(run.size for run in runs))
    work = partial(_rank_range, runs, bench, min_count)
    names, distinct = [], 0
    for part, words in ordered_threads(work, parts, bench.workers):
        names += part
        distinct += words
        progress.advance(words)
    for run in runs:
        if run.store is bench.store:
            run.store.remove(run.name)
    return [Run(bench.store, name) for name in names], distinct


def _rank_range(
    runs: list[Run], bench: Bench, min_count: int, limits: tuple[bytes, bytes | None]
) -> tuple[list[str], int]:
    return rank(runs, limits, bench, min_count)


def write_columns(runs: list[Run], bench: Bench, folder: Path) -> Rows:
    """Merge runs by count into files in `folder`, one a column; they are mapped, not read."""
    runs = reduced(runs, bench, ranked=True)
    words, text = sum(run.words for run in runs), sum(run.text for run in runs)
    columns = 3 if bench.documents else 2
    needed = text + words * 8 * columns
    refuse_small_disk(folder, needed, f"the table of {words:,} words")
    names = ["text", "offsets", "counts", *(["documents"] if bench.documents else [])]
    with ExitStack() as opened:
        files = [opened.enter_context(Scratch(folder).create(name)) for name in names]
        end = 0
        files[1].write(np.zeros(1, np.int64).data)
        for rows in merged(runs, bench, ranked=True):
            for part in cut(rows, 1 << 22):
                first = int(part.offsets[0])
                files[0].write(part.text[first : part.offsets[-1]].data)
                files[1].write((part.offsets[1:] - first + end).data)
                end += int(part.offsets[-1]) - first
                for file, column in zip(files[2:], part[2:], strict=False):
                    file.write(np.ascontiguousarray(column).data)
        files[0].write(bytes(PADDING))
    for run in runs:
        if run.store is bench.store:
            run.store.remove(run.name)
    mapped = [_mapped(folder / name, kind) for name, kind in zip(names, _KINDS, strict=False)]
    documents = mapped[3] if bench.documents else np.zeros(0, np.int64)
    return Rows(mapped[0], mapped[1], mapped[2], documents)


_KINDS = (np.uint8, np.int64, np.int64, np.int64)


def _mapped(path: Path, kind: type) -> Array:
    return np.memmap(path, kind, "r") if path.stat().st_size else np.zeros(0, kind)
