"""A network fitted by Keras: rates, averages, the best weights kept, and a state to go on from."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from textzero._compat import Array
from textzero.disk import disk
from textzero.errors import InputError, TextzeroError
from textzero.files import whole_file
from textzero.models.batches import Batches
from textzero.models.settings import FitOptions
from textzero.progress import Progress
from textzero.vectors.tensors import map_safetensors, write_safetensors

STATE = "training.safetensors"
_KIND = "textzero model training 1"
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
        state: The file to write at the beginning of each epoch, or None.
        key: What the training is.
        progress: Told of each batch.
        say: Told of each epoch.
    """

    def __init__(
        self,
        options: FitOptions,
        score: Scorer | None,
        score_name: str,
        state: Path | None,
        key: str,
        progress: Progress,
        say: Callable[[str], None],
    ) -> None:
        super().__init__()
        self.options, self.score, self.score_name = options, score, score_name
        self.state, self.key, self.progress, self.say = state, key, progress, say
        self.history: list[dict[str, float]] = []
        self.best: list[Array] | None = None
        self.best_score, self.best_epoch = -np.inf, -1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Write the state."""
        if self.state is not None and epoch > 0:
            self._write(epoch)

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

    def _write(self, epoch: int) -> None:
        assert self.state is not None
        tensors = {name: _storable(variable) for name, variable in self._moving()}
        tensors |= {f"best {i}": value for i, value in enumerate(self.best or ())}
        facts = {
            "epoch": epoch, "history": self.history, "best_score": self.best_score,
            "best_epoch": self.best_epoch,
        }  # fmt: skip
        metadata = {"format": _KIND, "key": self.key, "facts": json.dumps(facts)}
        with whole_file(self.state) as file:
            write_safetensors(Path(file.name), tensors, metadata)
            disk().flush_path(Path(file.name))

    def resume(self) -> int:
        """Take up a state that was written, if it is of this training; return its epoch.

        Raises:
            InputError: The file is damaged.
        """
        if self.state is None or not self.state.exists():
            return 0
        tensors = map_safetensors(self.state)
        metadata = _metadata(self.state)
        if metadata.get("key") != self.key:
            self.say(f"{self.state} belongs to another training; this one starts afresh")
            return 0
        for name, variable in self._moving():
            if name not in tensors or tensors[name].shape != tuple(variable.shape):
                raise InputError(f"{self.state}: {name} must be of shape {tuple(variable.shape)}")
            variable.assign(tensors[name].astype(variable.dtype))
        facts = json.loads(metadata["facts"])
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
    state: Path | None = None,
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
        state: File to go on from, and to write. A training that goes on gives the weights that
            it would have given unbroken.
        identity: What the training depends on besides the options, the examples and the weights.
        progress: Shows the batches.
        say: Prints a line for each epoch.

    Returns:
        Loss and figures of each epoch.

    Raises:
        TextzeroError: The loss is no longer a number.
        InputError: `state` is damaged.
        ValueError: A pattern of the rates names no variable, or two name one.
    """
    _check_rates(options, trainer.trainable_variables)
    progress, say = progress or Progress(), say or (lambda line: None)  # noqa: ARG005
    optimizer = make_optimizer(options, len(batches))
    trainer.compile(optimizer, jit_compile=options.compile)
    optimizer.build(trainer.trainable_variables)
    key = "" if state is None else _key(trainer, batches, options, identity)
    watch = Watch(options, score, score_name, state, key, progress, say)
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
    if state is not None:
        state.unlink(missing_ok=True)
    return watch.history


def _key(trainer: LossModel, batches: Batches, options: FitOptions, identity: str) -> str:
    """A digest of what decides a training: options, weights, word vectors, labelled texts."""
    described = json.dumps([asdict(options), identity], sort_keys=True)
    digest = hashlib.sha256(described.encode())
    for variable in trainer.weights:
        _feed(digest, ops.convert_to_numpy(variable))
    for example in batches.examples:
        _feed(digest, example)
    return digest.hexdigest()


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


def _metadata(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        return dict(file.metadata() or {})
