"""A corpus as a stream of numbers: what words are made of, and where a word cannot go on.

A unit is an atom that may be part of a longer word (`kernels/reference/segment.py`): a character of
a script without spaces, or a run of letters or digits. Everything else, and a unit seen only once,
is a boundary.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.characters import fold_table
from textzero.corpus import Corpus, Piece, Reading, Split, as_corpus
from textzero.discovery.arrays import Arrays, Column
from textzero.discovery.journal import (
    Journal,
    array_writer,
    read_into,
    reading_arrays,
    write_arrays,
)
from textzero.discovery.unit_counts import Alphabet, Runs, entries
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.kernels.reference.segment import (
    DIGIT,
    LETTER,
    PHRASE,
    RUN,
    SPACE,
    UNIT,
    UNITS,
    atom_classes,
)
from textzero.kernels.reference.text import ALONE
from textzero.packed import PackedStrings
from textzero.parallel import ordered_threads, run_threads
from textzero.progress import Progress
from textzero.store import Store

_SPACE = 0x20
_BOUNDARY = np.zeros(1, np.int32)
_LEAST = 1 << 12  # units that a table may hold in any case
_ENTRY = 300  # bytes that a unit may take while it is counted, and becomes a line of a run

Told = Callable[[int], None]  # how many stored bytes were read


def _nobody(_: int) -> None:
    pass


@dataclass
class Units:
    """A corpus as unit numbers.

    Attributes:
        ids: int32 (n,). 0 is a boundary: first, last, never twice in a row. Else a unit's number.
        alphabet: The units as text, folded; `alphabet[k - 1]` is unit k, in code point order.
        counts: int64 (len(alphabet) + 1,). How often each unit was seen; counts[0] is of those
            that were seen less than twice.
        runs: bool (len(alphabet) + 1,). Which units are runs of letters or digits.
        joiner: What stands between the units of a word: "" or, for phrases, " ".
        reading: What was read and what was lost.
    """

    ids: Array
    alphabet: PackedStrings
    counts: Array
    runs: Array
    joiner: str = ""
    reading: Reading = field(default_factory=Reading)

    @property
    def size(self) -> int:
        """How many units the corpus has, those that are boundaries left out."""
        return int(self.counts[1:].sum())

    def text(self, units: Iterable[int]) -> str:
        """Return the string that a sequence of units stands for."""
        return self.joiner.join(self.alphabet[k - 1] for k in units)


@dataclass
class Counting:
    """What one thread has counted."""

    table: Any
    reading: Reading = field(default_factory=Reading)
    entries: int = 0
    spilled: bool = False


@dataclass(frozen=True)
class Reader:
    """How a corpus is read as units; it can be sent to other processes.

    Attributes:
        corpus: The corpus.
        unit: What words are made of.
        lowercase, nfkc: What is taken for the same.
    """

    corpus: Corpus
    unit: str
    lowercase: bool
    nfkc: bool

    @property
    def code(self) -> int:
        """The unit as kernels know it."""
        return UNITS.index(self.unit)

    @property
    def folds(self) -> Array:
        """What each character is compared as."""
        return fold_table(self.lowercase, self.nfkc)

    def _atoms(self, piece: Piece) -> tuple[Array, Array, Array]:
        starts, kinds = kernel("segment").find_atoms(
            piece.text, piece.size, atom_classes(), self.code
        )
        places = starts.astype(np.int32)  # a piece is at most a megabyte
        firsts, stops = places[:-1].copy(), places[1:]
        firsts[(kinds != UNIT) & (kinds != RUN)] = -1
        return firsts, stops, kinds

    def count(
        self, state: Counting, split: Split, done: Told = _nobody, runs: Runs | None = None,
        most: int = 1 << 62,
    ) -> None:  # fmt: skip
        """Count the units of a split; a table of more than `most` of them becomes a run."""
        tables, twice = kernel("tables"), self.code == PHRASE
        for piece in self.corpus.pieces(split, state.reading):
            firsts, stops, _ = self._atoms(piece)
            tables.add_tokens(state.table, piece.text, firsts, stops, 1, 1)
            state.entries += (firsts.size << twice) + 1
            if runs is not None and entries(state.table) > most:
                runs.spill(state.table)
                state.table, state.spilled = tables.new_table(False), True
            done(piece.stored)

    def encode(
        self, split: Split, table: Any, skipped: list[str], done: Told = _nobody
    ) -> Iterator[Array]:
        """Yield the numbers of a split's units, each part behind a boundary, and closed by one.

        What this second reading skips, perhaps of a file that was cut since, is added to `skipped`.
        """
        reading = Reading()
        for piece in self.corpus.pieces(split, reading):
            firsts, stops, kinds = self._atoms(piece)
            found = kernel("tables").look_up(table, piece.text, firsts, stops)
            ids = np.maximum(found + 1, 0)
            if self.code == PHRASE:
                ids = _spaced(ids, piece, firsts, stops, kinds)
            yield _single_boundaries(np.concatenate([_BOUNDARY, ids, _BOUNDARY]))[1:]
            done(piece.stored)
        skipped.extend(reading.skipped)


def read_units(
    corpus: Corpus | Iterable[str],
    *,
    unit: str = "character",
    lowercase: bool = False,
    nfkc: bool = True,
    workers: int,
    arrays: Arrays | None = None,
    journal: Journal | None = None,
    progress: Progress | None = None,
) -> Units:
    """Read a corpus twice: once to count its units, once to number them.

    Args:
        corpus: A `Corpus`, or an iterable of documents that can be read twice.
        unit: "character", "letter" or "word"; see `find_atoms`.
        lowercase, nfkc: Take characters that fold to the same for the same.
        workers: Threads.
        arrays: Where to keep tables and the stream; None keeps them in memory.
        journal: Where what is done is kept for another run.
        progress: Told how many stored bytes were read.

    Raises:
        InputError: Something in the corpus cannot be read, or it holds no unit twice.
    """
    corpus = as_corpus(corpus)
    if not corpus.repeatable:
        corpus = Corpus.from_documents(list(corpus))
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
    reader = Reader(corpus, unit, lowercase, nfkc)
    arrays, journal, progress = arrays or Arrays(), journal or Journal(), progress or Progress()
    alphabet, reading, size = _counted(reader, workers, arrays, journal, progress)
    if not len(alphabet.units):
        what = "word" if unit == "word" else "character of a word"
        raise InputError(f"the corpus has no {what} twice: there is nothing to find")
    ids, skipped = _encoded(reader, alphabet, size, workers, arrays, journal, progress)
    reading.add(Reading(skipped=skipped))
    journal.drop()
    runs = _runs(alphabet.units, atom_classes(), reader.code)
    joiner = " " if reader.code == PHRASE else ""
    return Units(ids, alphabet.units, alphabet.counts, runs, joiner, reading)


def _counted(
    reader: Reader, workers: int, arrays: Arrays, journal: Journal, progress: Progress
) -> tuple[Alphabet, Reading, int]:
    """(alphabet, what was read, most entries that the stream can have)."""
    if facts := journal.found.get("units"):
        with reading_arrays(journal.store, "units") as (sizes, read):
            alphabet = Alphabet.of_sizes(sizes, arrays)
            for part in alphabet.parts():
                read(part)
        return alphabet, Reading(**facts["reading"]), int(facts["entries"])
    corpus, tables, runs = reader.corpus, kernel("tables"), Runs(reader.folds, arrays)
    splits = corpus.splits()
    workers = min(workers, len(splits)) or 1
    most = max(arrays.left // (_ENTRY * workers), _LEAST) if arrays.may_spill else 1 << 62

    def count(state: Counting, split: Split) -> None:
        reader.count(state, split, progress.advance, runs, most)

    with progress.stage("count", corpus.size):
        states = run_threads(count, splits, lambda: Counting(tables.new_table(False)), workers)
    reading, size = corpus.new_reading(), 2
    for state in states:
        reading.add(state.reading)
        size += state.entries
        (runs.spill if state.spilled else runs.add)(state.table)
        state.table = None
    alphabet = runs.alphabet()

    def write(store: Store, name: str) -> dict[str, Any]:
        with store.create(name) as file:
            write_arrays(file, alphabet.parts())
        return {"reading": asdict(reading), "entries": size}

    journal.add("units", write)
    return alphabet, reading, size


def _encoded(
    reader: Reader, alphabet: Alphabet, size: int, workers: int, arrays: Arrays,
    journal: Journal, progress: Progress,
) -> tuple[Array, list[str]]:  # fmt: skip
    """(stream as int32 (n,), what was skipped)."""
    splits = reader.corpus.splits()
    stored = arrays.new(size, np.int32)
    skipped: list[str] = []
    begun, n = _begun(journal, stored, len(splits), skipped)
    table = alphabet.table(arrays)

    most = None if arrays.room is None else arrays.room // (8 * workers)

    def encode(split: Split) -> Array:
        column = Column(arrays, np.int32, most)
        for part in reader.encode(split, table, skipped, progress.advance):
            column.add(part)
        return column.array()

    with progress.stage("encode", reader.corpus.size):
        progress.advance(sum(split.stop - split.start for split in splits[:begun]))
        kept, first = begun, n
        for k, part in enumerate(ordered_threads(encode, splits[begun:], workers), begun + 1):
            if n + part.size > stored.size:
                raise InputError("the corpus grew while it was read; try again when it is at rest")
            stored[n : n + part.size] = part
            n += part.size
            facts = {"first": kept, "stop": k, "size": n - first, "skipped": list(skipped)}
            journal.add(f"ids-{kept}", array_writer(stored[first:n], facts))
            if not journal.waits:
                kept, first = k, n
    return stored[:n], skipped


def begun_parts(found: Mapping[str, Mapping[str, Any]], n_splits: int) -> int:
    """How many splits, from the first on, have their numbers written."""
    begun = 0
    while (facts := found.get(f"ids-{begun}")) and begun < int(facts["stop"]) <= n_splits:
        begun = int(facts["stop"])
    return begun


def _begun(journal: Journal, stored: Array, n_splits: int, skipped: list[str]) -> tuple[int, int]:
    """Fill the stream with what an earlier run has encoded: (splits, entries)."""
    begun, n, last = 0, 1, begun_parts(journal.found, n_splits)
    while begun < last:
        facts = journal.found[f"ids-{begun}"]
        size = int(facts["size"])
        if size > stored.size - n:
            break
        read_into(journal.store, f"ids-{begun}", stored[n : n + size])
        begun, n = int(facts["stop"]), n + size
        skipped.extend(facts["skipped"])
    return begun, n


def _runs(alphabet: PackedStrings, classes: Array, code: int) -> Array:
    """Tell runs of letters or digits from characters."""
    firsts = np.fromiter(chain([0], (ord(word[0]) for word in alphabet)), np.int64)
    kinds = classes[firsts]
    runs = kinds == DIGIT if code == LETTER else kinds != ALONE
    runs[0] = False
    return runs


def _spaced(ids: Array, piece: Piece, firsts: Array, stops: Array, kinds: Array) -> Array:
    """Let one plain space join two units of a phrase, and part units that have none between."""
    inner = firsts >= 0
    at = np.flatnonzero(kinds == SPACE)
    at = at[(at > 0) & (at < kinds.size - 1)]
    plain = piece.text[stops[at] - 1] == _SPACE
    joins = np.zeros(kinds.size, np.bool_)
    joins[at] = plain & inner[at - 1] & inner[at + 1]
    touch = np.flatnonzero(inner[1:] & inner[:-1]) + 1
    return np.insert(ids, touch, 0)[~np.insert(joins, touch, False)]


def _single_boundaries(ids: Array) -> Array:
    keep = np.ones(ids.size, np.bool_)
    keep[1:] = (ids[1:] != 0) | (ids[:-1] != 0)
    return ids[keep]


def runs_in_blocks(ids: Array, size: int = 1 << 18) -> Iterator[tuple[int, int]]:
    """Cut a stream at boundaries into blocks (first, stop) of about `size` entries."""
    first = 0
    while first < ids.size - 1:
        stop = min(first + size, ids.size - 1)
        while ids[stop] != 0:
            part = np.flatnonzero(ids[stop : stop + size] == 0)
            stop += int(part[0]) if part.size else size
        yield first, stop
        first = stop
