"""Counts: words with their counts, and the formats they are written and read in."""

import io
import json
import mmap
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textzero._arguments import checked
from textzero._compat import Array
from textzero._counts_reading import first_repeated, read_blocks
from textzero._counts_reading import read_rows as read_rows
from textzero._frames import Tabular, batch_of, short, words_column
from textzero._words.bounded import BoundedTable
from textzero._words.merging import Bench, merged
from textzero._words.runs import Rows, Run
from textzero._words.spool import Spool
from textzero._words.totals import sorted_rows, total
from textzero.corpus import Reading
from textzero.errors import InputError
from textzero.files import whole_file
from textzero.kernels import kernel
from textzero.memory import BASE, memory_bytes
from textzero.packed import PADDING, PackedStrings
from textzero.parallel import run_threads, worker_count
from textzero.progress import Progress
from textzero.store import Store
from textzero.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow

FORMATS = ("tsv", "parquet", "jsonl", "glove", "jieba")
_BLOCK = 1 << 16  # words that are written at a time
_GROUP = 1 << 17  # words of a row group of Parquet
_NONE = np.zeros(0, np.int64)


class _Owner:
    """Lives as long as any Counts that its files belong to."""


class Counts(Tabular, Mapping[str, int]):
    """How often each word was seen, most frequent first, ties in code point order.

    Attributes:
        words: The words.
        counts: int64 (n,).
        documents: int64 (n,): documents that hold the word; empty unless they were asked for.
        tokens: Tokens seen, before `min_count`.
        reading: What was read and what was lost.
        distinct: Different words seen, before `min_count`.
    """

    def __init__(
        self,
        words: PackedStrings,
        counts: Array,
        documents: Array = _NONE,
        tokens: int | None = None,
        reading: Reading | None = None,
        distinct: int | None = None,
    ) -> None:
        self.words, self.counts, self.documents = words, counts, documents
        self.tokens = exact_sum(counts) if tokens is None else tokens
        self.reading = reading or Reading()
        self.distinct = len(words) if distinct is None else distinct
        self.owner: _Owner | None = None  # of the files in which the words are
        self._places: dict[str, int] | None = None

    @classmethod
    def of_rows(
        cls, rows: Rows, tokens: int | None, reading: Reading, distinct: int, mapped: bool
    ) -> "Counts":
        """Make an object of rows in their order, `mapped` when they are files."""
        words = PackedStrings(rows.text, rows.offsets)
        counts = cls(words, rows.counts, rows.documents, tokens, reading, distinct)
        counts.owner = _Owner() if mapped else None
        return counts

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __getitem__(self, word: str) -> int:
        if self.owner is not None:
            return self._found(word)
        if self._places is None:
            self._places = {w: i for i, w in enumerate(self.words)}
        return int(self.counts[self._places[word]])

    def _found(self, word: str) -> int:
        """Look for a word in the files."""
        wanted = word.encode("utf-8", "replace")
        for rows in self.blocks():
            data, at = rows.text.tobytes(), -1
            while wanted and (at := data.find(wanted, at + 1)) >= 0:
                place = int(np.searchsorted(rows.offsets, at))
                if place < rows.counts.size and rows.word(place) == wanted:
                    return int(rows.counts[place])
        raise KeyError(word)

    def __repr__(self) -> str:
        shown = ", ".join(f"{short(w)!r}: {c}" for w, c in self.most_common(5))
        more = ", ..." if len(self) > 5 else ""
        return f"Counts({{{shown}{more}}}, {len(self):,} words{self._lost()})"

    @checked
    def most_common(self, n: int | None = None) -> list[tuple[str, int]]:
        """Return the first `n` words with their counts."""
        n = len(self) if n is None else max(min(n, len(self)), 0)
        return list(zip(self.words[:n], self.counts[:n].tolist(), strict=True))

    @checked
    def keep(self, min_count: int = 1, top: int | None = None) -> "Counts":
        """Return the words with at least `min_count`, at most `top` of them."""
        n = bisect_right(self.counts, -min_count, key=lambda count: -int(count))
        n = n if top is None else max(min(n, top), 0)
        kept = Counts(
            self.words[:n], self.counts[:n], self.documents[:n], self.tokens, self.reading,
            self.distinct,
        )  # fmt: skip
        kept.owner = self.owner
        return kept

    def blocks(self, size: int = _BLOCK) -> Iterator[Rows]:
        """Yield the rows, at most `size` at a time; of files no more than that stays in memory."""
        for start in range(0, len(self), size):
            part = self.words[start : start + size]
            columns = self.counts[start : start + size], self.documents[start : start + size]
            if self.owner is None:
                yield Rows(part.text, part.offsets, *columns)
                continue
            first, last = int(part.offsets[0]), int(part.offsets[-1])
            text = np.zeros(last - first + PADDING, np.uint8)
            text[:-PADDING] = part.text[first:last]
            yield Rows(text, np.asarray(part.offsets) - first, *map(np.array, columns))
            for column in (part.text, part.offsets, *columns):
                _let_go(column)

    @checked
    def save(self, path: str | Path, format: str | None = None) -> None:
        """Write the table; the suffix tells the format unless `format` does (see FORMATS)."""
        with whole_file(path) as file:
            for block in self.formatted(format or format_of(path)):
                file.write(block)

    def formatted(self, format: str = "tsv") -> Iterator[bytes]:
        """Yield the table in one of FORMATS, block by block.

        Raises:
            ValueError: There is no such format.
            InputError: A word holds what separates in this format.
        """
        if format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
        if format in ("parquet", "jsonl"):
            yield from self._parquet() if format == "parquet" else self._json_lines()
            return
        between = "\t" if format == "tsv" else " "
        for rows in self.blocks():
            used = rows.text[rows.offsets[0] : rows.offsets[-1]]
            unfit = 0x20 if format == "glove" else 0x1F
            if (used <= unfit).any():
                words = PackedStrings(*rows[:2])
                word = next(w for w in words if min(w) <= chr(unfit))
                raise InputError(f"{format} cannot hold the word {word!r}: JSON lines can")
            held = [rows.documents] if format == "tsv" and rows.documents.size else []
            numbers = np.stack([rows.counts, *held], axis=1)
            packed = kernel("packed").format_rows
            yield packed(rows.text, rows.offsets, numbers, ord(between)).tobytes()

    def _json_lines(self) -> Iterator[bytes]:
        for rows in self.blocks(1 << 14):
            documents = rows.documents.tolist() or [None] * len(rows.counts)
            words = PackedStrings(*rows[:2])
            lines = []
            for word, count, held in zip(words, rows.counts.tolist(), documents, strict=True):
                row = {"word": word, "count": count}
                row |= {} if held is None else {"documents": held}
                lines.append(json.dumps(row, ensure_ascii=False) + "\n")
            yield "".join(lines).encode()

    def _parquet(self) -> Iterator[bytes]:
        import pyarrow.parquet

        sink, batches = io.BytesIO(), self._batches()
        first = next(batches)
        with pyarrow.parquet.ParquetWriter(sink, first.schema, compression="zstd") as writer:
            for batch in chain([first] if len(self) else [], batches):
                writer.write_batch(batch)
                yield sink.getvalue()
                sink.seek(0)
                sink.truncate()
        yield sink.getvalue()

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        empty = Rows(self.words.text, np.zeros(1, np.int64), _NONE, _NONE)
        for rows in self.blocks(_GROUP) if len(self) else [empty]:
            columns: dict[str, Any] = {"word": words_column(PackedStrings(*rows[:2]))}
            columns["count"] = rows.counts
            if self.documents.size:
                columns["documents"] = rows.documents
            yield batch_of(columns)

    @classmethod
    @checked
    def load(
        cls,
        path: str | Path,
        *,
        memory: int | str | None = None,
        workspace: Workspace | None = None,
    ) -> "Counts":
        """Read a table that `save` wrote as TSV, Parquet, JSON lines or a GloVe vocabulary.

        Args:
            path: The file.
            memory: As for `merge_counts`.
            workspace: As for `merge_counts`.

        Raises:
            InputError: A row is not what it should be; the message names file and line.
        """
        return merge_counts([path], memory=memory, workspace=workspace, workers=1)


def exact_sum(counts: Array) -> int:
    """Return the sum of int64 numbers, however large it is."""
    most = int(counts.max(initial=0))
    if most * counts.size < 1 << 63:
        return int(counts.sum())
    return (int((counts >> 32).sum()) << 32) + int((counts & 0xFFFFFFFF).sum())


def _let_go(column: Array) -> None:
    """Give back the memory that the pages of a mapped file take."""
    pages = getattr(column, "_mmap", None)
    if pages is not None and hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED)


def format_of(path: str | Path) -> str:
    """Tell the format of a counts file by its suffix; TSV when it says nothing."""
    suffixes = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    return suffixes.get(Path(path).suffix.lower(), "tsv")


def sorted_counts(table: Any, tokens: int | None = None, reading: Reading | None = None) -> Counts:
    """Take a kernel's word table apart, in the order that all counts are written in."""
    rows = sorted_rows(table)
    return Counts.of_rows(rows, tokens, reading or Reading(), rows.counts.size, mapped=False)


@checked
def merge_counts(
    parts: Iterable[Counts | str | Path],
    *,
    min_count: int = 1,
    memory: int | str | None = None,
    workers: int | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Counts:
    """Add several tables up. Documents are kept when every part has them.

    Args:
        parts: Tables, or the files of some, which are read block by block.
        min_count: Words whose sum is less are left out.
        memory: Bound in bytes or as "1GB"; more is kept on disk. None: half of the machine's.
        workers: Threads, each with some of the tables; None for one per processor.
        workspace: The folder of the run, entered; None for a temporary one, if one is needed.
        progress: Told how many bytes of the files were read, and words merged on disk.

    Raises:
        InputError: A file is not a table, or has a word twice; a sum passes 2^63 - 1.
        ResourceError: The disk has no room for what memory does not hold.

    >>> a = Counts(PackedStrings.from_strings(["x", "y"]), np.array([3, 1]))
    >>> merge_counts([a, a]).most_common()
    [('x', 6), ('y', 2)]
    """
    room, workers = memory_bytes(memory) - BASE, worker_count(workers)
    workers, progress = max(min(workers, room // (16 << 20)), 1), progress or Progress()
    bench = Bench(Store("."), room // workers, workers, True)
    spool = Spool(workspace, None, bench)
    try:
        threads = min(workers, len(parts)) or 1 if isinstance(parts, Sized) else workers

        def add(adder: "_Adder", part: Counts | str | Path) -> None:
            adder.add(part)
            progress.advance(_stored(part))

        with progress.stage("read", sum(map(_stored, parts)) if isinstance(parts, Sized) else 0):
            adders = run_threads(add, parts, lambda: _Adder(spool, room // threads), threads)
        adders = adders or [_Adder(spool, room)]
        reading, tokens = Reading(), sum(adder.tokens for adder in adders)
        for adder in adders:
            reading.add(adder.reading)
        rows, distinct, mapped = total(
            [adder.table for adder in adders], [], spool, room, workers, progress, min_count,
        )  # fmt: skip
        if not all(adder.with_documents for adder in adders):
            rows = rows._replace(documents=_NONE)
        counts = Counts.of_rows(rows, tokens, reading, distinct, mapped)
        if mapped:
            spool.keep_for(counts.owner)
        return counts.keep(min_count)
    finally:
        spool.close()


def _stored(part: Counts | str | Path) -> int:
    """Bytes of a file; 0 where there is none."""
    path = Path() if isinstance(part, Counts) else Path(part)
    return path.stat().st_size if path.is_file() else 0


class _Adder:
    """Adds tables up in one thread.

    Attributes:
        table: Their sums.
        tokens: How many they tell of.
        reading: What was read for them.
        with_documents: Whether all tell of documents.
    """

    def __init__(self, spool: Spool, room: int) -> None:
        self.spool, self.room = spool, room
        self.table = _bounded(spool, room * 8 // 10)
        self.tokens, self.reading, self.with_documents = 0, Reading(), True

    def add(self, part: Counts | str | Path) -> None:
        """Add one table."""
        held, seen = False, 0
        if isinstance(part, Counts):
            blocks = part.blocks()
        else:
            blocks = _checked(part, self.spool, self.room)
        for rows in blocks:
            if not rows.documents.size:
                rows = rows._replace(documents=np.zeros_like(rows.counts))
            self.table.add_rows(rows)
            held = held or bool(rows.documents.any())
            seen += exact_sum(rows.counts)
        if isinstance(part, Counts):
            self.reading.add(part.reading)
            held = held or bool(part.documents.size) or not len(part)
            seen = part.tokens
        self.with_documents = self.with_documents and (held or not seen)
        self.tokens += seen


def _bounded(spool: Spool, most: int) -> BoundedTable:
    return BoundedTable(True, 1, 1, most, spool.bench, spool.store, spool.wrote)


def _checked(path: str | Path, spool: Spool, room: int) -> Iterator[Rows]:
    """Yield the rows of a file, no word twice: in their order that is easily seen."""
    is_ranked, last = True, None
    for rows in read_blocks(path):
        n = rows.counts.size
        is_ranked = is_ranked and kernel("packed").is_ranked(*rows[:3])
        first = (-int(rows.counts[0]), rows.word(0))
        is_ranked = is_ranked and (last is None or last < first)
        last = (-int(rows.counts[n - 1]), rows.word(n - 1))
        yield rows
    if not is_ranked:
        _refuse_repeated(path, spool, room)


def _refuse_repeated(path: str | Path, spool: Spool, room: int) -> None:
    """Read a file once more to see that no word is there twice."""
    table, seen = _bounded(spool, room // 10), 0
    for rows in read_blocks(path):
        ones = np.ones_like(rows.counts)
        table.add_rows(rows._replace(counts=ones, documents=np.zeros_like(ones)))
        seen += ones.size
    if table.kernels.extent(table.table)[0] == seen:
        return
    table.dump()
    bench = spool.bench()
    repeated: set[str] = set()
    for rows in merged([Run(bench.store, name) for name in table.runs], bench):
        repeated.update(rows.word(i).decode() for i in np.flatnonzero(rows.counts > 1)[:1000])
    bench.store.remove(*table.runs)
    if repeated:
        raise first_repeated(path, repeated)
