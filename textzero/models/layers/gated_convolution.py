"""Gated convolution over a sequence: the block of a DGCNN.

With two convolutions C1 and C2 of the same shape and s = sigmoid(C2(X)) (article 5409):

    Y = X * (1 - s) + C1(X) * s    when the output is as wide as the input: each channel is carried
                                   or replaced, which is a residual block as well, C1 being linear
    Y = C1(X) * s                  otherwise

Blocks of dilation 1, 2, 4, ... see far with few layers. Both convolutions are Keras's own: on a
processor, with gradients, they take no more time than one matrix product of shifted copies
(`benchmarks/layers.py`).
"""

from typing import Any

import keras
from keras import ops

from textzero.models.checks import a_number, at_least, share


@keras.saving.register_keras_serializable(package="textzero")
class GatedDilatedConv1D(keras.layers.Layer):
    """A dilated convolution with a gate; highway form when the output is as wide as the input.

    Padding is "same": position i sees i - k * dilation_rate .. i + k * dilation_rate for width
    2k + 1; an even width sees one more position on the right than on the left. Masked positions
    are zero when others look at them, whatever they held, and zero in the output.

    Args:
        width: Positions that the convolution looks at.
        dilation_rate: Distance between two of them.
        units: Channels of the output; None for as many as the input has.
        gate_dropout: Share of the gate's inputs to the sigmoid that are zeroed in training, which
            leaves those gates half open (the author's code of 2019 has 0.1).
        gate_bias: What the gate's bias starts at. At 0 a layer carries half of its input, twelve of
            them nothing; below 0 more (Srivastava, Greff and Schmidhuber 2015 take -1 to -3).
        seed: Of the dropout.
        **kwargs: What every Keras layer takes.

    Call arguments:
        inputs: float (batch, length, channels).
        mask: bool (batch, length), True at real positions; Keras passes the one of `inputs`.
        training: Whether the gate's dropout is applied.

    Returns:
        float (batch, length, units), in the compute dtype. The mask goes on unchanged.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> GatedDilatedConv1D(width=3, dilation_rate=2)(keras.Input((10, 16))).shape
        (None, 10, 16)
    """

    def __init__(
        self,
        width: int = 3,
        dilation_rate: int = 1,
        units: int | None = None,
        gate_dropout: float = 0.0,
        gate_bias: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        at_least(1, width=width, dilation_rate=dilation_rate)
        if units is not None:
            at_least(1, units=units)
        share(gate_dropout=gate_dropout)
        a_number(gate_bias=gate_bias)
        self.width = width
        self.dilation_rate = dilation_rate
        self.units = units
        self.gate_dropout = gate_dropout
        self.gate_bias = gate_bias
        self.seed = seed
        self.supports_masking = True
        self._dropout = keras.layers.Dropout(gate_dropout, seed=seed, dtype=self.dtype_policy)

    def build(self, inputs_shape: tuple[Any, ...]) -> None:
        """Make the weights of both convolutions: (width, channels, units) and (units,) each."""
        units = self.units or inputs_shape[-1]
        self._highway = units == inputs_shape[-1]
        self._convolution = self._new_convolution(units, "convolution", 0.0)
        self._gate = self._new_convolution(units, "gate", self.gate_bias)
        self._convolution.build(inputs_shape)
        self._gate.build(inputs_shape)
        self._dropout.build((*inputs_shape[:-1], units))

    def _new_convolution(self, units: int, name: str, bias: float) -> keras.layers.Conv1D:
        return keras.layers.Conv1D(
            units,
            self.width,
            padding="same",
            dilation_rate=self.dilation_rate,
            bias_initializer=keras.initializers.Constant(bias),
            dtype=self.dtype_policy,
            name=name,
        )

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Return the gated sequence; see the class."""
        real = None if mask is None else ops.expand_dims(mask, -1)
        if real is not None:
            inputs = ops.where(real, inputs, 0.0)
        new = self._convolution(inputs)
        gate = ops.sigmoid(self._dropout(self._gate(inputs), training=training))
        outputs = inputs + (new - inputs) * gate if self._highway else new * gate
        return outputs if real is None else ops.where(real, outputs, 0.0)

    def compute_output_shape(self, inputs_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """(batch, length, units)."""
        return (*inputs_shape[:-1], self.units or inputs_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Every argument of the constructor."""
        return {
            **super().get_config(),
            "width": self.width,
            "dilation_rate": self.dilation_rate,
            "units": self.units,
            "gate_dropout": self.gate_dropout,
            "gate_bias": self.gate_bias,
            "seed": self.seed,
        }
