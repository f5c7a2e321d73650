"""A corpus as a stream of numbers: what words are made of, and where a word cannot go on.

A unit is an atom that may be part of a longer word (`kernels/reference/segment.py`): a character of
a script without spaces, or a run of letters or digits. Everything else, and a unit seen only once,
is a boundary.
"""

import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.corpus import Corpus, Piece, Reading, Split, as_corpus
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
from textzero.segmenter import fold_table

_SPACE = 0x20


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
class _State:
    table: Any
    reading: Reading = field(default_factory=Reading)
    entries: int = 0


def read_units(
    corpus: Corpus | Iterable[str],
    *,
    unit: str = "character",
    lowercase: bool = False,
    nfkc: bool = True,
    workers: int,
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> Units:
    """Read a corpus twice: once to count its units, once to number them.

    Args:
        corpus: A `Corpus`, or an iterable of documents that can be read twice.
        unit: "character", "letter" or "word"; see `find_atoms`.
        lowercase, nfkc: Take characters that fold to the same for the same.
        workers: Threads.
        folder: Where to keep the stream; None keeps it in memory.
        progress: Told how many stored bytes were read.

    Raises:
        InputError: Something in the corpus cannot be read, or it holds no unit twice.
    """
    corpus = as_corpus(corpus)
    if not corpus.repeatable:
        corpus = Corpus.from_documents(list(corpus))
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
    code, kernels, tables = UNITS.index(unit), kernel("segment"), kernel("tables")
    classes, progress = atom_classes(), progress or Progress()
    splits = corpus.splits()

    def atoms(piece: Piece) -> tuple[Array, Array, Array]:
        starts, kinds = kernels.find_atoms(piece.text, piece.size, classes, code)
        places = starts.astype(np.int32)  # a piece is at most a megabyte
        firsts, stops = places[:-1].copy(), places[1:]
        firsts[(kinds != UNIT) & (kinds != RUN)] = -1
        return firsts, stops, kinds

    def count(state: _State, split: Split) -> None:
        for piece in corpus.pieces(split, state.reading):
            firsts, stops, _ = atoms(piece)
            tables.add_tokens(state.table, piece.text, firsts, stops, 1, 1)
            state.entries += 2 * firsts.size + 1 if code == PHRASE else firsts.size + 1
            progress.advance(piece.stored)

    with progress.stage("count", corpus.size):
        states = run_threads(
            count, splits, lambda: _State(tables.new_table(False)), min(workers, len(splits)) or 1
        )
    reading, entries = corpus.new_reading(), 2
    for state in states:
        reading.add(state.reading)
        entries += state.entries
    table, alphabet, counts = _number(tables, states, fold_table(lowercase, nfkc))
    if not len(alphabet):
        raise InputError("the corpus has no character of a word twice: there is nothing to find")

    def encode(split: Split) -> Array:
        parts = [np.zeros(1, np.int32)]
        for piece in corpus.pieces(split, Reading()):
            firsts, stops, kinds = atoms(piece)
            ids = np.maximum(tables.look_up(table, piece.text, firsts, stops) + 1, 0)
            if code == PHRASE:
                ids = _spaced(ids, piece, firsts, stops, kinds)
            parts += [ids.astype(np.int32), np.zeros(1, np.int32)]
            progress.advance(piece.stored)
        return _single_boundaries(np.concatenate(parts))

    stored = room_for((entries,), folder)
    n = 1
    stored[0] = 0
    with progress.stage("encode", corpus.size):
        for part in ordered_threads(encode, splits, workers):
            if n + part.size - 1 > stored.size:
                raise InputError("the corpus grew while it was read; try again when it is at rest")
            stored[n : n + part.size - 1] = part[1:]  # each begins and ends with a boundary
            n += part.size - 1
    runs = _runs(alphabet, classes, code)
    return Units(stored[:n], alphabet, counts, runs, " " if code == PHRASE else "", reading)


def _number(tables: Any, states: list[_State], folds: Array) -> tuple[Any, PackedStrings, Array]:
    """Give numbers to units seen at least twice: (table for look-up, their text, counts)."""
    seen: dict[str, int] = {}
    spellings: dict[str, list[str]] = {}
    for state in states:
        text, offsets, counts, _ = tables.unload(state.table)
        packed = PackedStrings(text, offsets)
        rows = zip(packed, _folded(packed, folds), counts.tolist(), strict=True)
        for spelling, folded, count in rows:
            seen[folded] = seen.get(folded, 0) + count
            spellings.setdefault(folded, []).append(spelling)
    kept = sorted(word for word, count in seen.items() if count > 1)
    values = {s: k for k, word in enumerate(kept) for s in spellings[word]}
    table = tables.new_table(False)
    packed = PackedStrings.from_strings(values)
    numbers = np.fromiter(values.values(), np.int64, len(values))
    tables.set_values(table, packed.text, packed.offsets, numbers)
    rare = sum(count for count in seen.values() if count < 2)
    counts = np.array([rare, *(seen[word] for word in kept)], np.int64)
    return table, PackedStrings.from_strings(kept), counts


def _runs(alphabet: PackedStrings, classes: Array, code: int) -> Array:
    """Tell runs of letters or digits from characters."""
    firsts = np.array([0, *(ord(word[0]) for word in alphabet)])
    kinds = classes[firsts]
    runs = kinds == DIGIT if code == LETTER else kinds != ALONE
    runs[0] = False
    return runs


def _folded(strings: PackedStrings, folds: Array) -> Iterator[str]:
    """Yield strings, each character as the one that it is compared as."""
    data = strings.text[: strings.offsets[-1]]
    ends = np.r_[0, np.cumsum(data & 0xC0 != 0x80)][strings.offsets]  # in characters
    points = np.frombuffer(data.tobytes().decode().encode("utf-32-le"), np.uint32)
    text = folds[points].astype("<u4").tobytes().decode("utf-32-le")
    for start, stop in pairwise(ends.tolist()):
        yield text[start:stop]


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


def room_for(shape: tuple[int, ...], folder: str | Path | None) -> Array:
    """Return an int32 array to be filled, in memory or in a file of `folder`."""
    if folder is None:
        return np.empty(shape, np.int32)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".units", delete=False) as file:
        if hasattr(os, "posix_fallocate"):  # a full disk is an error now, not a crash later
            os.posix_fallocate(file.fileno(), 0, 4 * math.prod(shape))
        else:
            file.truncate(4 * math.prod(shape))
    return np.memmap(file.name, np.int32, "r+", shape=shape)


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
