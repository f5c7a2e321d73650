"""What a classifier's output says of a class: log-odds, from logits or probabilities.

The log-odds of class c are log(p_c / (1 - p_c)): the logit z of a sigmoid, and
z_c - log sum over the other classes of exp(z_k) for a softmax. They do not change when all logits
move alike, and say how far the decision is from the edge. The last softmax or sigmoid is left out
of the network, so that nothing is lost where a probability rounds to 0 or 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from textzero.models.saliency.probe import Call, Graph, Slot, Tensor

OUTPUTS = ("auto", "logits", "probabilities")
_LEAST = 1e-7  # probabilities below are taken for it


class _Linear:
    """A Dense layer before its activation, in float32."""

    def __init__(self, layer: keras.layers.Dense) -> None:
        self.layer = layer

    def __call__(self, inputs: Tensor) -> Tensor:
        kernel = ops.cast(self.layer.kernel, "float32")
        logits = ops.matmul(ops.cast(inputs, "float32"), kernel)
        return logits if self.layer.bias is None else logits + ops.cast(self.layer.bias, "float32")


@dataclass(frozen=True)
class Scores:
    """How the output of a network is read.

    Attributes:
        output: The tensor that is read.
        kind: "sigmoid" (one number, two classes), "sigmoids" (independent classes) or "softmax".
        probabilities: Whether the tensor holds probabilities, else logits.
        classes: How many there are.
    """

    output: Slot
    kind: str
    probabilities: bool
    classes: int

    def logits(self, values: Tensor) -> Tensor:
        """Return float32 (rows, columns) from the tensor; a softmax's up to a constant a row."""
        columns = 1 if self.kind == "sigmoid" else self.classes
        values = ops.reshape(ops.cast(values, "float32"), (-1, columns))
        if not self.probabilities:
            return values
        values = ops.clip(values, _LEAST, 1 - _LEAST)
        return ops.log(values) if self.kind == "softmax" else ops.log(values) - ops.log1p(-values)

    def predicted(self, logits: Tensor) -> Tensor:
        """Return int32 (rows,): the class with the highest score."""
        if self.kind == "sigmoid":
            return ops.cast(logits[:, 0] > 0, "int32")
        return ops.cast(ops.argmax(logits, axis=-1), "int32")

    def log_odds(self, logits: Tensor, chosen: Tensor) -> Tensor:
        """Return float32 (rows,): the log-odds of class `chosen`, int32 (rows,)."""
        if self.kind == "sigmoid":
            return logits[:, 0] * ops.cast(2 * chosen - 1, "float32")
        own = ops.one_hot(chosen, self.classes, dtype="float32")
        score = ops.sum(logits * own, axis=-1)
        if self.kind == "sigmoids":
            return score
        return score - ops.logsumexp(ops.where(own > 0, -1e30, logits), axis=-1)


def read_output(graph: Graph, outputs: str = "auto") -> Scores:
    """Find the logits of a network; its last activation is taken out of `graph.calls`.

    Args:
        graph: Its last call is replaced where that is a softmax or a sigmoid.
        outputs: "logits" or "probabilities" where the last layer does not tell; "auto" takes
            what is no softmax and no sigmoid for logits.

    Raises:
        ValueError: The output is no row of scores a text.
    """
    if outputs not in OUTPUTS:
        raise ValueError(f"outputs must be one of {', '.join(OUTPUTS)}, got {outputs!r}")
    shape = graph.output.shape
    if len(shape) > 2 or (len(shape) == 2 and shape[1] is None):
        raise ValueError(
            f"the model must give one row of class scores for a text, got the shape {shape}"
        )
    columns = int(shape[1]) if len(shape) == 2 else 1
    last = next(call for call in graph.calls if graph.output in call.outputs)
    name = _activation(last)
    several = "sigmoids" if name == "sigmoid" else "softmax"
    kind, classes = ("sigmoid", 2) if columns == 1 else (several, columns)
    if name is None or outputs != "auto":
        return Scores(graph.output, kind, outputs == "probabilities", classes)
    if isinstance(last.operation, keras.layers.Dense):
        linear = Call(_Linear(last.operation), last.args[:1], {}, last.outputs)
        graph.calls[graph.calls.index(last)] = linear
        return Scores(graph.output, kind, False, classes)
    graph.calls.remove(last)
    return Scores(last.inputs[0], kind, False, classes)


def _activation(call: Call) -> str | None:
    """The name of what a last call does to logits, or None when it leaves them."""
    layer: Any = call.operation
    if isinstance(layer, keras.layers.Dense | keras.layers.Activation):
        name = getattr(layer.activation, "__name__", "")
    else:
        name = type(layer).__name__.lower()  # keras.layers.Softmax, keras.ops.sigmoid, ...
    return name if name in {"softmax", "sigmoid"} else None


def class_names(labels: Sequence[Any] | None, scores: Scores) -> list[Any]:
    """Return what each class is called: `labels`, or their numbers.

    Raises:
        ValueError: There are not as many labels as classes.
    """
    if labels is None:
        return list(range(scores.classes))
    if len(labels) != scores.classes:
        raise ValueError(
            f"labels must be as many as the model's {scores.classes} classes, got {len(labels)}"
        )
    return list(labels)
