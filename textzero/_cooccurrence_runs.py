"""Runs of co-occurrences: segments of tokens counted into files, and the files merged into one.

A run is a file of encoded rows, with their lengths beside it (see
`kernels/reference/cooccurrence.py`).
"""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels import kernel
from textzero.parallel import ordered_threads, ranges_of
from textzero.progress import Progress

_FAN_IN = 64
_ENCODED = 1 << 24  # records that are encoded on the card at once
_COUNTED = 1 << 20  # tokens whose words are counted at once


class Counter:
    """Turns segments of tokens into runs on disk, and the runs into one matrix."""

    def __init__(
        self, folder: Path, n_words: int, weights: Array, workers: int, device: str
    ) -> None:
        self.folder, self.n_words, self.weights, self.workers = folder, n_words, weights, workers
        self.runs: list[Path] = []
        self.pairs: Any = _pairs_on_gpu(n_words, weights) if device == "gpu" else None
        self.diagonal = np.zeros(n_words, np.int64)
        self.occurrences: Array | None = None  # counted when it is an array
        self.lock = threading.Lock()

    def count(self, tokens: Array, fresh: int, workers: int, progress: Progress) -> None:
        """Count one segment and write it as a run, or keep its sums on the GPU."""
        if self.pairs is not None:
            with self.lock:
                self._count_on_gpu(tokens, fresh, progress)
            return
        kernels = kernel("cooccurrence")
        starts, positions = kernels.word_positions(tokens, self.n_words)
        occurrences = np.diff(starts)
        ranges = ranges_of(occurrences, max(1 << 14, positions.size // (16 * workers)))

        def rows(limits: tuple[int, int]) -> tuple[Array, Array, Array, tuple[int, int]]:
            counted = kernels.count_rows(tokens, fresh, starts, positions, self.weights, *limits)
            return *counted, limits

        def blocks() -> Iterator[tuple[Array, Array]]:
            for data, lengths, diagonal, (first, last) in ordered_threads(rows, ranges, workers):
                with self.lock:
                    self.diagonal[first:last] += diagonal
                progress.advance(int(occurrences[first:last].sum()))
                yield data, lengths

        self.runs.append(self._write_run(blocks()))

    def count_words(self, tokens: Array) -> None:
        """Add how often each word occurs in tokens that are not counted yet, if that is asked."""
        if self.occurrences is None:
            return
        for start in range(0, tokens.size, _COUNTED):
            part = tokens[start : start + _COUNTED]
            found = np.bincount(part[part >= 0], minlength=self.n_words)
            with self.lock:
                self.occurrences += found

    def _count_on_gpu(self, tokens: Array, fresh: int, progress: Progress) -> None:
        begin = 0
        held = self.pairs.upload(tokens)
        while begin < tokens.size:
            done = self.pairs.add(held, fresh, begin, 0, self.n_words)
            progress.advance(done - begin)
            begin = done
            if self.pairs.is_full():
                self._spill()

    def _spill(self) -> None:
        """Write the sums that the GPU holds as a run."""
        diagonal, blocks = self.pairs.take_encoded(_ENCODED)
        self.diagonal += diagonal
        self.runs.append(self._write_run(blocks))

    def _write_run(self, blocks: Iterator[tuple[Array, Array]]) -> Path:
        with tempfile.NamedTemporaryFile(
            dir=self.folder, prefix="run-", suffix=".bin", delete=False
        ) as file:
            lengths = [np.zeros((0, 2), np.int64)]
            for data, block_lengths in blocks:
                file.write(data.data)
                lengths.append(block_lengths)
        path = Path(file.name)
        np.save(path.with_suffix(".npy"), np.concatenate(lengths))
        return path

    def merge(self) -> Path:
        """Merge all runs into one, at most _FAN_IN at a time."""
        if self.pairs is not None and (self.pairs.records or not self.runs):
            self._spill()
        while len(self.runs) > 1:
            group, self.runs = self.runs[:_FAN_IN], self.runs[_FAN_IN:]
            self.runs.append(self._merge_group(group))
            for path in group:
                path.unlink()
                path.with_suffix(".npy").unlink()
        return self.runs[0]

    def _merge_group(self, group: list[Path]) -> Path:
        runs = [np.memmap(p, np.uint8, "r") if p.stat().st_size else np.zeros(0, np.uint8)
                for p in group]  # fmt: skip
        offsets = np.zeros((len(group), self.n_words + 1), np.int64)
        for path, row in zip(group, offsets, strict=True):
            np.cumsum(np.load(path.with_suffix(".npy"), mmap_mode="r")[:, 0], out=row[1:])

        def merged(limits: tuple[int, int]) -> tuple[Array, Array]:
            first, last = limits
            local = offsets[:, first : last + 1].copy()
            parts = [run[row[0] : row[-1]] for run, row in zip(runs, local, strict=True)]
            ends = np.cumsum([0] + [part.size for part in parts])[:-1]
            local += (ends - local[:, 0])[:, None]
            return kernel("cooccurrence").merge_rows(np.concatenate(parts), local, self.n_words)

        ranges = ranges_of(np.diff(offsets.sum(axis=0)), 8 << 20)
        return self._write_run(ordered_threads(merged, ranges, self.workers))


def _pairs_on_gpu(n_words: int, weights: Array) -> Any:
    from textzero.kernels.gpu._pairs import Pairs

    return Pairs(n_words, weights)
