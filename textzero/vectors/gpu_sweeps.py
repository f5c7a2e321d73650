"""Sweeps on a GPU: the same problem as `sweeps.py`, with matrices and records on the card."""

from collections.abc import Callable

import numpy as np

from textzero._compat import GpuArray as Array
from textzero.cooccurrence import Cooccurrence
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.vectors.blocks import encoded_rows
from textzero.vectors.coordinates import coordinates, record_shares
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.sweeps import Swept, word_weights


class GpuSweeps:
    """Solves one matrix against the other on a GPU.

    What fits stays on the card: the fixed matrix as bfloat16, then the matrices, then the records.
    Whatever does not is brought there in blocks while others are solved.
    """

    def __init__(
        self,
        matrix: Cooccurrence,
        settings: TrainingSettings,
        *,
        advance: Callable[[int], None] = lambda _: None,
        room: int | None = None,
    ) -> None:
        """Prepare.

        Args:
            matrix: The counts.
            settings: Resolved ones, with a number for `dim`.
            advance: Told how many records were used.
            room: Bytes of the card to take; None for most of what is free.

        Raises:
            ResourceError: The fixed matrix and two small blocks do not fit.
        """
        from textzero.kernels.gpu._solver import Measure
        from textzero.kernels.gpu._sweeps import Engine

        self.settings, self.advance = settings, advance
        self.whiten = kernel("whitening", "gpu").whiten
        self.weights, self.shares = word_weights(matrix, settings), record_shares(matrix)
        measure = Measure(
            matrix.unit, float(settings.x_max or 0), settings.exponent, settings.truncate,
            float(settings.weight_offset or 0),
        )  # fmt: skip
        self.engine = Engine(
            matrix.offsets, np.ascontiguousarray(matrix.lengths[:, 1]),
            lambda first, last: encoded_rows(matrix, first, last), measure, self.weights,
            int(settings.dim), 4, room,
        )  # fmt: skip

    def place(self, matrix: Array) -> Array:
        """Return a matrix of the host as sweeps take it."""
        return self.engine.place(matrix)

    def host(self, matrix: Array) -> Array:
        """Return a matrix that a sweep gave, or took, as a NumPy array."""
        return self.engine.host(matrix)

    def sweep(
        self, rows: Array, fixed: Array, row_bias: Array, column_bias: Array, ridge: float
    ) -> Swept:
        """Solve every row against the fixed matrix.

        Args:
            rows: float32 (n_words, dim), from `place` or a sweep. Where to start.
            fixed: float32 (n_words, dim), likewise.
            row_bias, column_bias: float32 (n_words,). What makes ln x a target.
            ridge: lambda.

        Raises:
            InputError: The counts are damaged.
        """
        engine, settings = self.engine, self.settings
        unobserved = np.float32(settings.unobserved_weight) * self.weights
        gram, shares = engine.gram(fixed, unobserved), engine.gram(fixed, self.shares)
        norm = engine.squared_norm(fixed)  # summed while the host goes on
        forth, back, curvature = coordinates(gram, shares, ridge, self.whiten)
        try:
            new, loss, objective, finite = engine.sweep(
                rows, engine.pack(fixed, forth), row_bias, column_bias, settings.clip,
                float(settings.unobserved_weight or 0), back.T, forth.T, curvature, settings.steps,
                self.advance,
            )  # fmt: skip
        except ValueError as error:
            raise InputError(f"the co-occurrences are damaged: {error}") from error
        return Swept(new, loss, ridge * float(norm) + objective, finite)
