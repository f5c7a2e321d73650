"""A linear-chain conditional random field as a Keras layer."""

from typing import Any

import keras

from textzero.models import linear_chain
from textzero.models.layers.chain import ChainLayer

Tensor = Any


@keras.saving.register_keras_serializable(package="textzero")
class CRF(ChainLayer):
    """Linear-chain conditional random field: one choice among all tag sequences.

    P(y | x) = exp(score(y)) / Z, where score(y) = start[y_1] + sum of emissions[t, y_t] + sum of
    transitions[y_t, y_(t+1)] + end[y_n], and Z sums over all sequences (Lafferty, McCallum and
    Pereira 2001; the recursion is that of https://spaces.ac.cn/archives/5542).

    Train on `crf(emissions, labels)`, the loss of each sequence; predict with `crf(emissions)`.
    Transitions learn best at a rate 100 times that of a pretrained encoder, 10 times that of a
    shallow one (https://spaces.ac.cn/archives/7196).

    Args:
        num_tags: Number of tags.
        transitions_allowed: Booleans (num_tags, num_tags), from row to column; None allows all. A
            forbidden step scores -10,000 whatever is learned: no best path takes it if another is
            left, its probability is 0, and the loss of labels that take it is large and finite.
        start_allowed: Booleans (num_tags,): which tags may come first.
        end_allowed: Booleans (num_tags,): which tags may come last.
        adds_loss: Also `add_loss` the mean over the sequences that have tokens, so that
            `model.compile(optimizer)` needs no loss.
        transitions_initializer: First values of the transitions; start and end begin at 0.

    Call arguments:
        emissions: Floats (batch, length, num_tags), unnormalised: Dense without activation.
        labels: Whole numbers (batch, length). With them the layer returns the loss, float32
            (batch,); without them the best tags, int32 (batch, length).
        mask: bool (batch, length), padding on the right, any lengths from 0. Keras passes the
            mask of an Embedding(mask_zero=True) by itself.

    Raises:
        ValueError: See `call`; or an argument of wrong type or shape.

    Example:
        >>> import keras, numpy
        >>> words = keras.Input((None,), dtype="int32")
        >>> tags = keras.Input((None,), dtype="int32")
        >>> features = keras.layers.Embedding(50, 8, mask_zero=True)(words)
        >>> emissions = keras.layers.Dense(3)(features)
        >>> crf = CRF(3, adds_loss=True)
        >>> trainer = keras.Model([words, tags], crf(emissions, tags))
        >>> trainer.compile("adam")
        >>> tagger = keras.Model(words, crf(emissions))
        >>> tagger.predict(numpy.array([[4, 7, 0]]), verbose=0).shape
        (1, 3)
    """

    def potentials(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return emissions, transitions, start and end, with what is forbidden far below."""
        del mask  # every token scores the same way
        return emissions, *self.tables()

    def log_likelihood(self, emissions: Tensor, labels: Tensor, mask: Tensor = None) -> Tensor:
        """Return ln P(labels | emissions) of each sequence: float32 (batch,), 0 without tokens."""
        emissions, mask = self.prepare(emissions, mask)
        labels = self.prepare_labels(labels, emissions, mask)
        tables = self.tables()
        total = linear_chain.log_partition(emissions, mask, *tables)
        return linear_chain.score(emissions, labels, mask, *tables) - total
