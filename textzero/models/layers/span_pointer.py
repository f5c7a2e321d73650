"""Half-pointer, half-tagging: at each position, does a span of this type start, does one end here?

Two sigmoids a position and type (articles 5409, 6671): a text may hold no span, or many. A pointer
by softmax would have to choose exactly one. Everything is kept as logits, so that nothing is lost
where a probability is close to 0 or 1; the product of two probabilities has a logit of its own.
"""

from typing import Any

import keras
from keras import ops

from textzero._compat import Array
from textzero.models.checks import at_least
from textzero.models.layers.span_decoding import Spans, best_spans, decode_spans

NEVER = -1e9  # the logit of padding: its probability is 0 in float32


@keras.saving.register_keras_serializable(package="textzero")
class SpanPointer(keras.layers.Layer):
    """Logits of the starts and ends of spans, in float32 under any dtype policy.

    Args:
        num_types: Kinds of spans; each has its own start and end.
        **kwargs: What every Keras layer takes.

    Call arguments:
        features: float (batch, length, channels).
        has_answer: Logits float (batch, num_types) or (batch, 1), or None: whether the text holds
            a span at all. Its probability multiplies those of starts and ends.
        mask: bool (batch, length), True at real positions; Keras passes the one of `features`.

    Returns:
        float32 (batch, length, num_types, 2), the logit of a start and of an end; -1e9 at padding.

    Raises:
        ValueError: `num_types` below 1.

    Example:
        >>> pointer = SpanPointer(num_types=3)
        >>> logits = pointer(keras.Input((10, 16)))
        >>> logits.shape
        (None, 10, 3, 2)
        >>> pointer.loss(keras.Input((10, 3, 2)), logits).shape
        (None,)
    """

    def __init__(self, num_types: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        at_least(1, num_types=num_types)
        self.num_types = num_types
        self.supports_masking = True
        self._dense = keras.layers.Dense(2 * num_types, dtype="float32", name="dense")

    def build(
        self,
        features_shape: tuple[Any, ...],
        has_answer_shape: tuple[Any, ...] | None = None,  # noqa: ARG002
    ) -> None:
        """Make the weights (channels, 2 * num_types) and (2 * num_types,)."""
        self._dense.build(features_shape)

    def call(
        self, features: Any, has_answer: Any = None, mask: Any = None, features_mask: Any = None
    ) -> Any:
        """Return logits; see the class. Keras fills `features_mask` when there are two inputs."""
        mask = features_mask if mask is None else mask
        if mask is not None:
            mask = ops.expand_dims(mask, -1)
            features = ops.where(mask, features, 0.0)
        logits = self._dense(features)
        length = ops.shape(logits)[1]
        logits = ops.reshape(logits, (-1, length, self.num_types, 2))
        if has_answer is not None:
            # shape: (batch, 1, num_types or 1, 1)
            whole = ops.expand_dims(ops.expand_dims(ops.cast(has_answer, "float32"), 1), -1)
            logits = product_logits(logits, whole)
        return logits if mask is None else ops.where(ops.expand_dims(mask, -1), logits, NEVER)

    def loss(self, labels: Any, logits: Any, mask: Any = None, **options: Any) -> Any:
        """`span_loss`: masked binary cross-entropy on logits, or the focal loss."""
        return span_loss(labels, logits, mask, **options)

    def decode(self, probabilities: Array, **options: Any) -> Spans:
        """`decode_spans`: every start above a threshold with its nearest end, in NumPy."""
        return decode_spans(probabilities, **options)

    def best(self, probabilities: Array, max_length: int | None = None) -> Spans:
        """`best_spans`: the span of greatest start x end of each text and type, in NumPy."""
        return best_spans(probabilities, max_length)

    def compute_mask(self, features: Any, mask: Any = None) -> None:  # noqa: ARG002
        """Padding is already in the logits."""
        return None

    def compute_output_shape(
        self,
        features_shape: tuple[Any, ...],
        has_answer_shape: tuple[Any, ...] | None = None,  # noqa: ARG002
    ) -> tuple[Any, ...]:
        """(batch, length, num_types, 2)."""
        return (*features_shape[:-1], self.num_types, 2)

    def compute_output_spec(self, features: Any, *others: Any, **named: Any) -> Any:  # noqa: ARG002
        """The shape, and float32 whatever the dtype policy."""
        return keras.KerasTensor(self.compute_output_shape(features.shape), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        """Every argument of the constructor."""
        return {**super().get_config(), "num_types": self.num_types}


def product_logits(first: Any, second: Any) -> Any:
    """Return the logit of the product of two probabilities that are given as logits.

    1 / (sigmoid(a) sigmoid(b)) - 1 = e^-a + e^-b + e^-(a + b), so the logit of the product is
    minus the log of that sum: exact where multiplying probabilities would give 0 or 1.

    Args:
        first: float, any shape.
        second: float, a shape that broadcasts with it.

    Returns:
        float, the shape of both together.
    """
    total = first + second
    # The greatest term is taken out of the sum, and has no part in the gradient.
    greatest = ops.stop_gradient(-ops.minimum(ops.minimum(first, second), total))
    terms = [ops.exp(-x - greatest) for x in (first, second, total)]
    return -(ops.log(terms[0] + terms[1] + terms[2]) + greatest)


def span_loss(
    labels: Any,
    logits: Any,
    mask: Any = None,
    *,
    focal: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
) -> Any:
    """Return the binary cross-entropy of each text: mean over tokens, sum over types and ends.

    The focal loss multiplies the term of a label 1 by alpha (1 - p)^gamma and that of a label 0 by
    (1 - alpha) p^gamma, so that the many easy zeros do not drown the few ones (article 5409).

    Args:
        labels: int or float (batch, length, types, 2), 1 where a span starts, where it ends.
        logits: float (batch, length, types, 2).
        mask: bool (batch, length), True at real positions; None when all are.
        focal: Whether to take the focal loss.
        alpha: Its weight of a label 1.
        gamma: Its exponent.

    Returns:
        float32 (batch,); exactly 0 for a row that is all padding.
    """
    labels, logits = ops.cast(labels, "float32"), ops.cast(logits, "float32")
    if mask is not None:
        real = ops.expand_dims(ops.expand_dims(ops.cast(mask, "bool"), -1), -1)
        logits = ops.where(real, logits, 0.0)
    missed, wrong = ops.softplus(-logits), ops.softplus(logits)  # -log p and -log(1 - p)
    if focal:
        terms = labels * (alpha * ops.exp(-gamma * wrong) * missed)
        terms = terms + (1 - labels) * ((1 - alpha) * ops.exp(-gamma * missed) * wrong)
    else:
        terms = labels * missed + (1 - labels) * wrong
    if mask is None:
        return ops.sum(ops.mean(terms, axis=1), axis=(1, 2))
    tokens = ops.maximum(ops.sum(ops.cast(mask, "float32"), axis=1), 1.0)
    return ops.sum(ops.where(real, terms, 0.0), axis=(1, 2, 3)) / tokens
