"""Sweeps: every row of one matrix solved against the other, block by block, on the processor.

The rows are solved in coordinates in which the part of the problem that all rows share is the
identity (see `kernels/reference/least_squares.py`): rows and fixed matrix are turned there, the
solutions are turned back. `gpu_sweeps.py` does the same on a GPU.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from textzero._compat import Array
from textzero.cooccurrence import Cooccurrence
from textzero.kernels import kernel
from textzero.parallel import ordered_threads
from textzero.vectors.blocks import Blocks, give_back
from textzero.vectors.chunks import chunks, each_chunk
from textzero.vectors.coordinates import coordinates, record_shares
from textzero.vectors.matrices import Matrices
from textzero.vectors.settings import TrainingSettings

_LEAST = 1e-9  # weight of a word, the mean being 1


@dataclass
class Swept:
    """What one sweep gives.

    Attributes:
        rows: float32 (n_words, dim). The new rows.
        loss: sum of f (<w, c> - m)^2 over all records, of the rows before.
        objective: All that training minimises, of the matrices before.
        is_finite: Whether every new row is finite.
    """

    rows: Array
    loss: float
    objective: float
    is_finite: bool


def word_weights(matrix: Cooccurrence, settings: TrainingSettings) -> Array:
    """Return u, float32 (n_words,), of mean 1: what a word weighs in pairs that never met.

    Raises:
        ValueError: A weight is too large or too small for float32.
    """
    logs = settings.unobserved_power * np.log(np.maximum(matrix.occurrences, 1).astype(np.float64))
    weights = np.exp(logs - logs.max())
    weights = (weights / weights.mean()).astype(np.float32)
    unobserved = float(settings.unobserved_weight or 0)
    if not weights.min() > _LEAST or unobserved > 1 / _LEAST:
        raise ValueError(
            f"unobserved_power must leave weights above {_LEAST:g} of the mean, and "
            f"unobserved_weight be below {1 / _LEAST:g}, got {settings.unobserved_power} and "
            f"{settings.unobserved_weight}"
        )
    return weights


class Sweeps:
    """Solves one matrix against the other on the processor."""

    def __init__(
        self,
        matrix: Cooccurrence,
        settings: TrainingSettings,
        blocks: Blocks,
        *,
        device: str = "cpu",
        workers: int = 1,
        advance: Callable[[int], None] = lambda _: None,
        matrices: Matrices | None = None,
    ) -> None:
        """Prepare.

        Args:
            matrix: The counts.
            settings: Resolved ones, with a number for `dim`.
            blocks: The counts, ready for the kernels.
            device: "cpu" or "reference".
            workers: Threads.
            advance: Told how many records were used.
            matrices: Where new rows are; None for memory.
        """
        self.matrices = matrices or Matrices()
        self.settings, self.blocks, self.workers, self.advance = settings, blocks, workers, advance
        self.kernels = kernel("least_squares", device)
        self.whiten = kernel("whitening", device).whiten
        self.weights = word_weights(matrix, settings)
        self.shares = record_shares(matrix)
        self.n_words = len(matrix.vocabulary)

    def place(self, matrix: Array) -> Array:
        """Return a matrix as sweeps take it: as it is."""
        return matrix

    def host(self, matrix: Array) -> Array:
        """Return a matrix that a sweep gave, or took, as a NumPy array: itself."""
        return matrix

    def sweep(
        self, rows: Array, fixed: Array, row_bias: Array, column_bias: Array, ridge: float
    ) -> Swept:
        """Solve every row against the fixed matrix.

        Args:
            rows: float32 (n_words, dim). Where to start.
            fixed: float32 (n_words, dim).
            row_bias, column_bias: float32 (n_words,). What makes ln x a target.
            ridge: lambda.
        """
        unobserved = np.float32(self.settings.unobserved_weight) * self.weights
        gram, norm = self._gram(fixed, unobserved)
        shares = self.kernels.gram(fixed[: self.shares.size], self.shares)
        forth, back, curvature = coordinates(gram, shares, ridge, self.whiten)
        onto, away = np.ascontiguousarray(back.T), np.ascontiguousarray(forth.T)
        packed = np.empty((self.n_words, forth.shape[1] // 2), np.int32)

        def pack(part: slice) -> None:
            packed[part] = self.kernels.pack(self.kernels.multiply(fixed[part], forth))
            _give_back(part, fixed)

        each_chunk(pack, self.n_words, self.workers)
        swept = Swept(self.matrices.new(*rows.shape), 0.0, ridge * norm, True)

        def solve(i: int) -> tuple[int, float, float, bool]:
            block = self.blocks.block(i)
            part = slice(block.first, block.last)
            new, losses, objectives = self.kernels.solve_rows(
                self.kernels.multiply(rows[part], onto), packed, block.starts, block.columns,
                block.logs, block.weights, row_bias[part], column_bias, self.settings.clip,
                self.weights[part], unobserved, curvature, self.settings.steps,
            )  # fmt: skip
            swept.rows[part] = new = self.kernels.multiply(new, away)
            is_finite = bool(np.isfinite(new).all())
            _give_back(part, rows, swept.rows)
            return block.columns.size, float(losses.sum()), float(objectives.sum()), is_finite

        tasks = range(len(self.blocks.ranges))
        for records, loss, objective, is_finite in ordered_threads(solve, tasks, self.workers):
            swept.loss += loss
            swept.objective += objective
            swept.is_finite &= is_finite
            self.advance(records)
        return swept

    def _gram(self, fixed: Array, unobserved: Array) -> tuple[Array, float]:
        """Return C' diag(v) C and the sum of u |c|^2, float64."""

        def part_of(part: slice) -> tuple[Array, float]:
            norms = np.einsum("ij,ij->i", fixed[part], fixed[part], dtype=np.float64)
            norms *= self.weights[part]
            return self.kernels.gram(fixed[part], unobserved[part]), float(norms.sum())

        total, norm = np.zeros((fixed.shape[1], fixed.shape[1])), 0.0
        for gram, part_norm in ordered_threads(part_of, chunks(self.n_words), self.workers):
            total += gram
            norm += part_norm
        return total, norm


def _give_back(part: slice, *matrices: Array) -> None:
    """Let the system take back the pages of some rows, if they are of files."""
    for matrix in matrices:
        size = matrix.strides[0]
        give_back(matrix, part.start * size, part.stop * size)
