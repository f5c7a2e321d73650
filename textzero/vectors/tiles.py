"""Records in tiles that threads can train at the same time without touching a common vector.

The words are dealt into groups; records of rows in one group and columns in the other, and the
reverse, are a tile. Two tiles without a common group touch no common vector, so a tournament of
the groups gives rounds of tiles that run side by side. The records of a tile lie in a random order,
cut into chunks, and a round is over one chunk of each tile: so little has to be in memory, and a
word's records are visited all over an epoch, as in a random order of all. Groups, tiles, chunks and
order depend on the counts and the seed, not on threads or memory.

Source: Gemulla, Nijkamp, Haas and Sismanis 2011 (matrix factorisation by strata).
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.cooccurrence import Cooccurrence
from textzero.errors import InputError
from textzero.kernels.reference.adagrad import RECORD
from textzero.parallel import ordered_threads
from textzero.vectors.blocks import decoded_rows
from textzero.vectors.matrices import hidden_file
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.targets import biases

CHUNK = 1 << 10  # records of a chunk, at most, or more when a tile has many words:
RECORDS_A_WORD = 1.5  # with 12 the first epoch's cost is 0.8 % below that of a random order
_BLOCK = 1 << 18  # records decoded at once, at least
_BLOCK_BYTES = 96  # of a record while it is decoded and sorted
_DECODERS = 4  # threads that decode, at most, so that their blocks stay few
_GROUP_WORDS = 4096  # whose vectors and squares are 4 MB at dimension 128
_FEW_GROUPS, _MOST_GROUPS = 16, 64


def group_count(n_words: int) -> int:
    """Return how many groups so many words are dealt into: an even number.

    >>> group_count(2), group_count(1000), group_count(100_000), group_count(2_000_000)
    (2, 16, 24, 64)
    """
    groups = max(min(_FEW_GROUPS, n_words // 4), min(_MOST_GROUPS, n_words // _GROUP_WORDS))
    return max(2, groups // 2 * 2)


def deal_words(records: Array, groups: int) -> Array:
    """Deal words into groups of about as many records each, from the longest row on.

    Args:
        records: int64 (n_words,). Records of each word's row.
        groups: How many groups.

    Returns:
        uint8 (n_words,). The group of each word.
    """
    laps, places = np.divmod(np.arange(records.size), groups)
    hands = np.where(laps % 2, groups - 1 - places, places)  # there and back again
    found = np.empty(records.size, np.uint8)
    found[np.argsort(-records, kind="stable")] = hands
    return found


def tournament(groups: int) -> list[list[tuple[int, int]]]:
    """Return rounds in which each group meets one other, after a round of each with itself.

    >>> tournament(4)
    [[(0, 0), (1, 1), (2, 2), (3, 3)], [(0, 3), (1, 2)], [(1, 3), (0, 2)], [(2, 3), (0, 1)]]
    """
    rounds = [[(group, group) for group in range(groups)]]
    others = groups - 1
    for turn in range(others):  # one stays, the others move on by one chair
        pairs = [(turn, others)]
        for step in range(1, groups // 2):
            a, b = (turn + step) % others, (turn - step) % others
            pairs.append((min(a, b), max(a, b)))
        rounds.append(pairs)
    return rounds


class Tiles:
    """All records of a co-occurrence matrix, by tile and chunk.

    Args:
        matrix: The counts.
        settings: Targets, weights and the seed of the order; resolved.
        room: Bytes for records. What needs more goes to a file that nobody else sees.
        workers: Threads.
        folder: Where the file is; None for the system's temporary folder.

    Raises:
        InputError: The counts are damaged.
    """

    def __init__(
        self,
        matrix: Cooccurrence,
        settings: TrainingSettings,
        room: int,
        workers: int,
        folder: Path | None = None,
    ) -> None:
        self.matrix, self.settings = matrix, settings
        self.workers = min(workers, _DECODERS)
        groups = group_count(len(matrix.vocabulary))
        self.group_of = deal_words(matrix.lengths[:, 1], groups)
        self.schedule: list[list[int]] = []
        self.tile_of = np.zeros((groups, groups), np.uint16)
        n_tiles = 0
        for pairs in tournament(groups):
            for a, b in pairs:
                self.tile_of[a, b] = self.tile_of[b, a] = n_tiles
                n_tiles += 1
            self.schedule.append(list(range(n_tiles - len(pairs), n_tiles)))
        self.n_tiles = n_tiles
        words_of_tile = 2 * len(matrix.vocabulary) / groups
        most_in_chunk = max(CHUNK, int(RECORDS_A_WORD * words_of_tile))
        flying = 2 * self.workers + 2  # blocks under way
        room -= flying * _BLOCK * _BLOCK_BYTES + 2 * workers * most_in_chunk * RECORD.itemsize
        held = matrix.records * RECORD.itemsize <= room
        most = _BLOCK if held else max(_BLOCK, room // (flying * _BLOCK_BYTES))
        self.ranges = matrix.blocks(most)
        counts = self._count()
        self.chunks = max(1, -(-int(counts.max()) // most_in_chunk))
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self._held: Array | None = np.empty(matrix.records, RECORD) if held else None
        self._file = None if held else hidden_file(folder)
        self._lock = threading.Lock()
        try:
            self._place()
            self._shuffle()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give back the memory or the file."""
        self._held = None
        if self._file is not None:
            self._file.close()

    def rounds(self) -> Iterator[list[tuple[int, int]]]:
        """Yield rounds of (tile, chunk), each once, in an order drawn from the seed.

        Within a round no two tiles touch a common vector.
        """
        steps = self._random().permutation(self.chunks * len(self.schedule))
        for step in steps.tolist():
            chunk, turn = divmod(step, len(self.schedule))
            limits = [(tile, *self._limits(tile, chunk)) for tile in self.schedule[turn]]
            yield [(tile, chunk) for tile, start, stop in limits if start < stop]

    def _limits(self, tile: int, chunk: int) -> tuple[int, int]:
        """Return where a chunk begins and ends; a tile's chunks are of about the same size."""
        start, size = int(self.starts[tile]), int(self.starts[tile + 1] - self.starts[tile])
        return start + size * chunk // self.chunks, start + size * (chunk + 1) // self.chunks

    def read(self, tile: int, chunk: int) -> Array:
        """Return the RECORD (n,) of a chunk, in the order of visits; not to be changed."""
        return self._read(*self._limits(tile, chunk))

    def _read(self, start: int, stop: int) -> Array:
        if self._held is not None:
            return self._held[start:stop]
        assert self._file is not None
        records = np.empty(stop - start, RECORD)
        with self._lock:
            self._file.seek(start * RECORD.itemsize)
            done = self._file.readinto(records.view(np.uint8).data)
        if done != records.nbytes:
            raise InputError(f"the file of records was cut: {done} of {records.nbytes} bytes read")
        return records

    def _write(self, start: int, records: Array) -> None:
        if self._held is not None:
            self._held[start : start + records.size] = records
            return
        assert self._file is not None
        with self._lock:
            self._file.seek(start * RECORD.itemsize)
            self._file.write(records.view(np.uint8).data)

    def _count(self) -> Array:
        """Count the records of each tile: int64 (n_tiles,)."""

        def count(limits: tuple[int, int]) -> Array:
            rows, columns, _, _ = self._decode(*limits)
            return np.bincount(self._tiles(rows, columns), minlength=self.n_tiles)

        return sum(self._in_turn(count), np.zeros(self.n_tiles, np.int64))

    def _place(self) -> None:
        """Bring the records of each tile together, in order of row and column."""
        own, other = biases(self.matrix, self.settings)
        clip = np.float32(self.settings.clip)

        def sort(limits: tuple[int, int]) -> tuple[Array, Array]:
            rows, columns, logs, weights = self._decode(*limits)
            tiles = self._tiles(rows, columns)
            order = np.argsort(tiles, kind="stable")
            records = np.empty(rows.size, RECORD)
            records["row"], records["column"] = rows[order], columns[order]
            targets = np.maximum(logs + own[rows] + other[columns], clip)
            records["target"], records["weight"] = targets[order], weights[order]
            return records, np.bincount(tiles, minlength=self.n_tiles)

        ends = self.starts[:-1].copy()
        for records, counts in self._in_turn(sort):
            begin = 0
            for tile in np.flatnonzero(counts).tolist():
                size = int(counts[tile])
                self._write(int(ends[tile]), records[begin : begin + size])
                begin += size
                ends[tile] += size

    def _shuffle(self) -> None:
        """Bring the records of each tile into an order drawn from the seed."""

        def shuffle(tile: int) -> None:
            start, stop = int(self.starts[tile]), int(self.starts[tile + 1])
            order = self._random(tile).permutation(stop - start)
            self._write(start, self._read(start, stop)[order])

        for _ in ordered_threads(shuffle, range(self.n_tiles), self.workers):
            pass

    def _random(self, *stream: int) -> np.random.Generator:
        """Return the generator of one stream of random numbers; streams are independent."""
        seed = np.random.SeedSequence(self.settings.seed, spawn_key=(1, *stream))
        return np.random.default_rng(seed)

    def _in_turn(self, work: Callable[[tuple[int, int]], object]) -> Iterator[Any]:
        return ordered_threads(work, self.ranges, self.workers)

    def _tiles(self, rows: Array, columns: Array) -> Array:
        return self.tile_of[self.group_of[rows], self.group_of[columns]]

    def _decode(self, first: int, last: int) -> tuple[Array, Array, Array, Array]:
        """Return (int64 rows, int32 columns, float32 ln x, float32 weights) of some rows."""
        lengths, columns, logs, weights = decoded_rows(self.matrix, self.settings, first, last)
        rows = np.repeat(np.arange(first, last), lengths)
        if (rows == columns).any():
            raise InputError("the co-occurrences are damaged: a row holds its own word")
        return rows, columns, logs, weights
