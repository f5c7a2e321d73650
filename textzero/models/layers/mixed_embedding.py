"""Character vectors mixed with word vectors (articles 6671, 6906).

    x = E[character] + sum over tables of  W_k V_k[word that covers the character]
                     + P_k[place of the character in that word]

E, W and P are learned; the word vectors V are frozen, so that words unseen in training keep theirs.
A word's vector is thus repeated over its characters. Rows are looked up first, then projected: a
batch holds far fewer tokens than a table has words.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from textzero._compat import Array
from textzero.models.checks import at_least

PLACES = 6  # of a token in its word: padding, begin, middle, end, single, no word


@keras.saving.register_keras_serializable(package="textzero")
class MixedEmbedding(keras.layers.Layer):
    """Trained token embeddings plus bias-free projections of frozen word vectors.

    Ids: 0 is padding, 1 unknown, known ones begin at 2. Rows 0 and 1 of a table of word vectors
    are zeros. The frozen tables are non-trainable weights, saved with the model; they are zeros
    until `set_tables`.

    Args:
        vocabulary_size: Rows of the token embedding, padding and unknown included.
        dim: Channels of the output.
        tables: (rows, dimension) of each frozen table; none for token embeddings alone.
        positions: Whether the place of a token in its word has an embedding, one for each table.
        **kwargs: What every Keras layer takes.

    Call arguments:
        inputs: A dict of int (batch, length): "tokens", and for the k-th table "words_k", ids of
            the words that cover the tokens, and "positions_k" if `positions`: 0 padding, 1 begin,
            2 middle, 3 end, 4 single, 5 no word.

    Returns:
        float (batch, length, dim), in the compute dtype; zeros at padding. Its mask is
        tokens != 0.

    Raises:
        ValueError: A size below 1 (below 2 for rows), or an input is missing.

    Example:
        >>> layer = MixedEmbedding(vocabulary_size=5000, dim=128, tables=[(40000, 100)])
        >>> layer.set_tables([np.zeros((40000, 100), np.float32)])
        >>> names = ["tokens", "words_0"]
        >>> layer({name: keras.Input((10,), dtype="int32") for name in names}).shape
        (None, 10, 128)
    """

    def __init__(
        self,
        vocabulary_size: int,
        dim: int,
        tables: Iterable[Sequence[int]] = (),
        positions: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        at_least(2, vocabulary_size=vocabulary_size)
        at_least(1, dim=dim)
        tables = [tuple(shape) for shape in tables]
        for rows, table_dim in tables:
            at_least(2, rows=rows)
            at_least(1, table_dim=table_dim)
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.tables = tables
        self.positions = positions
        self.supports_masking = True
        self.autocast = False  # tables stay float32; only rows that are looked up are cast

    @property
    def input_names(self) -> list[str]:
        """The names that the inputs must have."""
        names = ["tokens"]
        for k in range(len(self.tables)):
            names.append(f"words_{k}")
            if self.positions:
                names.append(f"positions_{k}")
        return names

    def build(self, inputs_shape: Any = None) -> None:  # noqa: ARG002
        """Make `tokens`, and for each table `table_k`, `projection_k` and `positions_k`."""
        if self.built:
            return
        self._tokens = self.add_weight(
            shape=(self.vocabulary_size, self.dim), initializer="uniform", name="tokens"
        )
        self._tables, self._projections, self._positions = [], [], []
        for k, (rows, table_dim) in enumerate(self.tables):
            self._tables.append(
                self.add_weight(
                    shape=(rows, table_dim),
                    initializer="zeros",
                    trainable=False,
                    name=f"table_{k}",
                )
            )
            self._projections.append(
                self.add_weight(shape=(table_dim, self.dim), name=f"projection_{k}")
            )
            if self.positions:
                self._positions.append(
                    self.add_weight(
                        shape=(PLACES, self.dim), initializer="uniform", name=f"positions_{k}"
                    )
                )

    def set_tables(self, matrices: Sequence[Array]) -> None:
        """Put word vectors into the frozen tables.

        Args:
            matrices: One float (rows, dimension) for each table: row 0 padding and row 1 unknown,
                both zeros; word i at row i + 2.

        Raises:
            ValueError: Another number of matrices, another shape, rows 0 and 1 not zero, or a
                number that is not finite.
        """
        if len(matrices) != len(self.tables):
            raise ValueError(
                f"set_tables needs {len(self.tables)} matrices, one a table, got {len(matrices)}"
            )
        for k, (shape, matrix) in enumerate(zip(self.tables, matrices, strict=True)):
            _check_matrix(f"table {k}", shape, matrix)
            if np.any(matrix[:2]):
                raise ValueError(
                    f"rows 0 (padding) and 1 (unknown) of table {k} must be zeros; "
                    "word i belongs at row i + 2"
                )
        self.build()
        for table, matrix in zip(self._tables, matrices, strict=True):
            table.assign(matrix)

    def set_token_vectors(self, matrix: Array) -> None:
        """Start the token embedding from given vectors; training goes on from there.

        Args:
            matrix: float (vocabulary_size, dim): row 0 padding, row 1 unknown.

        Raises:
            ValueError: Another shape, or a number that is not finite.
        """
        _check_matrix("the token embedding", (self.vocabulary_size, self.dim), matrix)
        self.build()
        self._tokens.assign(matrix)

    def call(self, inputs: dict[str, Any]) -> Any:
        """Return the sum of the embeddings; see the class."""
        missing = [name for name in self.input_names if name not in inputs]
        if missing:
            raise ValueError(
                f"the inputs must be a dict with {', '.join(self.input_names)}; "
                f"missing: {', '.join(missing)}"
            )
        outputs = self._rows(self._tokens, inputs["tokens"])
        for k in range(len(self.tables)):
            words = self._rows(self._tables[k], inputs[f"words_{k}"])
            outputs += ops.matmul(words, ops.cast(self._projections[k], self.compute_dtype))
            if self.positions:
                outputs += self._rows(self._positions[k], inputs[f"positions_{k}"])
        real = ops.expand_dims(ops.not_equal(inputs["tokens"], 0), -1)
        return ops.where(real, outputs, 0.0)

    def _rows(self, table: Any, ids: Any) -> Any:
        return ops.cast(ops.take(table, ops.cast(ids, "int32"), axis=0), self.compute_dtype)

    def compute_mask(self, inputs: dict[str, Any], previous_mask: Any = None) -> Any:  # noqa: ARG002
        """Bool (batch, length): True where there is a token."""
        return ops.not_equal(inputs["tokens"], 0)

    def compute_output_shape(self, inputs_shape: dict[str, tuple[Any, ...]]) -> tuple[Any, ...]:
        """(batch, length, dim)."""
        return (*inputs_shape["tokens"], self.dim)

    def get_config(self) -> dict[str, Any]:
        """Every argument of the constructor."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dim": self.dim,
            "tables": [list(shape) for shape in self.tables],
            "positions": self.positions,
        }


def _check_matrix(name: str, shape: Sequence[int], matrix: Array) -> None:
    if np.shape(matrix) != tuple(shape):
        raise ValueError(f"{name} must have the shape {tuple(shape)}, got {np.shape(matrix)}")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name} must hold finite numbers only")
