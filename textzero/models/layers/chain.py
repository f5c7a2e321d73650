"""What CRF and MEMM have in common: tables of a linear chain, masks, checks, decoding."""

from typing import Any

import keras
import numpy as np
from keras import ops

from textzero.models import best_paths, linear_chain
from textzero.models.linear_chain import FORBIDDEN

Tensor = Any


class ChainLayer(keras.layers.Layer):
    """A layer that scores, learns and finds the best sequence of tags. Use `CRF` or `MEMM`.

    A subclass gives `log_likelihood` and `potentials`. All arithmetic is float32, whatever the
    dtype policy. The output carries no mask.
    """

    def __init__(
        self,
        num_tags: int,
        transitions_allowed: Any = None,
        start_allowed: Any = None,
        end_allowed: Any = None,
        adds_loss: bool = False,
        transitions_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.built: bool
        if not isinstance(num_tags, int | np.integer) or num_tags < 1:
            raise ValueError(f"num_tags must be a whole number of at least 1, got {num_tags!r}")
        self.num_tags = int(num_tags)
        self.transitions_allowed = self._allowed("transitions_allowed", transitions_allowed, 2)
        self.start_allowed = self._allowed("start_allowed", start_allowed, 1)
        self.end_allowed = self._allowed("end_allowed", end_allowed, 1)
        self.adds_loss = bool(adds_loss)
        self.transitions_initializer = keras.initializers.get(transitions_initializer)
        self.supports_masking = True

    def _allowed(self, name: str, value: Any, rank: int) -> np.ndarray | None:
        if value is None:
            return None
        array = np.asarray(value)
        shape = (self.num_tags,) * rank
        if array.shape != shape or not np.isin(array, (0, 1)).all():
            raise ValueError(
                f"{name} must be booleans of shape {shape}, "
                f"got shape {array.shape} of {array.dtype}"
            )
        if rank == 1 and not array.any():
            raise ValueError(f"{name} must allow at least one tag, got none")
        return array.astype(bool)

    def build(self, emissions_shape: tuple[int | None, ...]) -> None:
        """Make the weights: transitions (tags, tags) from row to column, start, end (tags,)."""
        if len(emissions_shape) != 3 or emissions_shape[-1] != self.num_tags:
            raise ValueError(
                f"emissions must have shape (batch, length, {self.num_tags}), one score per tag, "
                f"got {tuple(emissions_shape)}: put Dense({self.num_tags}) before the layer"
            )
        size = self.num_tags
        self.transitions = self._table("transitions", (size, size), self.transitions_initializer)
        self.start = self._table("start", (size,), "zeros")
        self.end = self._table("end", (size,), "zeros") if self.has_end() else None

    def _table(self, name: str, shape: tuple[int, ...], initializer: Any) -> Tensor:
        return self.add_weight(
            name=name, shape=shape, initializer=initializer, dtype="float32", autocast=False
        )

    def has_end(self) -> bool:
        """Say whether the end of a sequence has learned scores."""
        return True

    def tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return transitions, start and end scores, float32, with what is forbidden far below."""
        end = ops.zeros((self.num_tags,)) if self.end is None else self.end
        pairs = (
            (self.transitions, self.transitions_allowed),
            (self.start, self.start_allowed),
            (end, self.end_allowed),
        )
        tables = []
        for table, allowed in pairs:
            table = ops.cast(table, "float32")
            tables.append(table if allowed is None else ops.where(allowed, table, FORBIDDEN))
        return tables[0], tables[1], tables[2]

    def potentials(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return emissions, transitions, start and end of the chain that is decoded."""
        raise NotImplementedError

    def log_likelihood(self, emissions: Tensor, labels: Tensor, mask: Tensor = None) -> Tensor:
        """Return ln P(labels | emissions) of each sequence: float32 (batch,)."""
        raise NotImplementedError

    def call(
        self,
        emissions: Tensor,
        labels: Tensor = None,
        mask: Tensor = None,
        emissions_mask: Tensor = None,
    ) -> Tensor:
        """Return the loss with labels, the best tags without.

        Args:
            emissions: Floats (batch, length, num_tags).
            labels: Whole numbers (batch, length) from 0 to num_tags - 1; anything at padding.
            mask: bool (batch, length), True = token, padding on the right. Without it the mask
                that Keras carries with `emissions`; without that every position is a token.
            emissions_mask: Filled by Keras. Do not pass it.

        Returns:
            With labels: -log likelihood, float32 (batch,), 0 for a sequence without tokens.
            Without: tags, int32 (batch, length), 0 at padding.

        Raises:
            ValueError: A wrong shape; where values are known (eagerly), a label out of range, or
                a mask with a gap. In a compiled function such values give meaningless results.
        """
        mask = emissions_mask if mask is None else mask
        if labels is None:
            return self.decode(emissions, mask)
        loss = -self.log_likelihood(emissions, labels, mask)
        if self.adds_loss:
            _, mask = self.prepare(emissions, mask)
            rows = ops.sum(ops.cast(ops.any(mask, axis=1), "float32"))
            self.add_loss(ops.sum(loss) / ops.maximum(rows, 1.0))
        return loss

    def decode(self, emissions: Tensor, mask: Tensor = None) -> Tensor:
        """Return the most probable tags: int32 (batch, length), 0 at padding."""
        emissions, mask = self.prepare(emissions, mask)
        scores, *tables = self.potentials(emissions, mask)
        return best_paths.viterbi(scores, mask, *tables)

    def n_best(self, emissions: Tensor, k: int, mask: Tensor = None) -> tuple[Tensor, Tensor]:
        """Return the k best tag sequences of each row, best first.

        Returns:
            paths: int32 (batch, k, length), 0 at padding.
            scores: float32 (batch, k). CRF: subtract `log_partition` for log probabilities. MEMM:
                log probabilities. -inf where a row has fewer than k allowed sequences.
        """
        if not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(f"k must be a whole number of at least 1, got {k!r}")
        emissions, mask = self.prepare(emissions, mask)
        scores, *tables = self.potentials(emissions, mask)
        return best_paths.n_best(scores, int(k), mask, *tables)

    def marginals(self, emissions: Tensor, mask: Tensor = None) -> Tensor:
        """Return the probability of each tag: float32 (batch, length, num_tags), 0 at padding."""
        emissions, mask = self.prepare(emissions, mask)
        scores, *tables = self.potentials(emissions, mask)
        return linear_chain.marginals(scores, mask, *tables)

    def log_partition(self, emissions: Tensor, mask: Tensor = None) -> Tensor:
        """Return ln Z, the sum over all tag sequences: float32 (batch,); 0 for a MEMM."""
        emissions, mask = self.prepare(emissions, mask)
        scores, *tables = self.potentials(emissions, mask)
        return linear_chain.log_partition(scores, mask, *tables)

    def prepare(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Check emissions and mask; return them as float32 and bool tensors."""
        emissions = ops.cast(ops.convert_to_tensor(emissions), "float32")
        if not self.built:
            self.build(tuple(emissions.shape))
            self.built = True
        if len(emissions.shape) != 3 or emissions.shape[-1] != self.num_tags:
            raise ValueError(
                f"emissions must have shape (batch, length, {self.num_tags}), "
                f"got {tuple(emissions.shape)}"
            )
        if mask is None:
            return emissions, ops.ones(ops.shape(emissions)[:2], "bool")
        mask = ops.cast(ops.convert_to_tensor(mask), "bool")
        self._same_shape("mask", mask, emissions)
        known = _known(mask)
        if known is not None and (known[:, 1:] & ~known[:, :-1]).any():
            row = int((known[:, 1:] & ~known[:, :-1]).any(axis=1).argmax())
            raise ValueError(
                f"mask must be True, then False, in each row (padding on the right), "
                f"row {row} is {known[row].astype(int).tolist()}"
            )
        return emissions, mask

    def prepare_labels(self, labels: Tensor, emissions: Tensor, mask: Tensor) -> Tensor:
        """Check labels; return them as int32, 0 at padding."""
        labels = ops.convert_to_tensor(labels)
        self._same_shape("labels", labels, emissions)
        labels = ops.cast(labels, "int32")
        known, real = _known(labels), _known(mask)
        if known is not None and real is not None:
            wrong = real & ((known < 0) | (known >= self.num_tags))
            if wrong.any():
                row, place = (int(x[0]) for x in np.nonzero(wrong))
                raise ValueError(
                    f"labels must be from 0 to num_tags - 1 = {self.num_tags - 1} where the mask "
                    f"is True, got {int(known[row, place])} in row {row}, position {place}"
                )
        return ops.where(mask, labels, 0)

    def _same_shape(self, name: str, tensor: Tensor, emissions: Tensor) -> None:
        shape, expected = tuple(tensor.shape), tuple(emissions.shape[:2])
        known = len(shape) == 2 and all(
            a is None or b is None or a == b for a, b in zip(shape, expected, strict=True)
        )
        if not known:
            raise ValueError(f"{name} must have shape (batch, length) = {expected}, got {shape}")

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor = None) -> None:
        """Return None: neither the loss nor the tags carry a mask."""
        del inputs, previous_mask

    def compute_output_shape(
        self, emissions_shape: tuple[int | None, ...], labels_shape: Any = None
    ) -> tuple[int | None, ...]:
        """Return (batch,) with labels, (batch, length) without."""
        return tuple(emissions_shape[: 2 if labels_shape is None else 1])

    def compute_output_spec(
        self,
        emissions: Tensor,
        labels: Tensor = None,
        mask: Tensor = None,
        emissions_mask: Tensor = None,
    ) -> keras.KerasTensor:
        """Return the shape and dtype of what `call` returns."""
        del mask, emissions_mask
        if labels is None:
            return keras.KerasTensor(emissions.shape[:2], dtype="int32")
        return keras.KerasTensor(emissions.shape[:1], dtype="float32")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""

        def plain(array: np.ndarray | None) -> list[Any] | None:
            return None if array is None else array.tolist()

        return {
            **super().get_config(),
            "num_tags": self.num_tags,
            "transitions_allowed": plain(self.transitions_allowed),
            "start_allowed": plain(self.start_allowed),
            "end_allowed": plain(self.end_allowed),
            "adds_loss": self.adds_loss,
            "transitions_initializer": keras.initializers.serialize(self.transitions_initializer),
        }


def _known(tensor: Tensor) -> np.ndarray | None:
    """Return the values of an eager tensor, None while a function is traced."""
    return ops.convert_to_numpy(tensor) if hasattr(tensor, "numpy") else None
