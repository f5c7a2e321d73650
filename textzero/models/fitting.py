"""A network fitted by Keras: rates, averages, the best weights kept, and a state to go on from."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np
from keras import ops

from textzero import workspace as runs
from textzero._compat import Array
from textzero.disk import disk
from textzero.errors import InputError, TextzeroError
from textzero.models.batches import Batches
from textzero.models.settings import FitOptions
from textzero.progress import Progress
from textzero.vectors.tensors import map_safetensors, write_safetensors
from textzero.version import __version__

STAGE, STATE = "training", "state"
_KIND = "textzero model training 2"
_SHARE = 0.05  # of the time that goes into writing states, at most
Scorer = Callable[[], Mapping[str, float]]


class LossModel(keras.Model):
    """A network whose output is the loss of each text; y is 1 for a text, 0 for an empty row."""

    def compute_loss(
        self,
        x: Any = None,  # noqa: ARG002
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,  # noqa: ARG002
        training: bool = True,  # noqa: ARG002
    ) -> Any:
        """Return the mean over the texts of a batch."""
        return ops.sum(y_pred) / ops.maximum(ops.sum(y), 1.0)


def make_optimizer(options: FitOptions, steps: int) -> keras.optimizers.Optimizer:
    """Return Adam as the options describe it, one for each rate.

    Args:
        options: The options.
        steps: Of one epoch.
    """

    def adam(multiple: float) -> keras.optimizers.Optimizer:
        peak = options.learning_rate * multiple
        final = 1.0
        if options.final_learning_rate is not None:
            final = min(1.0, options.final_learning_rate / options.learning_rate)
        warm = max(1, round(options.warmup * steps))
        rate = keras.optimizers.schedules.CosineDecay(
            peak / warm, max(1, options.epochs * steps - warm), final,
            warmup_target=peak, warmup_steps=warm,
        )  # fmt: skip
        return keras.optimizers.AdamW(
            rate,
            weight_decay=options.weight_decay or 0.0,
            global_clipnorm=options.clip_norm,
            use_ema=options.ema is not None,
            ema_momentum=1 - 1 / (1 + (options.ema or 0) * steps),
            gradient_accumulation_steps=None if options.accumulation == 1 else options.accumulation,
        )

    if not options.rates:
        return adam(1.0)
    usual = adam(1.0)
    others = {pattern: adam(multiple) for pattern, multiple in options.rates.items()}

    def chosen(variable: Any) -> keras.optimizers.Optimizer:
        # not an OptimizerMap: one whose patterns take all variables fails in SwapEMAWeights
        found = [other for pattern, other in others.items() if re.fullmatch(pattern, variable.path)]
        return found[0] if found else usual

    return keras.optimizers.MultiOptimizer(chosen)


def _check_rates(options: FitOptions, variables: list[Any]) -> None:
    """Raise ValueError unless each pattern names a variable, and none is named twice."""
    paths = sorted(variable.path for variable in variables)
    for pattern in options.rates:
        if not any(re.fullmatch(pattern, path) for path in paths):
            there = ", ".join(paths)
            raise ValueError(f"rates[{pattern!r}] must name a variable; there are {there}")
    for path in paths:
        found = [pattern for pattern in options.rates if re.fullmatch(pattern, path)]
        if len(found) > 1:
            fits = ", ".join(found)
            raise ValueError(f"rates must have at most one pattern a variable, {path} fits {fits}")


class Watch(keras.callbacks.Callback):
    """Scores each epoch, keeps the best weights, stops early, writes the state to go on from.

    Args:
        options: The options.
        score: Figures on the validation texts, or None: then the last epoch is the best.
        score_name: Which of them is maximised.
        stage: Where the state is written at the beginning of an epoch, or None.
        progress: Told of each batch.
        say: Told of each epoch.
    """

    def __init__(
        self,
        options: FitOptions,
        score: Scorer | None,
        score_name: str,
        stage: runs.Stage | None,
        progress: Progress,
        say: Callable[[str], None],
    ) -> None:
        super().__init__()
        self.options, self.score, self.score_name = options, score, score_name
        self.stage, self.progress, self.say = stage, progress, say
        self._written, self._seconds = perf_counter(), 0.0  # when a state was written, how long
        self.history: list[dict[str, float]] = []
        self.best: list[Array] | None = None
        self.best_score, self.best_epoch = -np.inf, -1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Write the state, unless so little was done since the last that it is not worth it."""
        begun = perf_counter()
        wait = max(runs.COMMIT_SECONDS, self._seconds / _SHARE)
        if self.stage is not None and epoch > 0 and begun - self._written >= wait:
            self._write(self.stage, epoch)
            self._written = perf_counter()
            self._seconds = self._written - begun

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Show that a batch is done."""
        self.progress.advance(1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Score the weights, or their averages, which stand in the model now.

        Raises:
            TextzeroError: The loss is no number.
        """
        loss = float((logs or {}).get("loss", np.nan))
        if not np.isfinite(loss):
            self._restore()
            raise TextzeroError(
                f"training diverged: the loss of epoch {epoch + 1} is {loss}; "
                "lower the learning rate"
            )
        figures = {} if self.score is None else dict(self.score())
        self.history.append({"epoch": epoch + 1, "loss": loss, **figures})
        reached = figures[self.score_name] if self.score else float(epoch)
        if reached > self.best_score:
            self.best_score, self.best_epoch = reached, epoch
            self.best = [ops.convert_to_numpy(v).copy() for v in self.model.trainable_variables]
        shown = f", {self.score_name} {reached:.4f}" if self.score else ""
        self.say(f"epoch {epoch + 1} of {self.options.epochs}: loss {loss:.4f}{shown}")
        patience = self.options.patience
        if self.score and patience is not None and epoch - self.best_epoch >= patience:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Put the best weights into the model."""
        self._restore()

    def _restore(self) -> None:
        for variable, value in zip(self.model.trainable_variables, self.best or (), strict=False):
            variable.assign(value)

    def _moving(self) -> list[tuple[str, Any]]:
        """All that a training moves: weights, states of dropout, the optimizer."""
        frozen = {id(variable) for variable in self.model.non_trainable_weights}
        model = [v for v in self.model.variables if id(v) not in frozen]
        own = [("model", model), ("optimizer", self.model.optimizer.variables)]
        return [(f"{name} {i}", v) for name, group in own for i, v in enumerate(group)]

    def _write(self, stage: runs.Stage, epoch: int) -> None:
        tensors = {name: _storable(variable) for name, variable in self._moving()}
        tensors |= {f"best {i}": value for i, value in enumerate(self.best or ())}
        name = f"epoch-{epoch}.safetensors"
        with stage.store.create(name) as file:
            write_safetensors(Path(file.name), tensors, {"format": _KIND})
            disk().flush_path(Path(file.name))
        facts = {
            "epoch": epoch, "history": self.history, "best_score": self.best_score,
            "best_epoch": self.best_epoch,
        }  # fmt: skip
        stage.commit(STATE, {"file": name, "facts": json.dumps(facts)})  # a score may be infinite
        older = [other for other in stage.store.names() if other.endswith(".safetensors")]
        stage.store.remove(*(other for other in older if other != name))

    def resume(self) -> int:
        """Take up the state that the stage holds, if any; return its epoch.

        Raises:
            InputError: The file is damaged.
        """
        entry = None if self.stage is None else self.stage.entries().get(STATE)
        if self.stage is None or self.stage.store.local is None or entry is None:
            return 0
        path = self.stage.store.local / entry["file"]
        try:
            tensors = map_safetensors(path)
        except InputError as error:
            raise InputError(f"{error}; --fresh begins anew") from error
        for name, variable in self._moving():
            if name not in tensors or tensors[name].shape != tuple(variable.shape):
                shape = tuple(variable.shape)
                raise InputError(f"{path}: {name} must be of shape {shape}; --fresh begins anew")
            variable.assign(tensors[name].astype(variable.dtype))
        facts = json.loads(entry["facts"])
        self.history, self.best_epoch = facts["history"], facts["best_epoch"]
        self.best_score = facts["best_score"]
        count = sum(name.startswith("best ") for name in tensors)
        self.best = [np.array(tensors[f"best {i}"]) for i in range(count)]
        self.say(f"training goes on after epoch {facts['epoch']}")
        return int(facts["epoch"])


def fit_network(
    trainer: LossModel,
    batches: Batches,
    options: FitOptions,
    score: Scorer | None,
    score_name: str,
    workspace: runs.Workspace | None = None,
    identity: str = "",
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> list[dict[str, float]]:
    """Fit a network; its best weights stand in it afterwards.

    Args:
        trainer: The network, with losses as its output.
        batches: The training texts.
        options: How.
        score: Figures of the weights as they stand, or None.
        score_name: The figure that is maximised.
        workspace: Where the state of the training is, from which the same training goes on when
            it was broken off; it gives the weights that it would have given unbroken.
        identity: What the training depends on besides the options, the examples and the weights.
        progress: Shows the batches.
        say: Prints a line for each epoch.

    Returns:
        Loss and figures of each epoch.

    Raises:
        TextzeroError: The loss is no longer a number.
        InputError: The state is damaged.
        ValueError: A pattern of the rates names no variable, or two name one.
    """
    _check_rates(options, trainer.trainable_variables)
    progress, say = progress or Progress(), say or (lambda line: None)  # noqa: ARG005
    optimizer = make_optimizer(options, len(batches))
    trainer.compile(optimizer, jit_compile=options.compile)
    optimizer.build(trainer.trainable_variables)
    stage = None
    if workspace is not None:
        stage = workspace.stage(STAGE, _key(trainer, batches, options, identity))
    watch = Watch(options, score, score_name, stage, progress, say)
    watch.set_model(trainer)
    begun = watch.resume()
    while batches.epoch < begun:
        batches.on_epoch_end()
    average = [] if options.ema is None else [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]
    steps = (options.epochs - begun) * len(batches)
    with progress.stage("training", steps, "batches"):
        trainer.fit(
            batches,
            epochs=options.epochs,
            initial_epoch=begun,
            callbacks=[*average, watch],
            verbose=0,
            shuffle=False,
        )
    return watch.history


def _key(
    trainer: LossModel, batches: Batches, options: FitOptions, identity: str
) -> dict[str, Any]:
    """What decides a training: options, weights with word vectors, labelled texts."""
    network, texts = hashlib.sha256(identity.encode()), hashlib.sha256()
    for variable in trainer.weights:
        _feed(network, ops.convert_to_numpy(variable))
    for example in batches.examples:
        _feed(texts, example)
    digests = {"network": network.hexdigest(), "texts": texts.hexdigest()}
    return {**asdict(options), **digests, "textzero": __version__}


def _feed(digest: Any, value: Any) -> None:
    """Add what an example holds: arrays by their bytes, all else by what it looks like."""
    if isinstance(value, np.ndarray):
        digest.update(repr((value.dtype.str, value.shape)).encode())
        digest.update(np.ascontiguousarray(value).data)
    elif is_dataclass(value) and not isinstance(value, type):
        for name in (field.name for field in fields(value)):
            _feed(digest, getattr(value, name))
    elif isinstance(value, dict):
        for name in sorted(value):
            _feed(digest, (name, value[name]))
    elif isinstance(value, list | tuple):
        digest.update(b"%d" % len(value))
        for item in value:
            _feed(digest, item)
    else:
        digest.update(repr(value).encode())


def _storable(variable: Any) -> Array:
    """A variable in one of the types that we map."""
    value = ops.convert_to_numpy(variable)
    return value.astype(np.int64) if value.dtype.kind in "iu" else value.astype(np.float32)
