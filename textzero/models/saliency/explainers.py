"""What is built once for a model and kept with it: its source, and the networks that explain."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from textzero._compat import Array
from textzero.models.saliency.logit import LogitExplainer
from textzero.models.saliency.probe import Slot, Tensor, evaluate, needed
from textzero.models.saliency.recurrent import Recurrent
from textzero.models.saliency.scores import Scores
from textzero.models.saliency.source import EncodedText, Source
from textzero.models.saliency.state import StateExplainer

_KEPT = "_textzero_explainers"


class ScoreExplainer(keras.Model):
    """A network that returns the log-odds of a class, and nothing more.

    Call arguments as of `StateExplainer`; returns its "target" and "log_odds".
    """

    def __init__(self, network: keras.Model, source: Source) -> None:
        super().__init__(name="score_saliency")
        self.network, self.source = network, source

    def call(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Run the network once."""
        graph, scores = self.source.graph, self.source.scores
        given: dict[Slot, Tensor] = {
            slot: inputs[f"input_{k}"] for k, slot in enumerate(graph.inputs)
        }
        calls = needed(graph.calls, [scores.output])
        logits = scores.logits(evaluate(calls, given)[scores.output])
        target = ops.where(inputs["target"] < 0, scores.predicted(logits), inputs["target"])
        return {"target": target, "log_odds": scores.log_odds(logits, target)}


class Explainers:
    """The networks that explain one model, each built when it is first needed.

    They share the model's layers, so that they follow its weights.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.compiled: dict[str, Callable[..., Any]] = {}  # gradients, by what they are for

    @property
    def scores(self) -> Scores:
        """How the output is read."""
        return self.source.scores

    @cached_property
    def recurrent(self) -> Recurrent:
        """The model cut at its last recurrent layer."""
        return Recurrent(self.source.graph, self.source.scores)

    @cached_property
    def state(self) -> keras.Model:
        """Scores and `state` saliency."""
        network, inputs = self.source.network, tuple(self.source.graph.inputs)
        return self._like_network(StateExplainer(network, self.recurrent, inputs))

    @cached_property
    def logit(self) -> keras.Model:
        """Scores and `logit` saliency."""
        network, inputs = self.source.network, tuple(self.source.graph.inputs)
        return self._like_network(LogitExplainer(network, self.recurrent, inputs))

    @cached_property
    def score(self) -> keras.Model:
        """Scores alone."""
        return self._like_network(ScoreExplainer(self.source.network, self.source))

    def _like_network(self, explainer: keras.Model) -> keras.Model:
        """Let XLA compile the explainer when it compiles the network's own predictions."""
        explainer.compile(jit_compile=bool(getattr(self.source.network, "jit_compile", False)))
        return explainer

    def run(
        self, name: str, texts: Sequence[EncodedText], targets: Array, batch_size: int
    ) -> Iterator[tuple[Array, dict[str, Array]]]:
        """Yield the places of some texts and what network `name` says of them."""
        explainer = getattr(self, name)
        for places, arrays in self.source.batches(texts, batch_size):
            found = explainer.predict_on_batch(self.inputs(places, arrays, targets))
            yield places, {key: np.asarray(value) for key, value in found.items()}

    def inputs(self, places: Array, arrays: list[Array], targets: Array) -> dict[str, Array]:
        """Return what an explainer is called with."""
        target = np.zeros(len(arrays[0]), np.int32)
        target[: len(places)] = targets[places]
        return {f"input_{k}": array for k, array in enumerate(arrays)} | {"target": target}

    def decide(
        self, texts: Sequence[EncodedText], targets: Array, batch_size: int
    ) -> tuple[Array, Array]:
        """Return int32 (n,) the classes, where -1 the predicted ones, and float32 (n,) log-odds."""
        found = np.array(targets, np.int32)
        log_odds = np.zeros(len(texts), np.float32)
        for places, batch in self.run("score", texts, targets, batch_size):
            found[places] = batch["target"][: len(places)]
            log_odds[places] = batch["log_odds"][: len(places)]
        return found, log_odds


def explainers(
    model: Any,
    encode: Callable[[str], Any] | None = None,
    labels: Sequence[Any] | None = None,
    outputs: str = "auto",
) -> Explainers:
    """Return the explainers of a model, those of the last call where it has not changed.

    They are kept in the Keras model's `__dict__`, which neither Keras nor `save` looks at, and go
    when it goes.
    """
    network = getattr(model, "network", model)
    if not isinstance(network, keras.Model):
        raise ValueError(
            "model must be a Classifier or a Keras model (or have one as `network`), got "
            f"{type(model).__name__}"
        )
    shape = (outputs, keras.config.dtype_policy().name, *map(id, network.layers))
    kept = network.__dict__.get(_KEPT)
    if kept is None or kept[0] != shape:
        kept = (shape, Explainers(Source(model, encode, labels, outputs)))
        network.__dict__[_KEPT] = kept
    held: Explainers = kept[1]
    held.source.set_reader(model, encode, labels)
    return held
