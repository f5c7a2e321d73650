"""train_vectors: Simpler-GloVe, whose inner products are mutual information.

<w_i, c_j> is fitted to the pointwise mutual information of words i and j (see `targets.py`) by
weighted least squares over the pairs that met and, with a small weight, over all that did not
(target 0: independence). One matrix is solved against the other in turn, until a sweep over both
no longer lessens what is minimised. Deterministic: the same bits for any number of threads.

Sources: Su Jianlin, "A new word vector model", kexue.fm 4667-4681, and his simpler_glove on GitHub
(target, weights, the three models); Levy, Goldberg and Dagan 2015 (smoothing of the context
distribution). The weight on unobserved pairs is our own addition to Simpler-GloVe.
"""

from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from textzero._arguments import changed, checked
from textzero._compat import Array, has_gpu
from textzero.cooccurrence import Cooccurrence
from textzero.errors import InputError, ResourceError
from textzero.files import refusals
from textzero.kernels import kernel
from textzero.memory import memory_bytes
from textzero.parallel import worker_count
from textzero.progress import Progress
from textzero.vectors.blocks import Blocks
from textzero.vectors.checkpoint import Checkpoints, describe
from textzero.vectors.coordinates import TooLarge
from textzero.vectors.flattening import flatten
from textzero.vectors.gpu_sweeps import GpuSweeps
from textzero.vectors.guard import is_done, why_stop
from textzero.vectors.matrices import Matrices, are_mapped
from textzero.vectors.settings import MODELS, TrainingSettings
from textzero.vectors.shared import share
from textzero.vectors.start import Old, first_matrices, old_digest
from textzero.vectors.sweeps import Sweeps
from textzero.vectors.targets import biases, log_probabilities
from textzero.vectors.trained import Trained, TrainingStopped
from textzero.workspace import Workspace

__all__ = [
    "MODELS",
    "Trained",
    "TrainingSettings",
    "TrainingStopped",
    "log_probabilities",
    "train_vectors",
]
_DENSE = 150  # records a word; large corpora have more
_USUAL = 6  # sweeps, for the progress that is shown


@checked
def train_vectors(
    cooccurrence: Cooccurrence,
    *,
    settings: TrainingSettings | None = None,
    device: str = "auto",
    memory: int | str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    watch: Callable[[int, float], None] | None = None,
    init: Old | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    workspace: Workspace | None = None,
    say: Callable[[str], None] = lambda _: None,
    **changes: Any,
) -> Trained:
    """Train word vectors from co-occurrence counts.

    Args:
        cooccurrence: From `count_cooccurrences`.
        settings: What to train; None for the defaults, which measured best.
        device: "auto", "cpu", "gpu", or "reference" for the plain NumPy definition (slow).
        memory: Bound in bytes or as "4GB"; counts that do not fit are decoded anew in each sweep,
            matrices are in mapped files.
        workers: Threads; None for one per processor. Does not change a bit of the result.
        progress: Told how many records were used.
        watch: Called with the number of the sweep over one matrix, and the loss before it.
        init: Vectors to begin with: words that they have start there, so that fewer sweeps do.
        checkpoint: Folder in which to keep the state of a long training (see `Checkpoints`). It
            stays when training ends; the caller removes it when the vectors are safe.
        resume: Go on from that state if it is of the same counts, settings, version and device;
            the result is that of an unbroken run, byte for byte.
        workspace: Where files are of matrices that memory does not hold, and of the records of
            "adagrad"; None for the system's temporary folder. They have no names: nothing is left.
        say: Called with a sentence about what was done with the checkpoint.
        changes: Settings by name, such as `dim=64`.

    Raises:
        TrainingStopped: The loss rose, or something was not finite; it has the last good state.
        InputError: There is no record, or the counts are damaged, or `init` does not fit.
        ResourceError: The bound on memory is too small; the message says what would do.
        ValueError: A setting has no such value.
    """
    [chosen] = changed(train_vectors, changes, settings or TrainingSettings())
    n_words = len(cooccurrence.vocabulary)
    chosen = chosen.resolved(cooccurrence.settings.get("weighting", "flat"), n_words)
    workers, progress = worker_count(workers), progress or Progress()
    if not cooccurrence.records:
        raise InputError(
            "training needs pairs of different words, got none: every document holds at most one "
            "word of the vocabulary; lower --min-count or give longer documents"
        )
    asked, device = device, device_of(device)
    folder = None
    if workspace is not None:
        with refusals(workspace.folder):
            folder = workspace.scratch("training")
    if chosen.solver == "adagrad":
        from textzero.vectors.adagrad import train_adagrad

        start = first_matrices(chosen, cooccurrence.vocabulary, init) if init is not None else None
        return train_adagrad(
            cooccurrence, chosen, device=device, memory=memory, workers=workers, start=start,
            progress=progress, watch=watch, checkpoint=checkpoint, resume=resume, say=say,
            folder=folder,
        )  # fmt: skip
    center_bias, context_bias = biases(cooccurrence, chosen)
    ridge = _ridge(cooccurrence, chosen)
    engine: Sweeps | GpuSweeps | None = None
    if device == "gpu":
        try:
            engine = GpuSweeps(cooccurrence, chosen, advance=progress.advance)
        except ResourceError as error:
            if asked != "auto":
                raise
            say(f"{error}; training on the processor")
            device = "cpu"
    matrices = Matrices()
    if engine is None:
        bound = memory_bytes(memory)
        mapped = are_mapped(n_words, int(chosen.dim), bound, workers)
        if mapped:
            matrices = Matrices(folder or Path(gettempdir()))
        engine = Sweeps(
            cooccurrence, chosen, Blocks(cooccurrence, chosen, bound, workers, mapped),
            device=device, workers=workers, advance=progress.advance, matrices=matrices,
        )  # fmt: skip
    states = Checkpoints(
        checkpoint, lambda: describe(cooccurrence, asdict(chosen), device, old_digest(init)),
        matrices,
    )  # fmt: skip
    shapes = dict.fromkeys(("center", "context"), (n_words, int(chosen.dim)))
    saved = states.resume(shapes, say) if resume else None
    if saved is None:
        losses: list[float] = []
        objectives: list[float] = []
        center, context = first_matrices(chosen, cooccurrence.vocabulary, init, matrices)
    else:
        center, context = saved[0]["center"], saved[0]["context"]
        losses, objectives = list(saved[1]["losses"]), list(saved[1]["objectives"])
        say(f"training goes on after {len(losses)} sweeps over a matrix")
    center, context = engine.place(center), engine.place(context)
    good = center, context, len(losses)

    def sweep(rows: Array, fixed: Array, row_bias: Array, column_bias: Array) -> Array:
        """Return the rows solved against the fixed matrix."""
        nonlocal good
        try:
            swept = engine.sweep(rows, fixed, row_bias, column_bias, ridge)
        except TooLarge as error:
            raise stopped(f"{error}; raise the regularisation or x_max", len(losses) + 1) from error
        losses.append(swept.loss / (2 * cooccurrence.records))
        objectives.append(swept.objective)
        if watch is not None:
            watch(len(losses), losses[-1])
        reason = why_stop(objectives)
        if reason is None:
            good = center, context, len(losses) - 1
            if swept.is_finite:
                return swept.rows
            reason = "a vector is not finite; raise the regularisation or x_max"
        raise stopped(reason, len(losses))

    def stopped(reason: str, n: int) -> TrainingStopped:
        return TrainingStopped(f"training stopped in sweep {n}: {reason}", trained(*good))

    def trained(center: Array, context: Array, n: int) -> Trained:
        """Return what n sweeps over a matrix gave, on the host."""
        first, last = engine.host(center), engine.host(context)
        if chosen.model == "center":
            flatten(first, last, chosen.flattening, workers)
        if chosen.model == "shared":
            share(first, last, workers)
            first = last
        return Trained(first, last, losses[:n], chosen, objectives[:n])

    most = int(chosen.sweeps or 1)
    usual = 2 * min(most, _USUAL)
    with progress.stage("train", cooccurrence.records * usual, "records"):
        progress.advance(cooccurrence.records * len(losses))
        while not is_done(objectives, most, chosen.tolerance):
            center = sweep(center, context, center_bias, context_bias)
            context = sweep(context, center, context_bias, center_bias)
            if states.is_due():
                state = {"center": engine.host(center), "context": engine.host(context)}
                states.write(state, {"losses": losses, "objectives": objectives})
        if chosen.tolerance and not is_done(objectives, most + 1, chosen.tolerance):
            say(f"training ended after {most} sweeps, before it had settled")
    return trained(center, context, len(losses))


def device_of(device: str) -> str:
    """Return "gpu" or "cpu" for "auto"; others as they are.

    Raises:
        ValueError: There is no such device.
        RuntimeError: There is no GPU, or nothing to drive it.
    """
    if device == "auto":
        return "gpu" if has_gpu() and find_spec("textzero.kernels.gpu.least_squares") else "cpu"
    kernel("least_squares", device)
    return device


def _ridge(matrix: Cooccurrence, settings: TrainingSettings) -> float:
    """Return lambda, in proportion to the mean records of a word up to _DENSE."""
    density = matrix.records / len(matrix.vocabulary) / _DENSE
    return settings.regularisation * min(1.0, density)
