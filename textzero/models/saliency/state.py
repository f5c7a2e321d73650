"""`state`: how far each word moves the last state to its end (article 4582).

    s_i = (|h_n - h_(i-1)| - |h_n - h_i|) / |h_n|,    h_0 = 0,    sum of s_i = 1

Positive: the word moved the state towards the one that is decided on; negative: away. The numbers
belong to no class. A masked step does not move the state and has exactly 0. Where h_n = 0 nothing
was moved: all are 0. A bidirectional layer has a curve for each direction; a word's value is their
mean. What follows the last recurrent layer is not looked at.
"""

import keras
from keras import ops

from textzero.models.saliency.probe import Slot, Tensor
from textzero.models.saliency.recurrent import Recurrent, in_order, with_initial


def moved(states: Tensor) -> Tensor:
    """Return float32 (batch, length): s_i of states (batch, length, units) in reading order."""
    states = with_initial(ops.cast(states, "float32"))
    distances = ops.sqrt(ops.sum(ops.square(states - states[:, -1:]), axis=-1))
    whole = distances[:, :1]
    steps = distances[:, :-1] - distances[:, 1:]
    return ops.where(whole > 0, steps / ops.where(whole > 0, whole, 1.0), 0.0)


class StateExplainer(keras.Model):
    """A network that returns, beside its scores, what each word moved: one pass for both.

    Call arguments: {"input_0": ids (batch, length), ..., "target": int32 (batch,)}, target -1 for
    the class with the highest score.

    Returns: {"target": int32 (batch,), "log_odds": float32 (batch,), "values": float32 (batch,
    length), "parts": float32 (batch, directions, length)}, in the order of the text.
    """

    def __init__(
        self, network: keras.Model, recurrent: Recurrent, inputs: tuple[Slot, ...]
    ) -> None:
        super().__init__(name="state_saliency")
        self.network, self.recurrent, self.slots = network, recurrent, inputs

    def call(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Run the network once."""
        recurrent, scores = self.recurrent, self.recurrent.scores
        given = [(slot, inputs[f"input_{k}"]) for k, slot in enumerate(self.slots)]
        values, states = recurrent.states(given)
        logits = recurrent.logits(values, [part[:, -1] for part in states], sequences=states)
        target = ops.where(inputs["target"] < 0, scores.predicted(logits), inputs["target"])
        mask = recurrent.mask(values)
        parts = [
            in_order(moved(part), name, mask)
            for name, part in zip(recurrent.names, states, strict=True)
        ]
        # a direction that ends at zero has nothing to share: the other one has it all
        alive = [ops.cast(ops.any(part != 0, axis=1, keepdims=True), "float32") for part in parts]
        total = ops.maximum(sum(alive), 1.0)
        return {
            "target": target,
            "log_odds": scores.log_odds(logits, target),
            "values": sum(parts) / total,
            "parts": ops.stack(parts, axis=1),
        }
