"""train_adagrad: Simpler-GloVe as its author trains it, but the same bytes for any threads.

His program lets threads run over shuffled records without locks, so no two runs agree. Here threads
work side by side on tiles of the matrix that touch no common vector (see `tiles`), one record after
the other within a tile. An epoch visits each record once, so each pair in both directions; one
random order serves all epochs, as his does. The vectors of a tile are a small part of all, so they
stay in cache. Vectors are float32; his are float64.

Sources: Su Jianlin, kexue.fm 4675 and 4677, and his simpler_glove on GitHub.
"""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from textzero._compat import Array
from textzero.cooccurrence import Cooccurrence
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.memory import BASE, memory_bytes
from textzero.parallel import worker_count
from textzero.progress import Progress
from textzero.vectors.checkpoint import Checkpoints, describe
from textzero.vectors.matrices import check_adagrad
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.tiles import Tiles
from textzero.vectors.trained import Trained, TrainingStopped

_RISE = 1.5  # of the loss from one epoch to the next: too much
_NOTHING = 0.01  # of the first loss: below, a loss is noise


@dataclass(frozen=True)
class AdaGradSettings:
    """What decides the vectors besides `TrainingSettings`.

    Attributes:
        epochs: How often each record is visited.
        learning_rate: eta, the length of the first steps.
    """

    epochs: int = 30
    learning_rate: float = 0.1

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs must be at least 1, got {self.epochs}")
        if not 0 < self.learning_rate < np.inf:
            raise ValueError(f"learning_rate must be positive and finite, got {self.learning_rate}")


def train_adagrad(
    cooccurrence: Cooccurrence,
    settings: TrainingSettings,
    adagrad: AdaGradSettings | None = None,
    *,
    device: str = "cpu",
    memory: int | str | None = None,
    workers: int | None = None,
    folder: Path | None = None,
    start: tuple[Array, Array] | None = None,
    progress: Progress | None = None,
    watch: Callable[[int, float], None] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Train word vectors record by record.

    Args:
        cooccurrence: From `count_cooccurrences`; flat windows are the author's.
        settings: Their dim, model, target, weights and seed count; regularisation and steps are of
            the other solver. `unobserved_weight` must be 0. The author's model is "shared".
        adagrad: None for `settings.sweeps` epochs (30) and the author's learning rate of 0.1.
        device: "cpu", "gpu", or "reference" for the plain NumPy definition (slow).
        memory: Bound in bytes or as "4GB". Two matrices of vectors, two of squares and the last
            good vectors (half of all with model "shared") must fit; records that do not are kept
            in a file.
        workers: Threads; None for one per processor. Does not change a bit of the result.
        folder: Where that file is, 16 bytes a record; None for the system's temporary folder.
        start: Where to begin, float32 (n_words, dim) each (the first alone with model "shared");
            None for random numbers. The squares begin at 1 in any case.
        progress: Told how many records were visited.
        watch: Called with the epoch's number, from 1, and its loss.
        checkpoint: Folder in which to keep the state of a long training (see `Checkpoints`).
        resume: Go on from that state if it is of the same counts, settings, version and device;
            the result is that of an unbroken run, byte for byte.
        say: Called with a sentence about what was done with the checkpoint.

    Returns:
        `losses` has one entry an epoch: the mean of f (<w, c> - m)^2 / 2, each record's at the
        moment of its visit, as the C program reports it.

    Raises:
        TrainingStopped: A vector was not finite, or the loss rose by half; it has the vectors of
            the last good epoch.
        InputError: There is no record, or the counts are damaged.
        ValueError: A setting has no such value, `unobserved_weight` is not 0, or `start` has
            another shape.
    """
    workers, n_words = worker_count(workers), len(cooccurrence.vocabulary)
    settings = replace(settings, solver="adagrad")
    settings = settings.resolved(cooccurrence.settings.get("weighting", "flat"), n_words)
    adagrad = adagrad or AdaGradSettings(epochs=settings.sweeps or 1)
    settings, progress = replace(settings, sweeps=adagrad.epochs), progress or Progress()
    if not cooccurrence.records:
        raise InputError("training needs pairs of different words, got none")
    shape, shared = (n_words, int(settings.dim)), settings.model == "shared"
    matrices = (3 if shared else 6) * shape[0] * shape[1] * 4
    check_adagrad(*shape, memory_bytes(memory), shared)
    room = memory_bytes(memory) - BASE - matrices - cooccurrence.lengths.nbytes * 3
    visit = kernel("adagrad", device).visit_records
    begin = None if start is None else _digest(start)
    facts = {**asdict(settings), **asdict(adagrad)}
    del facts["sweeps"]  # they are the epochs
    states = Checkpoints(checkpoint, lambda: describe(cooccurrence, facts, device, begin))
    names = ("center", "center_squares", "context", "context_squares")[: 2 if shared else 4]
    saved = states.resume(dict.fromkeys(names, shape), say) if resume else None
    losses: list[float] = []
    if saved is None:
        center, context = _start(shape, settings.seed, shared, start)
        center_squares = np.ones_like(center)
        context_squares = center_squares if shared else np.ones_like(context)
    else:
        held, losses = [saved[0][name] for name in names], list(saved[1]["losses"])
        center, center_squares, context, context_squares = held * 2 if shared else held
        say(f"training goes on after {len(losses)} epochs")
    copy = center.copy()
    good = Trained(copy, copy if shared else context.copy(), list(losses), settings)
    tiles = Tiles(cooccurrence, settings, max(room, 0), workers, folder)

    def train(chunk: tuple[int, int]) -> tuple[float, int]:
        records = tiles.read(*chunk)
        done = visit(
            records, center, context, center_squares, context_squares, adagrad.learning_rate
        )
        progress.advance(records.size)
        return done

    visits = None
    if device == "gpu":
        from textzero.kernels.gpu._adagrad import Visits

        held = [center, context, center_squares, context_squares]
        visits = Visits(tiles.read, held, adagrad.learning_rate)
    pool = ThreadPoolExecutor(workers)
    try:
        with progress.stage("train", cooccurrence.records * adagrad.epochs, "records"):
            progress.advance(cooccurrence.records * len(losses))
            for epoch in range(len(losses) + 1, adagrad.epochs + 1):
                total, lost = 0.0, 0
                for chunks in tiles.rounds():
                    if visits is not None:
                        progress.advance(visits.visit(chunks))
                        continue
                    for cost, skipped in pool.map(train, chunks):
                        total += cost
                        lost += skipped
                if visits is not None:
                    total, lost = visits.finish()
                losses.append(total / cooccurrence.records)
                if watch is not None:
                    watch(epoch, losses[-1])
                if not (np.isfinite(center).all() and np.isfinite(context).all()) or lost:
                    reason = f"a vector is not finite, and {lost:,} records could not be used"
                elif epoch > 1 and losses[-1] > max(_RISE * losses[-2], _NOTHING * losses[0]):
                    reason = f"the loss rose from {losses[-2]:.6g} to {losses[-1]:.6g}"
                else:
                    np.copyto(good.center, center)
                    np.copyto(good.context, context)
                    good.losses = list(losses)
                    arrays = (center, center_squares, context, context_squares)
                    states.offer(dict(zip(names, arrays, strict=False)), {"losses": losses})
                    continue
                raise TrainingStopped(
                    f"training stopped in epoch {epoch}: {reason}; lower the learning rate "
                    f"({adagrad.learning_rate:g}) or raise x_max ({settings.x_max:g})", good,
                )  # fmt: skip
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        tiles.close()
    return Trained(center, context, losses, settings)


def _digest(arrays: tuple[Array, Array]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(np.ascontiguousarray(array, np.float32).data)
    return digest.hexdigest()


def _start(
    shape: tuple[int, int], seed: int, shared: bool, given: tuple[Array, Array] | None
) -> tuple[Array, Array]:
    """Return copies of what is given, or numbers between -1/2 and 1/2, divided by dim."""
    if given is None:
        random = np.random.default_rng(seed)
        half, dim = np.float32(0.5), np.float32(shape[1])
        first, second = (random.random(shape, np.float32) for _ in range(2))
        given = (first - half) / dim, (second - half) / dim
    for array in given:
        if array.shape != shape:
            raise ValueError(f"start must be two float arrays {shape}, got {array.shape}")
    center, context = (np.array(array, np.float32, order="C") for array in given)
    return center, center if shared else context
