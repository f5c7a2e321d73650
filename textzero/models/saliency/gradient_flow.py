"""How much of each step's derivative survives to the end, and how far the gates are open.

Backpropagation through time multiplies dh_t/dh_(t-1) from the last step down to a word: the share
of a word's gradient that comes through says whether the layer can learn from it. Vanishing means
that far terms fade, not that the gradient is 0 (article 7888). Derivatives are exact, by automatic
differentiation of the layer's own cell; the state's components are its coordinates, so those of
an LSTM are h and c, and h does not count as a function of c at the same step.

The norm of a Jacobian is Frobenius' over the root of the number of units: the identity has 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from textzero._compat import Array
from textzero.models.saliency import _autodiff
from textzero.models.saliency.cells import ProbedCell, gates, state_names
from textzero.models.saliency.explainers import Explainers, explainers
from textzero.models.saliency.probe import Tensor, evaluate
from textzero.models.saliency.recurrent import directions

_STEPS = 1 << 15  # steps of all rows that are differentiated at once


@dataclass(frozen=True, eq=False)
class Flow:
    """One direction of a layer over one text of n words, in the order of the text.

    Attributes:
        survival: For each component of the state ("hidden", and "cell" of an LSTM) float32 (n,):
            |dh_end/dstate_i|, where h_end is the state after the last word that is read.
        steps: The same float32 (n,): |dstate_i/dstate_before|, a component with itself.
        gates: For each gate of an LSTM or GRU float32 (n,), the mean over units, 0 to 1:
            "forget", "input", "output"; "update" (as Keras has it: the share of the state that
            stays), "reset". NaN where the word is masked.
    """

    survival: dict[str, Array]
    steps: dict[str, Array]
    gates: dict[str, Array]


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The derivatives of the last recurrent layer over one text.

    Attributes:
        text: As given.
        tokens: Its n words.
        directions: "forward" and "backward", those that the layer has.
    """

    text: str
    tokens: list[str]
    directions: dict[str, Flow]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; NaN is None."""
        return {
            "text": self.text,
            "tokens": self.tokens,
            "directions": {
                name: {
                    what: {key: _listed(array) for key, array in getattr(flow, what).items()}
                    for what in ("survival", "steps", "gates")
                }
                for name, flow in self.directions.items()
            },
        }


def _listed(array: Array) -> list[float | None]:
    return [float(str(x)) if np.isfinite(x) else None for x in array]


def gradient_flow(
    model: Any, texts: str | Sequence[str], *, encode: Callable[[str], Any] | None = None
) -> list[GradientFlow]:
    """Return how the last recurrent layer of a model carries gradients over each text.

    The time is that of a training step for each text, with as many rows as the layer has units.

    Args:
        model: A Classifier or a Keras model, as for `saliency`.
        texts: The texts (one string is one text).
        encode: For a Keras model: text -> (tokens, ids).

    Raises:
        ValueError: The model has no recurrent layer, or its cells are stacked.
    """
    held = explainers(model, encode)
    encoded = held.source.encode([texts] if isinstance(texts, str) else list(texts))
    results: list[Any] = [None] * len(encoded)
    layers = directions(held.recurrent.layer)
    for name, layer in layers.items():
        if f"flow {name}" not in held.compiled:
            held.compiled[f"flow {name}"] = _Flows(held, layer)
    for places, arrays in held.source.batches(encoded, 1):
        place = int(places[0])
        text = encoded[place]
        flows = {name: held.compiled[f"flow {name}"](arrays, len(text)) for name in layers}
        results[place] = GradientFlow(text.text, text.tokens, flows)
    return results


class _Flows:
    """The derivatives of one layer, compiled once."""

    def __init__(self, held: Explainers, layer: keras.layers.RNN) -> None:
        self.names = state_names(layer.cell)
        self.held, self.layer = held, layer
        self.cell = ProbedCell(layer.cell)
        self.units = int(self.cell.sizes[0])
        # reads what is already in reading order
        self.walk = keras.layers.RNN(self.cell, return_sequences=True)
        self.features = _autodiff.compiled(self._features)
        self.survival = _autodiff.compiled(self._survival)
        self.steps = _autodiff.compiled(self._steps)

    def __call__(self, arrays: list[Array], length: int) -> Flow:
        """Return the Flow of one text, arrays (1, padded length) each."""
        features, mask = self.features(arrays)
        real = ops.convert_to_numpy(mask)[0]
        states, opened = self._states(features, mask)
        survival = self._all_units(self.survival, features, mask)
        steps = self._all_units(self.steps, features, states)
        survival, steps = self._mended(survival, steps, real)
        found = {name: np.where(real, value[0], np.nan) for name, value in opened.items()}
        if self.layer.go_backwards:
            survival, steps, found = (
                {key: array[::-1] for key, array in part.items()}
                for part in (survival, steps, found)
            )
        survival, steps, found = (
            {key: np.ascontiguousarray(array[:length], np.float32) for key, array in part.items()}
            for part in (survival, steps, found)
        )
        return Flow(survival, steps, found)

    def _features(self, arrays: list[Tensor]) -> tuple[Tensor, Tensor]:
        """What the layer reads, in reading order, and its mask (all True without one)."""
        recurrent = self.held.recurrent
        given = dict(zip(self.held.source.graph.inputs, arrays, strict=True))
        values = evaluate(recurrent.cut.front, given)
        features, mask = values[recurrent.features], recurrent.mask(values)
        if mask is None:
            mask = ops.ones(ops.shape(features)[:2], "bool")
        if self.layer.go_backwards:
            features, mask = ops.flip(features, axis=1), ops.flip(mask, axis=1)
        return ops.cast(features, "float32"), mask

    def _states(self, features: Tensor, mask: Tensor) -> tuple[Tensor, dict[str, Array]]:
        """The state before each step (1, length, all components), and the gates there."""
        nothing = ops.zeros((1, ops.shape(features)[1], sum(self.cell.sizes)))
        after = self.walk(ops.concatenate([features, nothing], axis=-1), mask=mask)
        before = ops.concatenate([nothing[:, :1], after[:, :-1]], axis=1)
        opened = gates(self.layer.cell, features, before[..., : self.units])
        means = {k: ops.convert_to_numpy(ops.mean(v, axis=-1)) for k, v in opened.items()}
        return before, means

    def _all_units(
        self, function: Callable[..., Tensor], features: Tensor, other: Tensor
    ) -> dict[str, Array]:
        """Sum squares over the rows of the Jacobian, some at a time; norms by component."""
        total: Any = 0.0
        rows = max(1, min(self.units, _STEPS // features.shape[1]))
        for start in range(0, self.units, rows):
            chosen = np.arange(start, min(start + rows, self.units))
            total = total + ops.convert_to_numpy(function(features, other, chosen))
        return {
            name: np.sqrt(total[:, place] / self.units) for place, name in enumerate(self.names)
        }

    def _survival(self, features: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
        """Squares (length, components) of d last h_j / d state before each step, summed over j."""
        count, length = ops.shape(chosen)[0], ops.shape(features)[1]
        repeated = ops.repeat(features, count, axis=0)
        masks = ops.repeat(mask, count, axis=0)

        def last(nudges: Tensor) -> Tensor:
            found = self.walk(ops.concatenate([repeated, nudges], axis=-1), mask=masks)
            picked = ops.one_hot(chosen, self.units, dtype="float32")
            return ops.sum(found[:, -1, : self.units] * picked, axis=-1)

        nudges = ops.zeros((count, length, sum(self.cell.sizes)))
        _, (slopes,) = _autodiff.gradients(last, [nudges])
        return self._squares(slopes)

    def _steps(self, features: Tensor, states: Tensor, chosen: Tensor) -> Tensor:
        """Squares (length, components): each component's step by itself, summed over units."""
        count, length = ops.shape(chosen)[0], ops.shape(features)[1]
        inputs = ops.reshape(ops.repeat(features, count, axis=0), (-1, features.shape[-1]))
        before = ops.reshape(ops.repeat(states, count, axis=0), (-1, states.shape[-1]))
        picked = ops.repeat(ops.one_hot(chosen, self.units, dtype="float32"), length, axis=0)
        found = []
        for place in range(len(self.names)):

            def component(point: Tensor, place: int = place) -> Tensor:
                _, new = self.cell.step(inputs, self.cell.pieces(point))
                return ops.sum(ops.cast(new[place], "float32") * picked, axis=-1)

            _, (slopes,) = _autodiff.gradients(component, [before])
            squares = self._squares(ops.reshape(slopes, (count, length, sum(self.cell.sizes))))
            found.append(squares[:, place])
        return ops.stack(found, axis=-1)

    def _squares(self, slopes: Tensor) -> Tensor:
        parts = self.cell.pieces(ops.cast(slopes, "float32"))
        sums = [ops.sum(ops.square(part), axis=(0, 2)) for part in parts]
        return ops.stack(sums, axis=-1)

    def _mended(
        self, survival: dict[str, Array], steps: dict[str, Array], real: Array
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """From before each step to after it; a masked step is the identity."""
        for name, array in survival.items():
            after = np.append(array[1:], 1.0 if name == self.names[0] else 0.0)
            for place in range(len(after) - 2, -1, -1):
                if not real[place + 1]:
                    after[place] = after[place + 1]
            survival[name] = after
        return survival, {name: np.where(real, array, 1.0) for name, array in steps.items()}
