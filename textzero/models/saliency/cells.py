"""Recurrent cells looked into: every state of theirs as output, nudges to it, their gates."""

from typing import Any

import keras
from keras import ops

from textzero.models.saliency.probe import Tensor


def state_names(cell: Any) -> list[str]:
    """Return what the components of a cell's state are called: "hidden", then "cell".

    Raises:
        ValueError: The cell is several stacked ones.
    """
    if isinstance(cell, keras.layers.StackedRNNCells):
        raise ValueError(
            "gradient_flow needs a layer with one cell, got stacked cells; use a layer for each"
        )
    sizes = _sizes(cell)
    if len(set(sizes)) != 1:
        raise ValueError(f"gradient_flow needs state components of one size, got {sizes}")
    return ["hidden", "cell", *(f"state {k}" for k in range(2, len(sizes)))][: len(sizes)]


def _sizes(cell: Any) -> list[int]:
    size = cell.state_size
    return [int(part) for part in (size if isinstance(size, list | tuple) else [size])]


class ProbedCell(keras.layers.Layer):
    """A cell that reads [features, nudges] and adds the nudges to its state before the step.

    Its output is the whole new state, components end to end. A nudge of 0 changes nothing, and
    the gradient with respect to it is that with respect to the state before the step.

    Args:
        cell: A cell, built.
    """

    def __init__(self, cell: Any) -> None:
        super().__init__(name=f"{cell.name}_probed")
        self.cell = cell
        self.sizes = tuple(_sizes(cell))
        self.state_size = list(self.sizes)
        self.output_size = sum(self.sizes)
        self._ends = [sum(self.sizes[: k + 1]) for k in range(len(self.sizes))]
        self.built = True

    def call(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Make one step: inputs (batch, features + state), states (batch, size) each."""
        features = inputs[..., : -self.output_size]
        nudges = self.pieces(inputs[..., -self.output_size :])
        nudged = [ops.cast(s, "float32") + n for s, n in zip(states, nudges, strict=True)]
        _, new = self.step(features, nudged)
        new = [ops.cast(part, "float32") for part in new]
        return ops.concatenate(new, axis=-1), new

    def pieces(self, state: Tensor) -> list[Tensor]:
        """Return the components of a whole state (..., all sizes)."""
        return [
            state[..., end - size : end] for size, end in zip(self.sizes, self._ends, strict=True)
        ]

    def step(self, features: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the cell's output and new states."""
        output, new = self.cell(features, list(states))
        return output, list(new) if isinstance(new, list | tuple) else [new]


def gates(cell: Any, features: Tensor, hidden: Tensor) -> dict[str, Tensor]:
    """Return the gates of an LSTM's or GRU's steps; nothing for other cells.

    Args:
        cell: The cell.
        features: (batch, length, size), what it reads at each step.
        hidden: (batch, length, units), its state h before each step.

    Returns:
        For each gate (batch, length, units), 0 to 1.
    """
    names: tuple[str, ...]
    if isinstance(cell, keras.layers.LSTMCell):
        names, count = ("input", "forget", "cell", "output"), 4
    elif isinstance(cell, keras.layers.GRUCell):
        names, count = ("update", "reset", "new"), 3
    else:
        return {}
    before = ops.matmul(features, ops.cast(cell.kernel, features.dtype))
    recurrent = ops.matmul(hidden, ops.cast(cell.recurrent_kernel, features.dtype))
    if cell.bias is not None:
        bias = ops.reshape(ops.cast(cell.bias, features.dtype), (-1, count * cell.units))
        before = before + bias[0]
        if len(bias) > 1:  # a GRU that resets after its product has two
            recurrent = recurrent + bias[1]
    parts = ops.split(before + recurrent, count, axis=-1)
    opened = zip(names, parts, strict=True)
    return {k: cell.recurrent_activation(v) for k, v in opened if k not in {"cell", "new"}}
