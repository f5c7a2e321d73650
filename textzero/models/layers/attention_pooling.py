"""A sequence of vectors to one vector: a weighted mean whose weights are learned.

    weights = softmax over positions of  query . tanh(W x_i),    result = sum of weights_i * x_i

(article 5409). The softmax runs in float32 and over real positions only.
"""

from typing import Any

import keras
from keras import ops

from textzero.models.checks import at_least


@keras.saving.register_keras_serializable(package="textzero")
class AttentionPooling1D(keras.layers.Layer):
    """The mean of a sequence under learned weights; padding has no part in it.

    Args:
        units: Rows of W; None for as many as the input has channels.
        **kwargs: What every Keras layer takes.

    Call arguments:
        inputs: float (batch, length, channels).
        mask: bool (batch, length), True at real positions; Keras passes the one of `inputs`.

    Returns:
        float (batch, channels), in the compute dtype; zeros for a row that is all padding. It has
        no mask.

    Raises:
        ValueError: `units` below 1.

    Example:
        >>> AttentionPooling1D()(keras.Input((10, 16))).shape
        (None, 16)
    """

    def __init__(self, units: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units is not None:
            at_least(1, units=units)
        self.units = units
        self.supports_masking = True

    def build(self, inputs_shape: tuple[Any, ...]) -> None:
        """Make `kernel` (channels, units) and `query` (units,)."""
        channels = inputs_shape[-1]
        units = self.units or channels
        self._kernel = self.add_weight(shape=(channels, units), name="kernel")
        self._query = self.add_weight(shape=(units,), name="query")

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return one vector a row; see the class."""
        if mask is not None:
            inputs = ops.where(ops.expand_dims(mask, -1), inputs, 0.0)
        weights = ops.cast(self._weigh(inputs, mask), inputs.dtype)
        # shape: (batch, 1, length) x (batch, length, channels)
        return ops.squeeze(ops.matmul(ops.expand_dims(weights, 1), inputs), 1)

    def weigh(self, inputs: Any, mask: Any = None) -> Any:
        """Return what each position counts for.

        Args:
            inputs: float (batch, length, channels).
            mask: bool (batch, length), True at real positions; None when all are.

        Returns:
            float32 (batch, length): sums to 1 in each row, zero at padding; zeros in a row that is
            all padding.

        Raises:
            ValueError: The layer was never called.
        """
        if not self.built:
            raise ValueError("the layer must have been called once before it can weigh positions")
        inputs = ops.cast(inputs, self.compute_dtype)
        if mask is not None:
            mask = ops.cast(mask, "bool")
            inputs = ops.where(ops.expand_dims(mask, -1), inputs, 0.0)
        return self._weigh(inputs, mask)

    def _weigh(self, inputs: Any, mask: Any) -> Any:
        kernel = ops.cast(self._kernel, inputs.dtype)
        hidden = ops.cast(ops.tanh(ops.matmul(inputs, kernel)), "float32")
        # shape: (batch, length)
        scores = ops.sum(hidden * ops.cast(self._query, "float32"), axis=-1)
        if mask is None:
            return ops.softmax(scores, axis=-1)
        weights = ops.softmax(ops.where(mask, scores, -1e30), axis=-1)
        return ops.where(mask, weights, 0.0)  # a row of padding has weighed its padding

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:  # noqa: ARG002
        """A vector a row has no positions left to mask."""
        return None

    def compute_output_shape(self, inputs_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """(batch, channels)."""
        return (inputs_shape[0], inputs_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Every argument of the constructor."""
        return {**super().get_config(), "units": self.units}
