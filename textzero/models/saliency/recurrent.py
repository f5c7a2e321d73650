"""The last recurrent layer of a network: all its states, and what follows run from any of them.

The layer's own cell is used, with its weights: a twin of the layer returns every state where the
layer returned the last. A bidirectional layer has two directions, each in its own reading order.
"""

from typing import Any

import keras
from keras import ops

from textzero.models.saliency.masks import mask_of, repeated, with_mask
from textzero.models.saliency.probe import (
    Call,
    Graph,
    Slot,
    Tensor,
    Values,
    cut,
    evaluate,
    recurrent_call,
)
from textzero.models.saliency.scores import Scores

_OWN = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)


def directions(layer: Any) -> dict[str, keras.layers.RNN]:
    """Return the layer that reads forward and the one that reads backward, those there are."""
    if not isinstance(layer, keras.layers.Bidirectional):
        return {"backward" if layer.go_backwards else "forward": layer}
    pair = (layer.forward_layer, layer.backward_layer)
    if pair[0].go_backwards:
        return {"backward": pair[0], "forward": pair[1]}
    return {"forward": pair[0], "backward": pair[1]}


def every_state(layer: keras.layers.RNN) -> keras.layers.RNN:
    """Return a layer with the same cell that returns the state after each step.

    A masked step keeps the state. Backward layers return their steps in reading order.
    """
    changed: dict[str, Any] = {
        "return_sequences": True,
        "return_state": False,
        "zero_output_for_mask": False,
        "name": f"{layer.name}_states",
    }
    if type(layer) in _OWN:
        twin = type(layer).from_config(layer.get_config() | changed)
        twin.cell = layer.cell
    else:
        twin = keras.layers.RNN(layer.cell, go_backwards=layer.go_backwards, **changed)
    twin.built = True
    return twin


class Recurrent:
    """A network cut at its last recurrent layer.

    Attributes:
        call: Its call.
        names: Its directions, in the order of its outputs: "forward", "backward".
        reads_sequence: Whether what follows reads all steps, and not the last alone.
    """

    def __init__(self, graph: Graph, scores: Scores) -> None:
        self.call: Call = recurrent_call(graph)
        self.layer = self.call.operation
        self.features: Slot = self.call.inputs[0]
        self.scores = scores
        layers = directions(self.layer)
        self.names = list(layers)
        self._twins = [every_state(layer) for layer in layers.values()]
        self.cut = cut(graph, self.call.outputs, scores.output, also=self.call.inputs)
        merged = getattr(self.layer, "merge_mode", "concat")
        self._sequences = len(layers) if merged is None else 1
        self.reads_sequence = self.layer.return_sequences and any(
            slot in self.cut.read for slot in self.call.outputs[: self._sequences]
        )
        self._hidden = self._hidden_slots()

    def _hidden_slots(self) -> list[Slot]:
        """The outputs that are last states h, a direction each; refuses a head that reads c."""
        states = self.call.outputs[self._sequences :]
        each = len(states) // len(self._twins)
        hidden = [states[place * each] for place in range(len(self._twins))] if each else []
        beyond = [slot for slot in states if slot in self.cut.read and slot not in hidden]
        unknown = not all(isinstance(twin, _OWN) for twin in self._twins)
        if beyond or (unknown and any(slot in self.cut.read for slot in hidden)):
            raise ValueError(
                f"what follows layer {self.layer.name!r} must read its output or its state h, "
                "not another state (such as c of an LSTM)"
            )
        return hidden

    def states(self, inputs: list[tuple[Slot, Tensor]]) -> tuple[Values, list[Tensor]]:
        """Run the network up to the recurrent layer, and the layer.

        Returns:
            values: What was computed, for `logits`.
            states: For each direction (batch, length, units) in reading order.
        """
        values = evaluate(self.cut.front, dict(inputs))
        features, mask = values[self.features], self.mask(values)
        return values, [twin(features, mask=mask) for twin in self._twins]

    def mask(self, values: Values) -> Tensor | None:
        """Return the mask that the recurrent layer is given."""
        explicit = self.call.kwargs.get("mask")
        if isinstance(explicit, Slot):
            return ops.cast(values[explicit], "bool")
        return mask_of(values[self.features])

    def logits(
        self,
        values: Values,
        states: list[Tensor],
        times: Tensor | None = None,
        sequences: list[Tensor] | None = None,
    ) -> Tensor:
        """Run what follows the recurrent layer.

        Args:
            values: From `states`, for a batch.
            states: For each direction the last state (batch * times, units).
            times: Rows of `states` for each row of the batch; None for one.
            sequences: For each direction (batch, length, units) in reading order; needed where
                what follows reads the sequence.

        Returns:
            float32 (batch * times, columns).
        """
        mask = self.mask(values)
        if self.layer.return_sequences and sequences is not None:
            outputs = [with_mask(part, mask) for part in self._merged_sequences(sequences, mask)]
        else:
            outputs = self._merged(states)
        given = {slot: values[slot] for slot in self.cut.beside}
        if times is not None:
            given = {slot: repeated(tensor, times) for slot, tensor in given.items()}
        given |= dict(zip(self.call.outputs, outputs, strict=False))
        given |= dict(zip(self._hidden, states, strict=False))
        return self.scores.logits(evaluate(self.cut.back, given)[self.scores.output])

    def _merged_sequences(self, sequences: list[Tensor], mask: Tensor | None) -> list[Tensor]:
        parts = list(sequences)
        if isinstance(self.layer, keras.layers.Bidirectional):
            zeroed = self.layer.forward_layer.zero_output_for_mask
            parts = [
                ops.flip(part, axis=1) if name == "backward" else part
                for name, part in zip(self.names, parts, strict=True)
            ]
        else:
            zeroed = self.layer.zero_output_for_mask
        if zeroed and mask is not None:
            parts = [part * ops.cast(mask, part.dtype)[:, :, None] for part in parts]
        return self._merged(parts)

    def _merged(self, parts: list[Tensor]) -> list[Tensor]:
        """Two directions as the bidirectional layer joins them."""
        if len(parts) == 1:
            return parts
        modes = {
            "concat": lambda a, b: [ops.concatenate([a, b], axis=-1)],
            "sum": lambda a, b: [a + b],
            "ave": lambda a, b: [(a + b) / 2],
            "mul": lambda a, b: [a * b],
            None: lambda a, b: [a, b],
        }
        return modes[self.layer.merge_mode](*parts)


def with_initial(states: Tensor) -> Tensor:
    """Return (batch, 1 + length, units): the zero state in front."""
    return ops.pad(states, [[0, 0], [1, 0], [0, 0]])


def in_order(steps: Tensor, name: str, mask: Tensor | None) -> Tensor:
    """Return what steps did, (batch, length), from reading order to the text's, masked ones 0.

    Masked steps do nothing; rounding may differ where the same state stands at two places.
    """
    steps = ops.flip(steps, axis=1) if name == "backward" else steps
    return steps if mask is None else ops.where(mask, steps, 0.0)
