"""Where a token stands: in its text, and before, in or behind a span; and what a span is like.

An extractor of triples reads its sentence with them (article 6671), once it has a subject.
"""

from typing import Any

import keras
from keras import ops

from textzero.models.checks import at_least

_Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="textzero")
class PositionEmbedding(keras.layers.Layer):
    """Adds a trained vector for each position; all are zero before training.

    Args:
        max_length: Positions that have a vector of their own; later ones share the last.

    Input and output: float (batch, length, dim).
    """

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        at_least(1, max_length=max_length)
        self.max_length = max_length
        self.supports_masking = True

    def build(self, input_shape: _Shape) -> None:
        """Make the table, float32 (max_length, dim)."""
        shape = (self.max_length, input_shape[-1])
        self.table = self.add_weight(shape=shape, initializer="zeros", name="table")
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs with the vectors of their positions."""
        places = ops.minimum(ops.arange(ops.shape(inputs)[1]), self.max_length - 1)
        return inputs + ops.cast(ops.take(self.table, places, axis=0), inputs.dtype)

    def compute_output_shape(self, input_shape: _Shape) -> _Shape:
        """Return the shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "max_length": self.max_length}


@keras.saving.register_keras_serializable(package="textzero")
class SpanVectors(keras.layers.Layer):
    """Vectors at equal steps from the first to the last token of a span, end to end.

    Between two tokens it is their linear interpolation.

    Args:
        points: How many vectors.

    Call: states float (batch, length, dim), spans int (batch, 2), the first and the last token;
    returns float (batch, points * dim).
    """

    def __init__(self, points: int = 6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        at_least(1, points=points)
        self.points = points

    def call(self, states: Any, spans: Any) -> Any:
        """Return the vectors of one span in each row."""
        spans = ops.cast(spans, "float32")
        steps = ops.cast(ops.arange(self.points), "float32") / max(1, self.points - 1)
        places = spans[:, :1] + (spans[:, 1:] - spans[:, :1]) * steps  # (batch, points)
        tokens = ops.cast(ops.arange(ops.shape(states)[1]), "float32")
        weights = ops.relu(1 - ops.abs(places[:, :, None] - tokens))  # (batch, points, length)
        vectors = ops.matmul(ops.cast(weights, states.dtype), states)
        return ops.reshape(vectors, (-1, self.points * states.shape[-1]))

    def compute_output_shape(self, states_shape: _Shape, spans_shape: _Shape) -> _Shape:  # noqa: ARG002
        """Return (batch, points * dim)."""
        return (states_shape[0], self.points * (states_shape[-1] or 0))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "points": self.points}


@keras.saving.register_keras_serializable(package="textzero")
class RelativePositions(keras.layers.Layer):
    """For each token, the sum of two trained vectors: of its distance to a span's first and last.

    Args:
        dim: Width of the vectors, zero before training.
        reach: Larger distances share a vector, one before and one behind the span.

    Call: states float (batch, length, any), spans int (batch, 2); returns (batch, length, dim).
    """

    def __init__(self, dim: int, reach: int = 32, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        at_least(1, dim=dim, reach=reach)
        self.dim, self.reach = dim, reach

    def build(self, states_shape: _Shape, spans_shape: _Shape) -> None:  # noqa: ARG002
        """Make the table: a row for each distance to the first, then to the last token."""
        shape = (2 * (2 * self.reach + 1), self.dim)
        self.table = self.add_weight(shape=shape, initializer="zeros", name="table")
        self.built = True

    def call(self, states: Any, spans: Any) -> Any:
        """Return the vectors of the distances."""
        tokens = ops.arange(ops.shape(states)[1])
        spans = ops.cast(spans, tokens.dtype)
        far = tokens[None, :, None] - spans[:, None, :]  # (batch, length, 2)
        rows = ops.clip(far, -self.reach, self.reach) + self.reach
        width = 2 * self.reach + 1
        # a product instead of a lookup: its gradient is a product too, not a scatter
        marks = ops.one_hot(rows, width, dtype=self.compute_dtype)
        marks = ops.reshape(marks, (-1, ops.shape(states)[1], 2 * width))
        return ops.matmul(marks, ops.cast(self.table, self.compute_dtype))

    def compute_output_shape(self, states_shape: _Shape, spans_shape: _Shape) -> _Shape:  # noqa: ARG002
        """Return (batch, length, dim)."""
        return (*states_shape[:2], self.dim)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "dim": self.dim, "reach": self.reach}
