"""train_vectors: Simpler-GloVe, whose inner products are mutual information.

<w_i, c_j> is fitted to the pointwise mutual information of words i and j,

    m_ij = ln x_ij - ln X + ln N - ln n_i + ln S - s ln n_j    (S = sum of n^s, so S = N for s = 1)

by weighted least squares over the pairs that met and, with a small weight, over all that did not
(target 0: independence). Deterministic: the same bits for any number of threads.

Sources: Su Jianlin, "A new word vector model", kexue.fm 4667-4681, and his simpler_glove on GitHub
(target, weights, the three models); Levy, Goldberg and Dagan 2015 (smoothing of the context
distribution). The weight on unobserved pairs is our own addition to Simpler-GloVe.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from textzero._compat import Array
from textzero.cooccurrence import Cooccurrence
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.memory import BASE, memory_bytes
from textzero.parallel import ordered_threads, worker_count
from textzero.progress import Progress
from textzero.vectors.dimension import dimension_for

MODELS = ("center", "shared", "concat", "sum")
_BLOCK_RECORDS = 1 << 18
_DENSE = 150  # records a word; large corpora have more
_RECORD_BYTES = 12  # column, logarithm and weight in memory


@dataclass(frozen=True)
class TrainingSettings:
    """What decides the vectors besides the co-occurrences.

    Attributes:
        dim: Length of a vector (of each half with model "concat"); "auto" for as much as so many
            words need, see `dimension_for`.
        model: "sum": the vectors w + c, the best of the four in similarity. "center": w, a little
            better in analogies. "concat": [w; c], 2 dim long. "shared": one matrix is both.
        unobserved_weight: Weight of the pairs that never met. 0 is the author's loss, and changes
            the defaults of the next two to his.
        weight_offset: Added to the weight of each observed pair (0.1, or 0 for the author's loss).
        smoothing: s, the power of the context distribution (0.9, or 1).
        clip: Lower bound of the targets (-inf: none). 0.0 is what PPMI means.
        x_max: The count at which the weight (x / x_max) ** exponent reaches 1 (100 for flat
            windows, 10 for harmonic ones).
        exponent: See x_max.
        truncate: Whether the weight stays at 1 above x_max. Without, the norms of frequent words
            fit better.
        regularisation: lambda of each sweep over both matrices, so also the number of sweeps. It
            is scaled down where words have few records, lest the vectors of a short text vanish.
        steps: Conjugate-gradient steps for each row and sweep.
        seed: Of the random start.
    """

    dim: int | Literal["auto"] = 128
    model: str = "sum"
    unobserved_weight: float = 0.03
    weight_offset: float | None = None
    smoothing: float | None = None
    clip: float = -math.inf
    x_max: float | None = None
    exponent: float = 0.75
    truncate: bool = True
    regularisation: tuple[float, ...] = (3.0, 3.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    steps: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model must be one of {', '.join(MODELS)}, got {self.model!r}")
        if isinstance(self.dim, str) and self.dim != "auto":
            raise ValueError(f"dim must be a number or 'auto', got {self.dim!r}")
        for name in ("dim", "steps"):
            value = getattr(self, name)
            if value != "auto" and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for name in ("unobserved_weight", "weight_offset", "exponent", "seed"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must not be negative, got {value}")
        if self.x_max is not None and not 0 < self.x_max < math.inf:
            raise ValueError(f"x_max must be positive and finite, got {self.x_max}")
        if not self.regularisation or min(self.regularisation) < 0:
            raise ValueError(
                f"regularisation must be one number of 0 or more a sweep, got {self.regularisation}"
            )

    def resolved(self, weighting: str, words: int | None = None) -> "TrainingSettings":
        """Return the settings with every None replaced by its default.

        A dim of "auto" is replaced when the number of words is given.
        """
        author = self.unobserved_weight == 0
        defaults = {
            "weight_offset": 0.0 if author else 0.1,
            "smoothing": 1.0 if author else 0.9,
            "x_max": 100.0 if weighting == "flat" else 10.0,
        }
        chosen: dict[str, Any] = {k: v for k, v in defaults.items() if getattr(self, k) is None}
        if self.dim == "auto" and words is not None:
            chosen["dim"] = dimension_for(words)
        return TrainingSettings(**{**self.__dict__, **chosen})


@dataclass
class Trained:
    """What training leaves.

    Attributes:
        center: float32 (n_words, dim). The matrix w.
        context: float32 (n_words, dim). The matrix c (the same array with model "shared").
        losses: For each sweep over one matrix, the mean of f (<w, c> - m)^2 / 2 over all records
            before that sweep, as the C program reports it.
        settings: With every default filled in.
    """

    center: Array
    context: Array
    losses: list[float]
    settings: TrainingSettings

    def vectors(self) -> Array:
        """The matrix that the model calls its vectors."""
        if self.settings.model == "sum":
            return self.center + self.context
        if self.settings.model == "concat":
            return np.concatenate([self.center, self.context], axis=1)
        return self.center


@dataclass
class _Block:
    """Some rows of the matrix, ready for the kernel."""

    first: int
    last: int
    starts: Array
    columns: Array
    logs: Array
    weights: Array


class _Blocks:
    """The matrix in blocks of rows; prepared blocks stay in memory while there is room."""

    def __init__(self, matrix: Cooccurrence, settings: TrainingSettings, room: int) -> None:
        self.matrix, self.settings = matrix, settings
        self.ranges = matrix.blocks(_BLOCK_RECORDS)
        self.kept: dict[int, _Block] = {}
        sizes = np.add.reduceat(matrix.lengths[:, 1], [a for a, _ in self.ranges])
        held = np.cumsum(sizes) * _RECORD_BYTES <= room
        self.keeps = int(held.sum())

    def block(self, i: int) -> _Block:
        """Decode block i, or take it from memory."""
        if i in self.kept:
            return self.kept[i]
        matrix, settings = self.matrix, self.settings
        first, last = self.ranges[i]
        offsets = matrix.offsets[first : last + 1]
        records = np.ascontiguousarray(matrix.lengths[first:last, 1])
        data = np.asarray(matrix.data[offsets[0] : offsets[-1]])
        try:
            columns, logs, weights = kernel("least_squares").prepare_rows(
                data, offsets - offsets[0], records, matrix.unit, settings.x_max,
                settings.exponent, settings.truncate, settings.weight_offset,
            )  # fmt: skip
        except ValueError as error:
            raise InputError(f"the co-occurrences are damaged: {error}") from error
        if columns.size and not 0 <= columns.min() <= columns.max() < len(matrix.vocabulary):
            raise InputError("the co-occurrences are damaged: a column is not in the vocabulary")
        starts = np.zeros(last - first + 1, np.int64)
        np.cumsum(records, out=starts[1:])
        block = _Block(first, last, starts, columns, logs, weights)
        if i < self.keeps:
            self.kept[i] = block
        return block


def log_probabilities(counts: Array, power: float) -> Array:
    """Return ln(n^power / sum of n^power), float64; a word that was never seen counts as one."""
    logs = power * np.log(np.maximum(counts, 1).astype(np.float64))
    top = logs.max()
    return logs - (top + np.log(np.exp(logs - top).sum()))


def train_vectors(
    cooccurrence: Cooccurrence,
    *,
    settings: TrainingSettings | None = None,
    device: str = "cpu",
    memory: int | str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    watch: Callable[[int, float], None] | None = None,
    **changes: Any,
) -> "Trained":
    """Train word vectors from co-occurrence counts.

    Args:
        cooccurrence: From `count_cooccurrences`.
        settings: What to train; None for the defaults, which measured best.
        device: "cpu", or "reference" for the plain NumPy definition (slow).
        memory: Bound in bytes or as "4GB"; what does not fit is decoded anew in each sweep.
        workers: Threads; None for one per processor. Does not change a bit of the result.
        progress: Told how many records were used.
        watch: Called with the sweep's number and the loss before it.
        changes: Settings by name, such as `dim=64`.

    Raises:
        InputError: There is no record, or the counts are damaged.
        ValueError: A setting has no such value.
    """
    base = settings or TrainingSettings()
    chosen = TrainingSettings(**{**base.__dict__, **changes})
    n_words = len(cooccurrence.vocabulary)
    chosen = chosen.resolved(cooccurrence.settings.get("weighting", "flat"), n_words)
    dim = int(chosen.dim)
    workers, progress = worker_count(workers), progress or Progress()
    if not cooccurrence.records:
        raise InputError(
            "training needs pairs of different words, got none: every document holds at most one "
            "word of the vocabulary; lower --min-count or give longer documents"
        )
    matrices = 3 * n_words * dim * 4
    room = memory_bytes(memory) - BASE - matrices - cooccurrence.lengths.nbytes * 3
    blocks = _Blocks(cooccurrence, chosen, max(room, 0))
    center_bias, context_bias = _biases(cooccurrence, chosen)
    random = np.random.default_rng(chosen.seed)
    scale = np.float32(1 / math.sqrt(dim))
    context = random.standard_normal((n_words, dim), np.float32) * scale
    shared = chosen.model == "shared"
    center = context.copy() if shared else np.zeros((n_words, dim), np.float32)
    losses: list[float] = []

    def sweep(
        rows: Array, fixed: Array, row_bias: Array, column_bias: Array, ridge: float
    ) -> Array:
        """Return the rows solved against the fixed matrix."""
        kernels = kernel("least_squares", device)
        gram = kernels.gram(fixed)

        def solve(i: int) -> tuple[_Block, Array, Array]:
            block = blocks.block(i)
            part = slice(block.first, block.last)
            new, loss = kernels.solve_rows(
                rows[part], fixed, block.starts, block.columns, block.logs, block.weights,
                row_bias[part], column_bias, chosen.clip, gram, chosen.unobserved_weight,
                ridge, chosen.steps,
            )  # fmt: skip
            return block, new, loss

        result, total = np.empty_like(rows), 0.0
        for block, new, loss in ordered_threads(solve, range(len(blocks.ranges)), workers):
            result[block.first : block.last] = new
            total += float(loss.sum())
            progress.advance(block.columns.size)
        losses.append(total / (2 * cooccurrence.records))
        if watch is not None:
            watch(len(losses), losses[-1])
        if not (np.isfinite(losses[-1]) and np.isfinite(result).all()):
            raise InputError(
                f"training stopped in sweep {len(losses)}: the loss ({losses[-1]:.6g}) or a vector "
                "is not finite; raise the regularisation or x_max"
            )
        return result

    sides = 1 if shared else 2
    with progress.stage(
        "train", cooccurrence.records * sides * len(chosen.regularisation), "records"
    ):
        for ridge in _ridges(cooccurrence, chosen):
            if shared:
                # The mean of old and new rows: Newton's iteration for a matrix square root.
                new = sweep(context, context, center_bias, context_bias, ridge)
                center = context = (context + new) / 2
                continue
            center = sweep(center, context, center_bias, context_bias, ridge)
            context = sweep(context, center, context_bias, center_bias, ridge)
    return Trained(center, context, losses, chosen)


def _ridges(matrix: Cooccurrence, settings: TrainingSettings) -> list[float]:
    """Return lambda for each sweep, in proportion to the mean records of a word up to _DENSE."""
    density = matrix.records / len(matrix.vocabulary) / _DENSE
    return [ridge * min(1.0, density) for ridge in settings.regularisation]


def _biases(matrix: Cooccurrence, settings: TrainingSettings) -> tuple[Array, Array]:
    """Return what to add to ln x_ij for row i of w, and for row j of c: m = ln x + bias + bias."""
    counts = matrix.vocabulary.counts
    total = 0.0
    for first, last in matrix.blocks(1 << 22):
        total += _sum_units(matrix, first, last)
    own = -log_probabilities(counts, 1.0) - math.log(total * matrix.unit)
    other = -log_probabilities(counts, 1.0 if settings.smoothing is None else settings.smoothing)
    return own.astype(np.float32), other.astype(np.float32)


def _sum_units(matrix: Cooccurrence, first: int, last: int) -> float:
    offsets = matrix.offsets[first : last + 1]
    data = np.asarray(matrix.data[offsets[0] : offsets[-1]])
    try:
        return float(kernel("cooccurrence").sum_rows(data, offsets - offsets[0]).sum())
    except ValueError as error:
        raise InputError(f"the co-occurrences are damaged: {error}") from error
