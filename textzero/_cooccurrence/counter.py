"""Segments of tokens counted into rows, on the processor or on the card."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero._cooccurrence.journal import Journal, Part
from textzero._cooccurrence.runs import Rows
from textzero.kernels import kernel
from textzero.parallel import ordered_threads, ranges_of
from textzero.progress import Progress

_ENCODED = 1 << 24  # records that are encoded on the card at once
_COUNTED = 1 << 20  # tokens whose words are counted at once
_PAIR = 3  # bytes of an encoded record, usually


class Counter:
    """Turns segments of tokens into runs.

    Args:
        journal: Where runs go.
        n_words: Size of the vocabulary.
        weights: int64 (window,). Units by distance.
        device: "cpu" or "gpu".
        subsampled: Whether occurrences are counted too.
        block: Bytes of rows that a thread makes at a time.

    Attributes:
        pairs: The sums that the GPU holds; None on the processor.
        held: Whole splits that are in these sums, and runs that were made of sums.
        open: Segments of which a part of a split is in them.
    """

    def __init__(
        self, journal: Journal, n_words: int, weights: Array, device: str, subsampled: bool,
        block: int,
    ) -> None:  # fmt: skip
        self.journal, self.n_words, self.weights = journal, n_words, weights
        self.subsampled, self.block = subsampled, block
        self.pairs: Any = _pairs_on_gpu(n_words, weights) if device == "gpu" else None
        self._occurrences = np.zeros(n_words if subsampled and self.pairs else 0, np.int64)
        self.held, self.open = Part(), set[int]()
        self.lock = threading.RLock()

    def count(
        self, part: Part, tokens: Array, fresh: int, workers: int, progress: Progress
    ) -> None:
        """Count one segment into a run of the part, or add it to the sums on the GPU."""
        if self.pairs is None:
            part.runs.append(self.journal.write(self.rows(tokens, fresh, workers, progress)))
            return
        with self.lock:
            if self.subsampled:
                self._occurrences += _tally(tokens[fresh:], self.n_words)
            begin, held = 0, self.pairs.upload(tokens)
            while begin < tokens.size:
                done = self.pairs.add(held, fresh, begin, 0, self.n_words)
                progress.advance(done - begin)
                begin = done
                if self.pairs.is_full():
                    self.held.runs.append(self.journal.write(self.taken()))

    def commit_sums(self, owner: int, part: Part) -> None:
        """Put the sums on the GPU into the journal, with whole splits of one segment.

        They wait while a part of another split is in the sums.
        """
        with self.lock:
            self.held.join(part)
            self.open.discard(owner)
            if not self.open:
                held, self.held = self.held, Part()
                held.runs.append(self.journal.write(self.taken()))
                self.journal.add(held, at_once=True)

    def rows(self, tokens: Array, fresh: int, workers: int, progress: Progress) -> Iterator[Rows]:
        """Yield the rows of one segment, counted on the processor.

        Args:
            tokens: int32 (n,).
            fresh: Tokens before this one were counted before.
            workers: Threads.
            progress: Told how many words were counted.
        """
        kernels = kernel("cooccurrence")
        starts, positions = kernels.word_positions(tokens, self.n_words)
        places = np.diff(starts)
        occurrences = places
        if self.subsampled and fresh:
            occurrences = places - _tally(tokens[:fresh], self.n_words)
        of_a_block = self.block // (2 * self.weights.size * _PAIR)
        most = max(1 << 10, min(positions.size // (16 * workers), of_a_block))

        def counted(limits: tuple[int, int]) -> tuple[Rows, int]:
            first, last = limits
            data, lengths, diagonal = kernels.count_rows(
                tokens, fresh, starts, positions, self.weights, first, last
            )
            beside = [lengths.T, diagonal[None]]
            if self.subsampled:
                beside.append(occurrences[None, first:last])
            return Rows(data, np.concatenate(beside)), int(places[first:last].sum())

        for rows, done in ordered_threads(counted, ranges_of(places, most), workers):
            progress.advance(done)
            yield rows

    def taken(self) -> Iterator[Rows]:
        """Yield the rows that the GPU holds, which holds none any more."""
        diagonal, blocks = self.pairs.take_encoded(_ENCODED)
        beside = diagonal[None]
        if self.subsampled:
            beside = np.stack([diagonal, self._occurrences])
            self._occurrences = np.zeros_like(self._occurrences)
        first = 0
        for data, lengths in blocks:
            last = first + len(lengths)
            yield Rows(data, np.concatenate([lengths.T, beside[:, first:last]]))
            first = last


def _tally(tokens: Array, n_words: int) -> Array:
    """Count how often each word occurs."""
    total = np.zeros(n_words, np.int64)
    for start in range(0, tokens.size, _COUNTED):
        part = tokens[start : start + _COUNTED]
        total += np.bincount(part[part >= 0], minlength=n_words)
    return total


def _pairs_on_gpu(n_words: int, weights: Array) -> Any:
    from textzero.kernels.gpu._pairs import Pairs

    return Pairs(n_words, weights)
