"""Examples of many lengths as padded batches of few shapes, in an order that a seed decides."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import keras
import numpy as np

from textzero._compat import Array

_POOL = 50  # batches whose examples are sorted by length together
_STEP = 16


def bucket_length(length: int) -> int:
    """Return the padded length of a text of `length` tokens.

    Multiples of 16 up to 64, then steps of an eighth to a quarter of the length: XLA compiles a
    step once for each.
    """
    if length <= 4 * _STEP:
        return max(_STEP, -(-length // _STEP) * _STEP)
    step = 1 << ((length - 1).bit_length() - 2)
    return -(-length // step) * step


def pad(arrays: Sequence[Array], length: int, value: float = 0) -> Array:
    """Return (n_arrays, length, ...) with the rows of each array, then `value`.

    Args:
        arrays: Each (n, ...), n at most `length`; at least one.
        length: Rows of each in the result.
        value: What fills the rest.
    """
    first = arrays[0]
    padded = np.full((len(arrays), length, *first.shape[1:]), value, first.dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return padded


def length_order(lengths: Array, batch_size: int) -> list[Array]:
    """Return the places of texts in batches of like lengths, longest first."""
    order = np.argsort(-lengths, kind="stable")
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


class Batches(keras.utils.PyDataset):
    """The training examples, in another order each epoch.

    Texts of like lengths stand together: fifty batches' worth are drawn, sorted, cut into batches,
    and the batches are shuffled. The order and all that a batch draws follow from the seed, the
    epoch and the batch, so that a training can go on where it stopped.

    Args:
        examples: What the model made of its data.
        lengths: int (n_examples,), tokens of each.
        collate: (examples, generator) -> arrays of a batch, and float32 (batch_size,), 1 for a
            text; None among the examples stands for an empty row that fills up the last batch.
        batch_size: Rows of each batch.
        seed: Of the order.
        epoch: The epoch to begin with.
        ragged: Names of the arrays whose second axis is of another length in other batches.
    """

    def __init__(
        self,
        examples: Sequence[Any],
        lengths: Array,
        collate: Callable[[list[Any], np.random.Generator], tuple[dict[str, Array], Array]],
        batch_size: int,
        seed: int,
        epoch: int = 0,
        ragged: Collection[str] = (),
    ) -> None:
        super().__init__(workers=1)
        self.examples, self.lengths, self.collate = examples, np.asarray(lengths), collate
        self.batch_size, self.seed, self.epoch = batch_size, seed, epoch
        self.ragged, self._described = ragged, False
        self._order = self._shuffled()

    def __len__(self) -> int:
        return -(-len(self.examples) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[dict[str, Array], Array]:
        chosen: list[Any] = [self.examples[place] for place in self._order[index]]
        chosen += [None] * (self.batch_size - len(chosen))
        generator = np.random.default_rng([self.seed, self.epoch, index])
        batch, weight = self.collate(chosen, generator)
        if index == 1 and not self._described:
            # Keras looks at the first two batches before it begins, and takes for fixed what they
            # have in common; no padded length is one more than another
            self._described = True
            batch = {
                name: np.pad(x, [(0, 0), (0, 1)] + [(0, 0)] * (x.ndim - 2))
                if name in self.ragged
                else x
                for name, x in batch.items()
            }
        return batch, weight

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self.epoch += 1
        self._order = self._shuffled()

    def _shuffled(self) -> list[Array]:
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(len(self.examples))
        pool = _POOL * self.batch_size
        batches: list[Array] = []
        for start in range(0, len(order), pool):
            part = order[start : start + pool]
            inner = length_order(self.lengths[part], self.batch_size)
            batches += [part[places] for places in inner]
        return [batches[place] for place in generator.permutation(len(batches))]
