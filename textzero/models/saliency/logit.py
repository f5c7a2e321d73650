"""`logit`: what each step adds to the log-odds of a class; the parts add up to the whole.

Let f be what follows the last recurrent layer, up to the log-odds of the chosen class. Step i adds
f(h_i) - f(h_(i-1)), so all steps together add f(h_n) - f(h_0), h_0 = 0: nothing is left over.

A bidirectional layer has two ways from (0, 0) to (forward, backward) last states: forward words
first, or backward words first. A step's part is the mean of what it adds on both; together they
add f(whole) - f(0, 0).

Where what follows reads every step (a pooling over the sequence), the state after step i stands in
for all later ones: the words after i are read and do not move it.

Of stacked layers the last is explained: the part of step i is what the last layer did when the
lower ones handed it their output at word i, which may hold more than that word.
"""

import keras
from keras import ops

from textzero.models.saliency.probe import Slot, Tensor, Values
from textzero.models.saliency.recurrent import Recurrent, in_order, with_initial


class LogitExplainer(keras.Model):
    """A network that returns, beside its scores, each step's part of the log-odds.

    Call arguments and returns as of `StateExplainer`, and "start": float32 (batch,), f(h_0).
    """

    def __init__(
        self, network: keras.Model, recurrent: Recurrent, inputs: tuple[Slot, ...]
    ) -> None:
        super().__init__(name="logit_saliency")
        self.network, self.recurrent, self.slots = network, recurrent, inputs

    def call(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Run the network once, and what follows the recurrent layer once a step."""
        recurrent, scores = self.recurrent, self.recurrent.scores
        given = [(slot, inputs[f"input_{k}"]) for k, slot in enumerate(self.slots)]
        values, states = recurrent.states(given)
        logits = recurrent.logits(values, [part[:, -1] for part in states], sequences=states)
        target = ops.where(inputs["target"] < 0, scores.predicted(logits), inputs["target"])
        walks = [with_initial(part) for part in states]
        parts, begun = [], None
        for place, name in enumerate(recurrent.names):
            ways = (False, True) if len(walks) == 2 else (False,)
            curves = [self._curve(values, states, walks, place, done, target) for done in ways]
            begun = curves[0][:, 0] if begun is None else begun
            steps = sum(curve[:, 1:] - curve[:, :-1] for curve in curves) / len(curves)
            parts.append(in_order(steps, name, recurrent.mask(values)))
        return {
            "target": target,
            "log_odds": scores.log_odds(logits, target),
            "start": begun,
            "values": sum(parts),
            "parts": ops.stack(parts, axis=1),
        }

    def _curve(
        self,
        values: Values,
        states: list[Tensor],
        walks: list[Tensor],
        place: int,
        done: bool,
        target: Tensor,
    ) -> Tensor:
        """Log-odds (batch, 1 + length) along one direction's steps.

        Args:
            values: From `Recurrent.states`.
            states: For each direction (batch, length, units).
            walks: The same with the zero state in front.
            place: The direction that walks.
            done: Whether the other one is at its end, or still at its start.
            target: int32 (batch,).
        """
        recurrent = self.recurrent
        if recurrent.reads_sequence:
            return self._frozen_curve(values, states, walks, place, done, target)
        times = ops.shape(walks[0])[1]
        rows = [
            ops.reshape(walk, (-1, walk.shape[-1]))
            if k == place
            else ops.repeat(walk[:, -1 if done else 0], times, axis=0)
            for k, walk in enumerate(walks)
        ]
        logits = recurrent.logits(values, rows, times=times)
        targets = ops.repeat(target, times, axis=0)
        return ops.reshape(recurrent.scores.log_odds(logits, targets), (-1, times))

    def _frozen_curve(
        self,
        values: Values,
        states: list[Tensor],
        walks: list[Tensor],
        place: int,
        done: bool,
        target: Tensor,
    ) -> Tensor:
        """The same where what follows reads the sequence, a step at a time: memory stays small."""
        recurrent, length = self.recurrent, ops.shape(states[0])[1]
        numbers = ops.arange(1, length + 1)[None, :, None]

        def after(stop: Tensor) -> Tensor:
            last, sequences = [], []
            for k, (walk, part) in enumerate(zip(walks, states, strict=True)):
                if k == place:
                    state = ops.take(walk, stop, axis=1)
                    part = ops.where(numbers <= stop, part, state[:, None])
                else:
                    state = walk[:, -1 if done else 0]
                    part = part if done else ops.zeros_like(part)
                last.append(state)
                sequences.append(part)
            logits = recurrent.logits(values, last, sequences=sequences)
            return recurrent.scores.log_odds(logits, target)

        return ops.transpose(ops.map(after, ops.arange(length + 1)))
