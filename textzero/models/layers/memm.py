"""Maximum entropy Markov models, in one direction and in both, as a Keras layer."""

from typing import Any

import keras
from keras import ops

from textzero.models.layers.chain import ChainLayer
from textzero.models.linear_chain import FORBIDDEN, next_state_normalisers

Tensor = Any


@keras.saving.register_keras_serializable(package="textzero")
class MEMM(ChainLayer):
    """Maximum entropy Markov model: each tag is chosen given the tag before it.

    P(y | x) = product of softmax(emissions[t] + transitions[y_(t-1)])[y_t]; the first tag is
    chosen by softmax(emissions[1] + start). No sum over sequences is needed, so training is
    parallel in t (McCallum, Freitag and Pereira 2000; https://spaces.ac.cn/archives/7213).

    `bidirectional=True` trains a second model that reads from right to left with the transposed
    matrix, softmax(emissions[t] + transitions[:, y_(t+1)]), and begins at the last token with
    `end`. The loss is the mean of the two losses. Padding never moves: only the sequence inside
    the mask is read backwards. The article's code takes the mean (f + g) / 2 of emissions and
    transitions where the formula has their sum, a temperature of 2; here they are added.

    Decoding is exact: the normaliser of a step depends on the tag before it, so it is charged to
    that tag and Viterbi runs on the sum (the article decodes without normalisers). In both
    directions it finds the sequence of the largest mean of the two log probabilities.

    Args:
        num_tags: Number of tags.
        bidirectional: Whether to model both directions.

    Keyword Args:
        transitions_allowed: Booleans (num_tags, num_tags), from row to column; None allows all.
        start_allowed: Booleans (num_tags,): which tags may come first.
        end_allowed: Booleans (num_tags,): which tags may come last.
        adds_loss: Also `add_loss` the mean over the sequences that have tokens.
        transitions_initializer: First values of the transitions; start and end begin at 0.

    Call arguments: those of `CRF`, and what it returns. `log_partition` is 0 in one direction; in
    both, `marginals` are those of the renormalised geometric mean of the two models.
    """

    def __init__(self, num_tags: int, bidirectional: bool = False, **kwargs: Any) -> None:
        super().__init__(num_tags, **kwargs)
        self.bidirectional = bool(bidirectional)

    def has_end(self) -> bool:
        """Only the model that reads from the right begins at the end."""
        return self.bidirectional

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "bidirectional": self.bidirectional}

    def _logits(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return emissions without forbidden ends; float masks of first and of last tokens."""
        real = ops.cast(mask, "float32")[:, :, None]
        first = real - ops.pad(real[:, :-1], ((0, 0), (1, 0), (0, 0))) * real
        last = real - ops.pad(real[:, 1:], ((0, 0), (0, 1), (0, 0)))
        emissions = ops.where(mask[:, :, None], emissions, 0.0)
        for place, allowed in ((first, self.start_allowed), (last, self.end_allowed)):
            if allowed is not None:
                emissions += place * ops.where(allowed, 0.0, FORBIDDEN)
        return emissions, first, last

    def log_likelihood(self, emissions: Tensor, labels: Tensor, mask: Tensor = None) -> Tensor:
        """Return ln P(labels | emissions), in both directions the mean of two: float32 (batch,)."""
        emissions, mask = self.prepare(emissions, mask)
        labels = self.prepare_labels(labels, emissions, mask)
        logits, first, last = self._logits(emissions, mask)
        real = ops.cast(mask, "float32")
        chosen = ops.one_hot(labels, self.num_tags, dtype="float32") * real[:, :, None]
        transitions, start, end = self.tables()

        def direction(neighbours: Tensor, table: Tensor, place: Tensor, begin: Tensor) -> Tensor:
            scores = logits + ops.matmul(neighbours, table) + place * begin
            logs = ops.sum(scores * chosen, axis=-1) - ops.logsumexp(scores, axis=-1)
            return ops.sum(logs * real, axis=1)

        before = ops.pad(chosen[:, :-1], ((0, 0), (1, 0), (0, 0)))
        total = direction(before, transitions, first, start)
        if not self.bidirectional:
            return total
        after = ops.pad(chosen[:, 1:], ((0, 0), (0, 1), (0, 0)))
        return (total + direction(after, ops.transpose(transitions), last, end)) / 2

    def potentials(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return a chain whose scores are log probabilities; normalisers go to the emissions."""
        logits, first, last = self._logits(emissions, mask)
        transitions, start, end = self.tables()
        real = ops.cast(mask, "float32")[:, :, None]
        ahead = next_state_normalisers(logits, transitions) * (real - first)
        charge = ops.pad(ahead[:, 1:], ((0, 0), (0, 1), (0, 0)))
        begin = ops.logsumexp(logits + start, axis=-1, keepdims=True)
        charge += first * begin
        if not self.bidirectional:
            return emissions - charge, transitions, start, end
        behind = next_state_normalisers(logits, ops.transpose(transitions)) * (real - last)
        charge += ops.pad(behind[:, :-1], ((0, 0), (1, 0), (0, 0)))
        charge += last * ops.logsumexp(logits + end, axis=-1, keepdims=True)
        return emissions - charge / 2, transitions, _half(start), _half(end)


def _half(scores: Tensor) -> Tensor:
    """Halve what is learned; what is forbidden stays so."""
    return ops.where(scores <= FORBIDDEN / 2, scores, scores / 2)
